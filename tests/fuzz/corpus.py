"""What each fuzzer begins with: whole and sound inputs of its reader, made of what the tree has."""
from __future__ import annotations

import json
import re
import struct
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 4096  # bytes of an input

_PROFILES = [
    """knockwork: 1
hosts:
  - host: [web1, "*.example"]
    address: 192.0.2.1
    lockout: 10s
    sequences:
      - {name: ssh, knock: [7000, 8000/udp, "9000/tcp"], opens: [22/tcp, "60000-60100/udp"], step_timeout: 2s}
      - {name: web, token: {port: 41873, key: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}, opens: [443/tcp]}
  - host: db1
    sequences:
      - {name: ssh, derive: {secret_file: /etc/secret, length: 4, epoch: 42, host: db1}, opens: [22/tcp]}
      - {name: now, derive: {secret_file: /etc/secret, length: 3, period: 1d, overlap: 5m, host: db1}, opens: [23/tcp]}
"""]
_SECRETS = [
    "# a comment\nmaster:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
    "42 master:MDEyMzQ1Njc4OWFiY2RlZg==\n7 host:web1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"]
_RECORDS = [
    b'\0{"knockwork": 1, "saved_at_ms": 5, "sets": {"granted4": [["192.0.2.7 . 6 . 22", 60000, 30000, 1]]}}',
    b"\2ipv4 tcp drop\nipv6 udp drop\n",
    b'\3{"knockwork": 1, "unix_ms": 1, "boot": "", "uptime_ms": 1, "synchronised": true, "doubted": false}',
    b'\4{"knockwork": 1, "id": "5f1d92ab", "boot": "b", "init": "1", "at_ms": 1, "armed_ms": 2, "deadline_ms": 3, '
    b'"committed_ms": null, "committed_awake_ms": 0, "digest": "", "listed": "", "declared": "", "before": null, '
    b'"grants": {"saved_at_ms": 5, "sets": {}}, "tokens": [], "files": [{"path": "/x", "before": null, "after": "y"}]}',
    b'\5{"knockwork": 1, "memory": "1", "machine": "m", "offset_ms": 7, "lost": [[1, 2, 3]], "sequences": '
    b'[{"name": "t", "edge": 5, "port": 41873, "secret_file": "", "key": "k", "host": "web1", "period_ms": 30000, '
    b'"ahead_ms": 600000, "skew_ms": 1000, '
    b'"serial": 0, "check": "c", "present": true, "loaded_to_ms": 9, "loaded": [[1, 2]], "lost": []}]}']


def files(*patterns: str) -> list[bytes]:
    return [path.read_bytes() for pattern in patterns for path in sorted(ROOT.glob(pattern))]


def requests() -> list[bytes]:
    """Whole ones of every command, as this version's modules make them."""
    version = re.search(r"VERSION (\d+\.\d+\.\d+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))
    assert version is not None
    main = (ROOT / "docs/examples/classic.yml").read_text(encoding="utf-8")
    profile = "knockwork: 1\nhosts:\n  - host: web1\n    address: 192.0.2.1\n    sequences:\n" \
              "      - {name: ssh, knock: [7000, 8000, 9000], opens: [22/tcp]}\n"
    declared = {"sources": [{"kind": "declaration", "name": "knockwork.yml", "text": main}]}
    written = {"path": "/nowhere/knockwork.yml", "before": None, "after": "x"}
    entrance = {"host": "web1", "profile": "/nowhere/hosts.yml", "sequence": "ssh"}
    by_hand = {"host": "192.0.2.1", "knock": ["7000/udp", "8000"]}
    asked: list[dict[str, object]] = [
        {"command": "validate", **declared}, {"command": "plan", "reveal": True, **declared},
        {"command": "apply", **declared, "allow_absent": True, "files": [written], "lock_timeout_ms": 100},
        {"command": "apply", **declared, "check": True, "confirm_within": "60s", "revoke_retired": True},
        {"command": "status", "ssh_connection": "192.0.2.7 50000 192.0.2.1 22"}, {"command": "remove"},
        {"command": "clock", **declared}, {"command": "confirm", "id": "5f1d92ab", "prove": True},
        {"command": "rollback", "id": "5f1d92ab"}, {"command": "revoke", "sequence": "ssh", "source": "192.0.2.7"},
        {"command": "grant", "address": "192.0.2.7", "sequence": "ssh", "for": "60s"},
        {"command": "rotate", **declared, "phase": "publish", "epoch": 42, "expected": 41},
        {"command": "host_key", "secret_file": "/nowhere/secret", "host": "web1"},
        {"command": "knock", **entrance, "wait_open": "22/tcp", "family": "ipv4", "delay": "50ms", "retries": 2},
        {"command": "knock", **by_hand, "both": True},
        {"command": "profile", "name": "profile.yml", "text": profile},
        {"command": "sequence", **by_hand, "reveal": True}]
    return [json.dumps({"version": version[1], **request}).encode() for request in asked]


def foreign() -> list[bytes]:
    """What is imported; the first byte says whose it is."""
    return [kind + seed for kind, folder in ((b"\0", "knockd"), (b"\1", "nft"), (b"\2", "fwknop"))
            for seed in files(f"tests/import/{folder}/*")]


def frames() -> list[bytes]:
    """A datagram of each family on Ethernet, one with a tag, and a segment behind an extension header."""
    udp, tcp = bytes.fromhex("9c401b580009000041"), bytes.fromhex("9c40001600000001000000005002faf000000000")
    ipv4 = bytes.fromhex("4500001d0000000040110000" "c6336407c0000201")
    ipv6 = bytes.fromhex("6000000000091140" "20010db8000700000000000000000007" "20010db8000000000000000000000001")
    behind = ipv6[:4] + bytes((0, 28, 0, 64)) + ipv6[8:] + bytes((6, 0, 1, 4, 0, 0, 0, 0)) + tcp
    tagged = bytes(12) + b"\x81\x00\x00\x05\x86\xdd"
    return [bytes(12) + b"\x08\x00" + ipv4 + udp, tagged + ipv6 + udp, ipv6 + udp, behind]


def logged() -> list[bytes]:
    """Messages of nfnetlink_log on a machine of low end first: a grant over IPv4, a wrong knock over IPv6."""
    def attribute(kind: int, value: bytes) -> bytes:
        return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)

    ipv4, ipv6 = frames()[0][14:34], frames()[2][:40]
    bodies = [bytes(4) + attribute(10, prefix + b"\0") + attribute(2, b"\0\0\0\7") + attribute(9, header)
              for prefix, header in ((b"knockwork grant", ipv4), (b"knockwork wrong", ipv6))]
    return [struct.pack("=IHHII", 16 + len(body), 4 << 8, 0, 0, 0) + body for body in bodies]


def records() -> list[bytes]:
    """What an earlier run left; the first byte says which record."""
    return [*_RECORDS, *(b"\1" + gate for gate in files("tests/golden/**/*.nft"))]


SEEDS = {
    "call": requests(),
    "declaration": files("tests/errors/**/*.yml", "tests/golden/**/*.yml", "tests/fuzz/seeds/*.yml"),
    "events": logged(),
    "import": foreign(),
    "listing": files("tests/golden/**/*.nft"),
    "profile": [text.encode() for text in _PROFILES],
    "records": records(),
    "secrets": [text.encode() for text in _SECRETS],
    "capture": frames(),
    "trace": files("tests/**/*.packets"),
}


def plant(target: str, folder: Path) -> None:
    """Writes the seeds of a target."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[target]):
        (folder / f"seed-{number}").write_bytes(seed[:LONGEST])
