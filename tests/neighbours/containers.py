"""What runs behind this host: containers, clusters, virtual machines."""

from bed import Caller
from bed.lab import CLIENT
from bed.router import Router
from neighbours.neighbour import Neighbour

OUTSIDE = 4000  # a TCP and a UDP service of the callers


def bridge(lab: Router, name: str, host: tuple[str, ...], guest: tuple[str, ...]) -> None:
    """A bridge of the router with the host behind on it; addresses with their prefixes, the first IPv4's."""
    lab.server.ip(f"link add {name} type bridge", "addr flush dev eth1", f"link set eth1 master {name}",
                  f"link set {name} up", *(f"addr add {address} dev {name}" for address in host))
    lab.behind.ip("addr flush dev eth0 scope global", *(f"addr add {address} dev eth0" for address in guest),
                  *(f"route replace default via {address.partition('/')[0]}" for address in host))
    lab.callers.call("listen_tcp", OUTSIDE)
    lab.callers.call("listen_udp", OUTSIDE)


def _guest(lab: Router, source: str, target: str) -> Caller:
    return Caller(lab.behind, source, target)


def outwards(lab: Router, *sources: str) -> dict[str, str]:
    """The guest asks the world."""
    found: dict[str, str] = {}
    for source in sources:
        guest = _guest(lab, source, CLIENT[":" in source])
        found |= {f"{source} out, tcp": guest.tcp(OUTSIDE), f"{source} out, udp": guest.udp(OUTSIDE)}
    return found


def _docker(lab: Router) -> None:
    lab.server.sysctl("net.bridge.bridge-nf-call-iptables", 1)
    bridge(lab, "docker0", ("172.17.0.1/16", "fd17::1/64"), ("172.17.0.2/16", "fd17::2/64"))
    lab.server.call("listen_udp", 53)


def _published(lab: Router) -> dict[str, str]:
    """Published ports, the way out, and the names that containers ask this host for."""
    return {**{f"{caller.source} 8080": caller.tcp(8080) for caller in (lab.client, lab.client6)},
            **{f"{caller.source} 8053": caller.udp(8053) for caller in (lab.client, lab.client6)},
            **outwards(lab, "172.17.0.2", "fd17::2"), "dns": _guest(lab, "172.17.0.2", "172.17.0.1").udp(53)}


def _cluster(lab: Router) -> None:
    lab.callers.ip("route add 10.96.0.0/24 via 10.77.0.10", "route add fd96::/64 via fd77::10")


def _services(lab: Router) -> dict[str, str]:
    """By cluster address and by node port; and a node port without endpoints."""
    found: dict[str, str] = {
        f"{caller.source} {port}": caller.tcp(port)
        for caller in (lab.client, lab.client6) for port in (30080, 30081)}
    for caller, address in ((lab.client, "10.96.0.10"), (lab.client6, "fd96::10")):
        found[address] = Caller(caller.host, caller.source, address).tcp(80)
    return found


def _virtual(lab: Router) -> None:
    bridge(lab, "virbr0", ("192.168.122.1/24",), ("192.168.122.2/24",))
    for port in (53, 67):
        lab.server.call("listen_udp", port)


def _guest_of_libvirt(lab: Router) -> dict[str, str]:
    """The way out, DNS and DHCP of the bridge; nobody comes in."""
    asks = _guest(lab, "192.168.122.2", "192.168.122.1")
    return {**outwards(lab, "192.168.122.2"), "dns": asks.udp(53), "dhcp": asks.udp(67)}


_BRIDGED = ("10.90.0.50", "fd90::50")


def _proxmox(lab: Router) -> None:
    """The callers' link is a port of vmbr0, and so is the guest. The host has no route of the guests' networks,
    and no IPv6 but link-local. What is bridged is shown to the rules all the same."""
    lab.server.ip("link add vmbr0 type bridge", "addr flush dev eth0", "addr flush dev eth1 scope global",
                  "link set eth0 master vmbr0", "link set eth1 master vmbr0", "link set vmbr0 up",
                  "addr add 10.77.0.10/16 broadcast 10.77.255.255 dev vmbr0",
                  "route replace 10.200.0.0/16 via 10.77.0.20")
    lab.server.sysctl("net.ipv4.ip_forward", 0)
    lab.server.sysctl("net.ipv6.conf.all.forwarding", 0)
    for family in ("iptables", "ip6tables"):
        lab.server.sysctl(f"net.bridge.bridge-nf-call-{family}", 1)
    lab.behind.ip("addr flush dev eth0 scope global",
                  *(f"addr add {address}/{length} dev eth0" for address, length in zip(_BRIDGED, (24, 64))))
    lab.callers.ip("addr add 10.90.0.20/24 dev eth0", "addr add fd90::20/64 dev eth0 nodad")


def _bridged(lab: Router) -> dict[str, str]:
    """Guests' own ports, those of our numbers too, both ways."""
    found: dict[str, str] = {}
    for source, guest in zip(("10.90.0.20", "fd90::20"), _BRIDGED):
        caller = Caller(lab.callers, source, guest)
        found |= {f"{guest} 22": caller.tcp(22), f"{guest} 80": caller.tcp(80), f"{guest} udp": caller.udp(51820),
                  f"{guest} 443": caller.tcp(443)}
    return found


def _macvlan(lab: Router) -> None:
    lab.server.ip(f"link add guest link eth0 netns {lab.behind.pid} type macvlan mode bridge")
    lab.behind.ip("link set eth0 down", "link set guest up", "addr add 10.77.0.60/16 dev guest",
                  "addr add fd77::60/64 dev guest nodad")


def _on_macvlan(lab: Router) -> dict[str, str]:
    found: dict[str, str] = {}
    for caller, guest in ((lab.client, "10.77.0.60"), (lab.client6, "fd77::60")):
        there = Caller(caller.host, caller.source, guest)
        found |= {f"{guest} 22": there.tcp(22, 1), f"{guest} udp": there.udp(51820, 1)}
    return found


KINDS = (
    Neighbour("docker", furnish=_docker, traffic=_published,
              public="8080/tcp, 8053/udp, {service: 53/udp, interface: docker0}"),
    Neighbour("docker-container-protected", "docker", furnish=_docker, doors=(),
              side_doors=("8080/tcp", "8053/udp"), opens="80/tcp, 51820/udp", to='172.17.0.2, "fd17::2"',
              unlike={"udp": "what is refused on its way quotes a hop less"}, labelled=False,
              traffic=lambda lab: outwards(lab, "172.17.0.2", "fd17::2")),
    Neighbour("kube-proxy", furnish=_cluster, traffic=_services, public="30080/tcp"),
    Neighbour("libvirt", furnish=_virtual, traffic=_guest_of_libvirt,
              public="{service: 53/udp, interface: virbr0}, {service: 67/udp, interface: virbr0}"),
    Neighbour("proxmox", furnish=_proxmox, traffic=_bridged, targets=("10.77.0.10",)),
    Neighbour("lxc-macvlan", "lxc", furnish=_macvlan, traffic=_on_macvlan),
)
