// A profile half read, as draft.hpp has it for declarations. A host's sequences and
// lockout are a small declaration of their own, read by its readers.
#pragma once

#include <string>
#include <vector>

#include "spec/check/draft.hpp"

namespace knockwork::spec {

struct HostDraft {
  std::vector<std::string> patterns;
  std::string address;
  Draft draft;
};

struct ProfileDraft {
  std::vector<HostDraft> hosts;
};

}  // namespace knockwork::spec
