"""Odd packets of 66 kinds and more: none tells a knock, guard or protected port from a closed one."""

from collections.abc import Iterator

import pytest

from bed import Lab
from bed.cli import Knockwork
from bed.lab import BROADCAST, SERVER, STRANGER
from bed.tokens import fill
from scan.listening import answers
from scan.odd import KINDS, TOKENS, Ends

DECLARATION = """\
knockwork: 1
mode: {mode}
sequences:
  - name: ssh
    knock: [7000/tcp, 8000/udp, 9000/tcp]
    opens: [22/tcp, 443/tcp, 51820/udp, 51830/udp]
  - name: web
    knock: [7100/tcp]
    opens: [2000-2100/tcp, 3000-3010/udp]
  - name: alice
    token: {{port: 8500, key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=}}
    opens: [4022/tcp]
"""
CLOSED = 6000
TCP = {"closed": CLOSED, "closed, another": 6100, "knock": 7000, "guard": 7001, "protected, listening": 22,
       "protected": 443, "range": 2050}
UDP = {"closed": CLOSED, "closed, another": 6100, "knock": 8000, "guard": 8001, "protected, listening": 51820,
       "protected": 51830, "range": 3005, "token": 8500, "before the token": 8499, "behind the token": 8501}
# The kernel answers these after it has mended or judged what a rule sees as it came.
LIMITS = {"4": {"u_trailing"}, "6": {"u_trailing", "u_length_0", "u_unknown_destination_option"}}
SECOND = ("10.77.0.12", "fd77::12")


@pytest.fixture(scope="module")
def ends(lab: Lab) -> tuple[Ends, Ends]:
    """By each family; the server has a second address."""
    lab.server.ip(f"addr add {SECOND[0]}/16 dev eth0", f"addr add {SECOND[1]}/64 dev eth0 nodad")
    macs = [bytes.fromhex(host.output(["/usr/sbin/ip", "-brief", "link", "show", "dev", "eth0"]).split()[2]
                          .replace(":", "")) for host in (lab.callers, lab.server)]
    first, second = (Ends(STRANGER[six], SERVER[six], SECOND[six], BROADCAST, macs[0], macs[1]) for six in (0, 1))
    return first, second


@pytest.fixture(scope="module")
def source_ports() -> Iterator[int]:
    """Never the same twice: nothing is remembered of it."""
    return iter(range(20000, 60000, 16))


@pytest.mark.parametrize("mode", ["gate", "stealth"])
@pytest.mark.parametrize("family", ["4", "6"])
def test_odd_packets(lab: Lab, knockwork: Knockwork, ends: tuple[Ends, Ends], source_ports: Iterator[int],
                     family: str, mode: str) -> None:
    """Number, bytes and source of all that comes back."""
    knockwork.apply(DECLARATION.format(mode=mode))
    fill(knockwork, "alice", TOKENS.values())
    different, answered = [], 0
    for name, (protocol, families, _) in KINDS.items():
        if family not in families or mode == "gate" and name in LIMITS[family]:
            continue
        ports = TCP if protocol == "tcp" else UDP
        found = lab.callers.call(answers, ends[family == "6"], name, list(ports.values()), next(source_ports))
        answered += bool(found[0])
        different += [f"{name}: {what}: {_read(said)} instead of {_read(found[0])}"
                      for what, said in zip(ports, found) if said != found[0]]
    assert not different, "\n".join(different)
    assert (answered > 20) == (mode == "gate")
    assert _used(knockwork) == {*TOKENS.values()}, "a right token was not taken for one"


@pytest.mark.parametrize("mode", ["gate", "stealth"])
@pytest.mark.parametrize("refuse", ["auto", "drop", "reject"])
@pytest.mark.parametrize("family", ["4", "6"])
def test_tokens_are_answered_as_at_a_closed_port(
        lab: Lab, knockwork: Knockwork, ends: tuple[Ends, Ends], source_ports: Iterator[int], family: str, mode: str,
        refuse: str) -> None:
    """Right, used, wrong, short, none, with any payload, at the port and beside it, however services are refused."""
    knockwork.apply(DECLARATION.format(mode=mode) + f"refuse: {refuse}\n")
    fill(knockwork, "alice", TOKENS.values())
    ports = {what: port for what, port in UDP.items() if what.startswith("closed") or what.endswith("token")}
    assert len(ports) == 5
    for name in [name for name in KINDS if name.startswith("u_token_")] + ["u_empty", "u_plain"]:
        found = lab.callers.call(answers, ends[family == "6"], name, list(ports.values()), next(source_ports))
        assert bool(found[0]) == (mode == "gate"), name
        assert [_read(said) for said in found] == [_read(found[0])] * len(found), name
    assert _used(knockwork) == {*TOKENS.values()}


def _used(knockwork: Knockwork) -> set[bytes]:
    return {int(element, 16).to_bytes(16, "big") for element in knockwork.table().live("used")}


def _read(said: list[bytes]) -> str:
    return " | ".join(each.hex() for each in said) or "silence"


def test_there_are_enough() -> None:
    """Of each family and protocol."""
    counts = {(family, protocol): sum(family in families and protocol == of for of, families, _ in KINDS.values())
              for family in "46" for protocol in ("tcp", "udp")}
    assert len(KINDS) >= 66 and min(counts.values()) >= 20, counts
