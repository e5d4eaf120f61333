"""A table of somebody else's beside knockwork's: it translates addresses, and expects connections."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from bed.lab import SERVER
from model.declaration import Declaration

_ELSEWHERE = (("10.88.0.7", "fd88::7"), ("10.88.1.1", "fd88::20"))
_FREE = ("8022/tcp", "5182/udp")  # nobody's, and nobody guards them
NOWHERE = {"tcp": 2222, "udp": 5555}  # closed
_ANNOUNCING = 8021  # whatever the server sends from here announces a connection


@dataclass(frozen=True)
class Translation:
    """A port that leads elsewhere."""

    target: str  # as "8022/tcp"
    port: int  # the new one
    to: tuple[str, str] = SERVER  # the new addresses
    at: tuple[str, str] = SERVER  # the old ones

    @property
    def protocol(self) -> str:
        """Of both."""
        return self.target.partition("/")[2]


@dataclass(frozen=True)
class Neighbour:
    """What a script finds on the server besides the gate."""

    early: bool = False  # its nat chain comes before the gate's
    ways_in: tuple[Translation, ...] = ()  # from ports that are not the gate's to protected ones
    ways_out: tuple[Translation, ...] = ()  # from the gate's ports to others
    announced: str = ""  # a service, as "22/tcp", …
    to: tuple[str, ...] = ()  # … to which these sources' connections are related
    untracked: tuple[str, ...] = ()  # sources that it hides from conntrack

    def table(self) -> str:
        """In nft's language."""
        lines = ["table inet neighbour {"]
        port, _, protocol = self.announced.partition("/")
        for family, digit in (("ip", 4), ("ip6", 6)) if self.announced else ():
            lines += [f"ct expectation announced{digit} {{ protocol {protocol}; dport {port}; timeout 1m; "
                      f"size 255; l3proto {family}; }}"]
        priority = -199 if self.early else -100
        lines += ["chain translate {", f"type nat hook prerouting priority {priority};", *self._rules(), "}",
                  "chain announce {", "type filter hook output priority 0;"]
        lines += [f'meta nfproto ipv{digit} udp sport {_ANNOUNCING} ct expectation set "announced{digit}"'
                  for digit in (4, 6) if self.announced]
        lines += ["}", "chain hide {", "type filter hook prerouting priority -300;"]
        lines += [f"{'ip6' if ':' in source else 'ip'} saddr {source} notrack" for source in self.untracked]
        return "\n".join([*lines, "}", "}"]) + "\n"

    def _rules(self) -> Iterator[str]:
        for way in (*self.ways_in, *self.ways_out):
            port = way.target.partition("/")[0]
            for family, here, there in zip(("ip", "ip6"), way.at, way.to):
                address = f"[{there}]" if ":" in there else there
                yield (f"{family} daddr {here} {way.protocol} dport {port} "
                       f"dnat {family} to {address}:{way.port}")


def announcing_port() -> int:
    """From where the server announces."""
    return _ANNOUNCING


def any_neighbour(dice: random.Random, declaration: Declaration, sources: list[str]) -> Neighbour:
    """Often none at all."""
    ways_in = [_way_in(dice, declaration, target) for target in _ports_for_ways_in(declaration)
               if dice.random() < 0.4]
    ways_out: list[Translation] = []
    if declaration.mode == "gate" and dice.random() < 0.4:
        services = [_any_port(dice, service) for service in sorted(declaration.services)]
        target = dice.choice(sorted(declaration.knocks) + services)
        ways_out.append(Translation(target, NOWHERE[target.partition("/")[2]]))
    announced = ""
    to: list[str] = []
    if dice.random() < 0.4:
        announced = _any_port(dice, dice.choice(sorted(declaration.services)))
        to = dice.sample(sources, len(sources) // 2)
    return Neighbour(dice.random() < 0.5, tuple(filter(None, ways_in)), tuple(ways_out), announced, tuple(to))


def _ports_for_ways_in(declaration: Declaration) -> tuple[str, ...]:
    """In stealth only what is public gets as far as to be translated."""
    if declaration.mode == "gate":
        return _FREE
    return tuple({"80/tcp": "80/tcp", "8000-8003/udp": "8000/udp"}[service] for service in declaration.public
                 if service in ("80/tcp", "8000-8003/udp"))


def _way_in(dice: random.Random, declaration: Declaration, target: str) -> Translation | None:
    protocol = target.partition("/")[2]
    to = dice.choice((SERVER, SERVER, *_ELSEWHERE))
    fitting = [service for sequence in declaration.sequences for service in sequence.opens
               if service.endswith(protocol) and not (to == SERVER and sequence.to)]
    if not fitting:  # stealth would take it for a stray where it arrives, and it is none there
        return None
    return Translation(target, int(_any_port(dice, dice.choice(fitting)).partition("/")[0]), to)


def _any_port(dice: random.Random, service: str) -> str:
    ports, _, protocol = service.partition("/")
    first, _, last = ports.partition("-")
    return f"{dice.randint(int(first), int(last or first))}/{protocol}"
