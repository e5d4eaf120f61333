#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "apply/interfaces.hpp"
#include "apply/warnings.hpp"
#include "host/clocks.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/kernel.hpp"
#include "records/last_good.hpp"
#include "report/fingerprint.hpp"
#include "ruleset/on_demand/answers.hpp"
#include "ruleset/ruleset.hpp"
#include "surroundings/surroundings.hpp"
#include "undo/pending.hpp"
#include "undo/way_in.hpp"

namespace knockwork {
namespace {

const std::vector<LiveElement>& elements(const LiveTable& live, const char* set) {
  static const std::vector<LiveElement> kNone;
  const auto found = live.live.find(set);
  return found == live.live.end() ? kNone : found->second;
}

std::string address_of(const std::string& key) { return key.substr(0, key.find(" . ")); }

std::vector<Holder> grants(const LiveTable& live, const Program& program) {
  std::unordered_map<std::string, std::string> names;
  for (const Track& track : program.tracks) names.emplace(edge_key(track.edges.back().id), track.name);
  std::vector<Holder> holders;
  for (const char* set : {"holders4", "holders6"}) {
    for (const LiveElement& element : elements(live, set)) {
      const auto name = names.find(element.key.substr(element.key.rfind(' ') + 1));
      holders.push_back({shown_source(address_of(element.key), program),
                         name == names.end() ? "a removed sequence" : name->second, element.expires});
    }
  }
  return holders;
}

// A source may be locked out twice, by a wrong knock and as a stray: the longer one counts.
std::vector<Holder> lockouts(const LiveTable& live, const Program& program) {
  std::map<std::string, std::chrono::milliseconds> longest;
  Program by = program;
  by.ipv6_prefix = lockout_prefix(program);
  for (const char* set : {"locked4", "strays4", "locked6", "strays6"}) {
    for (const LiveElement& element : elements(live, set)) {
      auto& time = longest[shown_source(element.key, by)];
      time = std::max(time, element.expires);
    }
  }
  std::vector<Holder> locked;
  locked.reserve(longest.size());
  for (const auto& [address, time] : longest) locked.push_back({address, "", time});
  return locked;
}

int half_done(const LiveTable& live) {
  std::set<std::string> sources;
  for (const char* set : {"expected4", "expected6"}) {
    for (const LiveElement& element : elements(live, set)) sources.insert(address_of(element.key));
  }
  return static_cast<int>(sources.size());
}

void sort(std::vector<Holder>& holders) {
  std::sort(holders.begin(), holders.end(), [](const Holder& left, const Holder& right) {
    return std::tie(left.address, left.sequence) < std::tie(right.address, right.sequence);
  });
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
    return {fmt::format("other firewalls were not checked: {}", error.what())};
  }
}

std::vector<Epoch> epochs_of(const Program& program) {
  std::set<Epoch> epochs;
  for (const Track& track : program.tracks) {
    if (const std::optional<Epoch> epoch = epoch_of(track.name)) epochs.insert(*epoch);
  }
  return {epochs.begin(), epochs.end()};
}

}  // namespace

Status status(Kernel& kernel, const Settings& settings) {
  const std::optional<LiveTable> live = kernel.read();
  Status status;
  status.declared = is_declared(kDefaultDeclaration);
  std::vector<std::string> damaged;
  if (const auto pending = read_pending(damaged)) status.pending = waiting(*pending, boot_clock());
  status.degraded = why_degraded(live, damaged);
  if (!live || !live->ours) return status;
  status.present = true;
  status.mode = is_stealth(live->ruleset) ? "stealth" : "gate";
  const Fingerprints fingerprints = Fingerprints::of_this_host(MissingKey::do_without);
  const Shown hidden = fingerprints.shown(Ports::hidden);
  const Shown revealed = fingerprints.shown(Ports::revealed);
  const Program program = program_of(live->ruleset);
  for (const Network& each : program.always_allow) status.always_allow.push_back(to_string(each));
  status.interfaces = program.interfaces;
  status.epochs = epochs_of(program);
  std::set<std::string> spent;
  for (const LiveElement& element : elements(*live, "spent")) spent.insert(element.key);
  for (const Track& track : program.tracks) {
    status.sequences.push_back({track.name, hidden.knocks(track), static_cast<int>(track.edges.size()),
                                static_cast<int>(track.services.size()),
                                settings.ports == Ports::revealed ? revealed.services(track.services) : "",
                                track.once, spent.contains(edge_key(track.edges.back().id))});
  }
  status.grants = grants(*live, program);
  status.lockouts = lockouts(*live, program);
  sort(status.grants);
  status.half_done = half_done(*live);
  if (!program.interfaces.empty() || !program.public_rules.empty()) {
    status.warnings = interface_warnings(program.interfaces, program.public_rules, kernel.links());
  }
  for (std::string& warning : beside(live->ruleset, program, kernel))
    status.warnings.push_back(std::move(warning));
  const std::vector<Door> doors = remote_doors(program);
  if (std::any_of(doors.begin(), doors.end(), [](const Door& door) { return door.cut; })) {
    for (std::string& warning : offload_warnings(kernel.flowtables()))
      status.warnings.push_back(std::move(warning));
  }
  return status;
}

}  // namespace knockwork
