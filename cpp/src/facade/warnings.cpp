#include "facade/warnings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace knockwork {
namespace {

struct Connection {
  Network client;
  std::uint16_t port = 0;  // of this host, tcp
};

std::optional<Connection> parse_connection(std::string_view text) {
  const std::size_t first = text.find(' ');
  const std::size_t last = text.rfind(' ');
  if (first == std::string_view::npos || last == first) return std::nullopt;
  std::string_view address = text.substr(0, first);
  address = address.substr(0, address.find('%'));  // the zone of a link-local address
  const auto client = parse_network(address);
  Connection connection;
  const auto [end, error] =
      std::from_chars(text.data() + last + 1, text.data() + text.size(), connection.port);
  if (!client || error != std::errc()) return std::nullopt;
  connection.client = *client;
  return connection;
}

bool covers(const std::vector<Service>& services, std::uint16_t port) {
  return std::any_of(services.begin(), services.end(), [port](const Service& service) {
    return service.protocol == Protocol::tcp && service.first <= port && port <= service.last;
  });
}

bool has_grant(const LiveTable& live, const Connection& connection) {
  const std::string source = to_string(connection.client) + " . 6 . ";
  const auto holds = [&](const char* set, const std::string& prefix) {
    const auto found = live.live.find(set);
    return found != live.live.end() &&
           std::any_of(found->second.begin(), found->second.end(),
                       [&](const LiveElement& element) { return element.key.starts_with(prefix); });
  };
  const bool six = connection.client.ipv6;
  return holds(six ? "granted6" : "granted4", source + std::to_string(connection.port)) ||
         holds(six ? "ranged6" : "ranged4", source);
}

}  // namespace

std::vector<std::string> operator_warnings(const Program& program, const LiveTable* live,
                                           std::string_view ssh_connection) {
  const auto connection = parse_connection(ssh_connection);
  if (!connection) return {};
  const bool shut = covers(protected_services(program), connection->port) ||
                    (program.mode == Mode::stealth && !covers(program.public_services, connection->port));
  const bool exempt =
      std::any_of(program.always_allow.begin(), program.always_allow.end(),
                  [&](const Network& network) { return contains(network, connection->client); });
  if (!shut || exempt || (live != nullptr && has_grant(*live, *connection))) return {};
  const std::string address = to_string(connection->client);
  return {fmt::format(
      "you are connected from {0} to a port that this declaration shuts: this session goes on, but "
      "a new one from there has to knock first. To keep the way back in, put {0} into "
      "always_allow, or open a second session by knocking before you close this one",
      address)};
}

std::vector<std::string> removal_warnings(const LiveTable& live) {
  std::string names;
  std::size_t count = 0;
  for (const Track& track : decompile(live.ruleset)) {
    if (++count <= 10) names += (names.empty() ? "" : ", ") + track.name;
  }
  if (count > 10) names += fmt::format(" and {} more", count - 10);
  const Chain* gate = live.ruleset.chain("gate");
  if (gate != nullptr && gate->hook.find("policy drop") != std::string::npos) {
    return {"stealth ends: every service of this host answers everyone, unless another table refuses"};
  }
  if (count == 0) return {};
  return {fmt::format(
      "nothing protects these services any longer: those that {} opened are open to everyone, unless "
      "another table refuses",
      names)};
}

}  // namespace knockwork
