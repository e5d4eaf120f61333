#include "spec/salvage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "spec/check/conflicts.hpp"
#include "spec/readers.hpp"
#include "yaml/parse.hpp"

namespace knockwork::spec {
namespace {

// Where each document has faults.
class Places {
 public:
  explicit Places(const Faults& faults) : faults_(faults) {}

  bool any_in(const Value& value) {
    const Document& document = value.document();
    const auto [at, added] = offsets_.try_emplace(&document);
    if (added) at->second = faults_.offsets(document);
    const std::uint32_t next = value.node().end;
    const std::size_t end =
        next < document.nodes.size() ? document.nodes[next].offset : document.text().size() + 1;
    const auto first = std::lower_bound(at->second.begin(), at->second.end(), value.node().offset);
    return first != at->second.end() && *first < end;
  }

 private:
  const Faults& faults_;
  std::map<const Document*, std::vector<std::size_t>> offsets_;
};

void keep_readable(Draft& draft, Places& places, bool whole) {
  Spec& spec = draft.value;
  const auto faulty = [&](const char* key) {
    const Value value = draft.top ? find_key(draft.top, key) : Value{};
    return value && places.any_in(value);
  };
  if (!whole || faulty("interfaces")) spec.interfaces.clear();
  if (faulty("guards")) spec.guards = {Guards::Kind::none, {}};
  std::vector<Service> services;
  for (std::size_t at = 0; at < draft.public_services.size(); ++at) {
    if (!places.any_in(draft.public_services[at])) services.push_back(spec.public_services[at]);
  }
  spec.public_services = std::move(services);
  std::vector<PublicRule> rules;
  for (std::size_t at = 0; at < draft.public_rules.size(); ++at) {
    if (!places.any_in(draft.public_rules[at])) rules.push_back(spec.public_rules[at]);
  }
  spec.public_rules = std::move(rules);
  spec.lockout = std::max(spec.lockout, longest_step(draft));
}

using Groups = std::map<std::vector<Network>, std::vector<Service>>;

// Refused connections end at the closed port, so it cannot be one that is shut.
Groups groups_of(const std::vector<Sequence>& sequences, Mode mode) {
  Groups groups;
  for (const Sequence& sequence : sequences) {
    for (Service service : sequence.opens) {
      const bool closed = mode == Mode::gate && sequence.to.empty() && service.protocol == Protocol::tcp;
      if (closed && service.first <= kClosedPort) service.first = kClosedPort + 1;
      if (service.first <= service.last) groups[sequence.to].push_back(service);
    }
  }
  return groups;
}

// Ports that nothing else is for.
class FreePorts {
 public:
  FreePorts(const Spec& spec, const Groups& groups) : taken_(65536) {
    for (const Service& service : spec.public_services) take(service);
    for (const auto& [to, services] : groups)
      std::for_each(services.begin(), services.end(), [&](auto& s) { take(s); });
    for (const Sequence& sequence : spec.sequences) {
      for (const Service& service : sequence.opens) take(service);
      for (const Knock knock : sequence.knock) taken_[knock.port] = true;
    }
  }
  std::uint16_t next() {
    for (; next_ > 1 && taken_[next_]; --next_) continue;
    return next_ > 1 ? next_-- : next_;
  }

 private:
  void take(const Service& service) {
    for (std::uint32_t port = service.first; port <= service.last; ++port) taken_[port] = true;
  }
  std::vector<bool> taken_;
  std::uint16_t next_ = 65535;
};

}  // namespace

Salvaged salvage(const std::vector<Source>& sources) {
  Faults faults;
  Draft draft;
  std::vector<Document> documents;
  documents.reserve(sources.size());  // values point into them
  bool whole = true;
  std::vector<std::size_t> broken;  // the sequence in which a text ends that cannot be read further
  for (const Source& source : sources) {
    Document& document = documents.emplace_back(source, static_cast<int>(documents.size()));
    const bool parsed = parse(document, faults) == Outcome::parsed;
    const std::size_t before = draft.sequences.size();
    read(document, source.kind, draft, faults);
    if (!parsed && draft.sequences.size() > before) broken.push_back(draft.sequences.size() - 1);
    whole = whole && (parsed || source.kind == Source::Kind::drop_in);
  }
  check_names(draft, faults);
  check_ports(draft, faults);
  check_combinations(draft, faults);
  Places places(faults);
  keep_readable(draft, places, whole);
  Salvaged salvaged;
  for (std::size_t at = 0; at < draft.sequences.size(); ++at) {
    SequenceDraft& sequence = draft.sequences[at];
    const bool faulty =
        places.any_in(sequence.at) || std::find(broken.begin(), broken.end(), at) != broken.end();
    (faulty ? salvaged.shut : salvaged.spec.sequences).push_back(std::move(sequence.value));
  }
  draft.value.sequences = std::move(salvaged.spec.sequences);
  salvaged.spec = std::move(draft.value);
  return salvaged;
}

Spec shut(Spec spec, const std::vector<Sequence>& sequences) {
  const Groups groups = groups_of(sequences, spec.mode);
  FreePorts ports(spec, groups);
  for (const auto& [to, services] : groups) {
    Sequence& sequence = spec.sequences.emplace_back();
    // A name that no declaration can have.
    sequence.name = groups.size() == 1 ? "(shut)" : fmt::format("(shut {})", spec.sequences.size());
    sequence.knock = {{Protocol::udp, ports.next()}};
    sequence.from = {*parse_network("255.255.255.255")};
    sequence.to = to;
    sequence.opens = services;
  }
  return spec;
}

}  // namespace knockwork::spec
