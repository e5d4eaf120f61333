#include "records/last_good.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/clocks.hpp"
#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"
#include "records/in_doubt.hpp"
#include "records/stamp.hpp"
#include "ruleset/on_demand/severed.hpp"
#include "ruleset/plain.hpp"

namespace knockwork {
namespace {

constexpr std::string_view kHead = "knockwork 1 ";

std::filesystem::path last_good_path() { return std::filesystem::path(kStateDirectory) / "last_good"; }
std::filesystem::path note_path() { return std::filesystem::path(kRunDirectory) / "stand_in"; }
std::filesystem::path removed_path() { return std::filesystem::path(kRunDirectory) / "removed"; }

// A container keeps /run and has its machine's boot when it starts again: its first process is another.
std::string this_start(const std::string& boot) { return fmt::format("{} {}\n", boot, init_start()); }

std::string head(const std::string& digest) { return fmt::format("{}{}\n", kHead, digest); }

void forget_removed() {
  try {
    remove_file(removed_path());
  } catch (const SystemError&) {
    return;  // where none could be written, there is none
  }
}

std::string last_good_text(const Ruleset& ruleset) {
  const std::string text = to_nft(without_severed(ruleset));
  return head(digest(text)) + text;
}

Ruleset parse_last_good(std::string_view text) {
  try {
    const std::size_t line = text.find('\n');
    const std::string body(
        text.substr(std::min(text.size(), line == std::string_view::npos ? line : line + 1)));
    if (text.substr(0, text.size() - body.size()) == head(digest(body))) {
      return parse_plain(body);
    }
  } catch (const std::exception&) {  // of which nothing is to be quoted
  }
  throw SystemError(fmt::format("{} is damaged and was ignored", last_good_path().string()));
}

}  // namespace

void keep_last_good(const Ruleset& ruleset, const std::string& digest, std::vector<std::string>& warnings) {
  forget_removed();
  try {
    if (read_beginning(last_good_path(), head(digest).size()) != head(digest))
      write_file(last_good_path(), last_good_text(ruleset));
    forget_in_doubt();
  } catch (const SystemError& error) {
    warnings.push_back(fmt::format("this gate is loaded, but it was not saved as the last good gate: {}",
                                   after_a_change(error)));
  }
}

std::optional<Ruleset> read_last_good() {
  const std::optional<std::string> text = read_file(last_good_path());
  return text ? std::optional(parse_last_good(*text)) : std::nullopt;
}

std::string last_good_digest() {
  try {
    const std::string first = read_beginning(last_good_path(), head(digest("")).size()).value_or("");
    return first.starts_with(kHead) && first.ends_with('\n')
               ? first.substr(kHead.size(), first.size() - kHead.size() - 1)
               : "";
  } catch (const SystemError&) {
    return "";
  }
}

void forget_last_good() { remove_file(last_good_path()); }

void note_stand_in(const std::string& why) {
  try {
    if (why.empty()) {
      remove_file(note_path());
    } else {
      write_file(note_path(), why);
    }
  } catch (const SystemError&) {
    return;  // the table itself says that it is one
  }
}

std::optional<std::string> stand_in_note() {
  try {
    return read_file(note_path());
  } catch (const SystemError&) {
    return std::nullopt;
  }
}

void note_removed(const std::string& boot) { write_file(removed_path(), this_start(boot)); }

bool is_removed(const std::string& boot) {
  try {
    return read_file(removed_path()) == this_start(boot);
  } catch (const SystemError&) {
    return false;
  }
}

}  // namespace knockwork
