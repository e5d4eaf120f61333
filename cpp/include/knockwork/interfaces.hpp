// The interfaces of this host as a declaration has them.
#pragma once

#include <string>

#include "knockwork/spec.hpp"

namespace knockwork {

class Kernel;

// Which interfaces a pattern in `interfaces` leaves open now, as a sentence for who writes the declaration;
// empty where there is no pattern or nothing is open. An apply does not repeat it. Changes nothing.
std::string left_open(const Spec& spec, Kernel& kernel);

}  // namespace knockwork
