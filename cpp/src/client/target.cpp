// Which sequence of which host is meant.
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>

#include "client/draw.hpp"
#include "knockwork/client.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

const ProfileHost& find(const Profile& profile, const std::string& host) {
  const auto fits = [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), host.c_str(), FNM_CASEFOLD) == 0;
  };
  for (const ProfileHost& entry : profile.hosts) {
    if (std::any_of(entry.patterns.begin(), entry.patterns.end(), fits)) return entry;
  }
  throw SystemError(
      fmt::format("the profile {} has no host {}: add an entry `- host: {}`", profile.name, host, host));
}

std::string names_of(const ProfileHost& entry) {
  std::string names;
  for (const Sequence& sequence : entry.sequences) names += (names.empty() ? "" : ", ") + sequence.name;
  return names.empty() ? "none" : names;
}

bool opens(const Sequence& sequence, Service service) {
  return std::any_of(sequence.opens.begin(), sequence.opens.end(), [&](const Service& each) {
    return each.protocol == service.protocol && each.first <= service.first && each.last >= service.last;
  });
}

// What is routed to other hosts answers there, not where the knocks go; of a range nobody knows which
// port answers; and of `connections` a proof would use one up.
std::optional<Service> proof_of(const Sequence& sequence) {
  const auto answers = [](const Service& each) {
    return each.protocol == Protocol::tcp && each.first == each.last;
  };
  const auto found = std::find_if(sequence.opens.begin(), sequence.opens.end(), answers);
  const bool none = found == sequence.opens.end() || !sequence.to.empty() || sequence.connections > 0;
  return none ? std::nullopt : std::optional(*found);
}

KnockTarget make_target(const ProfileHost& entry, const std::string& host, const Sequence& sequence) {
  KnockTarget target;
  target.host = host;
  target.address = entry.address.empty() ? host : entry.address;
  target.sequence = sequence.name;
  if (sequence.derive && !sequence.derive->by_record()) {
    target.epoch = current_epoch(*sequence.derive, unix_time());
  }
  target.opens = sequence.opens;
  target.proof = proof_of(sequence);
  if (sequence.token) {
    target.token = token_source(sequence, host);
    return target;
  }
  target.knocks = knocks_by_epoch(sequence, host);
  target.lockout = std::chrono::milliseconds(entry.lockout.milliseconds());
  target.step_timeout = std::chrono::milliseconds(sequence.step_timeout.milliseconds());
  if (sequence.sequence_timeout) {
    target.sequence_timeout = std::chrono::milliseconds(sequence.sequence_timeout->milliseconds());
  }
  return target;
}

}  // namespace

KnockTarget target_named(const Profile& profile, const std::string& host, const std::string& name) {
  const ProfileHost& entry = find(profile, host);
  for (const Sequence& sequence : entry.sequences) {
    if (sequence.name == name) return make_target(entry, host, sequence);
  }
  throw SystemError(fmt::format("the profile {} has no sequence {} for {}: it has {}", profile.name, name,
                                host, names_of(entry)));
}

KnockTarget target_opening(const Profile& profile, const std::string& host, Service service) {
  const ProfileHost& entry = find(profile, host);
  for (const Sequence& sequence : entry.sequences) {
    if (opens(sequence, service)) return make_target(entry, host, sequence);
  }
  throw SystemError(fmt::format("the profile {} has no sequence that opens {} on {}: it has {}", profile.name,
                                to_string(service), host, names_of(entry)));
}

KnockTarget unknown_target(const std::string& host, const std::string& why) {
  KnockTarget target;
  target.host = target.address = host;
  target.unknown = why;
  return target;
}

KnockTarget only_target(const Profile& profile, const std::string& host) {
  const ProfileHost& entry = find(profile, host);
  if (entry.sequences.size() == 1) return make_target(entry, host, entry.sequences.front());
  if (entry.sequences.empty()) {
    throw SystemError(fmt::format("the profile {} has no sequence for {}: add one", profile.name, host));
  }
  throw SystemError(fmt::format("the profile {} has several sequences for {}: choose with --sequence ({})",
                                profile.name, host, names_of(entry)));
}

}  // namespace knockwork
