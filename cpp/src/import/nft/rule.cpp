#include "import/nft/rule.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "text/words.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

// Of one rule that has a part in knocking: what is read of it is copied to each way to it.
constexpr std::size_t kMostPorts = 1'000, kMostMembers = 32, kMostLines = 1'000;

class Reader {
 public:
  explicit Reader(const NftStatement& statement)
      : words_(statement.words),
        lines_(statement.defines.size() + static_cast<std::size_t>(statement.last - statement.first + 1)) {}

  NftRule rule() {
    if (lines_ > kMostLines) fail();
    while (at_ < words_.size() && rule_.understood) take(next());
    fill_in_ports();
    if (!rule_.understood) judge_words();
    return std::move(rule_);
  }

 private:
  std::string next() { return at_ < words_.size() ? words_[at_++] : std::string(); }
  std::string peek() const { return at_ < words_.size() ? words_[at_] : std::string(); }
  bool skip(std::string_view word) {
    if (peek() != word) return false;
    ++at_;
    return true;
  }
  void fail() { rule_.understood = false; }

  // What can become of a packet where the rule is not understood.
  void judge_words() {
    rule_.may_refuse = std::any_of(words_.begin(), words_.end(), [](const std::string& word) {
      return is_one_of(word, {"drop",     "reject", "jump", "goto", "return",   "queue",      "vmap",
                              "map",      "set",    "dnat", "snat", "redirect", "masquerade", "tproxy",
                              "synproxy", "fwd",    "dup",  "xt",   "notrack",  "flow"});
    });
    for (auto word = words_.begin(); word != words_.end() && *word != "reject"; ++word) {
      const auto next = std::next(word);
      const bool asks = next != words_.end() && is_one_of(*next, {"type", "code"});
      rule_.is_icmp = rule_.is_icmp || (asks && is_one_of(*word, {"icmp", "icmpv6"}));
    }
  }

  void take(const std::string& word) {
    if (is_one_of(word, {"ip", "ip6"})) return take_network(word);
    if (is_one_of(word, {"tcp", "udp", "th"})) return take_transport(word);
    if (word == "meta" && is_one_of(peek(), {"l4proto", "nfproto", "iif", "iifname"})) return take(next());
    if (word == "l4proto") return take_protocol();
    if (word == "nfproto") return take_family(next());
    if (is_one_of(word, {"iif", "iifname"})) return take_interface();
    if (word == "ct") return take_conntrack();
    if (is_one_of(word, {"add", "update", "set"})) return take_addition(word);
    if (word == "delete") return take_deletion();
    take_rest(word);
  }

  void take_rest(const std::string& word) {
    if (is_one_of(word, {"accept", "drop", "reject", "return", "jump", "goto"})) return take_verdict(word);
    if (word == "counter") {
      while (skip("packets") || skip("bytes") || skip("name")) next();
    } else if (word == "comment") {
      next();
    } else if (word == "log") {
      while (skip("prefix") || skip("level") || skip("group") || skip("flags")) next();
      rule_.remark = "it logs: see `log: grants` and `knockwork watch`";
    } else if (word == "limit") {
      take_limit();
    } else {
      fail();
    }
  }

  void take_limit() {
    if (!skip("rate")) return fail();
    skip("over");
    next();
    if (skip("burst")) {
      next();
      skip("packets");
    }
    rule_.partial = true;
    rule_.remark = "its limit of a rate is not carried over";
  }

  void take_verdict(const std::string& word) {
    rule_.verdict = word;
    if (word == "jump" || word == "goto") rule_.chain = next();
    if (word != "reject") return;
    if (!skip("with")) return;
    next();  // icmp, icmpv6, icmpx, tcp
    skip("type");
    next();
  }

  void take_family(const std::string& family) {
    if (family == "ipv4") rule_.ipv4 = true;
    if (family == "ipv6") rule_.ipv6 = true;
  }

  // "{ a, b }", "a, b" or one word.
  std::vector<std::string> values() {
    std::vector<std::string> found;
    if (skip("{")) {
      while (at_ < words_.size() && !skip("}")) {
        if (peek() != ",") found.push_back(peek());
        ++at_;
      }
      return found;
    }
    found.push_back(next());
    while (skip(",")) found.push_back(next());
    return found;
  }

  void take_network(const std::string& family) {
    (family == "ip" ? rule_.ipv4 : rule_.ipv6) = true;
    const std::string key = next();
    if (key == "protocol" || key == "nexthdr") return take_protocol();
    if (key != "saddr") return fail();
    NftMember member;
    if (skip(".") && !take_key(member)) return fail();
    const bool negated = skip("!=");
    if (!negated) skip("==");
    const std::string set = next();
    if (!set.starts_with('@')) return fail();
    member.set = set.substr(1);
    if (!negated) {
      add(std::move(member));
    } else if (rule_.other) {
      fail();
    } else {
      rule_.other = std::move(member);
    }
  }

  void add(NftMember member) {
    if (rule_.members.size() == kMostMembers) return fail();
    rule_.members.push_back(std::move(member));
  }

  // The rest of `ip saddr . tcp dport`: the packet's own port.
  bool take_key(NftMember& member) {
    if (!is_one_of(next(), {"tcp", "udp", "th"}) || next() != "dport") return false;
    member.port = kOwnPort;
    return true;
  }

  void take_protocol() {
    if (!protocols_.empty()) return fail();
    skip("==");
    protocols_ = values();
    if (protocols_.empty() || !std::all_of(protocols_.begin(), protocols_.end(), [](const std::string& name) {
          return is_one_of(name, {"tcp", "udp", "6", "17"});
        })) {
      fail();
    }
  }

  void take_transport(const std::string& protocol) {
    const std::string key = next();
    if (protocol != "th") {
      const bool fits =
          protocols_.empty() || std::find(protocols_.begin(), protocols_.end(), protocol) != protocols_.end();
      if (!fits) return fail();
      protocols_ = {protocol};
    }
    if (key == "flags") return take_flags();
    if (key != "dport" || !numbers_.empty()) return fail();
    if (skip(".")) {  // `tcp dport . ip saddr @set`
      const std::string family = next();
      if (!is_one_of(family, {"ip", "ip6"}) || next() != "saddr") return fail();
      (family == "ip" ? rule_.ipv4 : rule_.ipv6) = true;
      const std::string set = next();
      if (!set.starts_with('@')) return fail();
      return add({set.substr(1), kOwnPort});
    }
    skip("==");
    numbers_ = values();
  }

  // Whether they are those of a packet that begins a connection: SYN alone.
  void take_flags() {
    std::string last;
    bool negated = false;
    while (
        is_one_of(peek(), {"&", "|", "(", ")", "==", "!=", ",", "fin", "syn", "rst", "ack", "psh", "urg"})) {
      if (peek() == "==" || peek() == "!=") last.clear();
      negated = negated || peek() == "!=";
      last += next();
    }
    if (last == "==syn" || last == "syn") last = "syn";
    if (negated || last != "syn") rule_.partial = true;
  }

  void take_interface() {
    const bool negated = skip("!=");
    if (!negated) skip("==");
    const std::vector<std::string> names = values();
    const bool only_lo = names.size() == 1 && names.front() == "lo";
    if (only_lo) {
      rule_.loopback = rule_.loopback || !negated;
    } else {
      rule_.partial = true;
      rule_.remark = "it concerns some interfaces; knockwork takes knocks and opens on all that it protects";
    }
  }

  void take_conntrack() {
    if (!skip("state")) return fail();
    skip("==");
    const bool map = skip("vmap");
    const std::vector<std::string> states = values();
    const bool begins = std::any_of(states.begin(), states.end(), [](const std::string& state) {
      return state.starts_with("new") || state.starts_with("untracked") || state.find_first_of("@!$") == 0;
    });
    if (states.empty() ||
        (begins && (map || std::find(states.begin(), states.end(), "new") == states.end()))) {
      return fail();
    }
    rule_.begins = rule_.begins && begins;
  }

  // "add @set { ip saddr . 8000 timeout 1s }", also as nft once wrote it: "set add ip saddr timeout 1s @set".
  void take_addition(const std::string& word) {
    if (word == "set" && !is_one_of(next(), {"add", "update"})) return fail();
    NftMember member;
    std::string set = peek();
    const bool first = set.starts_with('@');
    if (first) next();
    if (first && !skip("{")) return fail();
    if (!take_element(member)) return fail();
    if (first && !skip("}")) return fail();
    if (!first) set = next();
    if (!set.starts_with('@') || rule_.adds) return fail();
    member.set = set.substr(1);
    rule_.adds = std::move(member);
  }

  // "delete @set { ip saddr }": it forgets the step before.
  void take_deletion() {
    NftMember member;
    const std::string timeout = rule_.timeout;
    if (!next().starts_with('@') || !skip("{") || !take_element(member) || !skip("}")) return fail();
    rule_.timeout = timeout;
    rule_.deletes = true;
  }

  bool take_element(NftMember& member) {
    const std::string family = next();
    if (!is_one_of(family, {"ip", "ip6"}) || next() != "saddr") return false;
    (family == "ip" ? rule_.ipv4 : rule_.ipv6) = true;
    if (skip(".")) member.port = next();
    while (is_one_of(peek(), {"timeout", "expires", "comment"})) {
      const bool timeout = next() == "timeout";
      const std::string value = next();
      if (timeout) rule_.timeout = value;
    }
    return true;
  }

  // Protocol and port may stand apart.
  void fill_in_ports() {
    if (numbers_.empty()) {
      if (!protocols_.empty() && rule_.verdict != "return") unbound_ = true;
    }
    for (const std::string& protocol : protocols_) {
      for (const std::string& number : numbers_) {
        const auto service = spec::parse_service(fmt::format("{}/{}", number, protocol));
        if (!service || rule_.ports.size() == kMostPorts) {
          rule_.ports.clear();
          return fail();
        }
        rule_.ports.push_back(*service);
      }
    }
    if (!numbers_.empty() && protocols_.empty()) return fail();
    if (unbound_) fail();
    if (rule_.deletes && !rule_.adds) fail();  // what a wrong packet does
    if (rule_.deletes) rule_.remark = "what it deletes stays for the rest of its time";
    for (NftMember& member : rule_.members) bind(member);
    if (rule_.other) bind(*rule_.other);
  }

  void bind(NftMember& member) {
    if (member.port != kOwnPort) return;
    const bool single = rule_.ports.size() == 1 && rule_.ports[0].first == rule_.ports[0].last;
    if (!single) return fail();
    member.port = fmt::format("{}", rule_.ports[0].first);
  }

  static constexpr const char* kOwnPort = "(own)";
  const std::vector<std::string>& words_;
  std::size_t lines_;  // that it stands on, with those of its definitions
  std::size_t at_ = 0;
  std::vector<std::string> protocols_, numbers_;
  bool unbound_ = false;
  NftRule rule_;
};

}  // namespace

NftRule read_nft_rule(const NftStatement& statement, const std::string& table) {
  NftRule rule = Reader(statement).rule();
  for (NftMember& member : rule.members) member.set.insert(0, table);
  if (rule.other) rule.other->set.insert(0, table);
  if (rule.adds) rule.adds->set.insert(0, table);
  if (rule.adds && rule.other == rule.adds) rule.other.reset();  // who is in it already stays
  return rule;
}

}  // namespace knockwork
