#include "input.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "knockwork/diagnostic.hpp"
#include "knockwork/trust.hpp"
#include "output.hpp"

using namespace knockwork;

std::optional<std::chrono::milliseconds> time_argument(const std::string& text) {
  if (text.empty()) return std::nullopt;
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') {
    throw SystemError(fmt::format("\"{}\" is not a time: write it in UTC, as in 2026-01-31T12:00:00Z", text));
  }
  return std::chrono::seconds(::timegm(&parts));
}

std::string shown_name(const std::string& file) { return file == "-" ? "<stdin>" : file; }

std::string standard_input() {
  std::string text;
  std::array<char, 65536> buffer{};
  while (text.size() <= kLargestInput) {
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw SystemError(fmt::format("cannot read standard input: {}", std::strerror(errno)));
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  refuse_if_too_large(text, "standard input");
  return text;
}

std::vector<Source> sources(const std::string& file, For what) {
  if (file == "-") return {{Source::Kind::declaration, shown_name(file), standard_input()}};
  const Trust trust = judge_declaration(file);
  if (what == For::applying) refuse_untrusted(trust);
  for (const std::string& fault : trust.faults) warn(fault + "; until this is fixed, nothing is applied");
  for (const std::string& warning : trust.warnings) warn(warning);
  return read_any_declaration(file);
}
