#include "apply/warnings.hpp"

#include <fmt/format.h>

#include "ruleset/decompile/program_of.hpp"
#include "ruleset/live/entries.hpp"

namespace knockwork {

std::string must_knock_again(const Program& program, const LiveTable* live, std::string_view ssh_connection) {
  const auto connection = parse_connection(ssh_connection);
  if (!connection || !must_knock(program, *connection)) return {};
  if (live != nullptr && holds_grant(live->live, program_of(live->ruleset), *connection)) return {};
  return to_string(connection->client);
}

std::string way_back_warning(const std::string& address) {
  return fmt::format(
      "you are connected from {0} to a port that this declaration closes: this session continues, but a new "
      "one from there has to knock first. To keep access, put {0} into always_allow, or knock and open a "
      "second session before you close this one",
      address);
}

std::vector<std::string> offload_warnings(const std::vector<Flowtable>& flowtables) {
  std::vector<std::string> warnings;
  warnings.reserve(flowtables.size());
  for (const Flowtable& each : flowtables) {
    warnings.push_back(fmt::format(
        "the flowtable {} in the table {} forwards connections past the gate: on_expiry: cut does not end "
        "those that it handles. Keep services under `to` out of it, or end them with `knockwork revoke`",
        each.name, each.table));
  }
  return warnings;
}

std::vector<std::string> unseen_use_warnings(const std::vector<Flowtable>& flowtables) {
  std::vector<std::string> warnings;
  warnings.reserve(flowtables.size());
  for (const Flowtable& each : flowtables) {
    warnings.push_back(fmt::format(
        "the flowtable {} in the table {} forwards connections past the gate: their packets renew no grant "
        "(`prolong`). Keep services under `to` out of it",
        each.name, each.table));
  }
  return warnings;
}

std::vector<std::string> removal_warnings(const LiveTable& live) {
  std::string names;
  std::size_t count = 0;
  for (const Track& track : decompile(live.ruleset)) {
    if (++count <= 10) names += (names.empty() ? "" : ", ") + track.name;
  }
  if (count > 10) names += fmt::format(" and {} more", count - 10);
  if (is_stealth(live.ruleset)) {
    return {
        "stealth mode ends: every service of this host is open to everyone, unless another table refuses it"};
  }
  if (count == 0) return {};
  return {fmt::format(
      "the services that {} opened are no longer protected: they are open to everyone, unless another table "
      "refuses them",
      names)};
}

}  // namespace knockwork
