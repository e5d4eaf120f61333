"""Addresses that are this host's in uncommon ways."""

from bed import Caller
from bed.lab import SERVER
from bed.router import Router
from neighbours.neighbour import Neighbour, ip6, web

_ANYCAST = "203.0.113.5"
_LOOPBACK = ("10.78.0.1", "fd78::1")


def _local_by_rule(lab: Router) -> None:
    """As for transparent proxies and anycast: local by table 100, which `fib daddr type` does not ask."""
    lab.server.ip("route add local 203.0.113.0/24 dev lo table 100", "rule add to 203.0.113.0/24 lookup 100")
    lab.callers.ip("route add 203.0.113.0/24 via 10.77.0.10")
    lab.server.call("listen_tcp", 2022, True)
    lab.server.call("listen_tcp", 8022, True)
    lab.server.call("listen_udp_at", 51821, _ANYCAST)


def _anycast(lab: Router) -> dict[str, str]:
    return {**web(lab), "8022": Caller(lab.callers, lab.client.source, _ANYCAST).tcp(8022)}


def vrf_missing(lab: Router) -> str:
    """Why this kernel cannot have one."""
    done = lab.server.run(["/usr/sbin/ip", "link", "add", "probe", "type", "vrf", "table", "99"])
    lab.server.run(["/usr/sbin/ip", "link", "del", "probe"])
    return f"this kernel has no VRF: {done.stderr.strip()}" if done.returncode else ""


def in_vrf(lab: Router) -> None:
    """A management VRF as ifupdown2 and FRR make it: eth0 in it. TCP services listen in all VRFs; one of UDP is bound
    to it, since an unbound one would send its answers elsewhere."""
    lab.server.sysctl("net.ipv4.tcp_l3mdev_accept", 1)
    _enter_vrf(lab)
    lab.server.call("listen_udp", 51821, (), "mgmt")


def _bound_to_vrf(lab: Router) -> None:
    """Services of the VRF alone, at its members' addresses and at one of its own."""
    _enter_vrf(lab)
    lab.server.ip(f"addr add {_LOOPBACK[0]}/32 dev mgmt", f"addr add {_LOOPBACK[1]}/128 dev mgmt nodad")
    lab.callers.ip(f"route add {_LOOPBACK[0]}/32 via {SERVER[0]}", f"route add {_LOOPBACK[1]}/128 via {SERVER[1]}")
    for port in (2022, 8022):
        lab.server.call("listen_tcp", port, False, "mgmt")
    for address in (*SERVER, *_LOOPBACK):
        lab.server.call("listen_udp_at", 51821, address, "mgmt")


def _enter_vrf(lab: Router) -> None:
    lab.server.ip("link add mgmt type vrf table 10", "link set mgmt up", "link set eth0 master mgmt",
                  "addr replace fd77::10/64 dev eth0 nodad",
                  "route replace 10.200.0.0/16 via 10.77.0.20 vrf mgmt",
                  "route replace fd99::/32 via fd77::20 vrf mgmt")


def _at_the_vrf(lab: Router) -> dict[str, str]:
    return {f"{caller.source} {target} {port}": Caller(lab.callers, caller.source, target).tcp(port)
            for caller, targets in ((lab.client, (SERVER[0], _LOOPBACK[0])), (lab.client6, (SERVER[1], _LOOPBACK[1])))
            for target in targets for port in (8022, 8023)}


def _proxy(lab: Router) -> None:
    lab.server.ip("rule add fwmark 1 lookup 100", "route add local default dev lo table 100")
    ip6(lab, "rule add fwmark 1 lookup 100", "route add local default dev lo table 100")
    lab.server.call("listen_tcp", 3128, True)


def _intercepted(lab: Router) -> dict[str, str]:
    """Port 8080 of the host behind, where nothing listens: the proxy answers. Its port 22 is nobody's business."""
    found = web(lab)
    for caller in (lab.client, lab.client6):
        through = lab.through(caller)
        found |= {f"{caller.source} through, {port}": through.tcp(port) for port in (22, 8080)}
    return found


def _unnumbered(lab: Router) -> None:
    """BGP to the host: the service's addresses lie on lo, eth0 has a link-local one at most."""
    lab.server.ip("addr flush dev eth0 scope global",
                  f"addr add {_LOOPBACK[0]}/32 dev lo", f"addr add {_LOOPBACK[1]}/128 dev lo nodad",
                  f"route add 10.77.0.0/16 dev eth0 src {_LOOPBACK[0]}",
                  f"route replace 10.200.0.0/16 via 10.77.0.20 src {_LOOPBACK[0]}",
                  f"route add fd77::/64 dev eth0 src {_LOOPBACK[1]}",
                  f"route replace fd99::/32 via fd77::20 src {_LOOPBACK[1]}")
    # Fields of `ip -brief`: name, state, address.
    mac = lab.server.output(["/usr/sbin/ip", "-brief", "link", "show", "dev", "eth0"]).split()[2]
    local = lab.server.output(["/usr/sbin/ip", "-brief", "-6", "address", "show", "dev", "eth0"]).split()[2]
    lab.callers.ip(f"route add {_LOOPBACK[0]}/32 dev eth0", f"neigh replace {_LOOPBACK[0]} lladdr {mac} dev eth0",
                   f"route add {_LOOPBACK[1]}/128 via {local.partition('/')[0]} dev eth0")
    for scope in ("all", "eth0"):
        lab.server.sysctl(f"net.ipv4.conf.{scope}.rp_filter", 0)


def _on_loopback(lab: Router) -> dict[str, str]:
    return {f"{target} {port}": Caller(lab.callers, caller.source, target).tcp(port)
            for caller, target in zip((lab.client, lab.client6), _LOOPBACK) for port in (80, 81)}


KINDS = (
    Neighbour("local-by-rule", furnish=_local_by_rule, traffic=_anycast, targets=(_ANYCAST,),
              doors=("2022/tcp", "51821/udp"), knock_at=SERVER[0],
              unlike=dict.fromkeys(("tcp", "udp"), "closed ports of such an address do not answer"),
              public="80/tcp, 8022/tcp"),
    Neighbour("vrf", missing=vrf_missing, furnish=in_vrf, doors=("22/tcp", "51821/udp"), public="80/tcp"),
    Neighbour("vrf-bound", rules="vrf", missing=vrf_missing, furnish=_bound_to_vrf, traffic=_at_the_vrf,
              targets=(*SERVER, *_LOOPBACK), doors=("2022/tcp", "51821/udp"), labelled=False, public="8022/tcp"),
    Neighbour("tproxy", furnish=_proxy, traffic=_intercepted, targets=SERVER, public="80/tcp"),
    Neighbour("unnumbered", furnish=_unnumbered, traffic=_on_loopback, targets=_LOOPBACK, public="80/tcp"),
)
