// Readers of a profile's keys, and the whole way from its text to a Profile.
#include <fmt/format.h>

#include "knockwork/client.hpp"
#include "spec/check/conflicts.hpp"
#include "spec/readers.hpp"
#include "yaml/parse.hpp"

namespace knockwork {
namespace spec {

void read_hosts(const Key& key, const Value& value, Target& target, Faults& faults) {
  if (!is_list(key, value, faults)) return;
  for (Value entry = value.first(); entry != value.stop(); entry = entry.next()) {
    if (entry.kind() == NodeKind::refused) continue;
    if (entry.kind() != NodeKind::map) {
      faults.at(entry, {entry.kind() == NodeKind::null ? "an empty entry in the list of hosts"
                                                       : "a host must be a mapping of keys",
                        "write it as in `- {host: web1, sequences: […]}`"});
      continue;
    }
    HostDraft& host = target.profile->hosts.emplace_back();
    read_map(Scope::host, entry, {&host.draft, nullptr, nullptr, nullptr, &host}, faults);
    check_names(host.draft, faults);
  }
}

void read_patterns(const Key& key, const Value& value, Target& target, Faults& faults) {
  std::vector<std::string>& patterns = target.host->patterns;
  if (value.kind() != NodeKind::list) {
    if (auto pattern = read_entry(key, value, parse_pattern, faults)) patterns.push_back(std::move(*pattern));
    return;
  }
  if (value.empty()) faults.at(value, {"an empty list of hosts", "name one, as in `host: web1.example`"});
  for (Value entry = value.first(); entry != value.stop(); entry = entry.next()) {
    if (auto pattern = read_entry(key, entry, parse_pattern, faults)) patterns.push_back(std::move(*pattern));
  }
}

void read_address(const Key& key, const Value& value, Target& target, Faults& faults) {
  if (auto address = read_entry(key, value, parse_address, faults))
    target.host->address = std::move(*address);
}

namespace {

constexpr const char* kStartOfProfile = "start it with `knockwork: 1`, and list hosts under `hosts:`";

void read_profile(const Document& document, ProfileDraft& draft, Faults& faults) {
  const Value top = document.nodes.empty() ? Value{} : Value{&document, 0};
  if (!top || top.kind() == NodeKind::null) {
    faults.in(document, {"the profile is empty", kStartOfProfile});
  } else if (top.kind() == NodeKind::map) {
    read_map(Scope::profile, top, {nullptr, nullptr, nullptr, &draft, nullptr}, faults);
  } else if (top.kind() != NodeKind::refused) {
    faults.at(top, {"a profile must be a mapping of keys", kStartOfProfile});
  }
}

ProfileHost finish(HostDraft&& draft) {
  ProfileHost host{std::move(draft.patterns), std::move(draft.address), draft.draft.value.lockout, {}};
  if (host.lockout == Duration{}) host.lockout = longest_step(draft.draft);
  for (SequenceDraft& sequence : draft.draft.sequences) host.sequences.push_back(std::move(sequence.value));
  return host;
}

}  // namespace
}  // namespace spec

Profile load_profile(const std::string& name, const std::string& text) {
  const Source source{Source::Kind::declaration, name, text};
  spec::Faults faults;
  spec::ProfileDraft draft;
  spec::Document document(source, 0);
  if (spec::parse(document, faults) == spec::Outcome::parsed) spec::read_profile(document, draft, faults);
  if (!faults.empty()) throw InvalidDeclaration(faults.diagnostics());
  Profile profile{name, {}};
  for (spec::HostDraft& host : draft.hosts) profile.hosts.push_back(spec::finish(std::move(host)));
  return profile;
}

}  // namespace knockwork
