"""What a neighbour is: rules of its own, the network that they are for, and traffic that must go on."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bed import Caller
from bed.lab import SERVER
from bed.router import Router

RULES = Path(__file__).with_name("rules")
KNOCKS = (7000, "8000/tcp", 9000)
_TABLE = re.compile(r"^table (\S+ \S+) \{$", re.MULTILINE)


def _nothing(_: Router) -> None:
    """Neither network nor sysctl is needed."""


def ip6(lab: Router, *lines: str) -> None:
    """`ip -6 -batch` on the router, for what names no address."""
    lab.server.run(["/usr/sbin/ip", "-6", "-batch", "-"], input="\n".join(lines) + "\n", check=True)


def _there(_: Router) -> str:
    """Every kernel has it."""
    return ""


def web(lab: Router) -> dict[str, str]:
    """A port of this host that nobody protects, and a closed one."""
    return {f"{caller.source} {port}": caller.tcp(port)
            for caller in (lab.client, lab.client6) for port in (80, 81)}


@dataclass(frozen=True)
class Neighbour:
    """One firewall, container engine or network that shares the host with the gate."""

    name: str
    rules: str = ""  # the file in rules/, by default its name
    words: Mapping[str, str] = field(default_factory=dict)  # what stands in the file for others
    furnish: Callable[[Router], None] = _nothing  # links, addresses, routes, sysctls, services
    missing: Callable[[Router], str] = _there  # why this kernel cannot have it
    traffic: Callable[[Router], Mapping[str, str]] = web  # what it lives by: the same with the gate and without
    targets: tuple[str, ...] = SERVER  # the addresses of the protected services
    doors: tuple[str, ...] = ("22/tcp", "51820/udp")  # shut without a knock, open with one
    side_doors: tuple[str, ...] = ()  # ways to a protected service by another number: shut without a knock …
    stealthy_side_doors: tuple[str, ...] = ()  # … and open with one: all of them in gate mode, these in stealth
    knock_at: str = ""  # an address that is known as this host's, if the targets are not
    unlike: Mapping[str, str] = field(default_factory=dict)  # protocol → why its closed ports are not imitated
    labelled: bool = True  # whether refusals bear a flow label as a closed port's do (a rule's own do not)
    lost_in_stealth: tuple[str, ...] = ()  # of its traffic
    public: str = ""  # the entries of `public` that its traffic needs in stealth
    opens: str = ""  # what the sequence opens, by default the doors and 443/tcp
    to: str = ""  # where it opens them

    def declaration(self, mode: str, open_for: str = "30s") -> str:
        """One sequence for all doors."""
        public = f"public: [{self.public}]\n" if mode == "stealth" and self.public else ""
        to = f", to: [{self.to}]" if self.to else ""
        opens = self.opens or ", ".join((*self.doors, "443/tcp"))
        return (f"knockwork: 1\nmode: {mode}\n{public}sequences:\n"
                f"  - {{name: ssh, knock: [7000/udp, 8000/tcp, 9000/udp], opens: [{opens}], step_timeout: 2s,"
                f" open_for: {open_for}{to}}}\n")

    def text(self) -> str:
        """Its rules."""
        text = (RULES / f"{self.rules or self.name}.nft").read_text(encoding="utf-8")
        for word, meaning in self.words.items():
            text = text.replace(word, meaning)
        return text

    def move_in(self, lab: Router) -> None:
        """Network first, then rules."""
        self.furnish(lab)
        lab.server.nft(self.text())

    def come_again(self, lab: Router) -> None:
        """Its tables anew, as when its service is restarted: from now on its chains stand behind ours."""
        named = _TABLE.findall(self.text())
        lab.server.nft("".join(f"delete table {name}\n" for name in named) + self.text())

    def callers(self, lab: Router) -> list[tuple[Caller, Caller]]:
        """Client and stranger by each family in which services are protected, at the protected address."""
        pairs = {False: (lab.client, lab.stranger), True: (lab.client6, lab.stranger6)}
        return [tuple(Caller(each.host, each.source, target) for each in pairs[":" in target])  # type: ignore[misc]
                for target in self.targets]
