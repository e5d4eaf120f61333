// A TCP connection to this host, and whether its client would have to knock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "program/program.hpp"

namespace knockwork {

struct Connection {
  Network client;
  std::uint16_t client_port = 0;
  std::uint16_t port = 0;  // of this host, tcp
};

// Of sshd's variable SSH_CONNECTION: client address and port, server address and port.
std::optional<Connection> parse_connection(std::string_view text);

// Whether one of the services is that TCP port.
bool covers(const std::vector<Service>& services, std::uint16_t port);

// Whether somebody who comes like that needs a grant, by whichever interface it is.
bool must_knock(const Program& program, const Connection& connection);

// How much of an address of that family is a source: 32 or 128 where it is the whole address.
int source_prefix(const Program& program, bool ipv6);

// The address that stands for the client's source: its own, masked.
Network source_of(const Network& client, const Program& program);

// A source for people: with its prefix where it is a network.
std::string shown_source(const Network& source, const Program& program);

}  // namespace knockwork
