// The whole way from texts to a Spec: parse, read by the table of keys, judge the
// whole, and only then decide whether anything was wrong.
#include <fmt/format.h>

#include <optional>

#include "knockwork/declared.hpp"
#include "spec/check/conflicts.hpp"
#include "spec/readers.hpp"
#include "yaml/parse.hpp"

namespace knockwork {
namespace spec {
namespace {

constexpr const char* kStart = "start it with `knockwork: 1`, and list sequences under `sequences:`";

void read_main(const Document& document, const Value& top, Draft& draft, Faults& faults) {
  if (!top || top.kind() == NodeKind::null) {
    faults.in(document, {"the declaration is empty", kStart});
  } else if (top.kind() == NodeKind::list) {
    faults.at(top, {"the declaration is a list, not a mapping of keys", kStart});
  } else if (top.kind() == NodeKind::scalar) {
    faults.at(top, {"the declaration is a single value, not a mapping of keys", kStart});
  } else if (top.kind() == NodeKind::map) {
    if (!draft.top) draft.top = top;
    read_map(Scope::declaration, top, {&draft, nullptr, nullptr}, faults);
  }
}

void read_drop_in(const Document& document, const Value& top, Draft& draft, Faults& faults) {
  constexpr const char* kRemedy = "start each sequence with `- name: `; other keys belong in the main file";
  if (!top || top.kind() == NodeKind::null) {
    faults.in(document, {"the drop-in is empty", "write `[]`, or remove the file"});
  } else if (top.kind() == NodeKind::list) {
    read_sequence_list(top, draft, faults);
  } else if (top.kind() != NodeKind::refused) {
    faults.at(top.kind() == NodeKind::map && !top.empty() ? top.first() : top,
              {"a drop-in must be a list of sequences, and this is not a list", kRemedy});
  }
}

Spec finish(Draft draft) {
  Spec spec = std::move(draft.value);
  if (spec.lockout == Duration{}) spec.lockout = longest_step(draft);
  spec.sequences.reserve(draft.sequences.size());
  for (SequenceDraft& sequence : draft.sequences) spec.sequences.push_back(std::move(sequence.value));
  return spec;
}

}  // namespace

void read(const Document& document, Source::Kind kind, Draft& draft, Faults& faults) {
  const Value top = document.nodes.empty() ? Value{} : Value{&document, 0};
  if (kind == Source::Kind::drop_in) {
    read_drop_in(document, top, draft, faults);
  } else if (draft.top) {
    faults.in(document, {"a second main file", "pass one declaration, and the others as drop-ins"});
  } else {
    read_main(document, top, draft, faults);
  }
}

namespace {

// Reads every source; `documents` is what the draft's values point into.
void read_all(const std::vector<Source>& sources, std::vector<Document>& documents, Draft& draft,
              Faults& faults) {
  documents.reserve(sources.size());
  for (const Source& source : sources) {
    Document& document = documents.emplace_back(source, static_cast<int>(documents.size()));
    if (parse(document, faults) == Outcome::parsed) read(document, source.kind, draft, faults);
  }
}

}  // namespace
}  // namespace spec

std::vector<Declared> declared(const std::vector<Source>& sources) {
  spec::Faults faults;
  spec::Draft draft;
  std::vector<spec::Document> documents;
  spec::read_all(sources, documents, draft, faults);
  std::vector<Declared> found;
  found.reserve(draft.sequences.size());
  for (const spec::SequenceDraft& sequence : draft.sequences) {
    if (!sequence.name) continue;
    const spec::Document& document = sequence.name.document();
    found.push_back({sequence.value.name, document.name(), document.line(sequence.name.node().offset)});
  }
  return found;
}

Spec load(const std::vector<Source>& sources) {
  spec::Faults faults;
  spec::Draft draft;
  std::vector<spec::Document> documents;
  spec::read_all(sources, documents, draft, faults);
  spec::check_names(draft, faults);
  spec::check_public_rules(draft, faults);
  spec::check_ports(draft, faults);
  spec::check_combinations(draft, faults);
  if (!faults.empty()) throw InvalidDeclaration(faults.diagnostics());
  return spec::finish(std::move(draft));
}

}  // namespace knockwork
