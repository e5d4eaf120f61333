// Runs machine and naive machine side by side and says where they differ.
#pragma once

#include <string>
#include <vector>

#include "machine/machine.hpp"
#include "naive_machine.hpp"

namespace naive {

// Empty where they agree on every packet; else the declaration, the packets up
// to the first difference and what each of the two says.
std::string difference(const knockwork::Spec& spec, const knockwork::Machine& machine,
                       const std::vector<knockwork::Packet>& packets);

}  // namespace naive
