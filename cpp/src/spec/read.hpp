// One parsed document into the draft: the main file's keys, or a drop-in's sequences.
#pragma once

#include "spec/check/draft.hpp"
#include "yaml/faults.hpp"

namespace knockwork::spec {

void read(const Document& document, Source::Kind kind, Draft& draft, Faults& faults);

}  // namespace knockwork::spec
