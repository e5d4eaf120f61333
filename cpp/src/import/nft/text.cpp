#include "import/nft/text.hpp"

#include <algorithm>

#include "import/reasons.hpp"
#include "text/words.hpp"

namespace knockwork {
namespace {

constexpr int kMostBlocks = 16;            // blocks within blocks: nft has two
constexpr std::size_t kLongestWord = 255;  // of what is read: NFT_NAME_MAXLEN
constexpr std::size_t kMostExpanded = 64U
                                      << 20;  // bytes that definitions take where they are used, in one file

struct Token {
  std::string text;
  int line = 0;
  bool string = false;  // it was in quotes
};

// A line end is a token of its own, "\n".
std::vector<Token> tokens_of(Ledger& ledger) {
  std::vector<Token> tokens;
  for (int number = 1; number <= ledger.count(); ++number) {
    std::string_view rest = ledger.text(number);
    bool continued = false;
    while (!rest.empty()) {
      const char byte = rest.front();
      std::size_t length = 1;
      if (byte == '#') break;
      if (byte == '\\' && rest.find_first_not_of(" \t\r", 1) == std::string_view::npos) {
        continued = true;
        break;
      }
      if (byte == '"') {
        const std::size_t end = std::min(rest.find('"', 1), rest.size());
        tokens.push_back({std::string(rest.substr(1, end - 1)), number, true});
        length = std::min(end + 1, rest.size());
      } else if (std::string_view("{};,().").find(byte) != std::string_view::npos) {
        tokens.push_back({std::string(1, byte), number});
      } else if (std::string_view("=!<>&|").find(byte) != std::string_view::npos) {
        length = std::min(rest.find_first_not_of("=!<>&|"), rest.size());
        tokens.push_back({std::string(rest.substr(0, length)), number});
      } else if (std::string_view(" \t\r\v\f").find(byte) == std::string_view::npos) {
        // Dots are within addresses, and apart in concatenations.
        length = std::min(rest.find_first_of(" \t\r\v\f{};,()=!<>&|\"#"), rest.size());
        tokens.push_back({std::string(rest.substr(0, length)), number});
      }
      rest.remove_prefix(length);
    }
    if (!continued) tokens.push_back({"\n", number});
  }
  return tokens;
}

class Parser {
 public:
  Parser(Ledger& ledger, std::vector<Token> tokens) : ledger_(ledger), tokens_(std::move(tokens)) {}

  NftText all() {
    note_bare_lines();
    while (at_ < tokens_.size()) block("", 0);
    return std::move(text_);
  }

 private:
  // Blank lines and comments have no tokens.
  void note_bare_lines() {
    std::vector<bool> bare(static_cast<std::size_t>(ledger_.count()) + 1, true);
    for (const Token& token : tokens_) {
      if (token.text != "\n" || token.string) bare[static_cast<std::size_t>(token.line)] = false;
    }
    for (int line = 1; line <= ledger_.count(); ++line) {
      const std::size_t start = ledger_.text(line).find_first_not_of(" \t\r\v\f");
      const bool comment = start == std::string::npos || ledger_.text(line)[start] == '#';
      if (bare[static_cast<std::size_t>(line)] && comment) ledger_.note(line, LineFate::unneeded);
    }
  }

  bool is(const char* text) const {
    return at_ < tokens_.size() && !tokens_[at_].string && tokens_[at_].text == text;
  }
  bool ends_statement() const { return at_ == tokens_.size() || is("\n") || is(";") || is("}"); }

  // Statements until the block's end. `where`: the table, or the table and the chain or set.
  void block(const std::string& where, int depth) {
    while (at_ < tokens_.size()) {
      if (is("}")) {
        close(where);
        return;
      }
      if (is("\n") || is(";")) {
        ++at_;
        continue;
      }
      statement(where, depth);
    }
  }

  void close(const std::string& where) {
    const int line = tokens_[at_++].line;
    if (where.empty()) return ledger_.note(line, LineFate::lost, "an unmatched closing brace");
    note_structure(where, line);
  }

  void note_structure(const std::string& where, int line) {
    if (const auto chain = text_.chains.find(where); chain != text_.chains.end()) {
      chain->second.lines.push_back(line);
    } else if (const auto set = text_.sets.find(where); set != text_.sets.end()) {
      set->second.lines.push_back(line);
    } else {
      ledger_.note(line, LineFate::unneeded);
    }
  }

  void statement(const std::string& where, int depth) {
    NftStatement read{{}, tokens_[at_].line, tokens_[at_].line, {}};
    int braces = 0;
    incomplete_ = false;
    while (at_ < tokens_.size() && (braces > 0 || !ends_statement())) {
      if (is("{") && braces == 0 && begins_block(read.words)) {
        ++at_;
        if (!incomplete_) return begin(read, where, depth);
        lose(read);
        return skip();
      }
      braces += is("{") ? 1 : is("}") ? -1 : 0;
      take(read);
    }
    if (incomplete_) return lose(read);
    finish(read, where);
  }

  // Whatever it says.
  void lose(const NftStatement& read) {
    make_unclear(read);
    note(read, LineFate::lost, "a word, or what its definitions stand for, is too long to be read");
  }

  void take(NftStatement& read) {
    const Token& token = tokens_[at_++];
    read.last = token.line;
    if (token.text == "\n" && !token.string) return;
    const auto defined = token.text.starts_with('$') ? defines_.find(token.text.substr(1)) : defines_.end();
    if (defined == defines_.end() || token.string) {
      incomplete_ = incomplete_ || token.text.size() > kLongestWord;
      if (!incomplete_) read.words.push_back(token.text);
      return;
    }
    const NftStatement& value = defined->second;
    if (expanded_ <= kMostExpanded) expanded_ += size_of(value);
    incomplete_ = incomplete_ || expanded_ > kMostExpanded;  // definitions of definitions
    if (incomplete_) return;
    read.words.insert(read.words.end(), value.words.begin(), value.words.end());
    for (int line = value.first; line <= value.last; ++line) read.defines.push_back(line);
    read.defines.insert(read.defines.end(), value.defines.begin(), value.defines.end());
  }

  static std::size_t size_of(const NftStatement& value) {
    std::size_t size = value.words.size() * sizeof(std::string) + value.defines.size() * sizeof(int) +
                       static_cast<std::size_t>(value.last - value.first + 1) * sizeof(int);
    for (const std::string& word : value.words) size += word.size();
    return size;
  }

  static std::size_t keyword(const std::vector<std::string>& words) {
    return !words.empty() && is_one_of(words[0], {"add", "create", "insert"}) ? 1 : 0;
  }

  static bool begins_block(const std::vector<std::string>& words) {
    const std::size_t at = keyword(words);
    return at < words.size() &&
           is_one_of(words[at], {"table", "chain", "set", "map", "flowtable", "counter", "quota", "limit",
                                 "ct", "secmark", "synproxy"}) &&
           words.size() <= at + 4 && !(words[at] == "counter" && words.size() > at + 2) &&
           !(words[at] == "ct" && words.size() > at + 1 && words[at + 1] == "state");
  }

  // "table inet filter", "chain input", "add chain inet filter input".
  void begin(const NftStatement& read, const std::string& where, int depth) {
    const std::size_t at = keyword(read.words);
    const std::string& kind = read.words[at];
    std::vector<std::string> name(read.words.begin() + static_cast<std::ptrdiff_t>(at) + 1, read.words.end());
    if (where.empty() && (kind == "table" ? name.size() == 1 : name.size() == 2))
      name.insert(name.begin(), "ip");
    std::string inside = where;
    for (const std::string& part : name) inside += (inside.empty() ? "" : " ") + part;
    if (kind == "chain") text_.chains[inside];
    if (kind == "set") text_.sets[inside];
    if (kind != "chain" && kind != "set" && kind != "table") {
      inside += " (other)";
      for (int line = read.first; line <= read.last; ++line) {
        ledger_.note(line, LineFate::lost, kNotKnocking);
      }
      return skip();
    }
    for (int line = read.first; line <= read.last; ++line) note_structure(inside, line);
    if (depth < kMostBlocks) return block(inside, depth + 1);
    skip();
  }

  // To the end of a block that is not read.
  void skip() {
    for (int braces = 1; at_ < tokens_.size() && braces > 0; ++at_) {
      braces += is("{") ? 1 : is("}") ? -1 : 0;
      if (!is("\n")) {
        ledger_.note(tokens_[at_].line, LineFate::lost, kNotKnocking);
      }
    }
  }

  void note(const NftStatement& read, LineFate fate, const char* reason) {
    for (int line = read.first; line <= read.last; ++line) ledger_.note(line, fate, reason);
  }

  void finish(NftStatement& read, const std::string& where) {
    if (read.words.empty()) return note(read, LineFate::unneeded, "");
    const std::string first = read.words[0];
    if (first == "define" || first == "redefine") return define(read);
    if (first == "include") {
      make_unclear(read);
      return note(read, LineFate::lost, kIncluded);
    }
    if (const auto set = text_.sets.find(where); set != text_.sets.end()) return in_set(read, set->second);
    if (const auto chain = text_.chains.find(where); chain != text_.chains.end()) {
      return in_chain(read, chain->second);
    }
    if (is_one_of(first, {"flush", "delete", "destroy", "replace", "rename"})) {
      if (changes_rules(read.words)) make_unclear(read);
      return note(read, LineFate::unneeded, "knockwork changes no table but its own");
    }
    const std::size_t at = keyword(read.words);
    if (where.empty() && at < read.words.size()) return command(read, at);
    note(read, LineFate::lost, kNotKnocking);
  }

  void make_unclear(const NftStatement& read) {
    if (text_.unclear == 0) text_.unclear = read.first;
  }

  static bool is_family(const std::string& word) {
    return is_one_of(word, {"ip", "ip6", "inet", "netdev", "bridge", "arp"});
  }

  // "flush chain inet filter input", of a chain that has rules in this file.
  bool changes_rules(const std::vector<std::string>& words) const {
    if (words.size() < 2 || !is_one_of(words[1], {"rule", "chain", "table", "ruleset"})) return false;
    std::string name;
    if (words.size() > 2 && words[1] != "ruleset" && !is_family(words[2])) name = "ip ";
    const std::size_t parts = (words[1] == "ruleset" ? 0U
                               : words[1] == "table" ? 2U
                                                     : 3U) -
                              (name.empty() ? 0U : 1U);
    for (std::size_t at = 2; at < words.size() && at < 2 + parts; ++at) {
      name += words[at] + ' ';
    }
    return std::any_of(text_.chains.begin(), text_.chains.end(), [&](const auto& chain) {
      return !chain.second.rules.empty() && (chain.first + ' ').starts_with(name);
    });
  }

  void define(const NftStatement& read) {
    if (read.words.size() < 4 || read.words[2] != "=") {
      return note(read, LineFate::lost, "a definition that is not understood");
    }
    NftStatement value = read;
    value.words.erase(value.words.begin(), value.words.begin() + 3);
    note(read, LineFate::unneeded, "");
    defines_[read.words[1]] = std::move(value);
  }

  void in_set(const NftStatement& read, NftSet& set) {
    for (int line = read.first; line <= read.last; ++line) set.lines.push_back(line);
    if (read.words[0] == "timeout" && read.words.size() > 1) set.timeout = read.words[1];
    if (read.words[0] == "elements") note(read, LineFate::lost, "elements in the file are not carried over");
  }

  void in_chain(NftStatement& read, NftChain& chain) {
    const bool hook = read.words[0] == "type" && read.words.size() > 3 && read.words[2] == "hook";
    if (!hook && read.words[0] != "policy") {
      chain.rules.push_back(std::move(read));
      return;
    }
    if (hook) chain.hooked = !is_one_of(read.words[3], {"forward", "output", "postrouting", "egress"});
    if (!hook && read.words.size() > 1) {
      chain.drops = read.words[1] != "accept";
      chain.policy_line = read.first;
    }
    for (int line = read.first; line <= read.last; ++line) chain.lines.push_back(line);
  }

  // "add rule inet filter input tcp dport …", each command on its own.
  void command(NftStatement& read, std::size_t at) {
    const auto& words = read.words;
    const std::string kind = words[at];
    std::size_t name = at + 1;
    const bool family = name < words.size() && is_family(words[name]);
    const std::string table = (family ? words[name] : "ip") + ' ' +
                              (name + (family ? 1 : 0) < words.size() ? words[name + (family ? 1 : 0)] : "");
    name += family ? 2 : 1;
    if (kind == "table" && name >= words.size()) return note(read, LineFate::unneeded, "");
    if (name >= words.size() || !is_one_of(kind, {"rule", "chain", "set"})) {
      return note(read, LineFate::lost, kNotKnocking);
    }
    const std::string where = table + ' ' + words[name];
    if (kind == "rule") {
      NftStatement rule = read;
      rule.words.erase(rule.words.begin(), rule.words.begin() + static_cast<std::ptrdiff_t>(name) + 1);
      if (!rule.words.empty() && is_one_of(rule.words[0], {"position", "handle", "index"}))
        make_unclear(read);
      auto& rules = text_.chains[where].rules;
      rules.insert(words[0] == "insert" ? rules.begin() : rules.end(), std::move(rule));
      return;
    }
    if (kind == "chain") text_.chains[where];
    if (kind == "set") text_.sets[where];
    for (int line = read.first; line <= read.last; ++line) note_structure(where, line);
  }

  Ledger& ledger_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  NftText text_;
  std::map<std::string, NftStatement> defines_;
  std::size_t expanded_ = 0;  // bytes of them, where they are used
  bool incomplete_ = false;   // what is read of a statement
};

}  // namespace

NftText read_nft(Ledger& ledger) { return Parser(ledger, tokens_of(ledger)).all(); }

}  // namespace knockwork
