// Any bytes as a declaration: refused with diagnostics, or valid, and then the
// normal form reads back to the same value and every later stage takes it. That a
// normal form is refused is a fault, and never passes for bad input.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/rotation.hpp"
#include "knockwork/spec.hpp"
#include "program/program.hpp"
#include "ruleset/ruleset.hpp"

namespace {

using namespace knockwork;

Spec read(std::string text) {
  return load({Source{.kind = Source::Kind::declaration, .name = "fuzz.yml", .text = std::move(text)}});
}

std::optional<Spec> read_if_valid(std::string text) {
  try {
    return read(std::move(text));
  } catch (const InvalidDeclaration& refused) {
    if (refused.diagnostics().empty() || to_text(refused.diagnostics()).empty()) std::abort();
  }
  return std::nullopt;
}

// As a host would draw it, without its secret and its record.
Spec drawn(const Spec& spec) {
  constexpr UnixTime kSome{1'700'000'000'000};
  const auto key_of = [](const Derivation&, Epoch) { return host_key("0123456789abcdef", "fuzz"); };
  return resolve(with_record(spec, {}), {kSome}, key_of);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::optional<Spec> spec = read_if_valid(std::string(reinterpret_cast<const char*>(data), size));
  if (!spec) return 0;
  if (read(to_yaml(*spec)) != *spec) std::abort();
  compile(compile(drawn(*spec)));
  return 0;
}
