#include "undo/way_in.hpp"

#include <fmt/format.h>

#include <charconv>

#include "ruleset/live/live_doors.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;

bool covers(const std::vector<Service>& services, std::uint16_t port) {
  return std::any_of(services.begin(), services.end(), [port](const Service& service) {
    return service.protocol == Protocol::tcp && service.first <= port && port <= service.last;
  });
}

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

// The grants of who came, by the sequences that open the port.
using ByWhat = std::function<bool(const Track&, const LiveElement&)>;
bool any_grant(const LiveTable& live, const Program& program, const Connection& connection,
               const ByWhat& such) {
  const auto holders = live.live.find(connection.client.ipv6 ? "holders6" : "holders4");
  if (holders == live.live.end()) return false;
  const std::string source = source_of(connection.client, program);
  return std::any_of(program.tracks.begin(), program.tracks.end(), [&](const Track& track) {
    if (!track.to.empty() || !covers(track.services, connection.port)) return false;
    const std::string key = source + " . " + edge_key(track.edges.back().id);
    return std::any_of(holders->second.begin(), holders->second.end(), [&](const LiveElement& element) {
      return element.key == key && such(track, element);
    });
  });
}

// A knock since the commit, by a sequence that stands in the table.
bool has_young_grant(const Pending& pending, const LiveTable& live, const Program& program,
                     const Connection& connection, milliseconds now) {
  return pending.committed &&
         any_grant(live, program, connection, [&](const Track&, const LiveElement& element) {
           return element.timeout - element.expires < now - *pending.committed;
         });
}

}  // namespace

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

Program program_of(const Ruleset& ruleset) {
  Program program;
  program.mode = is_stealth(ruleset) ? Mode::stealth : Mode::gate;
  program.tracks = decompile(ruleset);
  program.ipv4_prefix = ipv4_prefix(ruleset).value_or(32);
  program.ipv6_prefix = ipv6_prefix(ruleset).value_or(128);
  if (const Set* granted = ruleset.set("granted4")) program.sources = granted->size;
  if (const Set* interfaces = ruleset.set("interfaces")) {
    for (const Element& each : interfaces->elements) {
      program.interfaces.push_back(each.key.substr(1, each.key.size() - 2));  // without its quotes
    }
  }
  for (const char* name : {"always_allow4", "always_allow6"}) {
    const Set* set = ruleset.set(name);
    if (set == nullptr) continue;
    for (const Element& element : set->elements) {
      if (const auto network = parse_network(element.key)) program.always_allow.push_back(*network);
    }
  }
  for (const char* name : {"dispatch", "ranges"}) {
    const Set* set = ruleset.set(name);
    if (set == nullptr) continue;
    for (const Element& element : set->elements) {
      if (element.value != "accept") continue;
      if (const auto span = parse_ports(element.key)) program.public_services.push_back(*span);
    }
  }
  program.public_rules = public_rules(ruleset);
  const Chain* refuse = ruleset.chain("refuse");
  program.reject = refuse != nullptr && refuse->rules != std::vector<std::string>{"drop"};
  return program;
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

std::string source_of(const Network& client, const Program& program) {
  Network network = widened(client, source_prefix(program, client.ipv6));
  network.prefix = client.ipv6 ? 128 : 32;
  return to_string(network);
}

std::string shown_source(const std::string& source, const Program& program) {
  const bool ipv6 = source.find(':') != std::string::npos;
  const int prefix = source_prefix(program, ipv6);
  return prefix == (ipv6 ? 128 : 32) ? source : fmt::format("{}/{}", source, prefix);
}

bool holds_grant_by(const LiveTable& live, const Program& program, const Connection& connection,
                    const std::function<bool(const Track&)>& such) {
  return any_grant(live, program, connection,
                   [&such](const Track& track, const LiveElement&) { return such(track); });
}

std::optional<std::string> missing_proof(const Pending& pending, const LiveTable& live,
                                         const Evidence& evidence) {
  const auto connection = parse_connection(evidence.ssh_connection);
  if (!connection) return std::nullopt;
  const Program program = program_of(live.ruleset);
  if (!must_knock(program, *connection)) return std::nullopt;
  if (has_young_grant(pending, live, program, *connection, evidence.now)) return std::nullopt;
  // Who holds no grant and is in by a new connection needs none: an interface that is not protected.
  const bool granted =
      holds_grant(live.live, program, *connection) || holds_grant(pending.grants.sets, program, *connection);
  const bool anew =
      pending.committed && evidence.session_began && *evidence.session_began > *pending.committed;
  if (!granted && anew) return std::nullopt;
  return fmt::format(
      "{} has not connected since then: {}. Knock, reconnect and confirm over the new connection",
      to_string(connection->client),
      granted ? "an old grant proves nothing" : "an older connection proves nothing");
}

}  // namespace knockwork
