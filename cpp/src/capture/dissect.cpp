#include "capture/dissect.hpp"

#include <algorithm>
#include <array>

namespace knockwork {
namespace {

// https://www.tcpdump.org/linktypes.html
enum Link {
  null = 0,
  ethernet = 1,
  raw = 12,
  raw_ip = 101,
  loop = 108,
  cooked = 113,
  ipv4 = 228,
  ipv6 = 229,
  cooked2 = 276
};

constexpr std::array kLinks{null, ethernet, raw, raw_ip, loop, cooked, ipv4, ipv6, cooked2};

std::uint8_t byte(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

std::uint16_t word(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte(bytes, at) << 8 | byte(bytes, at + 1));
}

std::string_view after(std::string_view bytes, std::size_t count) {
  return bytes.substr(std::min(count, bytes.size()));
}

// Ethernet (IEEE 802.3), with the tags of 802.1Q that it may have.
std::string_view in_ethernet(std::string_view frame) {
  constexpr std::uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd;
  std::size_t at = 12;
  while (frame.size() >= at + 4 && (word(frame, at) == 0x8100 || word(frame, at) == 0x88a8)) at += 4;
  if (frame.size() < at + 2 || (word(frame, at) != kIpv4 && word(frame, at) != kIpv6)) return {};
  return after(frame, at + 2);
}

std::string_view in_link(int link, std::string_view frame) {
  switch (link) {
    case null:
    case loop:
      return after(frame, 4);
    case ethernet:
      return in_ethernet(frame);
    case cooked:
      return after(frame, 16);
    case cooked2:
      return after(frame, 20);
    default:
      return frame;
  }
}

// Of 4 or 16 bytes.
Network address(std::string_view bytes) {
  Network address;
  address.ipv6 = bytes.size() == 16;
  address.prefix = address.ipv6 ? 128 : 32;
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  return address;
}

struct Inner {
  std::uint8_t protocol = 0;
  std::string_view bytes;
};

// RFC 791. Later fragments have no ports, and the first alone is no packet for anybody.
std::optional<Inner> in_ipv4(std::string_view packet, Dissected& found) {
  if (packet.size() < 20 || byte(packet, 0) >> 4 != 4) return std::nullopt;
  const std::size_t head = static_cast<std::size_t>(byte(packet, 0) & 15) * 4;
  if (head < 20 || (word(packet, 6) & 0x3fff) != 0) return std::nullopt;
  found.source = address(packet.substr(12, 4));
  found.target = address(packet.substr(16, 4));
  const std::size_t told = word(packet, 2);  // 0 of what the network card was to cut into pieces
  const std::size_t length = told == 0 ? packet.size() : std::max(told, head);
  return Inner{byte(packet, 9), after(packet.substr(0, length), head)};
}

// RFC 8200, with the extension headers that stand before a transport's.
std::optional<Inner> in_ipv6(std::string_view packet, Dissected& found) {
  constexpr std::array<std::uint8_t, 3> kOptions{0, 43, 60};
  constexpr std::uint8_t kFragment = 44;
  if (packet.size() < 40 || byte(packet, 0) >> 4 != 6) return std::nullopt;
  found.source = address(packet.substr(8, 16));
  found.target = address(packet.substr(24, 16));
  Inner inner{byte(packet, 6), packet.substr(40, std::max<std::size_t>(word(packet, 4), 8))};
  while (inner.bytes.size() >= 8) {
    const bool fragment = inner.protocol == kFragment;
    if (!fragment && std::find(kOptions.begin(), kOptions.end(), inner.protocol) == kOptions.end()) break;
    if (fragment && (word(inner.bytes, 2) & 0xfff9) != 0) return std::nullopt;
    const std::size_t length = fragment ? 8 : (std::size_t{byte(inner.bytes, 1)} + 1) * 8;
    inner = {byte(inner.bytes, 0), after(inner.bytes, length)};
  }
  return inner;
}

bool read_ports(const Inner& inner, Dissected& found) {
  constexpr std::uint8_t kTcp = 6, kUdp = 17;
  if (inner.protocol != kTcp && inner.protocol != kUdp) return false;
  if (inner.bytes.size() < (inner.protocol == kTcp ? 14U : 8U)) return false;
  found.protocol = inner.protocol == kTcp ? Protocol::tcp : Protocol::udp;
  found.source_port = word(inner.bytes, 0);
  found.port = word(inner.bytes, 2);
  if (inner.protocol == kTcp) {
    found.flags = byte(inner.bytes, 13) & 0x3f;
    return found.port != 0 && byte(inner.bytes, 12) >> 4 >= 5;
  }
  const std::size_t length = word(inner.bytes, 4);
  found.payload = after(inner.bytes.substr(0, length), 8);
  return found.port != 0 && length >= 8;
}

}  // namespace

bool is_known_link(int link) { return std::find(kLinks.begin(), kLinks.end(), link) != kLinks.end(); }

std::optional<Dissected> dissect(int link, std::string_view frame) {
  Dissected found;
  const std::string_view packet = in_link(link, frame);
  if (packet.empty()) return std::nullopt;
  const std::optional<Inner> inner =
      byte(packet, 0) >> 4 == 6 ? in_ipv6(packet, found) : in_ipv4(packet, found);
  if (!inner || !read_ports(*inner, found)) return std::nullopt;
  found.broadcast = link == ethernet &&
                    std::all_of(frame.begin(), frame.begin() + 6, [](char each) { return each == '\xff'; });
  return found;
}

}  // namespace knockwork
