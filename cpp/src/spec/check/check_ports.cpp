// A port is a knock, or opened, or public, or a listed guard: never two of them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "knockwork/derive.hpp"
#include "spec/check/conflicts.hpp"
#include "spec/check/port_owners.hpp"
#include "values/all_ports.hpp"
#include "values/values.hpp"

namespace knockwork::spec {
namespace {

Service only(Knock knock) { return {knock.protocol, knock.port, knock.port}; }

std::string other_one(const Value& place) {
  const Position position = place.document().position(place.node().offset);
  return fmt::format("the other is at {}:{}", position.line, position.column);
}

// Services of one list that repeat or overlap: told at the one that stands later in the text.
void check_overlaps(const std::vector<Service>& services, const std::vector<Value>& places, Faults& faults) {
  std::vector<std::size_t> order(services.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t left, std::size_t right) { return services[left] < services[right]; });
  std::size_t widest = order.empty() ? 0 : order.front();  // of those before, the one that reaches furthest
  for (std::size_t at = 1; at < order.size(); ++at) {
    const std::size_t here = order[at];
    if (services[here] == services[order[at - 1]]) {
      faults.at(places[here],
                {"a service that is listed twice", "remove one: " + other_one(places[order[at - 1]])});
      continue;
    }
    const bool joined =
        services[widest].protocol == services[here].protocol && services[here].first <= services[widest].last;
    if (joined) {
      const auto [earlier, later] = std::minmax(here, widest);
      faults.at(places[later],
                {"a service that overlaps another",
                 "write one range that covers both, or remove one: " + other_one(places[earlier])});
    }
    if (!joined || services[here].last > services[widest].last) widest = here;
  }
}

bool meet(const std::vector<Network>& left, const std::vector<Network>& right) {
  return std::any_of(left.begin(), left.end(), [&](const Network& one) {
    return std::any_of(right.begin(), right.end(),
                       [&](const Network& other) { return contains(one, other) || contains(other, one); });
  });
}

// Adds those of `services` that may be drawn.
void add_drawn(const SequenceDraft& sequence, const std::vector<PortRange>& ranges,
               const std::vector<Service>& services, std::vector<PortRange>& used) {
  const std::vector<Protocol>& protocols = sequence.value.derive->protocols;
  for (const Service& service : services) {
    if (std::find(protocols.begin(), protocols.end(), service.protocol) == protocols.end()) continue;
    for (const PortRange range : ranges) {
      const PortRange both{std::max(range.first, service.first), std::min(range.last, service.last)};
      if (both.first <= both.last && std::find(used.begin(), used.end(), both) == used.end())
        used.push_back(both);
    }
  }
}

std::vector<std::string> texts(const std::vector<PortRange>& ranges) {
  std::vector<std::string> words;
  words.reserve(ranges.size());
  for (const PortRange range : ranges) words.push_back(to_string(range));
  return words;
}

class PortChecks {
 public:
  PortChecks(const Draft& draft, Faults& faults)
      : draft_(draft), faults_(faults), uses_(std::size_t{2} * 65536) {
    for (std::size_t at = 0; at < draft.sequences.size(); ++at) {
      for (const Service& service : draft.sequences[at].value.opens) {
        if (is_all_ports(service)) {
          all_.try_emplace(service.protocol, at);
        } else {
          protected_.add(service, at);
          if (draft.sequences[at].value.to.empty()) here_.add(service, at);
        }
        if (draft.sequences[at].value.to.empty() && keeps(draft.sequences[at].value)) kept_.add(service, at);
        if (draft.sequences[at].value.to.empty() && ends(draft.sequences[at].value)) ending_.add(service, at);
      }
    }
    for (const Service& service : draft.value.public_services) public_.add(service, 0);
    for (const PublicRule& rule : draft.value.public_rules) {
      if (rule.service) public_.add(*rule.service, 0);
    }
    for (Knock guard : draft.value.guards.ports) guards_.add(only(guard), 0);
  }

  void check_public() {
    for (std::size_t at = 0; at < draft_.public_services.size(); ++at) {
      check_public(draft_.value.public_services[at], draft_.public_services[at]);
      const Service& service = draft_.value.public_services[at];
      if (service.first != service.last) check_public_in_all(service, draft_.public_services[at]);
    }
    for (std::size_t at = 0; at < draft_.public_rules.size(); ++at) {
      const PublicRule& rule = draft_.value.public_rules[at];
      if (!rule.service) continue;
      check_public(*rule.service, draft_.public_rules[at]);
      check_public_in_all(*rule.service, draft_.public_rules[at]);
    }
  }

  void check_guards() {
    for (std::size_t at = 0; at < draft_.guard_ports.size(); ++at) {
      const Service guard = only(draft_.value.guards.ports[at]);
      if (at > 0 && draft_.guard_ports[at] == draft_.guard_ports[at - 1] && told_) continue;
      const auto owner = protected_.owner(guard);
      told_ = owner || public_.owner(guard);
      if (!told_) continue;
      faults_.at(draft_.guard_ports[at],
                 {owner ? fmt::format("a guard port that {} opens", title(draft_.sequences[*owner]))
                        : std::string("a guard port that is public"),
                  "remove it: every source that sends a packet to a guard is locked out"});
    }
  }

  void check_closed_port(const SequenceDraft& sequence) {
    if (draft_.value.mode != Mode::gate || !sequence.value.to.empty()) return;
    for (std::size_t at = 0; at < sequence.opens.size(); ++at) {
      const Service& service = sequence.value.opens[at];
      if (service.protocol == Protocol::tcp && service.first <= kClosedPort && !is_all_ports(service)) {
        faults_.at(sequence.opens[at],
                   {fmt::format("{} opens {}/tcp", title(sequence), kClosedPort),
                    "use another port: refused connections are redirected to it, so it must be closed"});
      }
    }
  }

  // Knocks to such an address would end at its services.
  void check_all(const SequenceDraft& sequence) {
    for (std::size_t at = 0; at < sequence.opens.size(); ++at) {
      const Service& service = sequence.value.opens[at];
      if (sequence.value.to.empty() || !is_all_ports(service)) continue;
      faults_.at(sequence.opens[at], {fmt::format("`{}` with `to`", to_string(service)),
                                      "write ranges without the knock ports: `all` means this host's ports"});
    }
  }

  // A connection does not tell by which sequence it came in.
  void check_expiry(const SequenceDraft& sequence) {
    if (sequence.value.on_expiry != OnExpiry::cut) return;
    for (std::size_t at = 0; at < sequence.opens.size(); ++at) {
      const Service& service = sequence.value.opens[at];
      const SequenceDraft* keeper = other_opener(sequence.value, service, kept_, keeps);
      if (keeper == nullptr) continue;
      faults_.at(sequence.opens[at],
                 {fmt::format("{} cuts the connections of a service, and {} keeps them", title(sequence),
                              title(*keeper)),
                  "write the same `on_expiry` in both: there is no record of which one opened a connection"});
    }
  }

  // A grant is one, whichever sequences it is by: what renews it by one would end it early by the other.
  void check_prolong(const SequenceDraft& sequence) {
    if (!sequence.value.prolong) return;
    for (std::size_t at = 0; at < sequence.opens.size(); ++at) {
      const SequenceDraft* other = other_opener(sequence.value, sequence.value.opens[at], ending_, ends);
      if (other == nullptr) continue;
      faults_.at(sequence.opens[at],
                 {fmt::format("{} prolongs the grants of a service, and {} does not", title(sequence),
                              title(*other)),
                  "write the same `prolong` in both: a source has one grant for a service"});
    }
  }

  // What can be drawn must be right for whatever is drawn: told now, never first on the day it is.
  void check_drawn(const SequenceDraft& sequence) {
    if (!sequence.derive) return;
    const std::vector<PortRange> ranges = pool(*sequence.value.derive);
    std::size_t count = 0;
    for (const PortRange range : ranges) count += std::size_t{range.last} - range.first + 1;
    if (count < kLeastPorts) {
      faults_.at(sequence.derive,
                 {fmt::format("{} ports to draw from", count),
                  fmt::format("widen `ports`, or exclude fewer: at least {} are required", kLeastPorts)});
    }
    std::vector<PortRange> used;
    for (const SequenceDraft& opener : draft_.sequences) {
      std::vector<Service> opens = opener.value.opens;
      std::erase_if(opens, is_all_ports);
      add_drawn(sequence, ranges, opens, used);
    }
    add_drawn(sequence, ranges, draft_.value.public_services, used);
    add_drawn(sequence, ranges, public_under_conditions(), used);
    if (!used.empty()) {
      faults_.at(sequence.derive,
                 {fmt::format("{} could draw ports that are opened or public", title(sequence)),
                  "add them to `exclude`: a knock goes to a closed port",
                  fmt::format("add them to `exclude`: {}; a knock goes to a closed port",
                              fmt::join(texts(used), ", "))});
    }
    std::vector<Service> guards;
    for (const Knock guard : draft_.value.guards.ports) guards.push_back(only(guard));
    used.clear();
    add_drawn(sequence, ranges, token_ports(), used);
    if (!used.empty()) {
      faults_.at(sequence.derive,
                 {fmt::format("{} could draw a port that tokens are sent to", title(sequence)),
                  "add it to `exclude`"});
    }
    used.clear();
    add_drawn(sequence, ranges, guards, used);
    if (!used.empty()) {
      faults_.at(
          sequence.derive,
          {fmt::format("{} could draw a port in `guards`", title(sequence)),
           "add the listed guards to `exclude`: every source that sends a packet to a guard is locked out"});
    }
  }

  void check_token(const SequenceDraft& sequence) {
    if (!sequence.token || sequence.value.token->port.port == 0) return;
    const Knock port = sequence.value.token->port;
    const Value place = find_key(sequence.token, "port");
    check_closed(sequence, port, place, "sends tokens to");
    if (is_knock(port)) {
      faults_.at(place,
                 {fmt::format("{} sends tokens to a port that another sequence knocks on", title(sequence)),
                  "use a port that no sequence knocks on"});
    }
  }

  void check_knocks(const SequenceDraft& sequence) {
    for (std::size_t step = 0; step < sequence.knocks.size(); ++step) {
      check_knock(sequence, sequence.value.knock[step], sequence.knocks[step]);
    }
  }

 private:
  void check_public(const Service& service, const Value& place) {
    if (const auto owner = here_.owner(service)) {
      faults_.at(place, {fmt::format("a public service that {} opens", title(draft_.sequences[*owner])),
                         "remove it from one of them: a public service needs no knock"});
    }
  }

  // A single port that is public is left out of all ports; a range or an entry with conditions is not.
  void check_public_in_all(const Service& service, const Value& place) {
    const auto owner = all_.find(service.protocol);
    if (owner == all_.end()) return;
    faults_.at(place, {fmt::format("a public service among all the ports that {} opens",
                                   title(draft_.sequences[owner->second])),
                       "list single ports without conditions, or write ranges in `opens`"});
  }

  std::vector<Service> public_under_conditions() const {
    std::vector<Service> services;
    for (const PublicRule& rule : draft_.value.public_rules) {
      if (rule.service) services.push_back(*rule.service);
    }
    return services;
  }

  std::vector<Service> token_ports() const {
    std::vector<Service> ports;
    for (const SequenceDraft& each : draft_.sequences) {
      if (each.value.token && each.value.token->port.port != 0) ports.push_back(only(each.value.token->port));
    }
    return ports;
  }

  static bool keeps(const Sequence& sequence) { return sequence.on_expiry == OnExpiry::keep; }
  static bool ends(const Sequence& sequence) { return !sequence.prolong; }

  // A sequence of that kind that opens some of the service in the same place. `here`: those of this host.
  template <typename Kind>
  const SequenceDraft* other_opener(const Sequence& sequence, const Service& service, PortOwners& here,
                                    Kind kind) {
    if (sequence.to.empty()) {
      const auto owner = here.owner(service);
      return owner ? &draft_.sequences[*owner] : nullptr;
    }
    const auto opens_it = [&](const SequenceDraft& other) {
      return kind(other.value) && meet(other.value.to, sequence.to) &&
             std::any_of(other.value.opens.begin(), other.value.opens.end(), [&](const Service& theirs) {
               return theirs.protocol == service.protocol && theirs.first <= service.last &&
                      service.first <= theirs.last;
             });
    };
    const auto found = std::find_if(draft_.sequences.begin(), draft_.sequences.end(), opens_it);
    return found == draft_.sequences.end() ? nullptr : &*found;
  }

  void check_knock(const SequenceDraft& sequence, Knock knock, const Value& place) {
    const std::size_t number = (knock.protocol == Protocol::tcp ? 0U : 65536U) + knock.port;
    if (++uses_[number] == kMostUses + 1) {
      faults_.at(
          place,
          {fmt::format("more than {} knocks on one port", kMostUses),
           "use different ports in the sequences: each use of a port adds cost to every packet to it"});
    }
    check_closed(sequence, knock, place, "knocks on");
  }

  void check_closed(const SequenceDraft& sequence, Knock knock, const Value& place, std::string_view does) {
    if (const auto owner = protected_.owner(only(knock))) {
      const SequenceDraft& opener = draft_.sequences[*owner];
      faults_.at(place,
                 {&opener == &sequence
                      ? fmt::format("{} {} a port that it opens itself", title(sequence), does)
                      : fmt::format("{} {} a port that {} opens", title(sequence), does, title(opener)),
                  "use a closed port that no sequence opens"});
    } else if (public_.owner(only(knock))) {
      faults_.at(place, {fmt::format("{} {} a public port", title(sequence), does),
                         "use a closed port that is not in `public`"});
    } else if (guards_.owner(only(knock))) {
      faults_.at(
          place,
          {fmt::format("{} {} a port in `guards`", title(sequence), does),
           "remove it from `guards`, or use another port: every source that sends a packet to a guard is "
           "locked out"});
    }
  }

  const Draft& draft_;
  Faults& faults_;
  PortOwners protected_, here_, kept_, ending_, public_, guards_;
  std::map<Protocol, std::size_t> all_;  // the sequence that opens all ports of it
  std::vector<std::uint16_t> uses_;      // told at the first beyond kMostUses, so it may wrap
  // Whether any sequence that is written down knocks there.
  bool is_knock(Knock port) const {
    return uses_[(port.protocol == Protocol::tcp ? 0U : 65536U) + port.port] > 0;
  }

  bool told_ = false;  // of a guard that stands for both protocols: once is enough
};

}  // namespace

void check_ports(const Draft& draft, Faults& faults) {
  PortChecks checks(draft, faults);
  check_overlaps(draft.value.public_services, draft.public_services, faults);
  checks.check_public();
  checks.check_guards();
  for (const SequenceDraft& sequence : draft.sequences) {
    if (sequence.opens.size() > 1) check_overlaps(sequence.value.opens, sequence.opens, faults);
    checks.check_knocks(sequence);
    checks.check_drawn(sequence);
    checks.check_expiry(sequence);
    checks.check_prolong(sequence);
    checks.check_closed_port(sequence);
    checks.check_all(sequence);
  }
  for (const SequenceDraft& sequence : draft.sequences) checks.check_token(sequence);
}

}  // namespace knockwork::spec
