"""What an import makes public, the rules that it read let in: random rules, and real packets to them."""

import itertools
import os
import random
import re

import yaml  # type: ignore[import]

from bed import Lab
from bed.capture import Probe, ask
from bed.lab import SERVER
from sources import imported

TRIES = int(os.environ.get("KNOCKWORK_IMPORT_RULESETS", "40"))
PORTS = range(80, 90)
SYN = 2
BAD = ("10.200.77.77", "fd99:0:77::1")
SOURCES = {4: ("10.200.78.1", BAD[0]), 6: ("fd99:0:78::1", BAD[1])}
SETS = """
set a { type ipv4_addr; flags timeout; timeout 2s; }
set b { type ipv4_addr; flags timeout; timeout 40s; }
set bad { type ipv4_addr; flags interval; elements = { 10.200.77.0/24 } }
set bad6 { type ipv6_addr; flags interval; elements = { fd99:0:77::/48 } }
set ports { type inet_service; flags interval; elements = { 82-84 } }
"""
WAY = """
icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
udp dport 7000 add @a { ip saddr }
ip saddr @a udp dport 8000 add @b { ip saddr }
ip saddr @b tcp dport 22 accept
tcp dport 22 drop
"""
MATCHES = ["tcp dport 8{}", "tcp dport 8{}", "tcp dport 8{}", "tcp dport {{ 8{}, 85 }}", "tcp dport 80-8{}",
           "udp dport 8{}", "tcp dport != 8{}", "tcp dport @ports", "meta l4proto {{ tcp, udp }} th dport 8{}",
           "meta nfproto ipv4", "meta nfproto ipv6", "ip saddr @bad", "ip6 saddr @bad6", "ip saddr != @bad",
           "ip saddr 10.200.78.0/24", "ip saddr != 10.200.77.77", "ct state new", "ct state != new",
           "ct state established", "ct state {{ new, invalid }}", 'iifname "lo"', 'iifname != "lo"',
           'iifname "eth0"', "iif != lo", "iifname {{ lo, eth1 }}", "counter", "tcp flags syn",
           "tcp flags & (syn|ack) == syn", "tcp flags & (fin|syn|ack) != syn", "limit rate 9/minute",
           "limit rate over 1/minute burst 1 packets", 'log prefix "drop "', "meta l4proto tcp", "ip protocol tcp",
           "icmp type echo-request", "ip6 nexthdr tcp", "ip ttl 64", "add @a {{ ip saddr }}",
           "ct state vmap {{ new : drop }}", "tcp dport vmap {{ 8{} : drop, 85 : accept }}",
           "ip saddr vmap {{ 10.200.77.77 : drop }}"]
VERDICTS = ["accept"] * 9 + ["drop"] * 2 + ["return", "jump x", "jump y", "goto y", ""]


def rules(dice: random.Random, verdicts: list[str], most: int) -> str:
    """Some, of a few matches each."""
    made = []
    for _ in range(dice.randint(0, most)):
        matches = [dice.choice(MATCHES).format(dice.randrange(10)) for _ in range(dice.choice([1, 1, 1, 2, 2, 3]))]
        made.append(" ".join([*matches, dice.choice(verdicts)]).strip())
    return "\n".join(made)


def ruleset(dice: random.Random) -> str:
    """A filter that drops, with two knocks, chains that it goes to, and other chains at other priorities."""
    flat = [verdict for verdict in VERDICTS if " " not in verdict]
    early = late = ""
    if dice.random() < 0.5:
        early = f"chain early {{ type filter hook prerouting priority -10;\n{rules(dice, flat, 2)}\n}}"
    if dice.random() < 0.5:
        policy = dice.choice(["accept", "drop"])
        chain = re.sub("@(bad6?|a|ports)", "@none", rules(dice, ["accept", "drop"], 3))  # a table without sets
        late = f"table ip late {{\nchain c {{ type filter hook input priority 10; policy {policy};\n{chain}\n}}\n}}"
    inner = f"chain x {{\n{rules(dice, [*flat, 'jump y'], 3)}\n}}\nchain y {{\n{rules(dice, flat, 3)}\n}}"
    return (f"table inet t {{{SETS}\n{inner}\nchain c {{ type filter hook input priority 0; policy drop;\n"
            f"{WAY}{rules(dice, VERDICTS, 8)}\n}}\n{early}\n}}\n{late}\n")


def public(declaration: str) -> set[tuple[int, str, int]]:
    """Family, protocol and port."""
    found = set()
    for entry in yaml.safe_load(declaration).get("public", []):
        everywhere = {"service": entry, "from": ["0.0.0.0/0", "::/0"]}
        each = everywhere if isinstance(entry, str) else entry
        ports, _, protocol = each["service"].partition("/")
        first, _, last = ports.partition("-")
        for source, port in itertools.product(each["from"], range(int(first), int(last or first) + 1)):
            found.add((6 if ":" in source else 4, protocol, port))
    return found


class Asker:
    """Sends packets to the lab's server; no listener answers, the host itself does."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.ports = itertools.count()

    def refused(self, source: str, protocol: str, ports: list[int]) -> list[int]:
        """Those of the ports that nothing answers at."""
        probes = [Probe(port, SYN if protocol == "tcp" else None) for port in ports]
        replies = self.lab.callers.call(ask, source, SERVER[":" in source], probes,
                                        20_000 + next(self.ports) * 100 % 40_000, 1, 5)
        return [port for port, reply in zip(ports, replies) if reply is None]


def test_public_is_a_part_of_what_the_rules_let_in(lab: Lab) -> None:
    """$KNOCKWORK_IMPORT_RULESETS random rulesets that nft takes; the seed is printed."""
    seed = int(os.environ.get("KNOCKWORK_IMPORT_SEED", random.randrange(1 << 30)))
    print(f"{TRIES} rulesets, KNOCKWORK_IMPORT_SEED={seed}")
    dice = random.Random(seed)
    asker = Asker(lab)
    tried = asked = 0
    try:
        while tried < TRIES:
            text = ruleset(dice)
            lab.server.nft("flush ruleset")
            if lab.server.run(["/usr/sbin/nft", "-f", "-"], input=text).returncode:
                continue
            tried += 1
            made = imported("nft", text.encode())
            found = public(made.declaration) if made.sequences else set()
            asked += len(found)
            for family, protocol in sorted({(family, protocol) for family, protocol, _ in found}):
                ports = sorted(port for each, name, port in found if (each, name) == (family, protocol))
                for source in SOURCES[family]:
                    refused = asker.refused(source, protocol, ports)
                    assert not refused, f"{source} {protocol} {refused}\n{text}\n{made.declaration}"
    finally:
        lab.server.nft("flush ruleset")
    print(f"{asked} public ports asked")
    assert asked
