// Any bytes as a configuration of another port knocker: each of its lines is told, once and in order, and
// what was made of it is a declaration.
#include "knockwork/import.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "knockwork/spec.hpp"

namespace {

using namespace knockwork;

Imported import(const std::uint8_t* data, std::size_t size) {
  const ForeignFile file{"fuzz", std::string(reinterpret_cast<const char*>(data) + 1, size - 1)};
  switch (data[0] % 3) {
    case 0:
      return import_knockd({file});
    case 1:
      return import_nft(file);
    default:
      return import_fwknop(file, "41873/udp");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Imported made = import(data, size);
  int last = 0;
  for (const ImportedLine& line : made.lines) {
    const bool told =
        line.fate == LineFate::translated || line.fate == LineFate::unneeded || !line.reason.empty();
    if (line.line != ++last || !told) std::abort();
  }
  if (made.sequences.empty() != made.declaration.empty()) std::abort();
  if (!made.declaration.empty()) load({{Source::Kind::declaration, "made.yml", made.declaration}});
  to_text(made, SourceLines::shown);
  to_json(made, SourceLines::shown);
  return 0;
}
