// What stands on a command line instead of in a profile.
#include <fmt/format.h>

#include "knockwork/client.hpp"
#include "knockwork/diagnostic.hpp"
#include "values/values.hpp"

namespace knockwork {

KnockTarget target_of_knocks(const std::string& host, const std::vector<std::string>& knocks) {
  KnockTarget target;
  target.host = target.address = host;
  std::vector<Knock>& parsed = target.knocks.emplace_back();
  for (const std::string& text : knocks) {
    const auto knock = spec::parse_knock(text);
    if (!knock) {
      throw SystemError(
          fmt::format("knock {}: {}: {}", parsed.size() + 1, knock.error().message, knock.error().remedy));
    }
    parsed.push_back(*knock);
  }
  if (parsed.empty()) throw SystemError("no knocks: write them as in 7000/udp 8000/tcp");
  if (parsed.size() > spec::kMostKnocks) {
    throw SystemError(fmt::format("{} knocks: a sequence has at most {}", parsed.size(), spec::kMostKnocks));
  }
  return target;
}

Service tcp_service(std::string_view text) {
  const bool bare = text.find_first_of("/:") == std::string_view::npos;
  const auto service = spec::parse_service(bare ? std::string(text) + "/tcp" : std::string(text));
  if (!service) {
    throw SystemError(fmt::format("{}: {}", service.error().message, service.error().remedy));
  }
  if (service->protocol != Protocol::tcp || service->first != service->last) {
    throw SystemError(fmt::format("{} cannot be proved: only a single TCP port can", to_string(*service)));
  }
  return *service;
}

}  // namespace knockwork
