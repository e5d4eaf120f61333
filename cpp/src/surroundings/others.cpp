#include "surroundings/others.hpp"

#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "knockwork/kernel.hpp"
#include "surroundings/words.hpp"

namespace knockwork {
namespace {

int whole_number(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "filter + 10", "-150".
int priority(const std::vector<std::string_view>& words, std::size_t at) {
  constexpr std::array<std::pair<std::string_view, int>, 6> kNames{
      {{"raw", -300}, {"mangle", -150}, {"dstnat", -100}, {"filter", 0}, {"security", 50}, {"srcnat", 100}}};
  if (at >= words.size()) return 0;
  const auto bare = [](std::string_view word) { return word.substr(0, word.find(';')); };
  for (const auto& [name, value] : kNames) {
    if (bare(words[at]) != name) continue;
    if (at + 2 >= words.size() || (words[at + 1] != "+" && words[at + 1] != "-")) return value;
    const int more = whole_number(bare(words[at + 2]));
    return words[at + 1] == "+" ? value + more : value - more;
  }
  return whole_number(bare(words[at]));
}

// "type filter hook input priority filter + 10; policy accept;"
bool take_hook(OtherChain& chain, std::string_view line) {
  if (!line.starts_with("type ") || line.find(" hook ") == std::string_view::npos) return false;
  for (const auto& [name, hook] : {std::pair{"prerouting", Hook::prerouting}, std::pair{"input", Hook::input},
                                   std::pair{"forward", Hook::forward}}) {
    if (line.starts_with("type filter hook " + std::string(name) + ' ')) chain.hook = hook;
  }
  chain.policy_drops = line.find("policy drop;") != std::string_view::npos;
  const std::vector<std::string_view> words = words_of(line);
  for (std::size_t at = 0; at + 1 < words.size(); ++at) {
    if (words[at] == "priority") chain.priority = priority(words, at + 1);
  }
  return true;
}

class Reader {
 public:
  explicit Reader(std::string_view listing) : rest_(listing) {}

  std::vector<OtherTable> tables() {
    std::vector<OtherTable> tables;
    while (!rest_.empty()) {
      const std::vector<std::string_view> words = words_of(line());
      if (words.size() < 3 || words[0] != "table") continue;
      OtherTable table{std::string(words[1]), std::string(words[2]), {}};
      const bool awake = read(table);
      const bool sees = table.family == "inet" || table.family == "ip" || table.family == "ip6";
      if (awake && sees && table.family + ' ' + table.name != kTable) tables.push_back(std::move(table));
    }
    return tables;
  }

 private:
  std::string_view line() {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return text;
  }

  // To its end. Objects of a table stand behind one tab, and what is in them behind two.
  bool read(OtherTable& table) {
    bool awake = true;
    while (!rest_.empty()) {
      const std::string_view text = line();
      if (text.starts_with('}')) break;
      const std::vector<std::string_view> words = words_of(text);
      if (words.size() >= 2 && words[0] == "flags" && words[1].starts_with("dormant")) awake = false;
      if (words.size() < 2 || words[0] != "chain") continue;
      table.chains.push_back(chain(std::string(words[1])));
    }
    return awake;
  }

  OtherChain chain(std::string name) {
    OtherChain chain;
    chain.name = std::move(name);
    while (!rest_.empty()) {
      std::string_view text = line();
      if (text.starts_with("\t}")) break;
      text.remove_prefix(std::min(text.find_first_not_of('\t'), text.size()));
      if (!take_hook(chain, text)) chain.rules.emplace_back(text);
    }
    return chain;
  }

  std::string_view rest_;
};

}  // namespace

std::vector<OtherTable> parse_others(std::string_view listing) { return Reader(listing).tables(); }

}  // namespace knockwork
