"""`closes`: a sequence that ends the grant of another one for its source."""

import json

import pytest

from bed import Caller, Lab
from bed.cli import Knockwork
from bed.waiting import wait_for

TEXT = """\
knockwork: 1
mode: {mode}
sequences:
  - {{name: ssh, knock: [7000, 8000, 9000], opens: [22/tcp, 51820/udp]{more}}}
  - {{name: close, knock: [9000, 8000, 7000], closes: ssh}}
"""
both_modes = pytest.mark.parametrize("mode", ["gate", "stealth"])


def _grants(knockwork: Knockwork) -> list[tuple[str, str]]:
    return sorted((one["source"], one["sequence"])
                  for one in json.loads(knockwork.run("status", "--json").stdout)["grants"])


@both_modes
@pytest.mark.parametrize("more", ["", ", on_expiry: cut", ", prolong: true", ", prolong: true, on_expiry: cut"])
def test_the_reverse_knock_closes(knockwork: Knockwork, client: Caller, stranger: Caller, mode: str, more: str) -> None:
    """For its source alone, at once; what goes on is as `on_expiry` says; and a new knock opens again."""
    shut = "refused" if mode == "gate" else "silent"
    knockwork.apply(TEXT.format(mode=mode, more=more))
    assert not knockwork.differs()
    for caller in (client, stranger):
        caller.knock(7000, 8000, 9000)
    session = client.connect(22)
    assert session.works()
    client.knock(9000, 8000, 7000)
    wait_for(lambda: client.tcp(22) == shut, "it is closed", 1)
    assert client.udp(51820) == shut
    assert session.works(0.5) == ("cut" not in more)
    assert client.tcp(22) == shut, "use renews nothing any more"
    assert _grants(knockwork) == [(stranger.source, "ssh")]
    assert stranger.tcp(22) == "open"
    client.knock(7000, 8000, 9000)
    assert (client.tcp(22), client.udp(51820)) == ("open", "open")


@both_modes
def test_nothing_to_close(knockwork: Knockwork, client: Caller, stranger: Caller, mode: str) -> None:
    """It opens nothing to whoever has no grant, and is no wrong knock."""
    knockwork.apply(TEXT.format(mode=mode, more=""))
    stranger.knock(7000, 8000, 9000)
    client.knock(9000, 8000, 7000)
    assert _grants(knockwork) == [(stranger.source, "ssh")]
    table = knockwork.table()
    for name in ("granted", "locked"):
        assert not [key for family in "46" for key in table.live(name + family) if key.startswith(client.source + " ")]
    assert client.tcp(22) != "open"


def test_a_plan_tells_it(knockwork: Knockwork, client: Caller) -> None:
    """What it closes is in the plan, in status and in trace; nobody is granted access by it."""
    knockwork.apply(TEXT.format(mode="gate", more="").replace("closes: ssh", "opens: [80/tcp]"))
    said = knockwork.apply(TEXT.format(mode="gate", more=""))
    assert "sequence close: closes nothing → ssh, opens " in said
    assert not knockwork.differs()
    assert "closes another" in knockwork.run("status").stdout
    done = knockwork.run("grant", client.source, "--sequence", "close")
    assert done.returncode == 1 and "close opens nothing: it closes ssh" in done.stderr
    assert client.tcp(80) == "open", "nothing protects it any longer"


def test_a_grant_by_hand(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """A grant by hand, and a sequence that is written later."""
    knockwork.apply(TEXT.format(mode="gate", more=", prolong: true, open_for: 1m"))
    knockwork.run("grant", client.source, "--sequence", "ssh", "--for", "1h")
    session = client.connect(22)
    assert session.works()
    client.knock(9000, 8000, 7000)
    wait_for(lambda: client.tcp(22) == "refused", "it is closed", 1)
    assert session.works() and not _grants(knockwork)
