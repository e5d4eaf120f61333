"""What an apply must not take from anyone: grants, lockouts, half-done knocks, sessions."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from bed import Caller, Lab
from bed.cli import Knockwork
from bed.table import Line

BEFORE = """\
knockwork: 1
sources: 4096
lockout: 20s
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
    step_timeout: 20s
    sequence_timeout: 50s
    open_for: 40s
  - name: web
    knock: [7100/udp, 8100/udp, 9100/udp]
    opens: [80/tcp]
    step_timeout: 20s
  - name: vpn
    knock: [7200/udp, 8200/udp]
    opens: [51820-51822/udp]
    step_timeout: 20s
"""


def _declare(change: Callable[[str], str]) -> Callable[[Knockwork], object]:
    return lambda knockwork: knockwork.apply(change(BEFORE))


def _remake(**attributes: str) -> Callable[[Knockwork], object]:
    """Make every dynamic set anew by hand with attributes in place of, or besides, its own; then repair."""
    def act(knockwork: Knockwork) -> None:
        table = knockwork.table()
        for block in table.blocks:
            expires = any("timeout" in line.text for line in block.lines)  # else nft takes no time for it
            if block.dynamic and (expires or "size" in attributes):
                kept = tuple(line for line in block.lines if line.text.split()[0] not in attributes)
                added = tuple(Line(f"{key.replace('_', '-')} {value}") for key, value in attributes.items())
                table = table.with_block(replace(block, lines=kept + added))
        knockwork.host.nft("delete table inet knockwork\n" + table.text())
        assert knockwork.differs()
        knockwork.apply()
    return act


CHANGES: dict[str, Callable[[Knockwork], object]] = {
    "another sequence's knocks": _declare(lambda text: text.replace("7100", "7150")),
    "another sequence's timeouts": _declare(lambda text: text.replace(
        "name: web", "name: web\n    open_for: 1s")),
    "another sequence is gone": _declare(lambda text: text.replace("name: web", "name: web2")),
    "one more sequence before": _declare(lambda text: text.replace(
        "sequences:\n", "sequences:\n  - {name: a, knock: [7000, 8000, 5555], opens: [23/tcp]}\n")),
    "a range over its service": _declare(lambda text: text.replace(
        "opens: [80/tcp]", "opens: [80/tcp, 20-30/tcp]")),
    "more sources": _declare(lambda text: text.replace("4096", "8192")),
    "fewer sources": _declare(lambda text: text.replace("4096", "64")),
    "another lockout": _declare(lambda text: text.replace("lockout: 20s", "lockout: 30s")),
    "no guards": _declare(lambda text: text + "guards: none\n"),
    "always_allow": _declare(lambda text: text + "always_allow: [192.0.2.1]\n"),
    "another sequence may be used once": _declare(lambda text: text.replace(
        "name: web", "name: web\n    once: true")),
    "another sequence opens elsewhere": _declare(lambda text: text.replace(
        "name: web", "name: web\n    to: [10.88.0.7]")),
    "connections end with their grants": _declare(lambda text: text.replace(
        "step_timeout", "on_expiry: cut\n    step_timeout")),
    "log": _declare(lambda text: text + "log: all\n"),
    "stealth": _declare(lambda text: text + "mode: stealth\n"),
    "sets remade with another size": _remake(size="2048"),
    "sets remade with a default timeout": _remake(timeout="50s"),
    "sets remade with gc": _remake(gc_interval="3s"),
}


# What the knocks below leave in the sets of each family; steps once taken stay expected for their time.
FILLED = {"granted": 1, "ranged": 1, "holders": 2, "locked": 1, "expected": 5, "excused": 7,
          "begun": 4, "spoken": 0}


@pytest.mark.parametrize("name", CHANGES)
def test_state_survives(lab: Lab, knockwork: Knockwork, name: str) -> None:
    """Grants, lockouts and half-done knocks of both families outlive the change, their clocks within 1 s."""
    knockwork.apply(BEFORE)
    families = (lab.client, lab.stranger, lab.caller("10.200.0.9")), (
        lab.client6, lab.stranger6, lab.caller("fd99::9"))
    for granted, half, locked in families:
        granted.knock(7000, 8000, 9000)
        granted.knock(7200, 8200)
        half.knock(7000, 8000)
        locked.knock(6999)
    clocks = _clocks(knockwork)
    assert {name: len(elements) for name, elements in clocks.items()} == {
        "counted": 2, "overflow": 0, **{f"{name}{family}": count for name, count in FILLED.items() for family in "46"}}
    began = time.monotonic()
    CHANGES[name](knockwork)
    now = _clocks(knockwork)
    gone = time.monotonic() - began
    for set_name, elements in clocks.items():
        assert now.get(set_name, {}).keys() == elements.keys(), set_name
        for key, left in elements.items():
            assert now[set_name][key] == pytest.approx(left - gone, abs=1), (set_name, key)
    for granted, half, locked in families:
        assert granted.tcp(22) == "open"
        half.knock(9000)
        assert half.tcp(22) == "open"
        locked.knock(7000, 8000, 9000)
        assert locked.tcp(22) in ("refused", "silent")


def _clocks(knockwork: Knockwork) -> dict[str, dict[str, float]]:
    table = knockwork.table()
    return {block.name: table.live(block.name) for block in table.blocks if block.dynamic}


def test_half_done_knocks_of_a_changed_sequence(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """A half-done knock of a sequence whose knocks change is neither its nor anyone's any more."""
    knockwork.apply(BEFORE)
    client.knock(7000, 8000)
    knockwork.apply(BEFORE.replace("9000", "9005"))
    client.knock(9005)
    assert client.tcp(22) == "refused"


def test_grants_of_a_gone_sequence_run_out(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """A removed sequence leaves its grant alive for a service that another one still protects."""
    knockwork.apply(BEFORE)
    client.knock(7000, 8000, 9000)
    knockwork.apply(BEFORE.replace("name: ssh", "name: door").replace("8000", "8005"))
    assert client.tcp(22) == "open"


@pytest.mark.parametrize("prefix, network, family", [("ipv6_prefix: 64", "fd99:0:0:{}::{}", "6"),
                                                     ("ipv4_prefix: 24", "10.200.{}.{}", "4")])
def test_grants_become_the_networks(lab: Lab, knockwork: Knockwork, prefix: str, network: str,
                                    family: str) -> None:
    """With a shorter prefix grants and half-done knocks are their networks', for the time they had."""
    def caller(subnet: int, host: int) -> Caller:
        return lab.caller(network.format(subnet, host))

    knockwork.apply(BEFORE)
    caller(1, 7).knock(7000, 8000, 9000)
    caller(1, 8).knock(7000)
    caller(2, 7).knock(7000, 8000)
    before = _clocks(knockwork)
    began = time.monotonic()
    knockwork.declare(BEFORE + prefix + "\n")
    plan = knockwork.run("plan")
    assert f"setting {prefix.split(':')[0]}: " in plan.stdout
    knockwork.apply(BEFORE + prefix + "\n")
    after = _clocks(knockwork)
    gone = time.monotonic() - began
    nobody = "" if family == "6" else "0"
    for name in ("granted", "holders", "expected", "begun"):
        longest: dict[str, float] = {}
        for key, left in before[name + family].items():
            source, _, tail = key.partition(" . ")
            key = f"{source[:-1]}{nobody} . {tail}"
            longest[key] = max(longest.get(key, 0), left - gone)
        assert after[name + family] == pytest.approx(longest, abs=1), name
    assert caller(1, 9).tcp(22) == "open"
    near, far = caller(2, 8), caller(3, 8)
    for each in (near, far):
        each.knock(9000)
    assert near.tcp(22) == "open"
    assert far.tcp(22) == "refused"


ONCE = BEFORE.replace("name: ssh", "name: ssh\n    once: true")


def test_spent_stays_spent(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Over every apply that leaves the sequence its knocks, and the repair of its set."""
    knockwork.apply(ONCE)
    client.knock(7000, 8000, 9000)
    spent = knockwork.table().block("spent").elements
    assert len(spent) == 1
    assert not knockwork.differs()
    changes = (ONCE.replace("7100", "7150"), ONCE.replace("open_for: 40s", "open_for: 50s"),
               ONCE.replace("[22/tcp]", "[22/tcp, 23/tcp]"), ONCE + "log: all\n", ONCE + "ipv6_prefix: 64\n",
               ONCE + "mode: stealth\n", ONCE.replace("once: true", "once: true\n    from: [10.0.0.0/8]"),
               ONCE.replace("once: true", "once: true\n    on_expiry: cut"), ONCE)
    for change in changes:
        knockwork.apply(change)
        assert knockwork.table().block("spent").elements == spent, change
        assert not knockwork.differs()
    _remake(size="2048")(knockwork)
    assert knockwork.table().block("spent").elements == spent
    other = lab.caller("10.200.0.9" if client is lab.client else "fd99::9")
    other.knock(7000, 8000, 9000)
    assert other.tcp(22) == "refused"


@pytest.mark.parametrize("change", [ONCE.replace("9000", "9005"), ONCE.replace("name: ssh", "name: door"),
                                    ONCE.replace("    once: true\n", "")],
                         ids=["knocks", "name", "not once"])
def test_spent_is_forgotten(lab: Lab, knockwork: Knockwork, client: Caller, stranger: Caller,
                            change: str) -> None:
    """A sequence with other knocks is another one, and so it is when the old knocks come back."""
    knockwork.apply(ONCE)
    client.knock(7000, 8000, 9000)
    knockwork.apply(change)
    assert not any(block.elements for block in knockwork.table().blocks if block.name == "spent")
    knockwork.apply(ONCE)
    time.sleep(1.1)  # as long as a use is claimed
    stranger.knock(7000, 8000, 9000)
    assert stranger.tcp(22) == "open"
    assert len(knockwork.table().block("spent").elements) == 1


SESSION = """\
knockwork: 1
mode: {mode}
refuse: {refuse}
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
"""


@pytest.mark.parametrize("mode, refuse", [("gate", "auto"), ("gate", "drop"), ("stealth", "auto"),
                                          ("stealth", "reject")])
def test_sessions_older_than_the_table(lab: Lab, knockwork: Knockwork, client: Caller, mode: str,
                                       refuse: str) -> None:
    """A session that was idle over the first apply goes on, the client speaking first; out of window too."""
    talk, odd = client.connect(22), client.connect(22)
    assert talk.works() and odd.works()
    knockwork.apply(SESSION.format(mode=mode, refuse=refuse))
    assert client.tcp(22) in ("refused", "silent")
    assert talk.works()
    for _ in range(2):  # before and after conntrack knows the session
        client.segment(22, "ack", source_port=odd.local_port, sequence=123456789, acknowledge=987654321)
        assert odd.works()
    assert talk.works()


@pytest.mark.parametrize("mode, refuse", [("gate", "auto"), ("gate", "drop"), ("stealth", "auto"),
                                          ("stealth", "reject")])
def test_sessions_older_than_the_table_at_one_address(lab: Lab, knockwork: Knockwork, client: Caller, mode: str,
                                                      refuse: str) -> None:
    """Of an address of this host: for as long as this host has the socket, however long ago the first apply was."""
    talk = client.connect(22)
    assert talk.works()
    knockwork.apply(SESSION.format(mode=mode, refuse=refuse) + f'    to: ["{client.target}"]\n')
    lab.server.nft("flush set inet knockwork underway\n")
    assert talk.works()
    assert client.tcp(22) in ("refused", "silent")


@pytest.mark.parametrize("mode", ["gate", "stealth"])
def test_sessions_outlive_their_grant(lab: Lab, knockwork: Knockwork, client: Caller, mode: str) -> None:
    """With on_expiry: keep a session goes on after its grant has run out, and over applies."""
    knockwork.apply(SESSION.format(mode=mode, refuse="auto") + "    open_for: 1s\n")
    client.knock(7000, 8000, 9000)
    session = client.connect(22)
    time.sleep(1.4)
    assert client.tcp(22) in ("refused", "silent")
    assert session.works()
    knockwork.apply(SESSION.format(mode=mode, refuse="auto").replace("9000", "9001"))
    assert session.works()
