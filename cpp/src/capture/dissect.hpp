// What is in a captured frame. Pure; whatever the bytes are, it ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "knockwork/spec.hpp"

namespace knockwork {

// A TCP segment or UDP datagram that is no fragment. Checksums are not looked at: those of a sender are often
// filled in by its network card, after the capture.
struct Dissected {
  Network source;
  Network target;  // one address each
  Protocol protocol = Protocol::udp;
  std::uint16_t source_port = 0;
  std::uint16_t port = 0;
  std::uint8_t flags = 0;    // of TCP: RFC 9293, section 3.1
  std::string_view payload;  // of UDP, as much as was captured; lives as long as the frame
  bool broadcast = false;    // by the link's address
};

// Whether frames of such a link can be read: Ethernet, raw IP, Linux' cooked captures, loopback of BSD.
bool is_known_link(int link);

// Nothing where the frame holds neither, or too little of it.
std::optional<Dissected> dissect(int link, std::string_view frame);

}  // namespace knockwork
