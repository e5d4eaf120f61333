// Captures of tcpdump and wireshark, as a script of `trace`.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "knockwork/derive.hpp"
#include "knockwork/spec.hpp"

namespace knockwork {

struct Captured {
  std::string script;  // a line for each packet that a gate would have judged
  UnixTime began{0};   // of the first packet
  // Answers, packets of connections that had begun, other protocols, packets for other hosts.
  std::size_t left_out = 0;
  std::string cut_off;  // why the file ends too early; empty: it does not
};

// The packets of a file of libpcap for a host: its addresses, or where none are given those of this host. The
// declaration says which datagrams are tokens; its secrets are read for that. Throws SystemError where
// libpcap is missing or cannot read the file, and where no packet is for the host.
Captured read_capture(const std::string& file, const std::vector<std::string>& addresses, const Spec& spec);

}  // namespace knockwork
