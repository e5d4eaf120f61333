"""What other firewalls see of what the gate takes away: a table of theirs looks on, translates, rewrites, and drops."""

import itertools
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from bed import packets
from bed.lab import SERVER
from model import forgetting
from model.counting import BRIEF, PATIENCE
from model.network import CALLERS, FAR_SIDE, NEXT_HOP, Site
from model.script import LINK_LOCAL, OWN

_NFT = "/usr/sbin/nft"
_IP_TRANSPARENT, _IPV6_TRANSPARENT = 19, 75  # ip(7), ipv6(7)
_PLACES = {"prerouting": (-250, 0), "input": (-250, 0, 200, 400), "forward": (-250, 0), "output": (-250, 0)}
_REWRITTEN = -120  # behind the gate, before addresses are translated
_UNTRACKED = ("10.200.124.1", "fd99:0:7c00::1")
_STRANGERS = ("10.200.123.1", "fd99:0:7b00::1")
_PORT = 4731  # of strangers
_AT_PLACES = ((OWN[1], OWN[3]), ("10.88.0.7", "fd88::7"))  # the server's own, and the host's behind
_PLACE, _PLACE_PORT = ("10.88.0.6", "fd88::6"), 443  # a service of the host behind
_PUBLIC = 80
_FREE = 5190  # nobody's
_DISGUISE = 1
_ELSEWHERE = (SERVER, ("10.88.0.7", "fd88::7"), 60007)  # from where, and where somebody listens, too
_SERVICE = 6002  # in a range of services, and nobody listens
_DROPPED = {-250: 4721, 0: 4722}  # a port of the host behind, by where the way to it ends

Port = tuple[int, str]


@dataclass(frozen=True)
class _Meanwhile:
    """What the other firewall does, but for looking on."""

    title: str
    rules: tuple[str, ...]  # of its chains that translate and rewrite
    targets: tuple[Port, ...]  # of the packets
    addresses: tuple[tuple[str, str], ...] = (SERVER,)


def refused(made: Site, services: Sequence[Port], knocks: Sequence[Port], places: Sequence[Port]) -> list[str]:
    """What becomes of packets to these, from who has no grant, and who sees them on their way."""
    found = []
    for kind, ports in (("services", services), ("knocks", [*knocks, *((port + 1, what) for port, what in knocks)])):
        for one in _meanwhile(ports):
            found += [f"{kind}, {one.title}: {line}" for line in _played(made, one, ports)]
    for (port, protocol), addresses in itertools.product(places, _AT_PLACES):
        numbers = [made.server.call(begin_foreign, address, port, source, _PORT)
                   for address, source in zip(addresses, _STRANGERS)]
        looking = _Meanwhile("looking on", (), ((port, protocol),), (addresses,))
        found += [f"places, {addresses[0]} {port}: {line}" for line in _played(made, looking)]
        for number in numbers:
            made.server.call(end_foreign, number)
    from_a_place = _translating([(_PUBLIC, "tcp", _PLACE_PORT)], SERVER, _AT_PLACES[1])
    made.server.nft(_table([(_PLACE_PORT, "tcp")], from_a_place))
    for source, address in zip(_PLACE, SERVER):
        made.behind.call(packets.raw_tcp, address, _PUBLIC, packets.SYN, source, _PLACE_PORT)
    found += [f"from a place: {line}" for line in _seen(made)]
    made.server.nft("delete table inet watchers\n")
    made.server.nft(_table([(_FREE, "udp")], ()))
    made.behind.call(packets.raw_udp, CALLERS[1], _FREE, SERVER[1])
    found += [f"in its name: {line}" for line in _seen(made)]
    made.server.nft("delete table inet watchers\n")
    return found


def _played(made: Site, one: _Meanwhile, ports: Sequence[Port] = ()) -> list[str]:
    made.server.nft(_table([*ports, *one.targets], one.rules))
    made.server.call(forgetting.forget)  # what went other ways before
    for sources in (_STRANGERS, _UNTRACKED):
        for addresses in one.addresses:
            for source, address in zip(sources, addresses):
                made.callers.call(send_all, source, address, one.targets)
    made.callers.call(send_all, LINK_LOCAL[0], SERVER[1], one.targets)
    found = [" ".join(made.behind.call(ask_all, address, one.targets))
             for addresses in one.addresses for address in addresses if address in OWN]
    found += _seen(made)
    made.server.nft("delete table inet watchers\n")
    return found


def dropped(made: Site, times: Callable[[Site, int], list[str]]) -> list[str]:
    """What is noted of sessions that the server begins, and another firewall does not let out."""
    made.server.nft("".join(f"table inet watchers {{ chain drop{abs(place)} {{ type filter hook output priority "
                            f"{place}; tcp dport {port} drop; }}\n}}\n" for place, port in _DROPPED.items()))
    found = []
    for source, target in zip(FAR_SIDE, NEXT_HOP):
        for place, port in _DROPPED.items():
            made.server.call(begin_raw, source, target, port)
            found.append(f"{source}, dropped at {place}: {times(made, port)}")
    made.server.nft("delete table inet watchers\n")
    return found


def _meanwhile(ports: Sequence[Port]) -> Iterator[_Meanwhile]:
    yield _Meanwhile("looking on", (), tuple(ports))
    yield _Meanwhile("rewritten", _rewriting((*port, _DISGUISE) for port in ports), tuple(ports))
    free = tuple((_FREE + number, protocol) for number, (_, protocol) in enumerate(ports))
    yield _Meanwhile("rewritten to them", _rewriting((*old, new) for old, (new, _) in zip(free, ports)), free)
    own, elsewhere, port = _ELSEWHERE
    away = _translating(((*old, port) for old in ports), own, elsewhere)
    yield _Meanwhile("translated", away, tuple(ports), (own,))
    others = OWN[1], OWN[3]
    to_them = _translating(((*old, new) for old, (new, _) in zip(free, ports)), others, own)
    yield _Meanwhile("translated to them", to_them, free, (others,))


def _rewriting(ways: Iterable[tuple[int, str, int]]) -> tuple[str, ...]:
    """Without conntrack's knowledge."""
    return (f"chain rewrite {{ type filter hook prerouting priority {_REWRITTEN};",
            *(f"{protocol} dport {old} {protocol} dport set {new}" for old, protocol, new in ways), "}")


def _translating(ways: Iterable[tuple[int, str, int]], here: tuple[str, str], there: tuple[str, str],
                 ) -> tuple[str, ...]:
    return ("chain translate { type nat hook prerouting priority dstnat;",
            *(f"{family} daddr {old} {protocol} dport {old_port} dnat {family} to {form.format(new)}:{port}"
              for old_port, protocol, port in ways
              for family, old, form, new in zip(("ip", "ip6"), here, ("{}", "[{}]"), there)), "}")


def _table(ports: Iterable[Port], rules: Iterable[str]) -> str:
    """In nft's language."""
    numbers = ", ".join(map(str, sorted({*(port for port, _ in ports), _DISGUISE, _ELSEWHERE[2]})))
    lines = ["table inet watchers {", *rules, "chain hide { type filter hook prerouting priority -300;"]
    lines += [f"{family} saddr {source} notrack" for family, source in zip(("ip", "ip6"), _UNTRACKED)] + ["}"]
    for hook, places in _PLACES.items():
        for at, place in enumerate(places):
            name, way = f"{hook}_{at}", "oifname" if hook == "output" else "iifname"
            lines += [f"set {name} {{ type inet_proto . inet_service . ifname; flags dynamic; size 999; }}",
                      f"chain look_{name} {{ type filter hook {hook} priority {place};",
                      *(f"{kind} th dport {{ {numbers} }} add @{name} {{ meta l4proto . th dport . {way} }}"
                        for kind in ("tcp flags & (fin|syn|rst|ack) == syn", "meta l4proto udp")),
                      # Not what others send: it may come later.
                      *(f"{family} saddr {source} tcp flags & (fin|syn|rst|ack) == ack "
                        f"add @{name} {{ meta l4proto . th sport . {way} }}"
                        for family, source in zip(("ip", "ip6"), _STRANGERS)), "}"]
    # The ports that errors quote, when these have been translated back; strangers send from one port.
    for at, sources in enumerate((_STRANGERS, _UNTRACKED)):
        lines += [f"set errors_{at} {{ type inet_proto . mark; flags dynamic; size 999; }}",
                  f"chain note_errors_{at} {{ type filter hook postrouting priority 400;"]
        lines += [f"{family} daddr {source} icmp{version} type destination-unreachable "
                  f"meta mark set @th,{where},32 add @errors_{at} {{ meta l4proto . meta mark }} meta mark set 0"
                  for family, version, source, where in zip(("ip", "ip6"), ("", "v6"), sources, (224, 384))] + ["}"]
    return "\n".join([*lines, "}"]) + "\n"


def _seen(made: Site) -> list[str]:
    listing = made.server.output([_NFT, "list", "table", "inet", "watchers"])
    found = []
    for name, block in re.findall(r"(?ms)^\tset (\w+) \{(.*?)^\t\}", listing):
        elements = sorted(re.findall(r'\w+ \. [0-9]+ \. "\w+"|[\w-]+ \. 0x\w+', block))
        found.append(f"{name}: {', '.join(elements)}")
    return found


def send_all(source: str, address: str, ports: Iterable[Port]) -> None:
    """To each, what begins something, and what looks like more of it."""
    for port, protocol in ports:
        time.sleep(BRIEF)
        if protocol == "udp":
            packets.raw_udp(address, port, source)
        else:
            packets.raw_tcp(address, port, packets.SYN, source)
            for source_port in (_PORT, _PORT + 1):  # a socket may know the one
                packets.raw_tcp(address, port, packets.ACK, source, source_port)


def ask_all(address: str, ports: Iterable[Port]) -> list[str]:
    """What each says; nobody waits for the others."""
    with ThreadPoolExecutor() as pool:
        answers = []
        for port, protocol in ports:
            answers.append(pool.submit(packets.probe, protocol, address, port, PATIENCE))
            time.sleep(BRIEF)
        return [answer.result().value for answer in answers]


def begin_raw(source: str, target: str, port: int) -> None:
    """A session's first segment, from a service's port; whoever sends what is dropped is told."""
    with suppress(PermissionError):
        packets.raw_tcp(target, port, packets.SYN, source, _SERVICE)


_FOREIGN: list[socket.socket] = []


def begin_foreign(source: str, source_port: int, target: str, port: int) -> int:
    """A connection from an address that need not be this host's, and from a port where it listens; nobody answers."""
    connection = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET)
    level, option = ((socket.IPPROTO_IPV6, _IPV6_TRANSPARENT) if ":" in source else
                     (socket.IPPROTO_IP, _IP_TRANSPARENT))
    connection.setsockopt(level, option, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    connection.setblocking(False)
    connection.bind((source, source_port))
    connection.connect_ex((target, port))
    _FOREIGN.append(connection)
    return len(_FOREIGN)


def end_foreign(number: int) -> None:
    """Close it."""
    _FOREIGN[number - 1].close()
