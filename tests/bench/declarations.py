"""Declarations and tables to measure with: the same every time, from a fixed seed."""
from __future__ import annotations

import random

SERVICES = ("22/tcp", "443/tcp", "873/tcp", "5432/tcp", "51820/udp")
_TAKEN = {int(service.split("/")[0]) for service in SERVICES}


def many(count: int, mode: str = "gate") -> str:
    """A declaration of `count` sequences: three knocks each, mixed protocols, below the ephemeral ports."""
    draw = random.Random(2718)
    ports = [port for port in range(1024, 32768) if port not in _TAKEN]
    lines = ["knockwork: 1", f"mode: {mode}", "sequences:"]
    for number in range(count):
        knocks = [f"{port}/{draw.choice(('udp', 'udp', 'tcp'))}" for port in draw.sample(ports, 3)]
        lines += [f"  - name: user{number:05}", f"    knock: [{', '.join(knocks)}]",
                  f"    opens: [{SERVICES[number % len(SERVICES)]}]"]
    return "\n".join(lines) + "\n"


def changed(declaration: str) -> str:
    """The same with another time in the middle one of its sequences."""
    place = declaration.index("    opens:", len(declaration) // 2)
    return f"{declaration[:place]}    open_for: 61s\n{declaration[place:]}"


_EVERY_KEY = """\
always_allow: [198.51.100.0/28, "2001:db8:a::/48"]
interfaces: [bench]
ipv6_prefix: 64
log: all
"""


def everything(count: int, mode: str = "gate") -> str:
    """The same with every feature on: sequences take turns in using them, 873/tcp is always cut."""
    head, _, body = many(count, mode).partition("sequences:\n")
    if mode == "stealth":
        head += "public: [80/tcp, 60000-60100/udp]\n"
    lines = []
    for number, sequence in enumerate(body.split("  - ")[1:]):
        lines.append(f"  - {sequence}    sequence_timeout: {10 + number % 5}s\n")
        lines.append(f"    from: [192.0.2.0/24, 10.{number % 16}.0.0/16]\n")
        lines.append("    once: true\n" if number % 2 else "")
        lines.append(f"    to: [10.88.{number // 4 % 256}.{number % 256}]\n" if number % 4 == 3 else "")
        lines.append("    on_expiry: cut\n" if "[873/tcp]" in sequence else "")
    return head + _EVERY_KEY + "sequences:\n" + "".join(lines)


# What any firewall costs that lets nothing in.
DROP_TABLE = """
table inet bench {
  chain input {
    type filter hook prerouting priority mangle; policy drop;
    ct state established accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
  }
}
"""

# What any firewall costs that knows connections.
CT_TABLE = """
table inet bench {
  chain input {
    type filter hook prerouting priority mangle; policy accept;
    ct state established,related accept
  }
}
"""


def classic(count: int) -> str:
    """Port knocking the well-known way, once per sequence: a set per stage, one of those let in, a chain."""
    draw = random.Random(2718)
    sets, chains, jumps = [], [], []
    for number in range(count):
        first, second, third = draw.sample(range(1024, 32768), 3)
        one, two, inside = (f"{name}_{number}" for name in ("first", "second", "inside"))
        sets += [f"  set {name} {{ type ipv4_addr; flags dynamic,timeout; size 65536; }}"
                 for name in (one, two, inside)]
        jumps.append(f"    jump sequence_{number}")
        chains.append(f"""  chain sequence_{number} {{
    ip saddr @{inside} tcp dport 22 accept
    udp dport {first} add @{one} {{ ip saddr timeout 1s }}
    ip saddr != @{one} return
    udp dport {second} add @{two} {{ ip saddr timeout 1s }}
    ip saddr != @{two} return
    udp dport {third} add @{inside} {{ ip saddr timeout 60s }}
  }}""")
    newline = "\n"
    return f"""table inet bench {{
{newline.join(sets)}
{newline.join(chains)}
  chain input {{
    type filter hook prerouting priority mangle; policy drop;
    iif lo accept
    ct state established,related accept
    icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
{newline.join(jumps)}
  }}
}}
"""
