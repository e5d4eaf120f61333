"""What outlives the table: a spent use until it is renewed, grants for the time they had left."""

import json

from bed import Caller, Lab
from bed.cli import Knockwork

STATE = "/var/lib/knockwork/state.json"
DECLARATION = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
    open_for: 1m
  - name: visit
    knock: [7100/udp, 8100/udp]
    opens: [80/tcp, 51820-51822/udp]
    open_for: 1m
    once: true
"""


def _status(knockwork: Knockwork) -> dict[str, object]:
    status: dict[str, object] = json.loads(knockwork.run("status", "--json").stdout)
    return status


def _spent(knockwork: Knockwork) -> list[str]:
    sequences = _status(knockwork)["sequences"]
    assert isinstance(sequences, list)
    return [one["name"] for one in sequences if one["spent"]]


def _reboot(knockwork: Knockwork) -> None:
    """As far as the kernel is concerned: what it held is gone."""
    knockwork.host.nft("delete table inet knockwork")


def _let_in(client: Caller) -> None:
    client.knock(7000, 8000, 9000)
    client.knock(7100, 8100)
    assert (client.tcp(22), client.tcp(80), client.udp(51820)) == ("open", "open", "open")


def test_renew(knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """One use a renewal; who renews what cannot be renewed is told so."""
    knockwork.apply(DECLARATION)
    _let_in(client)
    assert _spent(knockwork) == ["visit"]
    stranger.knock(7100, 8100)
    assert stranger.tcp(80) == "refused"
    assert "renewed" in knockwork.run("renew", "visit", "--check").stdout
    assert _spent(knockwork) == ["visit"]
    done = knockwork.run("renew", "visit")
    assert (done.returncode, _spent(knockwork)) == (0, []), done.stdout + done.stderr
    assert knockwork.run("renew", "visit").stdout == "Unchanged: visit is not spent.\n"
    assert "no sequence nobody" in knockwork.refused("renew", "nobody")
    assert "ssh is not a `once` sequence" in knockwork.refused("renew", "ssh")
    assert knockwork.apply().startswith("Unchanged")


def test_renewed_sequence_opens_again(knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """Whoever comes next has the use, and nobody after."""
    knockwork.apply(DECLARATION)
    _let_in(client)
    knockwork.run("renew", "visit")
    stranger.knock(7100, 8100)
    assert stranger.tcp(80) == "open"
    assert _spent(knockwork) == ["visit"]


def test_saved_state_comes_back(lab: Lab, knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """Those who were in are in, for no longer than before; nobody else is; what was spent is spent."""
    knockwork.apply(DECLARATION)
    _let_in(client)
    assert knockwork.run("save").returncode == 0
    before = knockwork.table()
    _reboot(knockwork)
    assert "1 spent" in knockwork.run("plan").stdout
    assert "2 grants restored, 1 spent" in knockwork.apply()
    assert (client.tcp(22), client.tcp(80), client.udp(51820)) == ("open", "open", "open")
    assert stranger.tcp(22) == "refused"
    stranger.knock(7100, 8100)
    assert stranger.tcp(80) == "refused"
    after = knockwork.table()
    for block in before.blocks:
        if block.dynamic and block.name.startswith(("granted", "ranged", "holders")):
            lived, lives = before.live(block.name), after.live(block.name)
            assert lives.keys() == lived.keys()
            assert all(lives[key] <= lived[key] for key in lives), block.name
    assert knockwork.apply().startswith("Unchanged")


def test_renewal_outlives_the_saved_state(knockwork: Knockwork, client: Caller) -> None:
    """A use given back is not taken away by what was saved before."""
    knockwork.apply(DECLARATION)
    _let_in(client)
    knockwork.run("save")
    knockwork.run("renew", "visit")
    _reboot(knockwork)
    knockwork.apply()
    assert _spent(knockwork) == []


def test_time_that_passed_counts(knockwork: Knockwork, client: Caller) -> None:
    """Grants run out while the host is down; where its clock went back there are none; spent is spent."""
    knockwork.apply(DECLARATION)
    _let_in(client)
    for shift in (-61_000, 3_600_000):
        knockwork.run("save")
        saved = json.loads(knockwork.host.read(STATE))
        saved["saved_at_ms"] += shift
        knockwork.host.write(STATE, json.dumps(saved), 0o600)
        _reboot(knockwork)
        knockwork.apply()
        assert client.tcp(22) == "refused"
        assert _spent(knockwork) == ["visit"]


def test_damaged_state(knockwork: Knockwork, client: Caller) -> None:
    """The gate comes up without its past, and says so."""
    for text in ("", "{}", '{"saved_at_ms": 1, "sets": {"granted4": [[1]]}}', "\0\xff"):
        knockwork.host.write(STATE, text, 0o600)
        knockwork.declare(DECLARATION)
        done = knockwork.run("apply")
        assert done.returncode == 0 and "damaged" in done.stderr, (text, done)
        assert client.tcp(22) == "refused"
        _reboot(knockwork)


def test_remove_saves(knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """Whoever was in when the table went is in when it comes back, and nobody else."""
    knockwork.apply(DECLARATION)
    _let_in(client)
    knockwork.remove()
    knockwork.apply()
    assert (client.tcp(22), stranger.tcp(22)) == ("open", "refused")
    assert _spent(knockwork) == ["visit"]
