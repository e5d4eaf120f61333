"""What `status` tells: who came in how often, how full the sets are, drift; and that it fits a terminal."""

import json
from typing import Any

import pytest

from bed import Caller, Lab
from bed.cli import Knockwork

DECLARATION = """\
knockwork: 1
sequences:
  - {name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}
  - {name: vpn, knock: [7100/udp, 8100/udp], opens: [51820-51822/udp, 443/tcp], once: true}
"""


def _status(knockwork: Knockwork) -> dict[str, Any]:
    done = knockwork.run("status", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _uses(knockwork: Knockwork) -> dict[str, int]:
    return {each["name"]: each["uses"] for each in _status(knockwork)["sequences"]}


def test_grants_are_counted(lab: Lab, knockwork: Knockwork) -> None:
    """By both families, each time; neither a wrong knock nor what a spent sequence refuses counts."""
    knockwork.apply(DECLARATION)
    assert _uses(knockwork) == {"ssh": 0, "vpn": 0}
    lab.client.knock(7000, 8000, 9000)
    lab.client6.knock(7000, 8000, 9000)
    lab.client.knock(7000, 8000, 9000)
    lab.caller("10.200.1.1").knock(7000, 9000)
    lab.client.knock(7100, 8100)
    lab.caller("10.200.2.2").knock(7100, 8100)
    assert _uses(knockwork) == {"ssh": 3, "vpn": 1}


def test_counts_outlive_an_apply_and_a_listing(lab: Lab, knockwork: Knockwork) -> None:
    """A change of another sequence keeps them, a changed sequence begins anew, a saved listing has them."""
    knockwork.apply(DECLARATION)
    lab.client.knock(7000, 8000, 9000)
    lab.client.knock(7100, 8100)
    assert "Unchanged" in knockwork.apply()
    knockwork.apply(DECLARATION.replace("7100", "7101").replace("knockwork: 1", "knockwork: 1\nsources: 4096"))
    assert _uses(knockwork) == {"ssh": 1, "vpn": 0}
    lab.server.write("/run/saved.nft", lab.server.output(["/usr/sbin/nft", "list", "ruleset"]))
    lab.server.nft("flush ruleset\ninclude \"/run/saved.nft\"\n")
    assert _uses(knockwork) == {"ssh": 1, "vpn": 0}
    assert "Unchanged" in knockwork.apply()
    lab.client.knock(7000, 8000, 9000)
    assert _uses(knockwork) == {"ssh": 2, "vpn": 0}


def test_sets_and_half_way(lab: Lab, knockwork: Knockwork) -> None:
    """Each set that packets fill with its size; one that is nearly full is named."""
    knockwork.apply(DECLARATION.replace("knockwork: 1", "knockwork: 1\nsources: 16"))
    for number in range(14):
        lab.caller(f"10.200.0.{number}").knock(7000)
    found = _status(knockwork)
    assert found["half_done"] == 14
    assert {"name": "expected4", "used": 14, "size": 16, "nearly_full": True} in found["sets"]
    assert {"name": "granted6", "used": 0, "size": 16, "nearly_full": False} in found["sets"]
    text = knockwork.run("status").stdout
    assert "Nearly full: expected4, 14 of 16.\n" in text
    assert "14 sources in the middle of a sequence.\n" in text


@pytest.mark.parametrize("by_hand", [
    "add rule inet knockwork gate accept", "add element inet knockwork doors { 6 . 25 : accept }",
    "flush chain inet knockwork lockout", "add chain inet knockwork mine"])
def test_drift(lab: Lab, knockwork: Knockwork, by_hand: str) -> None:
    """Told of what a hand changed, and no longer once it is repaired; not of what packets or other tables do."""
    knockwork.apply(DECLARATION)
    assert _status(knockwork)["drifted"] is False
    lab.client.knock(7000, 8000, 9000)
    lab.server.nft("add table ip other")
    knockwork.run("grant", "192.0.2.1", "--sequence", "ssh")
    assert _status(knockwork)["drifted"] is False
    lab.server.nft(by_hand)
    assert _status(knockwork)["drifted"] is True
    assert knockwork.run("status").stdout.startswith("Drift: ")
    knockwork.apply()
    assert _status(knockwork)["drifted"] is False


def test_no_drift_while_an_apply_waits(knockwork: Knockwork) -> None:
    """Neither what waits for its confirmation nor what a rollback led to is drift."""
    knockwork.apply(DECLARATION)
    knockwork.apply(DECLARATION.replace("9000", "9001"), "--confirm-within", "60s")
    assert _status(knockwork)["drifted"] is False
    knockwork.host.nft("add table ip other")
    assert _status(knockwork)["drifted"] is False
    assert knockwork.run("rollback").returncode == 0
    assert _status(knockwork)["drifted"] is False
    knockwork.host.nft("delete table ip other")
    assert _status(knockwork)["drifted"] is False


def test_text(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Sorted and aligned, 80 columns at most, no port and no colour."""
    knockwork.apply(DECLARATION)
    client.knock(7000, 8000, 9000)
    lab.caller("10.200.1.1").knock(7000, 8000, 9000)
    lab.caller("10.200.1.2").knock(7000, 9000)
    text = knockwork.run("status").stdout
    lines = text.splitlines()
    assert lines[0] == "Mode gate, 2 sequences, table format 1."
    assert max(map(len, lines)) <= 80 and "\x1b" not in text
    head = next(line for line in lines if line.startswith("SEQUENCE"))
    ssh = lines[lines.index(head) + 1]
    assert ssh.split()[:3] == ["ssh", "3", "knocks"] and ssh[:head.index("GRANTS") + 6].endswith(" 2")
    assert lines[lines.index(head) + 2].split()[:4] == ["vpn", "2", "knocks,", "once"]
    granted = lines.index(next(line for line in lines if line.startswith("GRANTED TO")))
    assert [line.split()[0] for line in lines[granted + 1:granted + 3]] == sorted([client.source, "10.200.1.1"])
    assert lines[-2].startswith("LOCKED OUT") and lines[-1].startswith("10.200.1.2")
    assert not any(port in text for port in ("7000", "8000", "9000", "51820"))
