// What `public` lets in under conditions, or without ports: entries that repeat, contradict one another or
// can never match.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "spec/check/conflicts.hpp"
#include "spec/check/interfaces.hpp"
#include "spec/check/port_owners.hpp"
#include "text/utf8.hpp"
#include "values/values.hpp"

namespace knockwork::spec {
namespace {

constexpr std::uint8_t kIgmp = 2, kEchoRequest = 8, kEchoRequest6 = 128;

bool has_conditions(const PublicRule& rule) { return !rule.interface.empty() || !rule.from.empty(); }

PublicRule without_conditions(PublicRule rule) {
  rule.interface.clear();
  rule.from.clear();
  return rule;
}

class RuleChecks {
 public:
  RuleChecks(const Draft& draft, Faults& faults) : draft_(draft), faults_(faults) {
    for (const Service& service : draft.value.public_services) open_ports_.add(service, 0);
    for (const PublicRule& rule : draft.value.public_rules) {
      if (!has_conditions(rule)) open_.insert(rule);
    }
  }

  void check(const PublicRule& rule, const Value& place) {
    const std::string text = rule.service ? "a service" : to_string(rule);  // no port in a message
    if (!seen_.insert(rule).second) {
      faults_.at(place, {fmt::format("{} is listed twice", text), "remove one"});
    } else if (open_to_all(rule)) {
      faults_.at(place,
                 {fmt::format("{} is already public for everyone", text), "remove this entry, or the other"});
    }
    check_family(rule, place);
    if (!rule.interface.empty() && !may_be(draft_.value.interfaces, rule.interface)) {
      const bool without = !all_left_out(draft_.value.interfaces).empty();
      faults_.at(place, {fmt::format("{} is {} `interfaces`", quote(rule.interface),
                                     without ? "left out by" : "not in"),
                         "remove this entry: nothing is protected on that interface"});
    }
    if (!draft_.value.ping && !has_conditions(rule) && lets_ping_in(rule)) {
      faults_.at(place, {fmt::format("{} accepts echo requests, but `ping: no` does not", text),
                         "remove one of them, or list the types that you want"});
    }
  }

 private:
  static bool lets_ping_in(const PublicRule& rule) {
    const int protocol = rule.protocol.value_or(0);
    if (protocol != kIcmp && protocol != kIcmpv6) return false;
    return !rule.icmp_type || rule.icmp_type == (protocol == kIcmp ? kEchoRequest : kEchoRequest6);
  }

  // By an entry without conditions, or one of all types.
  bool open_to_all(const PublicRule& rule) {
    PublicRule general = without_conditions(rule);
    if (rule.service) return open_ports_.owner(*rule.service).has_value();
    if (has_conditions(rule) && open_.contains(general)) return true;
    return general.icmp_type && (general.icmp_type.reset(), open_.contains(general));
  }

  void check_family(const PublicRule& rule, const Value& place) {
    const int protocol = rule.protocol.value_or(0);
    if (protocol != kIcmp && protocol != kIcmpv6 && protocol != kIgmp) return;
    const bool ipv6 = protocol == kIcmpv6;
    for (const Network& network : rule.from) {
      if (network.ipv6 == ipv6) continue;
      faults_.at(place, {fmt::format("{} packets cannot come from {}", to_string(rule), to_string(network)),
                         fmt::format("it is an IPv{} protocol: remove the network", ipv6 ? 6 : 4)});
      return;
    }
  }

  const Draft& draft_;
  Faults& faults_;
  PortOwners open_ports_;
  std::set<PublicRule> open_, seen_;
};

}  // namespace

void check_public_rules(const Draft& draft, Faults& faults) {
  if (draft.value.public_rules.empty()) return;
  RuleChecks checks(draft, faults);
  for (std::size_t at = 0; at < draft.public_rules.size(); ++at) {
    checks.check(draft.value.public_rules[at], draft.public_rules[at]);
  }
}

}  // namespace knockwork::spec
