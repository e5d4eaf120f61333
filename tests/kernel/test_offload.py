"""A flowtable beside the gate: connections to services elsewhere that it forwards past every rule."""

from collections.abc import Iterator

import pytest

from bed import Caller
from bed.cli import Knockwork
from bed.router import BEHIND, Router
from bed.waiting import wait_for

DECLARATION = f"""\
knockwork: 1
mode: {{mode}}
sequences:
  - {{{{name: behind, knock: [7000, 8000], opens: [22/tcp, 51820/udp], to: [{BEHIND[0]}, "{BEHIND[1]}"],
     open_for: 10m{{more}}}}}}
"""
FLOWTABLE = """\
table inet fast {
  flowtable lanes {
    hook ingress priority 0
    devices = { eth0, eth1 }
  }
  chain forward {
    type filter hook forward priority 10; policy accept;
    ct state established flow add @lanes
  }
  chain seen {
    type filter hook forward priority 20; policy accept;
    counter
  }
}
"""
WARNING = "the flowtable lanes in the table inet fast forwards connections past the gate: "


@pytest.fixture
def lab() -> Iterator[Router]:
    """A router that offloads what it forwards. Skips where this kernel cannot."""
    with Router() as made:
        done = made.server.run(["/usr/sbin/nft", "-f", "-"], input=FLOWTABLE)
        if done.returncode:
            pytest.skip(f"this kernel has no flowtables: {done.stderr.splitlines()[0]}")
        yield made


@pytest.fixture(params=["ipv4", "ipv6"])
def through(request: pytest.FixtureRequest, lab: Router) -> Caller:
    """The client, as it talks to the host behind."""
    return lab.through(lab.client if request.param == "ipv4" else lab.client6)


class Both:
    """A connection and a flow of datagrams."""

    def __init__(self, caller: Caller) -> None:
        self._host = caller.host
        self._numbers: list[int] = [
            caller.host.call("open_connection", caller.source, caller.target, 22, 5),
            caller.host.call("open_flow", caller.source, caller.target, 51820)]

    def work(self, timeout: float = 2) -> list[bool]:
        """Whether a line sent by each comes back."""
        return [self._host.call("exchange", number, b"still here?\n", timeout) == b"still here?\n"
                for number in self._numbers]


def _seen(lab: Router) -> int:
    """How many packets the rules have seen in the forward hook."""
    words = lab.server.output(["/usr/sbin/nft", "list", "chain", "inet", "fast", "seen"]).split()
    return int(words[words.index("packets") + 1])


def _offloaded(lab: Router, both: Both) -> bool:
    before = _seen(lab)
    return both.work() == [True, True] and _seen(lab) == before


def _open(lab: Router, through: Caller) -> Both:
    knocking = lab.client6 if ":" in through.source else lab.client
    knocking.knock(7000, 8000, gap=0.05)
    both = Both(through)
    wait_for(lambda: _offloaded(lab, both), "both are forwarded past the rules", 60)
    return both


def _end_grants(lab: Router) -> None:
    """As if they had expired."""
    for name in ("reached4", "reached6", "holders4", "holders6"):
        lab.server.nft(f"flush set inet knockwork {name}\n")


@pytest.mark.parametrize("mode", ["gate", "stealth"])
def test_a_grant_is_needed(lab: Router, knockwork: Knockwork, through: Caller, mode: str) -> None:
    """The first packet of a connection meets the rules, whatever else is offloaded."""
    knockwork.apply(DECLARATION.format(mode=mode, more=""))
    assert through.tcp(22) != "open" and through.udp(51820) != "open"
    both = _open(lab, through)
    stranger = lab.through(lab.stranger6 if ":" in through.source else lab.stranger)
    assert stranger.tcp(22) != "open" and stranger.udp(51820) != "open"
    _end_grants(lab)
    assert through.tcp(22) != "open"
    assert _offloaded(lab, both)


@pytest.mark.parametrize("mode", ["gate", "stealth"])
@pytest.mark.parametrize("command", ["revoke", "apply"])
def test_a_revocation_ends_it(lab: Router, knockwork: Knockwork, through: Caller, mode: str, command: str) -> None:
    """At once, by hand or by a change that retires the sequence; and it stays ended."""
    text = DECLARATION.format(mode=mode, more="")
    knockwork.apply(text)
    both = _open(lab, through)
    if command == "revoke":
        assert knockwork.run("revoke", "--sequence", "behind").returncode == 0
    else:
        knockwork.apply(text.replace("7000", "7100"), "--revoke-retired")
    for _ in range(3):
        assert both.work(0.5) == [False, False]


@pytest.mark.parametrize("mode", ["gate", "stealth"])
def test_cut_does_not_end_it(lab: Router, knockwork: Knockwork, through: Caller, mode: str) -> None:
    """No rule sees it any more; a warning says so, and what ends it."""
    knockwork.declare(DECLARATION.format(mode=mode, more=", on_expiry: cut"))
    for arguments in ("validate",), ("plan",), ("apply",):
        assert WARNING + "on_expiry: cut" in knockwork.run(*arguments).stderr
    both = _open(lab, through)
    _end_grants(lab)
    assert through.tcp(22) != "open"
    assert _offloaded(lab, both)
    assert WARNING + "on_expiry: cut" in knockwork.run("status").stderr
    assert knockwork.run("revoke", "--sequence", "behind").returncode == 0
    assert both.work(0.5) == [False, False]
