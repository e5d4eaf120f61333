#include "journal/journalctl.hpp"

#include <fmt/format.h>

#include "process/run.hpp"

namespace knockwork::journal {

std::string entries(const std::vector<std::string>& matches, const std::string& since, std::size_t most) {
  std::vector<std::string> words{"journalctl", "--output=json", "--no-pager", "--all"};
  if (!since.empty()) words.push_back("--since=" + since);
  if (most != 0) words.push_back(fmt::format("--lines={}", most));
  words.insert(words.end(), {"SYSLOG_IDENTIFIER=knockwork", "_UID=0"});
  words.insert(words.end(), matches.begin(), matches.end());
  return output_of(std::move(words));
}

}  // namespace knockwork::journal
