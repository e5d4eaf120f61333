// What the reference machine does with a list of packets, told line by line:
//
//      0.0s  192.0.2.7  7000/udp  passed on  knock 1 of ssh (1/3): next within 5s
//
// Touches no kernel. The packets come from the user, so their ports are shown.
#pragma once

#include <string>
#include <string_view>

#include "program/program.hpp"

namespace knockwork {

// `script`: see script.hpp; `script_name` is what diagnostics call it.
// Throws InvalidDeclaration with every fault of the script.
std::string trace(const Program& program, std::string_view script, std::string_view script_name);

// The same as a JSON array, one object per packet, for programs:
//   {"time_ms": 0, "source": "192.0.2.7", "packet": "7000/udp", "verdict": "passed on",
//    "fired": [{"sequence": "ssh", "step": 1, "of": 3}], "granted": [], "wrong": false,
//    "token_used": false, "locked_out": "nobody" | "source" | "family", "why": "…"}
std::string trace_json(const Program& program, std::string_view script, std::string_view script_name);

}  // namespace knockwork
