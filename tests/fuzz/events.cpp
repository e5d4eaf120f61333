// Any bytes as a message of the kernel's log, which carries the header of a packet: an event, or none.
#include "kernel/netlink/events.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace knockwork;
  const auto event = parse_event(std::as_bytes(std::span(data, size)), std::chrono::milliseconds(5));
  if (event && event->source.prefix != (event->source.ipv6 ? 128 : 32)) std::abort();
  return 0;
}
