"""What tokens cost, and how soon one opens: rows of tests/bench/run."""
from __future__ import annotations

import base64
import json
import random
import re
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from bed import derivation, tokens
from bed.host import Host
from bed.lab import CLIENT, SERVER, Lab

PORT = 41873
SECRET = "/etc/knockwork/secret"
MASTER = bytes(range(32))
RECORD = "/var/lib/knockwork/tokens.json"


def declared(count: int, more: str = "") -> str:
    """So many people, each with tokens of their own."""
    return "knockwork: 1\nsequences:\n" + "".join(
        f"  - {{name: user{number:04}, opens: [22/tcp], open_for: 1s,"
        f" token: {{port: {PORT}/udp, secret_file: {SECRET}, host: web1{more}}}}}\n" for number in range(count))


def filled(table: str, count: int) -> str:
    """A rendered table with so many tokens at random, for the next hour."""
    draw = random.Random(7)
    edge = re.search(r"map openers {.*?elements = {\s*(\S+)", table, re.DOTALL)
    assert edge is not None
    entries = ",\n".join(f"0x{draw.getrandbits(128):032x} timeout 1h : {edge.group(1)}" for _ in range(count))
    now = int(time.time())
    return (table + f"\nadd element inet knockwork tokens {{ {entries} }}\n"
            f"add element inet knockwork good {{ {now - 60}-{now + 3600} }}\n")


def _furnished(host: Host, text: str) -> None:
    host.write(SECRET, f"master:{base64.b64encode(MASTER).decode()}\n", 0o600)
    host.write("/etc/knockwork/knockwork.yml", text, 0o600)


def _runs_low(host: Host) -> None:
    """As if the table had been filled ten minutes ago."""
    record = json.loads(host.read(RECORD))
    for sequence in record["sequences"]:
        sequence["loaded_to_ms"] -= 360_000
    host.write(RECORD, json.dumps(record), 0o600)


def _slab(host: Host) -> float:
    """MiB of kernel objects, of the whole machine: on a quiet one those of the table."""
    line = next(line for line in host.read("/proc/meminfo").splitlines() if line.startswith("Slab:"))
    return int(line.split()[1]) / 1024


def sizes(command: Path, rounds: int) -> dict[int, dict[str, float]]:
    """By the number of sequences: elements; MiB; seconds to apply from nothing, to list, to top up, unchanged."""
    found: dict[int, dict[str, float]] = {}
    for count in (1, 100, 1000):
        with closing(Host("bench")) as host:
            _furnished(host, declared(count))
            taken: dict[str, list[float]] = {}
            memory: list[float] = []

            def run(what: str, *argv: str) -> None:
                began = time.perf_counter()
                host.run(list(argv), check=True, timeout=300)
                taken.setdefault(what, []).append(time.perf_counter() - began)

            for _ in range(rounds):
                host.run(["nft", "delete", "table", "inet", "knockwork"])
                host.run(["rm", "-rf", "/run/knockwork", "/var/lib/knockwork"], check=True)
                time.sleep(0.5)  # the old table goes a moment later
                before = _slab(host)
                run("nothing", "/bin/true")
                run("load", str(command), "apply")
                memory.append(_slab(host) - before)
                run("list", "nft", "list", "table", "inet", "knockwork")
                run("unchanged", str(command), "apply")
                _runs_low(host)
                run("top-up", str(command), "apply")
            listing = host.output(["nft", "list", "map", "inet", "knockwork", "tokens"], timeout=300)
            own = statistics.median(taken.pop("nothing"))  # of starting a program on a host
            found[count] = {"elements": listing.count(" timeout "), "memory": statistics.median(memory),
                            **{what: statistics.median(each) - own for what, each in taken.items()}}
    return found


def _until_open(address: str, port: int, send: Callable[[], None]) -> float:
    """Seconds from a datagram to the first connection that is accepted; runs on a host."""
    began = time.perf_counter()
    send()
    while time.perf_counter() - began < 5:
        with socket.socket() as handle:
            handle.settimeout(0.25)
            try:
                handle.connect((address, port))
            except OSError:
                continue
            return time.perf_counter() - began
    raise TimeoutError("nothing opened")


def send_and_connect(address: str, to: int, payload: bytes, port: int) -> float:
    """One datagram with what opens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        return _until_open(address, port, lambda: _send(handle, payload, (address, to)))


def _send(handle: socket.socket, payload: bytes, to: tuple[str, int]) -> None:
    handle.sendto(payload, to)


def by_token(command: Path, times: int) -> list[float]:
    """Of our table."""
    key = tokens.sequence_key(derivation.host_key(MASTER, "web1"), "user0000")
    taken = []
    with closing(Lab()) as lab:
        _furnished(lab.server, declared(1))
        lab.server.run([str(command), "apply"], check=True)
        first = tokens.window()
        for number in range(times):
            token = tokens.token(key, first + number)
            taken.append(lab.callers.call(send_and_connect, SERVER[0], PORT, token, 22))
            time.sleep(1.1)
            assert lab.client.tcp(22) != "open"
    return taken


_ACCESS = """\
SOURCE ANY
OPEN_PORTS tcp/22
KEY_BASE64 {key}
HMAC_KEY_BASE64 {mac}
FW_ACCESS_TIMEOUT 1
"""


@contextmanager
def _fwknopd(lab: Lab) -> Iterator[tuple[str, str]]:
    """fwknop's daemon on the server, with everything closed; its two keys."""
    key, mac = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
    lab.server.write("/etc/fwknop/fwknopd.conf", "PCAP_INTF eth0;\nENABLE_UDP_SERVER N;\n", 0o600)
    lab.server.write("/etc/fwknop/access.conf", _ACCESS.format(key=key, mac=mac), 0o600)
    for rule in ("-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
                 "-A INPUT -p tcp --dport 22 -j REJECT --reject-with tcp-reset"):
        lab.server.run(["iptables", *rule.split()], check=True)
    lab.server.run(["mkdir", "-p", "/run/fwknop"], check=True)
    daemon = lab.server.popen(["/usr/sbin/fwknopd", "-f", "-c", "/etc/fwknop/fwknopd.conf",
                               "-a", "/etc/fwknop/access.conf"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        time.sleep(2)
        assert daemon.poll() is None, "fwknopd does not start"
        yield key, mac
    finally:
        lab.server.run(["/usr/sbin/fwknopd", "-K"])
        daemon.terminate()
        daemon.wait(10)


def by_fwknop(times: int) -> list[float]:
    """Of fwknop's: its client makes the packet beforehand, so that the daemon's part alone is measured."""
    taken = []
    with closing(Lab()) as lab, _fwknopd(lab) as (key, mac):
        for _ in range(times):
            lab.callers.run(["/usr/bin/fwknop", "-A", "tcp/22", "-a", CLIENT[0], "-D", SERVER[0], "--test",
                             "--key-base64-rijndael", key, "--use-hmac", "--key-base64-hmac", mac,
                             "--save-packet", "/run/spa", "--no-save-args"], check=True)
            packet = lab.callers.read("/run/spa").strip().encode()
            lab.callers.run(["rm", "/run/spa"], check=True)
            taken.append(lab.callers.call(send_and_connect, SERVER[0], 62201, packet, 22))
            time.sleep(3)
    return taken
