// Any bytes as a declaration: refused with diagnostics, or valid, and then the
// normal form reads back to the same value and every later stage takes it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "knockwork/diagnostic.hpp"
#include "knockwork/spec.hpp"
#include "program/program.hpp"
#include "ruleset/ruleset.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace knockwork;
  const auto read = [](std::string text) {
    return load({Source{.kind = Source::Kind::declaration, .name = "fuzz.yml", .text = std::move(text)}});
  };
  try {
    const Spec spec = read(std::string(reinterpret_cast<const char*>(data), size));
    if (read(to_yaml(spec)) != spec) std::abort();
    compile(compile(spec));
  } catch (const InvalidDeclaration& refused) {
    if (refused.diagnostics().empty() || to_text(refused.diagnostics()).empty()) std::abort();
  }
  return 0;
}
