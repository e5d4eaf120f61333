"""Rows of tokens and derivation: what tokens cost in packets, elements and time, and how fast sequences are drawn."""
from __future__ import annotations

import base64
import json
import random
import re
import subprocess
import time
from contextlib import closing

import turns
from bed.host import Host
from declarations import many
from packets import absorbed
from programs import DECLARATION, KNOCKWORK, made, rendered
from table import Measured, Scale

PORT = 41873
SECRET = "/etc/knockwork/secret"
MASTER = bytes(range(32))
RECORD = "/var/lib/knockwork/tokens.json"


def measure(scale: Scale) -> Measured:
    """All rows of the room."""
    return {**_floods(scale), **_sizes(scale), **_derived(scale)}


def _floods(scale: Scale) -> Measured:
    tables = {"none": rendered(many(1)), "full": _filled(rendered(declared(1)), scale.size(100_000, 100))}
    elsewhere, there = absorbed(tables, scale), absorbed(tables, scale, (str(PORT), "+16"))
    return {"elsewhere": (elsewhere["full"], elsewhere["none"]), "at the port": (there["full"], there["none"])}


def _derived(scale: Scale) -> Measured:
    """Sequences drawn a second of one core's time, each of another epoch or of another host."""
    program = made("derive")
    rates: dict[str, list[float]] = {}
    for _ in range(scale.rounds):
        for line in subprocess.run([program], check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines():
            what, rate = line.rsplit(" ", 1)
            rates.setdefault(f"derive {what}", []).append(float(rate) / 1000)
    return {what: (each, [300.0]) for what, each in rates.items()}


def declared(count: int, more: str = "") -> str:
    """So many people, each with tokens of their own."""
    return "knockwork: 1\nsequences:\n" + "".join(
        f"  - {{name: user{number:04}, opens: [22/tcp], open_for: 1s,"
        f" token: {{port: {PORT}/udp, secret_file: {SECRET}, host: web1{more}}}}}\n" for number in range(count))


def _filled(table: str, count: int) -> str:
    """A rendered table with so many tokens at random, for the next hour."""
    draw = random.Random(7)
    edge = re.search(r"map openers {.*?elements = {\s*(\S+)", table, re.DOTALL)
    assert edge is not None
    entries = ",\n".join(f"0x{draw.getrandbits(128):032x} timeout 1h : {edge.group(1)}" for _ in range(count))
    now = int(time.time())
    return (table + f"\nadd element inet knockwork tokens {{ {entries} }}\n"
            f"add element inet knockwork good {{ {now - 60}-{now + 3600} }}\n")


def furnish(host: Host, text: str) -> None:
    host.write(SECRET, f"master:{base64.b64encode(MASTER).decode()}\n", 0o600)
    host.write(DECLARATION, text, 0o600)


def _runs_low(host: Host) -> None:
    """As if the table had been filled ten minutes ago."""
    record = json.loads(host.read(RECORD))
    for sequence in record["sequences"]:
        sequence["loaded_to_ms"] -= 360_000
    host.write(RECORD, json.dumps(record), 0o600)


def _sizes(scale: Scale) -> Measured:
    """To apply from nothing, to list, and to top up, by the number of sequences."""
    hundred, thousand = (_costs(scale.size(count, 3), scale.rounds) for count in (100, 1000))
    return {"load": (thousand["load"], thousand["list"]),
            "top-up 100": (hundred["top-up"], [0.05]),
            "top-up 1000": (thousand["top-up"], thousand["load"])}


def _costs(count: int, rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {"load": [], "list": [], "top-up": []}
    with closing(Host("bench")) as host:
        furnish(host, declared(count))

        def run(what: str, *argv: str) -> None:
            taken[what].append(host.call(turns.once, argv, host.environment).seconds)

        for _ in range(rounds):
            host.run(["nft", "delete", "table", "inet", "knockwork"])
            host.run(["rm", "-rf", "/run/knockwork", "/var/lib/knockwork"], check=True)
            run("load", str(KNOCKWORK), "apply")
            run("list", "/usr/sbin/nft", "list", "table", "inet", "knockwork")
            _runs_low(host)
            run("top-up", str(KNOCKWORK), "apply")
    return taken
