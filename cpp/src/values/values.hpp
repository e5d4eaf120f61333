// The texts of single values → strong types, or what is wrong with them.
//
// Pure and without places: a reader adds those. Quotes make no difference, so
// `7000/udp` and "7000/udp" are one. YAML's own numbers are not used: they make
// 18 of `022` (YAML 1.1 takes it for octal). No fault quotes a port.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "knockwork/spec.hpp"
#include "values/fault.hpp"

namespace knockwork::spec {

template <typename T>
using Parsed = tl::expected<T, Fault>;

inline tl::unexpected<Fault> refuse(std::string message, std::string remedy) {
  return tl::unexpected(Fault{std::move(message), std::move(remedy)});
}

inline constexpr std::size_t kMostKnocks = 32;           // of one sequence
inline constexpr std::uint32_t kLastEpoch = 2147483647;  // that a declaration may name
inline constexpr std::size_t kMostEpochs = 16;           // that a host accepts at a time
inline constexpr std::int64_t kMostTokens = 100'000;     // of a declaration, at a time
inline constexpr std::size_t kLeastPorts = 256;          // to draw from
inline constexpr std::size_t kLongestName = 64;
inline constexpr std::size_t kLongestInterface = 15;  // IFNAMSIZ - 1, linux/if.h
inline constexpr std::size_t kLongestHost = 253;      // a name's characters, RFC 1035, 2.3.4
inline constexpr std::size_t kLongestPath = 4095;     // PATH_MAX - 1, linux/limits.h
inline constexpr Duration kShortest = Duration::milliseconds(100);
inline constexpr Duration kLongest = Duration::milliseconds(30LL * 24 * 3600 * 1000);

Parsed<std::uint16_t> parse_port(std::string_view text);
Parsed<Knock> parse_knock(std::string_view text);        // "7000", "7000/udp", "7000:udp", "udp/7000", "tftp"
Parsed<Service> parse_service(std::string_view text);    // "22/tcp", "60000-61000/udp", "ssh", "ssh/tcp"
Parsed<PublicRule> parse_public(std::string_view text);  // a service, "gre", "proto/47", "icmp/8"
Parsed<Knock> parse_token_port(std::string_view text);   // "41873/udp", "41873"
Parsed<std::string> parse_sequence_key(std::string_view text);  // 32 bytes in base64
Parsed<std::vector<Knock>> parse_guard(std::string_view text);  // "7001" (both protocols), "7001/udp"
Parsed<PortRange> parse_range(std::string_view text);           // "8080", "1024-32767"
Parsed<Protocol> parse_protocol(std::string_view text);         // "tcp", "udp"
Parsed<std::uint64_t> parse_epoch(std::string_view text);
Parsed<std::string> parse_host(std::string_view text);  // in lower case
Parsed<std::uint32_t> parse_integer(std::string_view text, std::uint32_t least, std::uint32_t most);
Parsed<bool> parse_boolean(std::string_view text);       // true, false, yes, no
Parsed<Duration> parse_duration(std::string_view text);  // "1m30s", as finely as the kernel counts
// As it is written, of any length: what takes it has limits of its own.
Parsed<std::chrono::milliseconds> parse_any_time(std::string_view text);
Parsed<Network> parse_declared_network(std::string_view text);  // as parse_network, with what is wrong
Parsed<std::string> parse_name(std::string_view text);
Parsed<std::string> parse_interface(std::string_view text);            // "eth0", "eth*"
Parsed<std::string> parse_protected_interface(std::string_view text);  // and "!wg0": all but that
std::optional<std::string_view> left_out(std::string_view interface);  // "wg0" of "!wg0"
Parsed<std::string> parse_absolute_path(std::string_view text);
Parsed<std::string> parse_pattern(std::string_view text);  // of hosts: "web*.example"
Parsed<std::string> parse_address(std::string_view text);  // a host's name or address

}  // namespace knockwork::spec
