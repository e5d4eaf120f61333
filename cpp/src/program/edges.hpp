// Numbers for edges.
#pragma once

#include <vector>

#include "program/program.hpp"

namespace knockwork {

// One number per knock of every sequence, in the sequences' order. Where two
// hashes collide the sequence whose name sorts later is hashed again.
// `sequences` must be sorted by name.
std::vector<std::vector<EdgeId>> number_edges(const std::vector<Sequence>& sequences);

}  // namespace knockwork
