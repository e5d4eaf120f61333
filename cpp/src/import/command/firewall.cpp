#include "import/command/firewall.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "values/service_names.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

using Kind = Effect::Kind;

constexpr const char* kOtherChain =
    "its chain is not INPUT: check that the declaration protects the right services";
constexpr const char* kLocal = "it opens to this host alone";
constexpr const char* kInterface =
    "it opens on one interface only; knockwork opens on each one that it protects";

constexpr const char* kElsewhere =
    "it concerns traffic that is not for this host: declare services elsewhere with `to`";
constexpr const char* kZone =
    "it opens in one zone of firewalld; knockwork opens on each interface that it protects";
constexpr const char* kPermanent = "it takes effect when firewalld reloads; knockwork opens at once";

// FORWARD, DOCKER-USER, ufw-before-output, filter_FWD_public, …
bool is_elsewhere(const std::string& chain) {
  const std::string name = spec::lower(chain);
  const auto parts = {"forward", "fwd", "output", "docker", "routing"};
  return std::any_of(parts.begin(), parts.end(),
                     [&](const char* part) { return name.find(part) != std::string::npos; });
}

bool is_source(const std::string& text) { return text == "%IP%" || text == "%IP%/32" || text == "%IP%/128"; }

// "22:23" and "22-23" are ranges; a list is separated by commas.
std::vector<std::string> port_list(std::string text) {
  std::replace(text.begin(), text.end(), ':', '-');
  std::vector<std::string> ports;
  std::string_view rest = text;
  while (true) {
    const std::size_t comma = rest.find(',');
    ports.emplace_back(rest.substr(0, comma));
    if (comma == std::string_view::npos) return ports;
    rest.remove_prefix(comma + 1);
  }
}

std::vector<std::string> protocols_of(const std::string& name) {
  if (name == "tcp" || name == "6") return {"tcp"};
  if (name == "udp" || name == "17") return {"udp"};
  if (name == "both") return {"tcp", "udp"};
  return {};
}

// Words one after the other.
class Reader {
 public:
  explicit Reader(const Words& words) : words_(words) {}
  bool done() const { return at_ == words_.size(); }
  std::string next() { return done() ? std::string() : words_[at_++]; }
  std::string peek() const { return done() ? std::string() : words_[at_]; }
  bool take(std::string_view word) {
    if (peek() != word) return false;
    ++at_;
    return true;
  }

 private:
  const Words& words_;
  std::size_t at_ = 0;
};

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

std::string with_remark(const std::string& remarks, const char* remark) {
  if (remarks.find(remark) != std::string::npos) return remarks;
  return remarks + (remarks.empty() ? "" : "; ") + remark;
}

enum class Action { none, add, remove, ask };

// As it was opened, so it is closed.
Effect of_action(Action action, const Accepting& rule) {
  if (action == Action::none) return other("it neither adds nor deletes a rule");
  Effect effect = opened_by(rule);
  if (action == Action::ask) effect.kind = Kind::nothing;
  if (action != Action::remove) return effect;
  effect.kind = Kind::closes;
  effect.reason.clear();
  return effect;
}

class Iptables {
 public:
  Iptables(const Words& words, Addresses family) : words_(words) {
    (family == Addresses::ipv4 ? rule_.ipv6 : rule_.ipv4) = false;
  }

  Effect effect() {
    while (!words_.done() && fault_ == nullptr) take(words_.next());
    if (fault_ != nullptr && !(action_ == Action::remove && by_number_)) return other(fault_);
    if (action_ == Action::remove) accepts_ = true;
    if (!accepts_) return other("its rule does not accept");
    return of_action(action_, rule_);
  }

 private:
  void take(std::string option) {
    const std::size_t equals = option.find('=');
    if (option.starts_with("--") && equals != std::string::npos) {  // getopt(3)'s other spelling
      value_ = option.substr(equals + 1);
      option.resize(equals);
    }
    if (!take_action(option) && !take_match(option) && !take_rest(option)) fault_ = kUnknownWord;
    value_.reset();
  }

  std::string value() { return value_ ? *value_ : words_.next(); }

  bool take_action(const std::string& option) {
    if (option == "-I" || option == "-A" || option == "--insert" || option == "--append") {
      action_ = Action::add;
    } else if (option == "-D" || option == "--delete") {
      action_ = Action::remove;
    } else if (option == "-C" || option == "--check") {
      action_ = Action::ask;
    } else {
      return false;
    }
    const std::string chain = value();
    if (is_elsewhere(chain)) {
      fault_ = kElsewhere;
    } else if (chain != "INPUT") {
      rule_.remark = with_remark(rule_.remark, kOtherChain);
    }
    if (is_number(words_.peek())) {
      words_.next();
      by_number_ = true;
    }
    return true;
  }

  bool take_match(const std::string& option) {
    if (option == "-s" || option == "--source" || option == "--src") {
      rule_.source = value();
    } else if (option == "-d" || option == "--destination" || option == "--dst") {
      rule_.destination = value();
    } else if (option == "-p" || option == "--protocol" || option == "--proto") {
      rule_.protocol = value();
    } else if (option == "--dport" || option == "--destination-port" || option == "--dports" ||
               option == "--destination-ports") {
      rule_.ports = port_list(value());
    } else if (option == "-i" || option == "--in-interface") {
      if (value() == "lo") fault_ = kLocal;
      rule_.remark = with_remark(rule_.remark, kInterface);
    } else if (option == "--state" || option == "--ctstate") {
      if (value().find("NEW") == std::string::npos) fault_ = "its rule accepts no new connections";
    } else {
      return option == "--syn" || option == "--tcp-flags" ? take_flags(option) : false;
    }
    return true;
  }

  bool take_flags(const std::string& option) {
    if (option == "--tcp-flags") fault_ = kUnknownWord;
    return true;
  }

  bool take_rest(const std::string& option) {
    if (option == "-j" || option == "--jump") {
      accepts_ = value() == "ACCEPT";
    } else if (option == "-m" || option == "--match") {
      const std::string module = value();
      const auto known = {"tcp", "udp", "comment", "state", "conntrack", "multiport"};
      if (std::find(known.begin(), known.end(), module) == known.end()) fault_ = kUnknownWord;
    } else if (option == "--comment") {
      value();
    } else if (option == "-t" || option == "--table") {
      if (value() != "filter") fault_ = "it changes another table than filter";
    } else if (option == "-w" || option == "--wait" || option == "-W") {
      if (is_number(words_.peek())) words_.next();
    } else {
      return option == "-v" || option == "-n" || option == (rule_.ipv4 ? "-4" : "-6");
    }
    return true;
  }

  Reader words_;
  Accepting rule_;
  Action action_ = Action::none;
  bool accepts_ = false, by_number_ = false;
  std::optional<std::string> value_;
  const char* fault_ = nullptr;
};

class Ufw {
 public:
  explicit Ufw(const Words& words) : words_(words) {}

  Effect effect() {
    while (words_.take("--force") || words_.take("rule")) {
    }
    if (words_.peek() == "--dry-run") return {Kind::nothing};
    const bool removes = words_.take("delete");
    if (words_.take("insert")) words_.next();
    words_.take("prepend");
    const std::string verb = words_.next();
    if (verb != "allow" && verb != "limit") return other("it does not open a port");
    if (verb == "limit") rule_.remark = "it limits the rate of connections, and knockwork does not";
    while (!words_.done()) {
      if (!take(words_.next())) return other(kUnknownWord);
    }
    if (rule_.protocol.empty()) rule_.protocol = "both";  // ufw(8)
    return of_action(removes ? Action::remove : Action::add, rule_);
  }

 private:
  bool take(const std::string& word) {
    if (word == "in" || word == "log" || word == "log-all") return true;
    if (word == "on") {
      rule_.remark = with_remark(rule_.remark, kInterface);
      if (words_.next() == "lo") return false;
    } else if (word == "proto") {
      rule_.protocol = words_.next();
    } else if (word == "from") {
      rule_.source = words_.next();
      to_ = false;
    } else if (word == "to") {
      rule_.destination = words_.next();
      to_ = true;
    } else if (word == "port") {
      if (!to_) return false;  // the source's port
      rule_.ports = port_list(words_.next());
    } else if (word == "comment") {
      words_.next();
    } else {
      return false;
    }
    return true;
  }

  Reader words_;
  Accepting rule_;
  bool to_ = false;
};

// "30", "5m": firewall-cmd(1), --timeout.
std::optional<Duration> span(const std::string& text) {
  const auto parsed = spec::parse_duration(is_number(text) ? text + 's' : text);
  return parsed ? std::optional(*parsed) : std::nullopt;
}

class RichRule {
 public:
  // firewalld.richlanguage(5).
  static std::optional<Accepting> read(const std::string& text) {
    RichRule rule;
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t end = std::min(text.find(' ', at), text.size());
      if (end > at && !rule.take(text.substr(at, end - at))) return std::nullopt;
      at = end + 1;
    }
    return rule.accepts_ ? std::optional(rule.rule_) : std::nullopt;
  }

 private:
  bool take(std::string word) {
    std::erase(word, '"');
    std::erase(word, '\'');
    const std::size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (key == "family") (value == "ipv4" ? rule_.ipv6 : rule_.ipv4) = false;
    if (key == "rule" || key == "family" || key == "source" || key == "destination" || key == "service") {
      element_ = key;
    } else if (key == "accept") {
      accepts_ = true;
    } else if (key == "address") {
      (element_ == "destination" ? rule_.destination : rule_.source) = value;
    } else if (key == "port") {
      if (value.empty()) element_ = key;
      if (!value.empty()) rule_.ports = port_list(value);
    } else if (key == "protocol" && element_ == "port") {
      rule_.protocol = value;
    } else if (key == "name" && element_ == "service") {
      rule_.ports = {value};
      rule_.protocol = "tcp";
      rule_.remark = "a service of firewalld may be more than the TCP port of its name";
    } else {
      return false;
    }
    return true;
  }

  std::string element_;
  Accepting rule_;
  bool accepts_ = false;
};

bool is_one_of(const std::string& word, std::initializer_list<const char*> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

class FirewallCmd {
 public:
  explicit FirewallCmd(const Words& words) : words_(words) {}

  Effect effect() {
    while (!words_.done()) {
      const std::string word = words_.next();
      const std::size_t equals = word.find('=');
      const auto value = [&] {
        return equals == std::string::npos ? words_.next() : word.substr(equals + 1);
      };
      if (const char* fault = take(word.substr(0, equals), value)) return other(fault);
    }
    return whole();
  }

 private:
  template <typename Value>
  const char* take(const std::string& option, const Value& value) {
    if (is_one_of(option, {"--add-rich-rule", "--remove-rich-rule"})) {
      const Action action = option.starts_with("--add") ? Action::add : Action::remove;
      if (action_ != Action::none && action_ != action) return "it both adds and removes rules";
      action_ = action;
      const auto rule = RichRule::read(value());
      if (!rule) return "its rich rule is not understood";
      rules_.push_back(*rule);
    } else if (option == "--timeout") {
      time_ = span(value());
      if (!time_) return "its timeout is not understood";
    } else if (option == "--zone") {
      value();
      remark_ = with_remark(remark_, kZone);
    } else if (option == "--permanent") {
      remark_ = with_remark(remark_, kPermanent);
    } else if (is_one_of(option, {"--add-port", "--add-service", "--add-protocol"})) {
      return kEveryone;
    } else if (option == "--add-source") {
      return kEveryPort;
    } else if (!is_one_of(option, {"-q", "--quiet"})) {
      return kUnknownWord;
    }
    return nullptr;
  }

  // One rule's for each family, or for each service, as a line of as many commands.
  Effect whole() {
    if (rules_.empty()) return other("it adds no rule");
    std::vector<Effect> effects;
    for (Accepting& rule : rules_) {
      rule.time = time_;
      rule.remark = rule.remark.empty() ? remark_ : with_remark(rule.remark, remark_.c_str());
      effects.push_back(of_action(action_, rule));
    }
    return whole_of(std::move(effects));
  }

  Reader words_;
  Action action_ = Action::none;
  std::vector<Accepting> rules_;
  std::optional<Duration> time_;
  std::string remark_;
};

class Nft {
 public:
  // nft(8): `ip saddr %IP% tcp dport { 22, 80 } accept`.
  static Effect read(const Words& tokens) {
    Nft nft(tokens);
    return nft.effect();
  }

 private:
  explicit Nft(const Words& tokens) : tokens_(tokens), words_(tokens_) {}

  Effect effect() {
    const std::string verb = words_.next(), object = words_.next();
    if (is_one_of(verb, {"delete", "destroy"}) && is_one_of(object, {"rule", "element"}))
      return {Kind::closes};
    if (object == "element" && verb == "add") {
      return other(kAddsToSet);
    }
    if (object != "rule" || !is_one_of(verb, {"add", "insert"})) return other("it does not add a rule");
    take_place();
    while (!words_.done()) {
      if (!take(words_.next())) return other(kUnknownWord);
    }
    if (!accepts_) return other("its rule does not accept");
    if (elsewhere_) return other(kElsewhere);
    return of_action(Action::add, rule_);
  }

  void take_place() {
    const bool named = is_one_of(words_.peek(), {"ip", "ip6", "inet"});
    const std::string family = named ? words_.next() : "ip";
    if (family != "inet") (family == "ip" ? rule_.ipv6 : rule_.ipv4) = false;
    const std::string table = words_.next();
    const std::string chain = words_.next();
    elsewhere_ = is_elsewhere(chain) || is_one_of(table, {"nat", "mangle", "raw"});
    if (chain != "input" && chain != "INPUT") rule_.remark = with_remark(rule_.remark, kOtherChain);
    if (is_one_of(words_.peek(), {"position", "handle", "index"})) {
      words_.next();
      words_.next();
    }
  }

  bool take(const std::string& word) {
    if (is_one_of(word, {"ip", "ip6"})) {
      (word == "ip" ? rule_.ipv6 : rule_.ipv4) = false;
      return take_address(words_.next());
    }
    if (is_one_of(word, {"tcp", "udp"})) {
      rule_.protocol = word;
      if (words_.next() != "dport") return false;
      rule_.ports = take_values();
    } else if (word == "ct") {
      const bool state = words_.take("state");
      const std::vector<std::string> states = take_values();
      return state && std::find(states.begin(), states.end(), "new") != states.end();
    } else if (word == "comment") {
      words_.next();
    } else if (is_one_of(word, {"iif", "iifname"})) {
      if (words_.next() == "lo") return false;
      rule_.remark = with_remark(rule_.remark, kInterface);
    } else if (word == "accept") {
      accepts_ = true;
    } else {
      return word == "counter";
    }
    return true;
  }

  bool take_address(const std::string& key) {
    if (key == "saddr") rule_.source = words_.next();
    if (key == "daddr") rule_.destination = words_.next();
    return key == "saddr" || key == "daddr";
  }

  std::vector<std::string> take_values() {
    std::vector<std::string> values;
    if (!words_.take("{")) return port_list(words_.next());
    while (!words_.done() && !words_.take("}")) {
      for (std::string& value : port_list(words_.next())) {
        if (!value.empty()) values.push_back(std::move(value));
      }
    }
    return values;
  }

  Words tokens_;
  Reader words_;
  Accepting rule_;
  bool accepts_ = false, elsewhere_ = false;
};

}  // namespace

Effect other(const char* reason) { return {Kind::other, {}, {}, {}, reason}; }

Effect opened_by(const Accepting& rule) {
  if (rule.source.find("%IP%") == std::string::npos) return other(kEveryone);
  if (!is_source(rule.source)) {
    return other("it opens to a network around the source: see `ipv4_prefix` and `ipv6_prefix`");
  }
  if (rule.ports.empty()) return other(kEveryPort);
  if (rule.protocol.empty()) return other("its rule has a port without a protocol, which no firewall takes");
  if (!rule.ipv4 && !rule.ipv6) return other("its rule concerns no address");
  Effect effect{Kind::opens, {}, {}, rule.time, rule.remark, rule.ipv4, rule.ipv6};
  for (const std::string& protocol : protocols_of(rule.protocol)) {
    for (const std::string& port : rule.ports) {
      const auto service = spec::parse_service(fmt::format("{}/{}", port, protocol));
      if (!service) return other("its port is neither a number nor the name of a service of this host");
      effect.services.push_back(*service);
    }
  }
  if (effect.services.empty()) return other("it opens another protocol than tcp and udp");
  const bool anywhere = is_one_of(rule.destination, {"", "any", "0.0.0.0/0", "::/0"});
  if (!anywhere) {
    const auto network = parse_network(rule.destination);
    if (!network) return other("its destination is not an address");
    effect.to = {*network};
  }
  return effect;
}

Effect effect_of_iptables(const Words& words, Addresses family) { return Iptables(words, family).effect(); }

Effect effect_of_knock_helper(const Words& words) {
  Reader reader(words);
  Accepting rule;
  rule.protocol = "tcp";  // its default
  rule.ipv6 = false;
  Action action = Action::none;
  while (!reader.done()) {
    const std::string word = reader.next();
    if (is_one_of(word, {"-a", "--append", "-i", "--insert"})) {
      action = Action::add;
    } else if (is_one_of(word, {"-x", "--delete"})) {
      action = Action::remove;
    } else if (is_one_of(word, {"-f", "--srcaddr"})) {
      rule.source = reader.next();
    } else if (is_one_of(word, {"-d", "--dstport"})) {
      rule.ports = port_list(reader.next());
    } else if (is_one_of(word, {"-p", "--proto"})) {
      rule.protocol = reader.next();
    } else if (is_one_of(word, {"-c", "--chain"})) {
      const std::string chain = reader.next();
      if (is_elsewhere(chain)) return other(kElsewhere);
      if (chain != "INPUT") rule.remark = with_remark(rule.remark, kOtherChain);
    } else if (is_one_of(word, {"-t", "--test", "-h", "--help"})) {
      return {Kind::nothing};
    } else if (!is_one_of(word, {"-v", "--verbose"}) && !word.starts_with("-m")) {
      return other(kUnknownWord);
    }
  }
  return of_action(action, rule);
}

Effect effect_of_ufw(const Words& words) { return Ufw(words).effect(); }

Effect effect_of_firewall_cmd(const Words& words) { return FirewallCmd(words).effect(); }

Effect effect_of_nft(const Words& words) {
  // A whole rule may be one word, in quotes; braces and commas need no blanks.
  Words tokens;
  for (const std::string& word : words) {
    std::string token;
    const auto end = [&] {
      if (!token.empty()) tokens.push_back(std::move(token));
      token.clear();
    };
    for (const char byte : word) {
      const bool apart = byte == '{' || byte == '}' || byte == ';';
      if (apart || byte == ' ') end();
      if (apart) tokens.emplace_back(1, byte);
      if (!apart && byte != ' ') token += byte;
    }
    end();
  }
  return Nft::read(tokens);
}

}  // namespace knockwork
