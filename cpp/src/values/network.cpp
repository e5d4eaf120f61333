// Addresses and networks of both families.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "text/utf8.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

constexpr std::size_t kLongestAddress = INET6_ADDRSTRLEN;

std::size_t size_of(const Network& network) { return network.ipv6 ? 16 : 4; }

// Everything before host bits are judged.
std::optional<Network> parse_loosely(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  if (address.size() > kLongestAddress) return std::nullopt;
  Network network;
  network.ipv6 = address.find(':') != std::string::npos;
  if (inet_pton(network.ipv6 ? AF_INET6 : AF_INET, address.c_str(), network.bytes.data()) != 1)
    return std::nullopt;
  if (address.find('\0') != std::string::npos) return std::nullopt;
  const unsigned most = network.ipv6 ? 128 : 32;
  unsigned prefix = most;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (error != std::errc{} || end != digits.data() + digits.size() || prefix > most) return std::nullopt;
    if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
  }
  network.prefix = static_cast<std::uint8_t>(prefix);
  return network;
}

// The network that the address lies in.
Network without_host_bits(Network network) {
  for (std::size_t at = 0; at < network.bytes.size(); ++at) {
    const int kept = std::clamp(static_cast<int>(network.prefix) - static_cast<int>(at) * 8, 0, 8);
    network.bytes[at] = static_cast<std::uint8_t>(network.bytes[at] & (0xff00U >> kept));
  }
  return network;
}

// ::ffff:192.0.2.1 never stands in a packet's IPv6 header.
bool is_mapped(const Network& network) {
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return network.ipv6 && std::equal(kMapped.begin(), kMapped.end(), network.bytes.begin());
}

}  // namespace

std::string to_string(const Network& network) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(network.ipv6 ? AF_INET6 : AF_INET, network.bytes.data(), text, sizeof text);
  if (network.prefix == size_of(network) * 8) return text;
  return fmt::format("{}/{}", text, network.prefix);
}

std::optional<Network> parse_network(std::string_view text) {
  const auto network = parse_loosely(text);
  if (!network || without_host_bits(*network) != *network) return std::nullopt;
  return network;
}

bool contains(const Network& network, const Network& address) {
  if (network.ipv6 != address.ipv6 || network.prefix > address.prefix) return false;
  Network outer = address;
  outer.prefix = network.prefix;
  return without_host_bits(outer) == network;
}

Network widened(Network network, int prefix) {
  network.prefix = static_cast<std::uint8_t>(std::min<int>(network.prefix, prefix));
  return without_host_bits(network);
}

spec::Parsed<Network> spec::parse_declared_network(std::string_view text) {
  const auto network = parse_loosely(text);
  if (!network) {
    return tl::unexpected(Fault{quote(text) + " is not an address or network",
                                "write it as 192.0.2.10, 192.0.2.0/28 or \"2001:db8::/32\""});
  }
  if (is_mapped(*network)) {
    return tl::unexpected(Fault{quote(text) + " is an IPv4-mapped IPv6 address", "write the IPv4 address"});
  }
  const Network meant = without_host_bits(*network);
  if (meant != *network) {
    Network host = *network;
    host.prefix = static_cast<std::uint8_t>(size_of(host) * 8);
    return tl::unexpected(Fault{quote(text) + " has host bits set",
                                fmt::format("write {} for the network, or {} for the single address",
                                            to_string(meant), to_string(host))});
  }
  return *network;
}

}  // namespace knockwork
