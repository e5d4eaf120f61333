// Whether a client of sshd could come in anew, and by what.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "ruleset/ruleset.hpp"
#include "undo/pending.hpp"

namespace knockwork {

struct Connection {
  Network client;
  std::uint16_t client_port = 0;
  std::uint16_t port = 0;  // of this host, tcp
};

// Of sshd's variable SSH_CONNECTION: client address and port, server address and port.
std::optional<Connection> parse_connection(std::string_view text);

// As much of a program as a live ruleset says: mode, sequences, public services and entries,
// always_allow, interfaces, sources, ipv4_prefix, ipv6_prefix, how it refuses.
Program program_of(const Ruleset& ruleset);

// Whether somebody who comes like that needs a grant, by whichever interface it is.
bool must_knock(const Program& program, const Connection& connection);

// How much of an address of that family is a source: 32 or 128 where it is the whole address.
int source_prefix(const Program& program, bool ipv6);

// The client as the sets name a source of its family.
std::string source_of(const Network& client, const Program& program);

// A source that the sets name, for people: with its prefix where it is a network.
std::string shown_source(const std::string& source, const Program& program);

// Whether the sets of grants say that the client may come in again now.
template <typename Sets>
bool holds_grant(const Sets& sets, const Program& program, const Connection& connection) {
  const std::string source = source_of(connection.client, program) + " . 6 . ";
  const auto holds = [&](const char* set, const std::string& prefix, bool whole) {
    const auto found = sets.find(set);
    return found != sets.end() &&
           std::any_of(found->second.begin(), found->second.end(), [&](const LiveElement& element) {
             return whole ? element.key == prefix : element.key.starts_with(prefix);
           });
  };
  const bool six = connection.client.ipv6;
  return holds(six ? "granted6" : "granted4", source + std::to_string(connection.port), true) ||
         holds(six ? "ranged6" : "ranged4", source, false);
}

// Whether it holds one by such a sequence, for the port it came to.
bool holds_grant_by(const LiveTable& live, const Program& program, const Connection& connection,
                    const std::function<bool(const Track&)>& such);

// What speaks for who wants to confirm: pure evidence, gathered elsewhere.
struct Evidence {
  std::string ssh_connection;                              // empty: nobody came over the network
  std::optional<std::chrono::milliseconds> session_began;  // of sshd's process, by CLOCK_BOOTTIME
  std::chrono::milliseconds now{0};                        // the same clock
};

// Why the evidence does not show that its connection could come in anew since
// the commit; nothing where it does. Pure.
std::optional<std::string> missing_proof(const Pending& pending, const LiveTable& live,
                                         const Evidence& evidence);

// When the nearest sshd above this process began: a session's process lives as
// long as its connection, however many commands share that. operator.cpp.
std::optional<std::chrono::milliseconds> ssh_session_began();

}  // namespace knockwork
