// Why a plan changes what it changes, and what follows from it.
#pragma once

#include <string>
#include <vector>

#include "knockwork/declared.hpp"
#include "knockwork/report.hpp"

namespace knockwork {

// A paragraph for each change of a plan: where it is declared, why it differs, and what becomes of grants,
// connections and services. Pure; shows no more than the report does.
std::string explain(const Report& plan, const Spec& spec, const std::vector<Declared>& declared);
// The same as a JSON array.
std::string explain_json(const Report& plan, const Spec& spec, const std::vector<Declared>& declared);

}  // namespace knockwork
