// Any bytes as a request of the Ansible modules: answered with JSON, whatever they ask, and never with a
// fault of ours. The kernel is in memory, and the rest of the host out of reach.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "../unit/fake_kernel.hpp"
#include "confined.hpp"
#include "knockwork/knockwork.hpp"

namespace {

using nlohmann::json;

bool confined = false;

// A knock takes time, and a rollback that waits is a process of its own: these are checks here. Where
// the host is in reach, everything is.
std::string harmless(std::string_view text) {
  json request = json::parse(text, nullptr, false);
  if (!request.is_object()) return std::string(text);
  const bool lasts = request.contains("confirm_within") || request.value("command", json()) == "knock";
  if (confined && !lasts) return std::string(text);
  request["check"] = true;
  return request.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Every request that no version of a module makes is told so in one way; another "bug" is one.
bool ours(const json& error) {
  return error.at("kind") == "bug" && error.at("message") != "the request does not match this version" &&
         error.at("message") != "unknown command in the request";
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* count, char*** words) {
  constexpr std::string_view kFindings = "-artifact_prefix=";
  std::string findings;
  for (const std::string_view word : std::vector<std::string_view>(*words, *words + *count)) {
    if (word.starts_with(kFindings)) findings = word.substr(kFindings.size());
  }
  confined = knockwork::confine(findings);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (confined) knockwork::forget();
  knockwork::FakeKernel kernel;
  const std::string request = harmless(std::string_view(reinterpret_cast<const char*>(data), size));
  // Twice: what a request leaves behind is there for the next.
  for (int turn = 0; turn < 2; ++turn) {
    const json answer = json::parse(knockwork::call(request, kernel));
    if (!answer.at("ok").get<bool>() && ours(answer.at("error"))) std::abort();
  }
  return 0;
}
