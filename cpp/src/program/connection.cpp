#include "program/connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace knockwork {
namespace {

// Whether an entry of `public` lets the connection in, by its interface if it names one.
bool lets_in(const PublicRule& rule, const Connection& connection) {
  return rule.service && covers({*rule.service}, connection.port) &&
         (rule.from.empty() || std::any_of(rule.from.begin(), rule.from.end(), [&](const Network& network) {
            return contains(network, connection.client);
          }));
}

bool is_public(const Program& program, const Connection& connection) {
  return covers(program.public_services, connection.port) ||
         std::any_of(program.public_rules.begin(), program.public_rules.end(), [&](const PublicRule& rule) {
           return rule.interface.empty() && lets_in(rule, connection);
         });
}

}  // namespace

bool covers(const std::vector<Service>& services, std::uint16_t port) {
  return std::any_of(services.begin(), services.end(), [port](const Service& service) {
    return service.protocol == Protocol::tcp && service.first <= port && port <= service.last;
  });
}

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
  const std::string_view from = text.substr(first + 1);
  std::from_chars(from.data(), from.data() + from.size(), connection.client_port);
  return connection;
}

bool must_knock(const Program& program, const Connection& connection) {
  const bool shut = covers(protected_services(program), connection.port) ||
                    (program.mode == Mode::stealth && !is_public(program, connection));
  return shut && std::none_of(program.always_allow.begin(), program.always_allow.end(),
                              [&](const Network& network) { return contains(network, connection.client); });
}

int source_prefix(const Program& program, bool ipv6) {
  return ipv6 ? program.ipv6_prefix : program.ipv4_prefix;
}

Network source_of(const Network& client, const Program& program) {
  Network network = widened(client, source_prefix(program, client.ipv6));
  network.prefix = client.ipv6 ? 128 : 32;
  return network;
}

std::string shown_source(const Network& source, const Program& program) {
  const int prefix = source_prefix(program, source.ipv6);
  return prefix == (source.ipv6 ? 128 : 32) ? to_string(source)
                                            : fmt::format("{}/{}", to_string(source), prefix);
}

}  // namespace knockwork
