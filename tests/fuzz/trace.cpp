// Any bytes as a list of packets: refused with diagnostics, or told, one line per packet.
#include "machine/trace.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "knockwork/diagnostic.hpp"
#include "knockwork/spec.hpp"
#include "program/program.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace knockwork;
  static const Program program =
      compile(load({Source{.kind = Source::Kind::declaration, .name = "fuzz.yml", .text = R"(
knockwork: 1
sequences:
  - {name: ssh, knock: [7000, 8000, 9000], opens: [22/tcp]}
  - {name: alice, token: {port: 41873, key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=}, opens: [22/tcp]}
  - {name: web, knock: [7000/tcp, 7000, 7000], opens: [443/tcp, 60000-61000/udp]}
)"}}));
  try {
    trace(program, std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
  } catch (const InvalidDeclaration&) {
  }
  return 0;
}
