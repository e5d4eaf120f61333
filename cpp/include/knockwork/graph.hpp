// A declaration as a picture.
#pragma once

#include <string>

#include "knockwork/report.hpp"
#include "knockwork/spec.hpp"

namespace knockwork {

// The steps of each sequence, what they open, and what a wrong knock does, in the language of graphviz
// (dot(1)). Touches no kernel. Names no port where they are hidden.
std::string graph(const Spec& spec, Ports ports);

// The same drawn by graphviz, as SVG. Throws SystemError where `dot` is missing or fails.
std::string graph_svg(const Spec& spec, Ports ports);

}  // namespace knockwork
