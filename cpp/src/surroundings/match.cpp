#include "surroundings/match.hpp"

#include <algorithm>
#include <charconv>

#include "surroundings/words.hpp"
#include "text/words.hpp"

namespace knockwork {
namespace {

using Words = std::vector<std::string_view>;

Tri yes_if(bool condition) { return condition ? Tri::yes : Tri::no; }

Tri negated(Tri tri) { return tri == Tri::maybe ? tri : yes_if(tri == Tri::no); }

std::optional<std::uint32_t> number(std::string_view text) {
  const bool hexadecimal = text.starts_with("0x");
  if (hexadecimal) text.remove_prefix(2);
  std::uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, hexadecimal ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// How many words name what is asked about; 0: of an unknown kind.
std::size_t length_of_key(const Words& words, std::size_t at) {
  const std::string_view head = words[at];
  const std::string_view next = at + 1 < words.size() ? words[at + 1] : std::string_view();
  if (is_one_of(head, {"iif", "iifname", "oif", "oifname", "iifgroup", "oifgroup", "iiftype", "oiftype"}))
    return 1;
  if (head == "ct" && is_one_of(next, {"original", "reply"})) {
    return at + 2 < words.size() && is_one_of(words[at + 2], {"ip", "ip6"}) ? 4 : 3;
  }
  if (is_one_of(head, {"tcp", "ip", "ip6"}) && next == "option") return 0;
  if (head == "socket" && next == "cgroupv2") return 0;
  if (head == "fib") {
    for (std::size_t end = at + 1; end < words.size(); ++end) {
      if (is_one_of(words[end], {"type", "oif", "oifname"})) return end + 1 - at;
    }
    return 0;
  }
  return is_one_of(head, {"meta", "ct",    "tcp",    "udp",  "th",   "ip",      "ip6", "icmp", "icmpv6",
                          "igmp", "ether", "socket", "sctp", "dccp", "udplite", "esp", "ah",   "comp",
                          "arp",  "vlan",  "frag",   "hbh",  "dst",  "rt",      "mh"})
             ? 2
             : 0;
}

// "established,new": any of them; but "established | new" is one value of several bits.
Tri has_word(std::string_view list, std::string_view word) {
  const Words items = items_of(list);
  return yes_if(std::find(items.begin(), items.end(), word) != items.end());
}

Tri equals_port(std::string_view value, const Question& question, std::string_view which) {
  constexpr std::uint32_t kMost = 60000, kMany = 4096;
  const std::size_t dash = value.find('-');
  const auto first = number(value.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : number(value.substr(dash + 1));
  const bool known = which == "dport" && question.port;
  if (!first || !last) return known ? Tri::maybe : Tri::no;  // @allowed
  if (known) return yes_if(*first <= *question.port && *question.port <= *last);
  if (*last - *first >= kMost) return Tri::yes;
  return *last - *first >= kMany ? Tri::maybe : Tri::no;
}

// "syn / fin,syn,rst,ack", or "syn,ack", any of which will do: of a packet that has SYN and nothing else.
Tri equals_flags(std::string_view value) {
  const Words sides = split(value, " / ");
  const auto is_syn = [](std::string_view names) {
    const Words items = items_of(names);
    return items.size() == 1 && is_one_of(items.front(), {"syn", "0x2"});
  };
  if (sides.size() == 1) return std::max(yes_if(is_syn(value)), has_word(value, "syn"));
  const Words mask = items_of(sides.back());
  const bool asked = std::find(mask.begin(), mask.end(), "syn") != mask.end();
  return yes_if(asked ? is_syn(sides.front()) : is_one_of(sides.front(), {"0x0", "0"}));
}

Tri equals_name(std::string_view value, const std::string& interface) {
  value = without_quotes(value);
  if (value.starts_with('@')) return Tri::maybe;
  if (interface.empty()) return yes_if(value == "*");
  if (value.ends_with('*')) return yes_if(interface.starts_with(value.substr(0, value.size() - 1)));
  if (interface.ends_with('*') && value.starts_with(interface.substr(0, interface.size() - 1)))
    return Tri::maybe;
  return yes_if(value == interface);
}

Tri equals_ct(std::string_view key, std::string_view value, const Question& question) {
  if (key == "state") return has_word(value, "new");
  if (key == "status")
    return std::min(has_word(value, "dnat"), question.forwarded ? Tri::maybe : yes_if(question.translated));
  if (key == "direction") return yes_if(value == "original" || value == "0");
  if (is_one_of(key, {"mark", "zone", "label", "secmark"})) return yes_if(number(value) == 0U);
  if (key == "helper") return Tri::no;
  return Tri::maybe;
}

Tri equals_meta(std::string_view key, std::string_view value, const Question& question) {
  const bool tcp = question.protocol == Protocol::tcp;
  if (is_one_of(key, {"iif", "iifname"})) return equals_name(value, question.interface);
  if (key == "l4proto") return yes_if(is_one_of(value, {tcp ? "6" : "17", tcp ? "tcp" : "udp"}));
  if (key == "nfproto")
    return yes_if(is_one_of(value, {question.ipv6 ? "ipv6" : "ipv4", question.ipv6 ? "10" : "2"}));
  if (key == "protocol") return yes_if(is_one_of(value, {question.ipv6 ? "ip6" : "ip"}));
  if (key == "pkttype") return yes_if(is_one_of(value, {"host", "unicast"}));
  if (is_one_of(key, {"mark", "secmark", "priority"})) return yes_if(number(value) == 0U || value == "none");
  return Tri::maybe;
}

// No rule names a stranger, nor the source port of somebody's choice.
Tri equals_address(std::string_view key, std::string_view value, const Question& question) {
  if (key == "saddr") {
    if (value == "0.0.0.0/0" || value == "::/0") return Tri::yes;
    return question.port ? Tri::maybe : Tri::no;
  }
  if (key != "daddr") return Tri::maybe;
  const bool nobodys = value.starts_with("127.") || value.starts_with("255.") || value.starts_with("fe80") ||
                       value.starts_with("ff") || value == "::1";
  const auto first = number(value.substr(0, value.find('.')));
  const bool multicast = first && *first >= 224 && value.find('.') != std::string_view::npos;
  return nobodys || multicast ? Tri::no : Tri::maybe;
}

Tri equals_fib(const Words& key, std::string_view value, const Question& question) {
  if (key.back() != "type") return value == "exists" ? Tri::yes : value == "missing" ? Tri::no : Tri::maybe;
  const bool source = std::find(key.begin(), key.end(), "saddr") != key.end();
  return yes_if(value == (source || question.forwarded ? "unicast" : "local"));
}

Tri equals(const Words& key, std::string_view value, const Question& question) {
  const std::string_view head = key.front(), field = key.back();
  if (is_one_of(head, {"iif", "iifname"})) return equals_name(value, question.interface);
  if (is_one_of(head, {"tcp", "udp", "th"})) {
    if (is_one_of(field, {"dport", "sport"})) return equals_port(value, question, field);
    return field == "flags" ? equals_flags(value) : Tri::maybe;
  }
  if (head == "ct" && key.size() == 2) return equals_ct(field, value, question);
  if (head == "meta") return equals_meta(field, value, question);
  if (head == "fib") return equals_fib(key, value, question);
  if (is_one_of(head, {"ip", "ip6"})) {
    if (is_one_of(field, {"protocol", "nexthdr"})) return equals_meta("l4proto", value, question);
    return equals_address(field, value, question);
  }
  if (head == "socket") return Tri::no;  // what is closed has none
  return Tri::maybe;
}

// Whoever asks about a header means packets that have it, with `!=` too.
bool has_header(std::string_view head, const Question& question) {
  if (is_one_of(head, {"tcp", "udp"})) return (head == "tcp") == (question.protocol == Protocol::tcp);
  if (is_one_of(head, {"ip", "ip6"})) return (head == "ip6") == question.ipv6;
  return !is_one_of(head, {"icmp", "icmpv6", "igmp", "sctp", "dccp", "udplite", "esp", "ah", "comp", "arp",
                           "vlan", "frag", "hbh", "dst", "rt", "mh"});
}

Tri equals_all(const Expression& expression, std::string_view value, const Question& question) {
  if (expression.keys.size() == 1) return equals(expression.keys.front(), value, question);
  const Words parts = split(value, " . ");
  Tri all = Tri::yes;
  for (std::size_t at = 0; at < expression.keys.size(); ++at) {
    // Of a named set each part may be there.
    all = std::min(all, equals(expression.keys[at],
                               parts.size() == 1 ? value : parts[std::min(at, parts.size() - 1)], question));
  }
  return all;
}

}  // namespace

std::optional<Expression> read_expression(const Words& words, std::size_t& at) {
  Expression expression;
  std::size_t next = at;
  const auto word = [&] { return next < words.size() ? words[next] : std::string_view(); };
  do {
    if (!expression.keys.empty()) ++next;
    const std::size_t length = next < words.size() ? length_of_key(words, next) : 0;
    if (length == 0 || next + length > words.size()) return std::nullopt;
    const auto first = words.begin() + static_cast<std::ptrdiff_t>(next);
    expression.keys.emplace_back(first, first + static_cast<std::ptrdiff_t>(length));
    next += length;
  } while (word() == ".");
  if (word() == "&") {
    if (next + 1 >= words.size()) return std::nullopt;
    expression.mask = words[next + 1];
    next += 2;
  }
  const bool written = is_one_of(word(), {"==", "!=", "!", "<", ">", "<=", ">=", "vmap", "set"});
  expression.operation = written ? word() : "==";
  if (written) ++next;
  if (next >= words.size() || is_one_of(word(), {"map", "|", "^"})) return std::nullopt;
  const std::string_view first = words[next];
  while (next + 2 < words.size() && is_one_of(words[next + 1], {".", "/", "|"})) next += 2;
  const auto length = words[next].data() + words[next].size() - first.data();
  expression.value = std::string_view(first.data(), static_cast<std::size_t>(length));
  at = next + 1;
  return expression;
}

Tri matches(const Expression& expression, const Question& question) {
  for (const Words& key : expression.keys) {
    if (!has_header(key.front(), question)) return Tri::no;
  }
  if (!is_one_of(expression.operation, {"==", "!=", "!", "vmap"})) return Tri::maybe;
  if (!expression.mask.empty() && !is_one_of(expression.keys.front().back(), {"mark"})) return Tri::maybe;
  Tri found = Tri::no;
  if (expression.value.starts_with('{')) {
    for (const std::string_view item : items_of(expression.value)) {
      found = std::max(found, equals_all(expression, item, question));
    }
  } else {
    found = equals_all(expression, expression.value, question);
  }
  return is_one_of(expression.operation, {"!=", "!"}) ? negated(found) : found;
}

}  // namespace knockwork
