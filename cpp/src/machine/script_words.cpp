#include "machine/script_words.hpp"

#include <array>
#include <string>

#include "values/values.hpp"

namespace knockwork {
namespace {

template <typename Value>
struct Named {
  std::string_view text;
  Value value;
};

constexpr std::array<Named<std::uint8_t>, 8> kFlags{
    {{"syn", tcp_flag::syn},
     {"ack", tcp_flag::ack},
     {"fin", tcp_flag::fin},
     {"rst", tcp_flag::rst},
     {"psh", tcp_flag::psh},
     {"urg", tcp_flag::urg},
     {"null", 0},
     {"xmas", tcp_flag::fin | tcp_flag::psh | tcp_flag::urg}}};

constexpr std::array<Named<Conntrack>, 5> kStates{{{"new", Conntrack::fresh},
                                                   {"untracked", Conntrack::untracked},
                                                   {"established", Conntrack::established},
                                                   {"related", Conntrack::related},
                                                   {"invalid", Conntrack::invalid}}};

constexpr std::array<Named<DestinationType>, 5> kDestinations{{{"local", DestinationType::local},
                                                               {"broadcast", DestinationType::broadcast},
                                                               {"multicast", DestinationType::multicast},
                                                               {"anycast", DestinationType::anycast},
                                                               {"unicast", DestinationType::routed}}};

constexpr std::array<Named<Ingress>, 2> kIngresses{
    {{"lo", Ingress::loopback}, {"unlisted", Ingress::unlisted}}};

// RFC 4861, RFC 4890 section 4.4, RFC 2710 and 3810, RFC 8415; named as nft names them.
constexpr std::array<Named<bool>, 14> kNeeds{{{"nd-router-solicit", true},
                                              {"nd-router-advert", true},
                                              {"nd-neighbor-solicit", true},
                                              {"nd-neighbor-advert", true},
                                              {"nd-redirect", true},
                                              {"destination-unreachable", true},
                                              {"packet-too-big", true},
                                              {"time-exceeded", true},
                                              {"parameter-problem", true},
                                              {"mld-listener-query", true},
                                              {"mld-listener-report", true},
                                              {"mld-listener-done", true},
                                              {"mld2-listener-report", true},
                                              {"dhcpv6", true}}};

constexpr std::array<Named<bool>, 2> kDirections{{{"original", false}, {"reply", true}}};

// Of a connection that this side knows to be its own.
constexpr std::array<Named<bool>, 1> kTruth{{{"ours", true}}};
constexpr std::array<Named<bool>, 1> kEchoes{{{"echo-request", true}}};

template <typename Table, typename Value>
bool assign(const Table& table, std::string_view text, Value& value) {
  for (const auto& word : table) {
    if (word.text == text) {
      value = word.value;
      return true;
    }
  }
  return false;
}

// "syn", "syn,ack", "syn|ack"
bool assign_flags(std::string_view text, std::uint8_t& flags) {
  unsigned joined = 0;
  for (;;) {
    const std::size_t end = text.find_first_of(",|");
    std::uint8_t one = 0;
    if (!assign(kFlags, text.substr(0, end), one)) return false;
    joined |= one;
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  flags = static_cast<std::uint8_t>(joined);
  return true;
}

// "to=203.0.113.10"
bool assign_address(std::string_view text, std::optional<Network>& address) {
  constexpr std::string_view kTo = "to=";
  if (!text.starts_with(kTo)) return false;
  const auto network = parse_network(text.substr(kTo.size()));
  if (!network || text.find('/') != std::string_view::npos) return false;
  address = *network;
  return true;
}

// "on=eth1"
bool assign_interface(std::string_view text, std::string& interface) {
  constexpr std::string_view kOn = "on=";
  if (!text.starts_with(kOn) || text.ends_with('*')) return false;
  const auto name = spec::parse_interface(text.substr(kOn.size()));
  if (name) interface = *name;
  return name.has_value();
}

// "connection=2"
bool assign_connection(std::string_view text, std::uint32_t& connection) {
  constexpr std::string_view kConnection = "connection=";
  if (!text.starts_with(kConnection)) return false;
  const auto number = spec::parse_integer(text.substr(kConnection.size()), 1, 65535);
  if (number) connection = *number;
  return number.has_value();
}

// "echo-request", or its number: as in `public`.
bool assign_icmp_type(std::string_view text, Packet& packet) {
  const bool is_icmp = packet.protocol == kIcmp;
  if (!is_icmp && packet.protocol != kIcmpv6) return false;
  const auto rule = spec::parse_public((is_icmp ? "icmp/" : "icmpv6/") + std::string(text));
  if (rule) packet.icmp_type = rule->icmp_type;
  return rule.has_value();
}

}  // namespace

std::optional<Aspect> apply_word(std::string_view word, Packet& packet) {
  const bool is_type = assign_icmp_type(word, packet);
  if (assign_flags(word, packet.flags)) return Aspect::flags;
  if (assign(kStates, word, packet.conntrack)) return Aspect::conntrack;
  if (assign(kDirections, word, packet.reply)) return Aspect::direction;
  if (assign(kTruth, word, packet.ours)) return Aspect::truth;
  if (assign(kEchoes, word, packet.ping)) return Aspect::echo;
  if (assign_address(word, packet.address)) return Aspect::address;
  if (assign_connection(word, packet.connection)) return Aspect::connection;
  if (assign(kDestinations, word, packet.destination)) return Aspect::destination;
  if (assign(kIngresses, word, packet.ingress) || assign_interface(word, packet.interface))
    return Aspect::ingress;
  const bool may_be_needed = packet.protocol != kIcmp;
  if (may_be_needed && assign(kNeeds, word, packet.needed_by_ipv6)) return Aspect::need;
  return is_type ? std::optional(Aspect::icmp_type) : std::nullopt;
}

std::string_view to_string(Aspect aspect) {
  switch (aspect) {
    case Aspect::flags:
      return "TCP flags";
    case Aspect::conntrack:
      return "conntrack state";
    case Aspect::direction:
      return "direction";
    case Aspect::truth:
      return "knowledge of the connection";
    case Aspect::echo:
      return "kind of ICMP";
    case Aspect::address:
      return "destination";
    case Aspect::destination:
      return "kind of destination";
    case Aspect::ingress:
      return "interface";
    case Aspect::need:
      return "need of IPv6";
    case Aspect::icmp_type:
      return "type of ICMP";
    case Aspect::connection:
      return "connection";
    case Aspect::token:
    case Aspect::again:
      return "token";
  }
  return {};
}

}  // namespace knockwork
