// UDP ports that hosts of a local network broadcast or multicast to by themselves. As a guard such a port
// locks out whoever sits on the LAN; as a knock everyone there takes a step. So no guard is set on one by
// itself, and none is drawn. docs/derivation.md lists them too: what is drawn depends on them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "knockwork/spec.hpp"

namespace knockwork {

struct LanPort {
  std::uint16_t port;
  std::string_view why;
};

inline constexpr std::array kLanPorts{
    LanPort{67, "DHCP, to servers"},
    LanPort{68, "DHCP, to clients"},
    LanPort{137, "NetBIOS names"},
    LanPort{138, "NetBIOS datagrams"},
    LanPort{319, "PTP events"},
    LanPort{320, "PTP"},
    LanPort{520, "RIP"},
    LanPort{521, "RIPng"},
    LanPort{546, "DHCPv6, to clients"},
    LanPort{547, "DHCPv6, to servers"},
    LanPort{631, "CUPS browsing"},
    LanPort{694, "Heartbeat"},
    LanPort{1900, "SSDP, UPnP"},
    LanPort{1947, "Sentinel licences"},
    LanPort{1985, "HSRP"},
    LanPort{2029, "HSRP for IPv6"},
    LanPort{3222, "GLBP"},
    LanPort{3289, "Epson printers"},
    LanPort{3702, "WS-Discovery"},
    LanPort{5350, "NAT-PMP announcements"},
    LanPort{5353, "mDNS"},
    LanPort{5355, "LLMNR"},
    LanPort{5405, "Corosync"},
    LanPort{5678, "MikroTik neighbours"},
    LanPort{6454, "Art-Net"},
    LanPort{6666, "Tuya devices"},
    LanPort{6667, "Tuya devices"},
    LanPort{6771, "BitTorrent local peers"},
    LanPort{8610, "Canon scanners"},
    LanPort{8612, "Canon printers"},
    LanPort{9956, "AllJoyn"},
    LanPort{9999, "Kasa devices"},
    LanPort{10001, "Ubiquiti discovery"},
    LanPort{15600, "Samsung displays"},
    LanPort{17500, "Dropbox LAN sync"},
    LanPort{21027, "Syncthing discovery"},
    LanPort{27036, "Steam in-home streaming"},
    LanPort{32410, "Plex discovery"},
    LanPort{32412, "Plex discovery"},
    LanPort{32414, "Plex discovery"},
    LanPort{38899, "WiZ lights"},
    LanPort{47808, "BACnet"},
    LanPort{54915, "Logitech devices"},
    LanPort{56700, "LIFX lights"},
    LanPort{57621, "Spotify Connect"},
};

inline bool is_lan_port(Knock knock) {
  return knock.protocol == Protocol::udp &&
         std::any_of(kLanPorts.begin(), kLanPorts.end(),
                     [&](const LanPort& each) { return each.port == knock.port; });
}

}  // namespace knockwork
