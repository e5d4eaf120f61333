// Any bytes as a frame of every kind of link: a packet with ports, or none.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "capture/dissect.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace knockwork;
  const std::string_view frame(reinterpret_cast<const char*>(data), size);
  for (int link = 0; link < 300; ++link) {
    if (!is_known_link(link)) continue;
    const auto found = dissect(link, frame);
    if (found && (found->port == 0 || found->payload.size() > size)) std::abort();
  }
  return 0;
}
