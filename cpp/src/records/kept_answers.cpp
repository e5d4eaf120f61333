#include "records/kept_answers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

constexpr std::array<std::pair<Answer, std::string_view>, 3> kWords{
    {{Answer::drop, "drop"}, {Answer::unreachable, "unreachable"}, {Answer::prohibited, "prohibited"}}};

constexpr const char* kNone = "none\n";

std::filesystem::path kept_answers_path() { return std::filesystem::path(kStateDirectory) / "answers"; }

std::string line(const Answered& each) {
  const auto* const word =
      std::find_if(kWords.begin(), kWords.end(), [&](const auto& pair) { return pair.first == each.answer; });
  if (word == kWords.end()) return {};
  return fmt::format("{} {} {}\n", each.ipv6 ? "ipv6" : "ipv4",
                     each.protocol == Protocol::tcp ? "tcp" : "udp", word->second);
}

}  // namespace

std::string kept_answers_text(const std::vector<Answered>& answers) {
  std::string text;
  for (const Answered& each : answers) text += line(each);
  return text.empty() ? kNone : text;
}

std::vector<Answered> parse_kept_answers(std::string_view text) {
  std::vector<Answered> all;
  for (const bool ipv6 : {false, true}) {
    for (const Protocol protocol : {Protocol::tcp, Protocol::udp}) {
      for (const auto& [answer, word] : kWords) {
        const std::string wanted = line({ipv6, protocol, answer});
        if (!text.starts_with(wanted)) continue;
        text.remove_prefix(wanted.size());
        all.push_back({ipv6, protocol, answer});
        break;
      }
    }
  }
  return text.empty() ? all : std::vector<Answered>();
}

void keep_answers(const std::optional<std::vector<Answered>>& answers) {
  try {
    const std::optional<std::string> before = read_file(kept_answers_path());
    if (!answers) {
      if (before) remove_file(kept_answers_path());
      return;
    }
    const std::string text = kept_answers_text(*answers);
    if (text != before) write_file(kept_answers_path(), text);
  } catch (const SystemError&) {
    return;
  }
}

std::optional<std::vector<Answered>> kept_answers() {
  try {
    const std::optional<std::string> text = read_file(kept_answers_path());
    if (text) return parse_kept_answers(*text);
  } catch (const SystemError&) {
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace knockwork
