#include "machine_cases.hpp"

#include "catch.hpp"

namespace rules {

void require_told(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    INFO(one.what);
    CHECK('\n' + trace(one.spec, one.script, "packets") == one.told);
  }
}

}  // namespace rules
