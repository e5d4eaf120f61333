// Names and patterns of interfaces, as `interfaces` lists them.
#pragma once

#include <string>
#include <vector>

namespace knockwork::spec {

// The names that a list leaves out.
std::vector<std::string> all_left_out(const std::vector<std::string>& interfaces);

// Whether a list means some of the interfaces that `name`, itself perhaps a pattern, means.
bool may_be(const std::vector<std::string>& interfaces, const std::string& name);

}  // namespace knockwork::spec
