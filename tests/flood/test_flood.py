"""Floods of a million packets from invented sources: legitimate ones get in, sets and memory stay bounded."""

import base64
import subprocess
import time

import pytest

from bed import Caller, Lab, derivation, tokens
from bed.cli import Knockwork
from bed.lab import SERVER

PACKETS = 1_000_000
ATTEMPTS = 5  # as many as a person would make
LOCKOUT = 2  # seconds: the step_timeout below
DECLARATION = """\
knockwork: 1
mode: {mode}
sources: {sources}
sequences:
  - name: ssh
    knock: [7000/udp, 8000/tcp, 9000/udp]
    opens: [22/tcp]
    step_timeout: 2s
    open_for: 20s
"""
KNOCKS = (7000, "8000/tcp", 9000)


def _flood(lab: Lab, spoof: str, six: bool, packets: int, *target: str) -> "Flood":
    return Flood(lab, [spoof, "fd99:0:" if six else "10.200", SERVER[six], str(packets), "1", *target])


class Flood:
    """One that runs beside the test; closing it waits for its end."""

    def __init__(self, lab: Lab, argv: list[str]) -> None:
        self._process = lab.callers.popen(argv, stdout=subprocess.PIPE)

    @property
    def running(self) -> bool:
        """Whether packets still come."""
        return self._process.poll() is None

    def end(self) -> tuple[int, float]:
        """Packets sent, and seconds."""
        out, _ = self._process.communicate(timeout=120)
        assert self._process.returncode == 0
        sent, seconds = out.split()
        return int(sent), float(seconds)


TOKENS = """\
knockwork: 1
mode: {mode}
sequences:
  - {{name: ssh, knock: [7000/udp, 8000/tcp, 9000/udp], opens: [22/tcp]}}
  - name: alice
    token: {{port: 41873/udp, secret_file: /etc/knockwork/secret, host: web1, period: 1s, ahead: 4m}}
    opens: [22/tcp]
"""
TIMES = 100


@pytest.mark.parametrize("mode", ["gate", "stealth"])
@pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
def test_tokens_in_a_flood(lab: Lab, knockwork: Knockwork, spoof: str, told: list[str], mode: str, six: bool) -> None:
    """Sweeps, wrong knocks in the owner's neighbourhood and wrong tokens: nobody is kept out, not even once."""
    lab.server.write("/etc/knockwork/secret", f"master:{base64.b64encode(bytes(32)).decode()}\n", 0o600)
    knockwork.apply(TOKENS.format(mode=mode))
    key = tokens.sequence_key(derivation.host_key(bytes(32), "web1"), "alice")
    client, stranger = (lab.client6, lab.stranger6) if six else (lab.client, lab.stranger)
    floods = [_flood(lab, spoof, six, PACKETS // 2), _flood(lab, spoof, six, PACKETS // 2, "41873/udp", "16")]
    first, inside, began = tokens.window(1000), 0, time.monotonic()
    for number in range(TIMES):
        client.knock(7001)  # whoever is locked out, or whose address others use, gets in all the same
        client.send(41873, tokens.token(key, first + number, 0, 1000))
        inside += client.tcp(22, timeout=1) == "open"
        assert stranger.tcp(22, timeout=0.05) != "open"
        _forget(knockwork)
    running, took = sum(flood.running for flood in floods), time.monotonic() - began
    sent, seconds = (sum(each) for each in zip(*(flood.end() for flood in floods)))
    told.append(f"tokens, {mode}, {'IPv6' if six else 'IPv4'}: {inside} of {TIMES} in, each by one packet, "
                f"in {took:.1f} s; {sent} packets, "
                f"{2 * sent / seconds:.0f} a second, {running} of 2 floods went on beyond")
    assert inside == TIMES


def _slab(lab: Lab) -> int:
    """KiB of kernel objects, of the whole machine."""
    return next(int(line.split()[1]) for line in lab.server.read("/proc/meminfo").splitlines()
                if line.startswith("Slab:"))


def _sizes(knockwork: Knockwork) -> dict[str, int]:
    return {block.name: len(block.elements) for block in knockwork.table().blocks if block.dynamic}


def _get_in(caller: Caller) -> int:
    """How many attempts it took; 0 where all were in vain."""
    for attempt in range(1, ATTEMPTS + 1):
        caller.knock(*KNOCKS)
        if caller.tcp(22, timeout=1) == "open":
            return attempt
    return 0


@pytest.mark.parametrize("mode", ["gate", "stealth"])
@pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
def test_random_flood(lab: Lab, knockwork: Knockwork, spoof: str, told: list[str], mode: str, six: bool) -> None:
    """Nobody who knocks in order stays out; no set passes its size; what the kernel needs is bounded."""
    sources = 65536
    knockwork.apply(DECLARATION.format(mode=mode, sources=sources))
    before = _slab(lab)
    flood = _flood(lab, spoof, six, PACKETS)
    attempts: list[int] = []
    client = lab.client6 if six else lab.client
    while flood.running:
        attempts.append(_get_in(client))
        assert attempts[-1] > 0, f"kept out after {attempts}"
        _forget(knockwork)
    sent, seconds = flood.end()
    sizes, after = _sizes(knockwork), _slab(lab)
    conntrack = int(lab.server.read("/proc/sys/net/netfilter/nf_conntrack_count"))
    most = int(lab.server.read("/proc/sys/net/netfilter/nf_conntrack_max"))
    full = {name: count for name, count in sizes.items() if count}
    told.append(f"{mode}, {'IPv6' if six else 'IPv4'}: {sent} packets in {seconds:.1f} s; {len(attempts)} times in, "
                f"{sum(attempts)} attempts; conntrack {conntrack} of {most}; kernel objects "
                f"{(after - before) / 1024:+.0f} MiB; sets {full}")
    assert attempts and sent == PACKETS
    assert all(count <= (128 if name == "overflow" else sources) for name, count in sizes.items()), sizes
    # An entry of a set takes less than 256 bytes, one of conntrack less than 1 KiB; both families' sets.
    bound = (len(sizes) * sources * 256 + most * 1024) // 1024
    assert after - before < bound


def _forget(knockwork: Knockwork) -> None:
    """Whoever was in is out."""
    for family in "46":
        knockwork.host.nft(f"flush set inet knockwork granted{family}\nflush set inet knockwork holders{family}\n")


@pytest.mark.parametrize("what,target", [("the first knock", "7000/udp"), ("a guard", "7001/udp")])
@pytest.mark.parametrize("sources", [4096, 65536])
def test_directed_flood(lab: Lab, knockwork: Knockwork, spoof: str, told: list[str], what: str, target: str,
                        sources: int) -> None:
    """Of an attacker who knows a port: it may keep others out while it lasts, lets nobody in, and is soon over."""
    fresh = [f"10.77.9.{number}" for number in range(1, 251)]  # none of them among the invented
    lab.callers.ip(*(f"addr add {address}/16 dev eth0" for address in fresh))
    knockwork.apply(DECLARATION.format(mode="gate", sources=sources))
    flood = _flood(lab, spoof, False, 300_000, target)
    inside = kept_out = 0
    while flood.running and fresh:
        caller = lab.caller(fresh.pop())
        caller.knock(*KNOCKS)
        answer = caller.tcp(22)
        inside, kept_out = inside + (answer == "open"), kept_out + (answer != "open")
        assert lab.stranger.tcp(22) == "refused"
    sent, seconds = flood.end()
    ended = time.monotonic()
    assert all(count <= sources for count in _sizes(knockwork).values())
    attempts = 1
    while _in_at_once(lab.client) == 0:
        attempts += 1
        assert attempts < 10
        time.sleep(LOCKOUT + 0.5)  # whoever knocks on while locked out stays so
    told.append(f"{what} known, sources: {sources}: {sent} packets in {seconds:.1f} s; meanwhile {inside} sources in, "
                f"{kept_out} kept out; in again {time.monotonic() - ended:.1f} s after its end, at attempt {attempts}")
    assert lab.stranger.tcp(22) == "refused"


def _in_at_once(caller: Caller) -> bool:
    caller.knock(*KNOCKS)
    return caller.tcp(22) == "open"
