"""Marks on packets, set before our chains and needed after them."""

import socket

from bed import Caller
from bed.lab import CLIENT
from bed.packets import Answer, _outcome
from bed.router import Router
from neighbours.containers import OUTSIDE
from neighbours.neighbour import Neighbour, ip6, web

_PEER = "203.0.113.5"  # somewhere in the internet: by the default route alone
_TAILNET = "100.64.0.2"


def _calico(lab: Router) -> dict[str, str]:
    """This host's and its workloads' ports; of the latter none is protected."""
    found = web(lab)
    for caller in (lab.client, lab.client6):
        through = lab.through(caller)
        found |= {f"{caller.source} through, {port}": through.tcp(port) for port in (22, 80)}
    return found


def _exit_node(lab: Router) -> None:
    lab.server.ip("link set eth1 down", "link set eth1 name tailscale0", "link set tailscale0 up",
                  "addr flush dev tailscale0", "addr add 100.64.0.1/10 dev tailscale0")
    lab.behind.ip("addr flush dev eth0 scope global", f"addr add {_TAILNET}/10 dev eth0",
                  "route replace default via 100.64.0.1")
    lab.callers.call("listen_tcp", OUTSIDE)
    lab.callers.call("listen_udp", OUTSIDE)


def _tailnet(lab: Router) -> dict[str, str]:
    """Out by the exit node, to a port of ours as well; and the exit node itself."""
    out = Caller(lab.behind, _TAILNET, CLIENT[0])
    here = Caller(lab.behind, _TAILNET, "100.64.0.1")
    return {"out, tcp": out.tcp(OUTSIDE), "out, udp": out.udp(OUTSIDE), "here": here.tcp(80)}


def _tunnel(lab: Router) -> None:
    """wg-quick with a default route: what bears no mark goes into the tunnel, and strict reverse paths hold."""
    lab.server.ip("link set eth1 down", "link set eth1 name wg0", "link set wg0 up", "addr flush dev wg0",
                  "addr add 10.66.0.2/24 dev wg0", "route add default via 10.77.0.20",
                  "route add default dev wg0 table 51820", "rule add not fwmark 0xca6c table 51820",
                  "rule add table main suppress_prefixlength 0")
    for interface in ("all", "eth0"):
        lab.server.sysctl(f"net.ipv4.conf.{interface}.rp_filter", 1)
        lab.server.sysctl(f"net.ipv4.conf.{interface}.src_valid_mark", 1)
    lab.callers.ip(f"addr add {_PEER}/32 dev lo")
    for port in (OUTSIDE, 51821):
        lab.callers.call("listen_udp_at", port, _PEER)
    lab.behind.ip("addr flush dev eth0 scope global", "addr add 10.66.0.1/24 dev eth0")


def ask_marked(target: str, port: int, source_port: int, mark: int) -> Answer:
    """What a UDP echo service says to a socket with a mark; runs inside a host."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        handle.bind(("", source_port))
        handle.settimeout(0.3)
        handle.connect((target, port))
        handle.send(b"hello")
        return _outcome(lambda: handle.recv(100))


def _outer(lab: Router) -> dict[str, str]:
    """Outer packets of the tunnel: from any port, and from one that is a knock port or guard of ours."""
    return {f"outer, from {source}": lab.server.call(ask_marked, _PEER, port, source, 0xCA6C)
            for source, port in ((41000, OUTSIDE), (7000, OUTSIDE), (7001, 51821))}


def _two_uplinks(lab: Router) -> None:
    """The main table sends all to the other uplink; table 100, chosen by the mark, knows the way back."""
    lab.server.ip("route add 10.77.0.0/16 dev eth0 table 100", "route add 10.200.0.0/16 via 10.77.0.20 table 100",
                  "rule add fwmark 0x64 lookup 100",
                  "route del 10.77.0.0/16 dev eth0", "route del 10.200.0.0/16",
                  "route add fd77::/64 dev eth0 table 100", "route add fd99::/32 via fd77::20 table 100",
                  "route del fd77::/64 dev eth0", "route del fd99::/32",
                  "route add default via 10.88.0.10 src 10.77.0.10", "route add default via fd88::10 src fd77::10")
    ip6(lab, "rule add fwmark 0x64 lookup 100")
    lab.server.sysctl("net.ipv4.conf.all.rp_filter", 0)
    lab.server.sysctl("net.ipv4.conf.eth0.rp_filter", 0)
    lab.server.sysctl("net.ipv4.tcp_fwmark_accept", 1)
    for family in ("ipv4", "ipv6"):
        lab.server.sysctl(f"net.{family}.fwmark_reflect", 1)


KINDS = (
    Neighbour("calico", traffic=_calico, public="80/tcp"),
    Neighbour("tailscale", furnish=_exit_node, traffic=_tailnet, public="80/tcp"),
    Neighbour("wireguard", furnish=_tunnel, traffic=_outer, targets=("10.77.0.10",)),
    Neighbour("killswitch", public="80/tcp"),
    Neighbour("multihomed", furnish=_two_uplinks, public="80/tcp"),
)
