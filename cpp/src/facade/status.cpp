#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "apply/interfaces.hpp"
#include "apply/warnings.hpp"
#include "commit/spelling.hpp"
#include "host/clocks.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/knockwork.hpp"
#include "knockwork/words.hpp"
#include "pending/pending.hpp"
#include "records/applied.hpp"
#include "records/last_good.hpp"
#include "report/fingerprint.hpp"
#include "ruleset/decompile/program_of.hpp"
#include "ruleset/live/entries.hpp"
#include "ruleset/on_demand/answers.hpp"
#include "ruleset/on_demand/stand_in.hpp"
#include "ruleset/tokens.hpp"
#include "surroundings/surroundings.hpp"
#include "tokens/record.hpp"

namespace knockwork {
namespace {

// By the values of their sources: parsed once, since there may be many thousands.
std::vector<Holder> in_order(std::vector<std::pair<Network, Holder>> holders) {
  std::sort(holders.begin(), holders.end(), [](const auto& left, const auto& right) {
    return left.first != right.first ? left.first < right.first
                                     : natural_less(left.second.sequence, right.second.sequence);
  });
  std::vector<Holder> sorted;
  sorted.reserve(holders.size());
  for (auto& [source, holder] : holders) sorted.push_back(std::move(holder));
  return sorted;
}

std::vector<Holder> grants(const LiveTable& live, const Program& program) {
  std::map<EdgeId, std::string_view> names;
  for (const Track& track : program.tracks) names.emplace(track.edges.back().id, track.name);
  std::vector<std::pair<Network, Holder>> holders;
  for (const Admission& each : open_admissions(live, program)) {
    const auto name = names.find(each.edge);
    holders.push_back({each.source,
                       {shown_source(each.source, program),
                        std::string(name == names.end() ? kRemovedSequence : name->second), each.expires}});
  }
  return in_order(std::move(holders));
}

std::vector<Holder> locked_out(const LiveTable& live, Program program) {
  program.ipv6_prefix = lockout_prefix(program);
  std::vector<std::pair<Network, Holder>> locked;
  for (const LockedSource& each : lockouts(live))
    locked.push_back({each.source, {shown_source(each.source, program), "", each.expires}});
  return in_order(std::move(locked));
}

std::string why_degraded(const std::optional<LiveTable>& live, const std::vector<std::string>& damaged) {
  const bool stands_in = live && live->ours && is_stand_in(live->ruleset);
  if (stands_in || !live) {
    if (const auto note = stand_in_note()) return *note;
  }
  if (stands_in)
    return "the declaration could not be applied at the last start; see the journal of knockwork.service";
  return damaged.empty() ? "" : damaged.front();
}

// What other firewalls spoil of the gate as it stands.
std::vector<std::string> beside(const Ruleset& live, const Program& program, Kernel& kernel) {
  try {
    const std::vector<OtherTable> others = parse_others(kernel.others());
    const std::vector<Answered> given = imitated(others, program);
    std::vector<std::string> all = warnings(others, program, given);
    if (with_answers(live, given) != live) {
      all.emplace_back(
          "another firewall answers differently at closed ports than the gate at protected ports: run "
          "`knockwork apply`, with `refuse: auto` in the declaration (docs/firewalls.md)");
    }
    return all;
  } catch (const SystemError& error) {
    return {unchecked_warning(error)};
  }
}

// Until when they last. A table that was loaded by hand is judged as it was filled: by the kernel's clock its
// tokens end no later.
void look_at_tokens(Status& status, const LiveTable& live) {
  const TokenRecord record = read_token_record(status.warnings);
  const UnixTime now = unix_time();
  for (const auto& [name, sequence] : record.sequences) {
    if (!sequence.present) continue;
    if (sequence.loaded_to <= now) {
      status.out_of_tokens.push_back(name);
    } else if (!status.tokens_until || sequence.loaded_to < *status.tokens_until) {
      status.tokens_until = sequence.loaded_to;
      status.tokens_left = sequence.loaded_to - now;
    }
  }
  status.spent_tokens = count_all(kUsed, live);
}

// The sequences as the table has them.
std::vector<SequenceStatus> sequences_of(const LiveTable& live, const Program& program, Ports ports) {
  const Fingerprints fingerprints = Fingerprints::of_this_host(MissingKey::do_without);
  const Shown hidden = fingerprints.shown(Ports::hidden);
  const Shown revealed = fingerprints.shown(Ports::revealed);
  const std::set<EdgeId> used = spent(live);
  const std::map<EdgeId, std::uint64_t> grants = counted_grants(live.live);
  std::vector<SequenceStatus> all;
  all.reserve(program.tracks.size());
  for (const Track& track : program.tracks) {
    const EdgeId last = track.edges.back().id;
    const auto counted = grants.find(last);
    all.push_back({track.name, track.token ? "" : hidden.knocks(track),
                   track.token ? 0 : static_cast<int>(track.edges.size()),
                   static_cast<int>(track.services.size()),
                   ports == Ports::revealed ? revealed.services(track.services) : "", track.once,
                   used.contains(last), track.token, counted == grants.end() ? 0 : counted->second});
  }
  return all;
}

std::vector<SetFill> fill_of(const LiveTable& live) {
  std::vector<SetFill> all;
  for (const Set& set : live.ruleset.sets) {
    const auto elements = live.live.find(set.name);
    if (set.is_dynamic() && set.size != 0 && elements != live.live.end())
      all.push_back({set.name, elements->second.size(), set.size});
  }
  return all;
}

std::vector<std::string> warnings_about(const LiveTable& live, const Program& program, Kernel& kernel) {
  std::vector<std::string> all;
  const auto add = [&all](std::vector<std::string> more) {
    std::move(more.begin(), more.end(), std::back_inserter(all));
  };
  const std::vector<std::string> interfaces = declared_interfaces(program);
  if (!interfaces.empty() || !program.public_rules.empty())
    add(interface_warnings(interfaces, program.public_rules, kernel.links()));
  std::vector<OwnInterfaces> own;
  for (const Track& track : program.tracks) {
    if (!track.on.empty()) own.push_back({track.name, track.on});
  }
  if (!own.empty()) add(interface_warnings(own, kernel.links()));
  add(beside(live.ruleset, program, kernel));
  const std::vector<Door> doors = remote_doors(program);
  if (std::any_of(doors.begin(), doors.end(), [](const Door& door) { return door.cut; }))
    add(offload_warnings(kernel.flowtables()));
  const auto prolongs = [](const Track& track) { return track.prolong && !track.to.empty(); };
  if (std::any_of(program.tracks.begin(), program.tracks.end(), prolongs))
    add(unseen_use_warnings(kernel.flowtables()));
  return all;
}

std::vector<Network> sorted(std::vector<Network> networks) {
  std::sort(networks.begin(), networks.end());
  return networks;
}

// Nothing where what stands was never the declaration, which `degraded` tells.
std::optional<bool> has_drifted(const LiveTable& live, const Generation& generation, Kernel& kernel) {
  if (is_stand_in(live.ruleset)) return std::nullopt;
  return differs_from_applied(live, generation, [&](LiveTable& respelled, const Ruleset& wanted) {
    recognise(respelled, wanted, kernel);
  });
}

std::vector<Epoch> epochs_of(const Program& program) {
  std::set<Epoch> epochs;
  for (const Track& track : program.tracks) {
    if (const std::optional<Epoch> epoch = epoch_of(track.name)) epochs.insert(*epoch);
  }
  return {epochs.begin(), epochs.end()};
}

// What the timer does not apply with the next epoch either. Files that an apply brought along came back with
// the table.
void look_at_rollback(Status& status) {
  if (status.epochs.empty()) return;
  try {
    if (const auto note = read_rolled_back(); note && note->files.empty()) {
      status.warnings.push_back(fmt::format(
          "apply {} was rolled back: the previous table is kept, and sequences with `period` keep their epoch, until "
          "you correct the declaration and run `knockwork apply`",
          note->id));
    }
  } catch (const SystemError&) {  // then the timer does not know either
    return;
  }
}

}  // namespace

Status status(Kernel& kernel, const Settings& settings) {
  const Generation before = kernel.generation();
  const std::optional<LiveTable> live = kernel.read();
  Status status;
  status.declared = is_declared(kDefaultDeclaration);
  std::vector<std::string> damaged;
  if (const auto pending = read_pending(damaged)) status.pending = waiting(*pending, boot_clock());
  status.degraded = why_degraded(live, damaged);
  status.foreign = live && !live->ours;
  if (!live || !live->ours) return status;
  status.present = true;
  status.mode = is_stealth(live->ruleset) ? "stealth" : "gate";
  status.format = live->comment.substr(live->comment.rfind(' ') + 1);
  status.drifted = has_drifted(*live, kernel.generation() == before ? before : Generation{}, kernel);
  const Program program = program_of(live->ruleset);
  for (const Network& each : sorted(program.always_allow)) status.always_allow.push_back(to_string(each));
  status.interfaces = declared_interfaces(program);
  status.epochs = epochs_of(program);
  look_at_rollback(status);
  if (has_tokens(program)) look_at_tokens(status, *live);
  status.sequences = sequences_of(*live, program, settings.ports);
  std::sort(status.sequences.begin(), status.sequences.end(),
            [](const auto& left, const auto& right) { return natural_less(left.name, right.name); });
  status.grants = grants(*live, program);
  status.lockouts = locked_out(*live, program);
  status.half_done = static_cast<int>(half_done(*live, program));
  status.fill = fill_of(*live);
  for (std::string& warning : warnings_about(*live, program, kernel))
    status.warnings.push_back(std::move(warning));
  return status;
}

}  // namespace knockwork
