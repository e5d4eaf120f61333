#include "apply/warnings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "knockwork/words.hpp"
#include "ruleset/decompile/program_of.hpp"
#include "ruleset/live/entries.hpp"
#include "text/words.hpp"

namespace knockwork {
namespace {

// Of two `to`: whether the first has all places of the second. Without networks, the place is this host.
bool covers(const std::vector<Network>& networks, const std::vector<Network>& others) {
  if (networks.empty() != others.empty()) return false;
  return std::all_of(others.begin(), others.end(), [&](const Network& other) {
    return std::any_of(networks.begin(), networks.end(),
                       [&](const Network& network) { return contains(network, other); });
  });
}

bool is_protected(const Track& track, const Service& service, const Program& program) {
  return std::any_of(program.tracks.begin(), program.tracks.end(), [&](const Track& each) {
    return covers(each.to, track.to) &&
           std::any_of(each.services.begin(), each.services.end(), [&](const Service& other) {
             return other.protocol == service.protocol && other.first <= service.first &&
                    other.last >= service.last;
           });
  });
}

constexpr std::string_view kStealthEnds =
    "stealth mode ends: every service of this host is open to everyone, unless another table refuses it";

std::string opened(std::vector<std::string> names) {
  std::sort(names.begin(), names.end(), natural_less);
  return fmt::format(
      "the services that {} opened are no longer protected: they are open to everyone, unless another table "
      "refuses them",
      listed(names));
}

}  // namespace

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

std::vector<std::string> opened_warnings(const LiveTable& live, const Program& wanted) {
  std::vector<std::string> warnings;
  if (is_stealth(live.ruleset) && wanted.mode != Mode::stealth) warnings.emplace_back(kStealthEnds);
  std::vector<std::string> names;
  for (const Track& track : decompile(live.ruleset)) {
    if (wanted.mode == Mode::stealth && track.to.empty()) continue;  // stealth closes all of this host
    const bool stays = std::all_of(track.services.begin(), track.services.end(), [&](const Service& service) {
      return is_protected(track, service, wanted);
    });
    if (!stays) names.push_back(track.name);
  }
  if (!names.empty()) warnings.push_back(opened(std::move(names)));
  return warnings;
}

std::string unchecked_warning(const SystemError& error) {
  return fmt::format("other firewalls were not checked: {}", error.what());
}

std::vector<std::string> removal_warnings(const LiveTable& live) {
  std::vector<std::string> warnings;
  const bool stealth = is_stealth(live.ruleset);
  if (stealth) warnings.emplace_back(kStealthEnds);
  std::vector<std::string> names;
  for (const Track& track : decompile(live.ruleset)) {
    const bool told = track.services.empty() || (stealth && track.to.empty());
    if (!told) names.push_back(track.name);
  }
  if (!names.empty()) warnings.push_back(opened(std::move(names)));
  return warnings;
}

}  // namespace knockwork
