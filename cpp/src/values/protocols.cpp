// Protocols without ports, and what `public` takes. The names are fixed here, so that a declaration means
// the same on every host, whatever its /etc/protocols says.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "text/utf8.hpp"
#include "values/service_names.hpp"
#include "values/values.hpp"

namespace knockwork::spec {
namespace {

struct Named {
  std::string_view name;
  std::uint8_t number;
};

// The first name of a number is the one that is written back.
constexpr std::array<Named, 23> kProtocols{{{"icmp", kIcmp},    {"icmpv6", kIcmpv6}, {"ipv6-icmp", kIcmpv6},
                                            {"icmp6", kIcmpv6}, {"igmp", 2},         {"ipip", 4},
                                            {"ipencap", 4},     {"dccp", 33},        {"ipv6", 41},
                                            {"rsvp", 46},       {"gre", 47},         {"esp", 50},
                                            {"ah", 51},         {"eigrp", 88},       {"ospf", 89},
                                            {"etherip", 97},    {"pim", 103},        {"ipcomp", 108},
                                            {"comp", 108},      {"vrrp", 112},       {"l2tp", 115},
                                            {"sctp", 132},      {"udplite", 136}}};

// As `nft describe icmp type` names them.
constexpr std::array<Named, 15> kIcmpTypes{{{"echo-reply", 0},
                                            {"destination-unreachable", 3},
                                            {"source-quench", 4},
                                            {"redirect", 5},
                                            {"echo-request", 8},
                                            {"router-advertisement", 9},
                                            {"router-solicitation", 10},
                                            {"time-exceeded", 11},
                                            {"parameter-problem", 12},
                                            {"timestamp-request", 13},
                                            {"timestamp-reply", 14},
                                            {"info-request", 15},
                                            {"info-reply", 16},
                                            {"address-mask-request", 17},
                                            {"address-mask-reply", 18}}};

// As `nft describe icmpv6 type` names them.
constexpr std::array<Named, 19> kIcmpv6Types{{{"destination-unreachable", 1},
                                              {"packet-too-big", 2},
                                              {"time-exceeded", 3},
                                              {"parameter-problem", 4},
                                              {"echo-request", 128},
                                              {"echo-reply", 129},
                                              {"mld-listener-query", 130},
                                              {"mld-listener-report", 131},
                                              {"mld-listener-done", 132},
                                              {"mld-listener-reduction", 132},
                                              {"nd-router-solicit", 133},
                                              {"nd-router-advert", 134},
                                              {"nd-neighbor-solicit", 135},
                                              {"nd-neighbor-advert", 136},
                                              {"nd-redirect", 137},
                                              {"router-renumbering", 138},
                                              {"ind-neighbor-solicit", 141},
                                              {"ind-neighbor-advert", 142},
                                              {"mld2-listener-report", 143}}};

std::optional<std::uint8_t> number_of(std::span<const Named> table, std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(), [&](Named each) { return each.name == name; });
  return found == table.end() ? std::nullopt : std::optional(found->number);
}

std::optional<std::string_view> name_of(std::span<const Named> table, std::uint8_t number) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](Named each) { return each.number == number; });
  return found == table.end() ? std::nullopt : std::optional(found->name);
}

std::span<const Named> types_of(std::uint8_t protocol) {
  if (protocol == kIcmp) return kIcmpTypes;
  return kIcmpv6Types;
}

tl::unexpected<Fault> with_ports(std::string_view name) {
  return refuse(fmt::format("{} is a protocol with ports", name),
                fmt::format("write the port, as in 443/{0}, or 1-65535/{0} for all of them", name));
}

PublicRule rule_of(std::uint8_t protocol) {
  PublicRule rule;
  rule.protocol = protocol;
  return rule;
}

Parsed<PublicRule> service_rule(std::string_view text) {
  const auto service = parse_service(text);
  if (!service) return tl::unexpected(service.error());
  PublicRule rule;
  rule.service = *service;
  return rule;
}

Parsed<PublicRule> parse_number(std::string_view digits) {
  const auto number = parse_integer(digits, 1, 254);
  if (!number) return tl::unexpected(number.error());
  if (*number == static_cast<std::uint32_t>(Protocol::tcp)) return with_ports("tcp");
  if (*number == static_cast<std::uint32_t>(Protocol::udp)) return with_ports("udp");
  return rule_of(static_cast<std::uint8_t>(*number));
}

Parsed<PublicRule> parse_type(std::uint8_t protocol, std::string_view type) {
  const std::string_view family = protocol == kIcmp ? "icmp" : "icmpv6";
  PublicRule rule = rule_of(protocol);
  rule.icmp_type = number_of(types_of(protocol), type);
  if (rule.icmp_type) return rule;
  const auto number = parse_integer(type, 0, 255);
  if (!number) {
    return refuse(
        fmt::format("unknown type {} of {}", quote(type), family),
        fmt::format("write a name from `nft describe {0} type`, or its number: {0}/echo-request, {0}/{1}",
                    family, protocol == kIcmp ? 8 : 128));
  }
  rule.icmp_type = static_cast<std::uint8_t>(*number);
  return rule;
}

}  // namespace

Parsed<PublicRule> parse_public(std::string_view text) {
  if (parse_integer(text, 1, 254)) {
    return tl::unexpected(Fault{
        "a number that could be a port or a protocol", "write a port as 443/tcp, a protocol as proto/47",
        fmt::format("write {0}/tcp or {0}/udp for the port, proto/{0} for the protocol", text)});
  }
  const std::string lowered = lower(text);
  const std::size_t slash = lowered.find('/');
  const std::string_view left = std::string_view(lowered).substr(0, slash);
  const auto protocol = number_of(kProtocols, left);
  if (slash == std::string_view::npos) {
    if (protocol) return rule_of(*protocol);
    if (left == "tcp" || left == "udp") return with_ports(left);
    if (is_service_name(text) && !service_port(text, Protocol::tcp) && !service_port(text, Protocol::udp)) {
      return refuse(
          "unknown protocol or service " + quote(text),
          "write a service, as in 443/tcp, or a protocol by name, as in gre, or by number, as in proto/47");
    }
    return service_rule(text);
  }
  const std::string_view right = std::string_view(lowered).substr(slash + 1);
  if (left == "proto") return parse_number(right);
  const int number = protocol.value_or(0);
  if (number == kIcmp || number == kIcmpv6) return parse_type(*protocol, right);
  if (number_of(kProtocols, right)) {
    return refuse(fmt::format("{} cannot be limited to a port", right),
                  fmt::format("write {} for the whole protocol", right));
  }
  return service_rule(text);
}

}  // namespace knockwork::spec

namespace knockwork {

std::string to_string(const PublicRule& rule) {
  if (rule.service) return to_string(*rule.service);
  const std::uint8_t protocol = rule.protocol.value_or(0);
  const auto name = spec::name_of(spec::kProtocols, protocol);
  if (!name) return fmt::format("proto/{}", protocol);
  if (!rule.icmp_type) return std::string(*name);
  const auto type = spec::name_of(spec::types_of(protocol), *rule.icmp_type);
  return type ? fmt::format("{}/{}", *name, *type) : fmt::format("{}/{}", *name, *rule.icmp_type);
}

}  // namespace knockwork
