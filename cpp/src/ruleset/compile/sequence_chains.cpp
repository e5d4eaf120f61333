// What firing a step does: one chain per distinct step timeout, opening and set of sources.
//
// Of a source that is locked out, the same chains only note that what follows is no wrong
// knock (`excused`); nothing is expected and nothing opens.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "ruleset/compile/rulebook.hpp"
#include "ruleset/log.hpp"

namespace knockwork {
namespace {

// A constant_key for a protocol. A bare number would do for us, but `nft list ruleset`
// writes its name, which does not parse there: a saved ruleset must load again.
std::string constant_protocol(Protocol protocol) {
  return fmt::format("meta l4proto & {0} | {0}", static_cast<int>(protocol));
}

// A grant by the sequence; only a packet that makes one comes here.
constexpr std::string_view kCounted = "update @counted { meta priority counter }";

class Sequences {
 public:
  explicit Sequences(const Rulebook& book) : book_(book), program_(book.program()) {}

  std::vector<Chain> chains() const {
    std::map<std::string, Chain> made;
    const auto make = [&made](const std::string& name) -> Chain& {
      return made.try_emplace(name, Chain{name, "", {}, {}}).first->second;
    };
    for (const Track& track : program_.tracks) {
      if (track.edges.size() > 1) make(waiting_chain(track.step_timeout)).rules = waiting(track);
      make(opening_chain(track)).rules = track.closes.empty() ? opening(track) : closing(track);
      if (track.once) {
        make("once_" + opening_chain(track)).rules = opening_once(track);
        make("spender").rules = spender();
      }
      if (track.sequence_timeout) {
        Rules& rules = make(firing_chain(track, 0, Asks::nothing)).rules;
        if (Rules longer = beginning(track); longer.size() > rules.size()) rules = std::move(longer);
      }
      for (std::size_t step = 0; !track.from.empty() && step < track.edges.size(); ++step) {
        make(firing_chain(track, step, Asks::source)).rules =
            asked_for_source(track, firing_chain(track, step, Asks::nothing));
      }
      for (std::size_t step = 0; !track.on.empty() && step < track.edges.size(); ++step) {
        make(firing_chain(track, step)).rules =
            asked_for_interface(track, firing_chain(track, step, Asks::source));
      }
    }
    if (program_.lockout && !program_.tracks.empty()) make("excuse").rules = excuse();
    std::vector<Chain> chains;
    chains.reserve(made.size());
    for (auto& [name, chain] : made) chains.push_back(std::move(chain));
    return chains;
  }

 private:
  static Rules asked_for_source(const Track& track, const std::string& target) {
    return {fmt::format("ip saddr @{} goto {}", from_set(track, '4'), target),
            fmt::format("ip6 saddr @{} goto {}", from_set(track, '6'), target)};
  }

  static Rules asked_for_interface(const Track& track, const std::string& target) {
    return {comes_by(track.on) + "goto " + target};
  }

  // `update @set4 { ip saddr . meta priority timeout 5s }`, and the same of the other family.
  Rules noted(std::string_view set, std::string_view time) const {
    Rules rules;
    for (const auto& [source, family] : book_.sources())
      rules.push_back(
          fmt::format("update @{}{} {{ {} . meta priority timeout {} }}", set, family, source, time));
    return rules;
  }
  Rules noted(std::string_view set, Duration time) const { return noted(set, nft_time(time)); }

  Rules muted() const { return program_.lockout ? Rules{"meta pkttype > broadcast goto excuse"} : Rules{}; }

  // A stack sends a SYN again after some seconds: the copy is as right as the first.
  Rules late_copies() const { return program_.lockout ? noted("excused", excused_) : Rules{}; }

  Rules excuse() const {
    Rules rules{kExcused};
    append(rules, late_copies());
    rules.emplace_back("meta priority set meta priority map @next");
    append(rules, late_copies());
    return rules;
  }

  Rules waiting(const Track& track) const {
    Rules rules = muted();
    rules.push_back(kFired);
    append(rules, late_copies());
    rules.emplace_back("meta priority set meta priority map @next");
    append(rules, noted("expected", track.step_timeout));
    return rules;
  }

  // A first knock starts the clock of every later step: as often as the longest
  // sequence has steps, for where `next` ends the last one is only noted again.
  Rules beginning(const Track& track) const {
    Rules rules = waiting(track);
    for (std::size_t step = 1; step < track.edges.size(); ++step) {
      if (step > 1) rules.emplace_back("meta priority set meta priority map @next");
      append(rules, noted("begun", *track.sequence_timeout));
    }
    return rules;
  }

  // A holder records who came by which sequence; without room for it nothing opens.
  Rules opening(const Track& track) const {
    Rules rules = muted();
    rules.push_back(kFired);
    append(rules, late_copies());
    if (track.prolong) append(rules, no_longer_by_hand());
    if (track.connections > 0) append(rules, no_second_grant());
    for (const auto& [source, family] : book_.sources()) {
      rules.push_back(fmt::format("update @holders{} {{ {} . meta priority timeout {} }} {}", family, source,
                                  nft_time(track.open_for), kCounted));
      for (const std::string& grant : granting_all(track, source, family, nft_time(track.open_for)))
        rules.push_back(fmt::format("{} . meta priority @holders{} {}", source, family, grant));
    }
    append(rules, logged_grant());
    return rules;
  }

  // An element is told to expire at once: one that a rule deletes would stay in its bucket until the next
  // collection, and whoever opens and closes in turn could fill the set. Only who holds a grant has one to
  // end.
  Rules closing(const Track& track) const {
    Rules rules = muted();
    rules.push_back(kFired);
    append(rules, late_copies());
    for (const Track* closed : closed_by(program_, track)) {
      for (const auto& [source, family] : book_.sources()) append(rules, closing(*closed, source, family));
    }
    return rules;
  }

  // The holder last: all others ask for it. Each by itself, for a full set ends a rule.
  static Rules closing(const Track& closed, const std::string& source, char family) {
    constexpr Duration kPause = Duration::milliseconds(100);
    const std::string edge = edge_key(closed.edges.back().id);
    std::vector<std::string> updates;
    if (closed.prolong) {  // no packet on its way renews what is over
      updates.push_back(
          fmt::format("update @renewed{} {{ {} . {} timeout {} }}", family, source, edge, nft_time(kPause)));
    }
    append(updates, granting_all(closed, source, family, kAtOnce));
    updates.push_back(
        fmt::format("update @holders{} {{ {} . {} timeout {} }}", family, source, edge, kAtOnce));
    Rules rules;
    for (const std::string& update : updates)
      rules.push_back(
          fmt::format("{0} . meta priority & {1} | {1} @holders{2} {3}", source, edge, family, update));
    return rules;
  }

  // A grant by hand that use did not renew, for it lasts longer, is a grant by a knock from now on.
  Rules no_longer_by_hand() const {
    Rules rules;
    for (const auto& [source, family] : book_.sources()) {
      rules.push_back(fmt::format(
          "{0} . meta priority @renewed{1} update @renewed{1} {{ {0} . meta priority timeout 100ms }}",
          source, family));
    }
    return rules;
  }

  // A copy of the last knock would let in as many once more.
  Rules no_second_grant() const {
    Rules rules;
    for (const auto& [source, family] : book_.sources()) {
      rules.push_back(fmt::format(
          "{0} . meta priority @expected{1} update @expected{1} {{ {0} . meta priority timeout {2} }}",
          source, family, kAtOnce));
    }
    return rules;
  }

  // The grant is noted before the sequence is spent, and both before anything opens. Of two last knocks at
  // the same time one alone spends it: the other source holds nothing.
  Rules opening_once(const Track& track) const {
    Rules rules = muted();
    append(rules, {"meta priority @spent goto spender", kFired});
    for (const std::string& holder : noted("holders", track.open_for)) {
      rules.push_back(holder +
                      " add @spending { meta priority timeout 1s } add @spent { meta priority } goto " +
                      opening_chain(track));
    }
    append(rules, noted("holders", "20ms"));
    return rules;
  }

  // Whoever spent it may repeat its last knock unpunished while the grant lives.
  Rules spender() const {
    Rules rules;
    for (const auto& [source, family] : book_.sources()) {
      rules.push_back(fmt::format("{} . meta priority @holders{} {}", source, family, kFired));
    }
    return rules;
  }

  // To nflog, with the mark that `logged` has for the sequence: the one place where a packet
  // loses its mark, and it is the last knock of somebody who knew them all.
  Rules logged_grant() const {
    if (program_.log == Log::none) return {};
    Rules rules;
    for (const auto& [source, family] : book_.sources()) {
      rules.push_back(fmt::format(
          "{} . meta priority @holders{} limit rate 1000/second burst 10000 packets meta mark set meta priority "
          "map @logged {} meta mark set 0x00000000",
          source, family, Rulebook::log_statement(kLogGrant, family == '4' ? 20 : 40)));
    }
    return rules;
  }

  const Rulebook& book_;
  const Program& program_;
  const Duration excused_ = excused_for(program_);
};

}  // namespace

std::string granting(const Track& track, const Service& service, const std::string& source, char family,
                     std::string_view time) {
  if (!track.to.empty() || is_conditional(track)) {
    const auto [first, second] = door_marks(door_of(track, service));
    return fmt::format("update @reached{} {{ {} . {} . {} timeout {} }}", family, source, nft_mark(first),
                       nft_mark(second), time);
  }
  const bool single = service.first == service.last;
  return fmt::format("update @{}{} {{ {} . {} . {} timeout {} }}", single ? "granted" : "ranged", family,
                     source, constant_protocol(service.protocol),
                     single ? std::to_string(service.first) : nft_mark(range_id(service)), time);
}

Rules granting_all(const Track& track, const std::string& source, char family, std::string_view time) {
  Rules rules;
  for (const Service& service : track.services)
    rules.push_back(granting(track, service, source, family, time));
  for (int number = 1; number <= track.connections; ++number) {
    const auto [first, second] = connection_marks(door_of(track, track.services.front()), number);
    rules.push_back(fmt::format("update @reached{} {{ {} . {} . {} timeout {} }}", family, source,
                                nft_mark(first), nft_mark(second), time));
  }
  return rules;
}

std::vector<Chain> sequence_chains(const Rulebook& book) { return Sequences(book).chains(); }

}  // namespace knockwork
