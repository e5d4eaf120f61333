// Port knocking with sets of nftables, as the well-known examples have it, found as a way through sets: a
// packet to a port adds its source to a set if it is in the one before, and the last set is let in.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "import/command/command.hpp"
#include "import/compose.hpp"
#include "import/nft/packet.hpp"
#include "import/nft/publics.hpp"
#include "import/nft/rule.hpp"
#include "import/nft/text.hpp"
#include "import/reasons.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

constexpr std::size_t kMostWays = 1'024;  // through the sets of one file
constexpr std::size_t kMostVisits = 4'000;
constexpr std::size_t kMostGuards = 256;  // before a rule

// A rule where a packet meets it.
struct Visit {
  const NftStatement* statement = nullptr;
  NftRule rule;
  std::vector<NftMember> members;  // that the source is in, from the first that was asked to the last
  bool partial = false;            // it, or what leads to it, concerns some packets only
  std::string table;               // "inet filter "
  int doubt = 0;  // the line of an earlier rule that is not understood, and may keep packets from this one
};

// Asks a set, and does something else with the packet than to let it go on: what comes after it cannot be
// known.
bool casts_doubt(const NftStatement& statement, const NftRule& rule) {
  if (rule.understood) return false;
  const auto has = [&](auto is) { return std::any_of(statement.words.begin(), statement.words.end(), is); };
  return has([](const std::string& word) { return word.starts_with('@'); }) &&
         has([](const std::string& word) {
           return word == "return" || word == "drop" || word == "reject" || word == "goto" ||
                  word == "jump" || word == "vmap";
         });
}

// The source of a packet must be in this set from here on; for packets to these ports, or all.
struct Guard {
  NftMember member;
  std::vector<Service> ports;
};

// "ip saddr != @set return": only who is in the set comes further.
bool is_guard(const NftRule& rule) {
  const bool ends = rule.verdict == "return" || rule.verdict == "drop" || rule.verdict == "reject";
  return rule.understood && rule.begins && rule.other && rule.members.empty() && !rule.adds &&
         !rule.partial && ends;
}

// All rules that packets for this host can meet, in their order.
class Walk {
 public:
  explicit Walk(const NftText& text) : text_(text) {
    for (const auto& [name, chain] : text.chains) {
      if (chain.hooked) enter(name, {}, {}, {});
    }
  }

  std::vector<Visit> visits;
  bool drops = false;  // whatever is not let in

 private:
  // How a packet came to a chain.
  struct Way {
    int depth = 0;
    bool partial = false;  // not each packet does
    int doubt = 0;         // as of a visit
  };

  void enter(const std::string& name, std::vector<Guard> guards, const std::vector<Service>& ports, Way way) {
    const auto found = text_.chains.find(name);
    if (found == text_.chains.end() || way.depth > kDeepest) return;
    if (way.depth == 0) drops = drops || found->second.drops;
    const std::string table = nft_table_of(name);
    for (const NftStatement& statement : found->second.rules) {
      if (visits.size() > kMostVisits) return;
      if (way.doubt == 0 && guards.size() > kMostGuards) way.doubt = statement.first;
      NftRule rule = read_nft_rule(statement, table);
      if (rule.ports.empty()) rule.ports = ports;
      Visit visit{&statement, rule, {}, way.partial || rule.partial, table, way.doubt};
      for (const Guard& guard : guards) {
        if (guard.ports.empty() || guard.ports == rule.ports) visit.members.push_back(guard.member);
      }
      visit.members.insert(visit.members.end(), rule.members.begin(), rule.members.end());
      visits.push_back(visit);
      follow(rule, table, guards, way);
      if (way.doubt == 0 && casts_doubt(statement, rule)) way.doubt = statement.first;
    }
  }

  void follow(const NftRule& rule, const std::string& table, std::vector<Guard>& guards, Way way) {
    if (!rule.understood || !rule.begins || rule.loopback) return;
    if (is_guard(rule)) add(guards, {*rule.other, rule.ports});
    const bool all = !rule.other && rule.members.empty() && rule.ports.empty() && !rule.partial &&
                     !rule.ipv4 && !rule.ipv6;
    if (all && rule.verdict == "drop" && way.depth == 0) drops = true;
    if (rule.verdict != "jump" && rule.verdict != "goto") return;
    std::vector<Guard> inner = guards;
    for (const NftMember& member : rule.members) add(inner, {member, {}});
    const bool partial = way.partial || rule.partial || rule.other.has_value();
    enter(table + rule.chain, std::move(inner), rule.ports, {way.depth + 1, partial, way.doubt});
  }

  // One too many is as good as all: what comes after it is in doubt.
  static void add(std::vector<Guard>& guards, Guard guard) {
    if (guards.size() <= kMostGuards) guards.push_back(std::move(guard));
  }

  const NftText& text_;
};

bool is_opening(const Visit& visit) {
  return visit.rule.understood && visit.rule.verdict == "accept" && visit.rule.begins && visit.doubt == 0 &&
         !visit.members.empty() && !visit.rule.other && !visit.rule.adds;
}

bool is_knock(const Visit& visit) {
  return visit.rule.understood && visit.doubt == 0 && visit.rule.adds && !visit.rule.other &&
         visit.rule.begins;
}

std::optional<Duration> duration(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  const auto parsed = spec::parse_duration(digits ? text + 's' : text);
  return parsed ? std::optional(*parsed) : std::nullopt;
}

// A way through the sets, from the first knock to the set that is let in.
using Way = std::vector<const Visit*>;

class Ways {
 public:
  explicit Ways(const std::vector<Visit>& visits) : visits_(visits) {}

  // That end in the set.
  std::vector<Way> to(const NftMember& member) {
    found_.clear();
    Way way;
    back_from(member, way);
    ended_ += found_.size();
    return std::move(found_);
  }

 private:
  void back_from(const NftMember& member, Way& way) {
    if (way.size() >= spec::kMostKnocks || ended_ + found_.size() >= kMostWays || ++steps_ > kMostVisits)
      return;
    for (const Visit& visit : visits_) {
      const bool used = std::find(way.begin(), way.end(), &visit) != way.end();
      if (used || !is_knock(visit) || visit.rule.adds != member) continue;
      way.insert(way.begin(), &visit);
      if (visit.members.empty()) {
        found_.push_back(way);
      } else {
        back_from(visit.members.back(), way);
      }
      way.erase(way.begin());
    }
  }

  const std::vector<Visit>& visits_;
  std::vector<Way> found_;
  std::size_t ended_ = 0;  // those before
  std::size_t steps_ = 0;
};

// What became a sequence, or did not, before its lines are noted.
struct Found {
  Sequence sequence;
  Way way;
  std::vector<const Visit*> openings;
  std::string set;    // that is let in
  std::string fault;  // why it is refused
  const Visit* at_fault = nullptr;
  std::string slack;                             // what is different about its times
  std::map<const Visit*, std::string> doubts{};  // about openings
};

class Finder {
 public:
  Finder(const NftText& text, const Walk& walk, const NftRules& rules)
      : text_(text), walk_(walk), rules_(rules) {}

  std::vector<Found> all() {
    std::vector<NftMember> let_in;
    for (const Visit& visit : walk_.visits) {
      if (!is_opening(visit)) continue;
      const NftMember& member = visit.members.back();
      if (std::find(let_in.begin(), let_in.end(), member) == let_in.end()) let_in.push_back(member);
    }
    Ways ways(walk_.visits);
    for (const NftMember& member : let_in) {
      for (Way& way : ways.to(member)) add(member, std::move(way));
    }
    return std::move(found_);
  }

 private:
  void add(const NftMember& member, Way way) {
    Found found;
    found.set = member.set;
    found.way = std::move(way);
    take_openings(member, found);
    take_sets(found);
    take_knocks(found);
    take_times(found);
    take_way(found);
    // The same for both families of addresses is one sequence.
    const auto twin = std::find_if(found_.begin(), found_.end(), [&](const Found& other) {
      return other.fault.empty() && found.fault.empty() && other.sequence == found.sequence;
    });
    if (twin == found_.end()) {
      found_.push_back(std::move(found));
      return;
    }
    twin->way.insert(twin->way.end(), found.way.begin(), found.way.end());
    twin->doubts.insert(found.doubts.begin(), found.doubts.end());
    twin->openings.insert(twin->openings.end(), found.openings.begin(), found.openings.end());
  }

  // No rule before may keep its packets away for certain; what may keep some away is told.
  void take_way(Found& found) {
    for (const Visit* visit : found.way) {
      if (visit->rule.ports.empty()) continue;
      const NftFate fate =
          fate_of(*visit, visit->rule.ports.front().first, visit->rule.ports.front().protocol);
      if (fate.met.count(visit->statement) == 0) {
        refuse(found, visit, fmt::format("line {} stops every packet before this rule", fate.line));
      }
    }
    for (const Visit* visit : found.openings) {
      for (const Service& service : visit->rule.ports) {
        for (const std::uint16_t port : {service.first, service.last})
          take_fate(*visit, service, port, found);
      }
    }
  }

  void take_fate(const Visit& visit, const Service& service, std::uint16_t port, Found& found) const {
    const NftFate fate = fate_of(visit, port, service.protocol);
    if (!fate.accepted || fate.met.count(visit.statement) == 0) {
      refuse(found, &visit, fmt::format("it opens nothing, because line {} refuses its packets", fate.line));
    } else if (fate.refused) {
      found.doubts[&visit] = fmt::format(
          "line {} may refuse some of what it opens: keep that line in a ruleset of your own", fate.line);
    }
  }

  // Of a packet that the rule is meant for.
  NftFate fate_of(const Visit& visit, std::uint16_t port, Protocol protocol) const {
    const bool ipv6 = visit.rule.ipv6 || visit.table.starts_with("ip6 ");
    return rules_.fate({protocol, port, ipv6, visit.members});
  }

  static void refuse(Found& found, const Visit* visit, const std::string& reason) {
    if (!found.fault.empty()) return;
    found.fault = reason;
    found.at_fault = visit;
  }

  void take_openings(const NftMember& member, Found& found) {
    for (const Visit& visit : walk_.visits) {
      if (!is_opening(visit) || visit.members.back() != member) continue;
      found.openings.push_back(&visit);
      if (visit.rule.ports.empty()) {
        refuse(found, &visit, kEveryPort);
      }
      for (const Service& service : visit.rule.ports) {
        auto& opens = found.sequence.opens;
        if (std::find(opens.begin(), opens.end(), service) == opens.end()) opens.push_back(service);
      }
    }
  }

  // Who is asked for a set that no knock of the way fills is not let in by knocks alone.
  static void take_sets(Found& found) {
    std::vector<NftMember> filled;
    const auto take = [&](const Visit* visit) {
      const auto& asked = visit->members;
      const bool all = std::all_of(asked.begin(), asked.end(), [&](const NftMember& each) {
        return std::find(filled.begin(), filled.end(), each) != filled.end();
      });
      if (!all) refuse(found, visit, "it matches a set that no earlier knock fills");
    };
    for (const Visit* visit : found.way) {
      take(visit);
      filled.push_back(*visit->rule.adds);
    }
    std::for_each(found.openings.begin(), found.openings.end(), take);
  }

  void take_knocks(Found& found) {
    for (const Visit* visit : found.way) {
      const auto& ports = visit->rule.ports;
      if (ports.size() != 1 || ports[0].first != ports[0].last) {
        refuse(found, visit, "a knock must be one port of one protocol");
        continue;
      }
      found.sequence.knock.push_back({ports[0].protocol, ports[0].first});
    }
    if (found.way.size() == 1) {
      refuse(found, found.way.front(), kOneKnock);
    }
  }

  std::optional<Duration> time_of(const Visit& visit) const {
    if (!visit.rule.timeout.empty()) return duration(visit.rule.timeout);
    const auto set = text_.sets.find(visit.rule.adds->set);
    return set == text_.sets.end() || set->second.timeout.empty() ? std::nullopt
                                                                  : duration(set->second.timeout);
  }

  void take_times(Found& found) {
    Sequence& sequence = found.sequence;
    std::optional<Duration> longest;
    for (auto visit = found.way.begin(); visit != found.way.end(); ++visit) {
      const auto time = time_of(**visit);
      if (std::next(visit) == found.way.end()) {
        if (time) sequence.open_for = *time;
        if (!time) note_slack(found, "its elements never expire; `open_for` is 30s");
      } else if (!time) {
        note_slack(found, "its elements never expire; `step_timeout` bounds the time to the next knock");
      } else {
        if (longest && *longest != *time) {
          note_slack(found, "its steps have different timeouts; `step_timeout` is the longest");
        }
        longest = std::max(longest.value_or(*time), *time);
      }
    }
    if (longest) sequence.step_timeout = *longest;
    take_whole_time(found);
  }

  static void note_slack(Found& found, const char* what) {
    if (found.slack.find(what) != std::string::npos) return;
    found.slack += (found.slack.empty() ? "" : "; ") + std::string(what);
  }

  // Where the last knock asks for the first set too, that set's time is that of the whole.
  void take_whole_time(Found& found) const {
    const Way& way = found.way;
    if (way.size() < 2) return;
    const auto& asked = way.back()->members;
    if (way.size() > 2 && std::find(asked.begin(), asked.end(), *way.front()->rule.adds) != asked.end()) {
      found.sequence.sequence_timeout = time_of(*way.front());
    }
  }

  const NftText& text_;
  const Walk& walk_;
  const NftRules& rules_;
  std::vector<Found> found_;
};

void note_lines(Passage& passage, const NftStatement& statement, LineFate fate,
                const std::string& reason = "") {
  for (int line = statement.first; line <= statement.last; ++line) passage.note(line, fate, reason);
  for (const int line : statement.defines) passage.note(line, LineFate::translated);
}

void note_visit(Passage& passage, const Visit& visit, const std::string& more = "") {
  std::string reason = visit.rule.remark;
  if (!more.empty()) reason += (reason.empty() ? "" : "; ") + more;
  note_lines(passage, *visit.statement, reason.empty() ? LineFate::translated : LineFate::changed, reason);
}

class Import {
 public:
  explicit Import(const ForeignFile& file)
      : ledger_(file),
        text_(read_nft(ledger_)),
        walk_(text_),
        rules_(text_),
        found_(Finder(text_, walk_, rules_).all()) {}

  Imported imported() {
    for (const Found& found : found_) draft(found);
    note_the_rest();
    Imported made;
    compose(std::move(drafts_), ledger_.file(), made);
    if (!made.sequences.empty()) add_remarks(made);
    made.lines = std::move(ledger_).close();
    return made;
  }

 private:
  // The set's own name, without its table's.
  static std::string name_of(const std::string& set) { return set.substr(set.rfind(' ') + 1); }

  void draft(const Found& found) {
    Draft draft{found.sequence, Passage(ledger_, found.way.front()->statement->first)};
    Passage& passage = draft.passage;
    draft.sequence.name = names_.free(name_of(found.set));
    if (draft.sequence.name.empty()) draft.sequence.name = names_.free("knock");
    std::set<std::string> sets{found.set};
    for (const Visit* visit : found.way) {
      note_visit(passage, *visit, visit == found.way.back() ? found.slack : "");
      sets.insert(visit->rule.adds->set);
      part_.insert(visit->statement);
    }
    for (const Visit* visit : found.openings) {
      const auto doubt = found.doubts.find(visit);
      note_visit(passage, *visit, doubt == found.doubts.end() ? "" : doubt->second);
      part_.insert(visit->statement);
    }
    note_sets(passage, sets);
    if (!found.fault.empty()) passage.refuse(found.at_fault->statement->first, found.fault);
    drafts_.sequences.push_back(std::move(draft));
  }

  void note_sets(Passage& passage, const std::set<std::string>& sets) {
    for (const std::string& name : sets) {
      const auto set = text_.sets.find(name);
      if (set == text_.sets.end()) continue;
      for (const int line : set->second.lines) passage.note(line, LineFate::translated);
      parts_.insert(name);
    }
    for (const Visit& visit : walk_.visits) {
      if (!is_guard(visit.rule) || sets.count(visit.rule.other->set) == 0) continue;
      note_visit(passage, visit);
      part_.insert(visit.statement);
    }
  }

  void note_the_rest() {
    drafts_.mode = walk_.drops ? Mode::stealth : Mode::gate;
    std::vector<Service> knocked;
    for (const Draft& draft : drafts_.sequences) {
      if (draft.passage.refused()) continue;
      knocked.insert(knocked.end(), draft.sequence.opens.begin(), draft.sequence.opens.end());
    }
    PublicPorts publics(rules_, std::move(knocked));
    for (const Visit& visit : walk_.visits) {
      if (part_.insert(visit.statement).second) note_other(visit, publics);
    }
    drafts_.open_to_all = publics.rules();
    for (const auto& [name, chain] : text_.chains) {
      for (const int line : chain.lines) ledger_.note(line, LineFate::unneeded);
      for (const NftStatement& rule : chain.rules) {
        if (part_.count(&rule) == 0)
          note(rule, LineFate::lost, "no rule that is understood leads packets to its chain");
      }
    }
    for (const auto& [name, set] : text_.sets) {
      if (parts_.count(name) != 0) continue;
      for (const int line : set.lines) ledger_.note(line, LineFate::lost, kNotKnocking);
    }
  }

  void note(const NftStatement& statement, LineFate fate, const std::string& reason = "") {
    for (int line = statement.first; line <= statement.last; ++line) ledger_.note(line, fate, reason);
  }

  void note_other(const Visit& visit, PublicPorts& publics) {
    const NftRule& rule = visit.rule;
    const bool plain = rule.understood && !rule.other && !rule.adds && !rule.partial;
    const bool refuses = rule.verdict == "drop" || rule.verdict == "reject";
    if (visit.doubt != 0 && (rule.adds || !visit.members.empty())) {
      return note(*visit.statement, LineFate::lost,
                  fmt::format("an earlier rule, at line {}, is not understood and may keep packets from it",
                              visit.doubt));
    }
    if (rule.understood && (rule.loopback || !rule.begins)) {
      note(*visit.statement, LineFate::unneeded, "knockwork always lets in what is established or local");
    } else if (plain && (rule.verdict == "jump" || rule.verdict == "goto")) {
      note(*visit.statement, LineFate::unneeded);
    } else if (rule.understood && refuses && !rule.adds) {
      note_refusal(visit, publics);
    } else if (plain && visit.members.empty() && rule.verdict == "accept" && !rule.ports.empty()) {
      note_public(visit, publics);
    } else if (rule.adds) {
      note(*visit.statement, LineFate::lost,
           "it adds to a set that opens nothing, or the rule is not understood");
    } else {
      note(*visit.statement, LineFate::lost, rest(rule));
    }
  }

  std::string rest(const NftRule& rule) const {
    if (drafts_.mode == Mode::gate) {
      return "it has no part in knocking, or is not understood: keep it in a ruleset of your own";
    }
    if (rule.understood && rule.verdict == "accept") {
      return "it accepts only some packets: add the ports that you need to `public`, with its conditions";
    }
    if (rule.may_refuse) {
      return "not understood, and it may refuse what the declaration lets in: keep it in a ruleset of your own";
    }
    return "not understood; stealth mode lets in only what is in `public`, so add what is missing there";
  }

  // What it refuses must stay refused without it, or somebody has to be told.
  void note_refusal(const Visit& visit, const PublicPorts& publics) {
    const NftRule& rule = visit.rule;
    if (rule.other || visit.partial || !visit.members.empty()) {
      return note(*visit.statement, LineFate::lost,
                  "it refuses some packets, which the declaration lets in: keep it in a ruleset of your own");
    }
    const bool knocked = !rule.ports.empty() &&
                         std::all_of(rule.ports.begin(), rule.ports.end(),
                                     [&](const Service& service) { return publics.is_knocked(service); });
    if (drafts_.mode == Mode::stealth || knocked) {
      return note(*visit.statement, LineFate::unneeded, "knockwork refuses what is not open");
    }
    note(*visit.statement, LineFate::lost,
         "gate mode refuses only what a sequence opens: keep it in a ruleset of your own");
  }

  void note_public(const Visit& visit, PublicPorts& publics) {
    if (drafts_.mode == Mode::gate) {
      return note(*visit.statement, LineFate::unneeded,
                  "gate mode does not refuse services that no sequence opens");
    }
    const PublicPorts::Answer answer = publics.take(visit.rule.ports);
    std::string reason = visit.rule.remark;
    const auto say = [&](const std::string& more) { reason += (reason.empty() ? "" : "; ") + more; };
    if (answer.knocked) say("a sequence opens some of these ports, so they are not `public`");
    if (answer.halved) {
      say(fmt::format("only one address family is public (`from`), because line {} may refuse the other",
                      answer.half_line));
    }
    if (answer.refused) {
      say(fmt::format("what line {} may refuse is not `public`: add the ports that you need", answer.line));
    }
    const bool some = answer.open || answer.halved || answer.knocked;
    const LineFate fate = reason.empty() ? LineFate::translated : LineFate::changed;
    note(*visit.statement, some ? fate : LineFate::lost, reason);
  }

  void add_remarks(Imported& made) const {
    const bool both = [&] {
      bool ipv4 = false, ipv6 = false;
      for (const Found& found : found_) {
        for (const Visit* visit : found.way) {
          ipv4 = ipv4 || visit->rule.ipv4;
          ipv6 = ipv6 || visit->rule.ipv6;
        }
      }
      return ipv4 && ipv6;
    }();
    if (!both) {
      made.remarks.emplace_back(
          "knocks count over IPv4 and IPv6: `from: [0.0.0.0/0]` or `from: [\"::/0\"]` restricts a sequence to one");
    }
    made.remarks.emplace_back(fmt::format("{}; sets of nftables ignore wrong packets", kWrongKnocks));
    made.remarks.emplace_back("a right knock that is repeated starts the time of its step again");
    if (drafts_.mode == Mode::stealth) {
      made.remarks.emplace_back(
          "in stealth mode, a packet to any other closed port is a wrong knock too; pings (`ping`) and what IPv6 needs "
          "are let in");
    }
  }

  Ledger ledger_;
  NftText text_;
  Walk walk_;
  NftRules rules_;
  std::vector<Found> found_;
  Drafts drafts_;
  Names names_;
  std::set<const NftStatement*> part_;  // rules of which something is noted
  std::set<std::string> parts_;         // and sets
};

}  // namespace

Imported import_nft(const ForeignFile& file) { return Import(file).imported(); }

}  // namespace knockwork
