"""Derived sequences by real packets: each epoch opens while it is accepted, and no other does.

Time stands still in these tests: boundaries come and go by the declared period. With a period that divides
the time it is now almost evenly, now is just before or just after a boundary.
"""

import base64
import json
import time

import pytest

from bed import Caller, Lab, derivation
from bed.cli import Knockwork
from bed.waiting import wait_for

MASTER = bytes(range(32))
SECRET = "/etc/knockwork/secret"
CLOCK = "/var/lib/knockwork/clock.json"
DECLARATION = """\
knockwork: 1
sequences:
  - name: ssh
    derive: {{secret_file: /etc/knockwork/secret, host: web1, length: 4, {keys}}}
    opens: [22/tcp]
    open_for: {open_for}
    once: {once}
"""
DAY = 24 * 3600


@pytest.fixture(autouse=True)
def _secret(lab: Lab) -> None:
    lab.server.write(SECRET, f"master:{base64.b64encode(MASTER).decode()}\n", 0o600)


def _declared(keys: str, open_for: str = "1s", once: str = "false") -> str:
    return DECLARATION.format(keys=keys, open_for=open_for, once=once)


def _knocks(epoch: int) -> list[int]:
    """As an independent client draws them."""
    return [port for _, port in derivation.derive(derivation.host_key(MASTER, "web1"), "ssh", epoch, 4)]


def _opens(caller: Caller, epoch: int) -> bool:
    caller.knock(*_knocks(epoch))
    return caller.tcp(22) == "open"


def _crowd(lab: Lab, number: int, client: Caller) -> Caller:
    """A source that nobody was before, in a network of its own: lockouts count by /64."""
    return lab.caller(f"fd99:0:0:{number:x}::1" if ":" in client.source else f"10.200.0.{number}")


def _names(knockwork: Knockwork) -> list[str]:
    return [one["name"] for one in json.loads(knockwork.run("status", "--json").stdout)["sequences"]]


def _period(epoch: int, *, begins: bool) -> str:
    """A period of which `epoch` begins a moment ago, or a moment from now."""
    now = int(time.time() * 10)  # tenths of a second, as durations have them
    tenths = now // epoch if begins else -(-now // epoch) + 1
    return f"{tenths * 100}ms"


def test_by_hand_through_its_phases(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Publish, switch and retire: never without a sequence that opens, and the old one fails at the end."""
    phases = [("epoch: 41", [41]), ("epoch: 41, accepts: [41, 42]", [41, 42]),
              ("epoch: 42, accepts: [41, 42]", [41, 42]), ("epoch: 42", [42])]
    number = 1
    for keys, accepted in phases:
        knockwork.apply(_declared(keys))
        assert _names(knockwork) == [f"ssh#{epoch}" for epoch in accepted]
        assert knockwork.apply().startswith("Unchanged")
        for epoch in (40, 41, 42, 43):
            number += 1
            assert _opens(_crowd(lab, number, client), epoch) == (epoch in accepted), (keys, epoch)


def test_by_the_clock(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """The next opens before its boundary, the last one after it, and neither outside the overlap."""
    epoch = 800
    steps = [(f"period: {_period(epoch, begins=False)}, overlap: 6h", [epoch - 1, epoch]),
             (f"period: {_period(epoch, begins=True)}, overlap: 6h", [epoch - 1, epoch]),
             (f"period: {_period(epoch, begins=True)}", [epoch])]
    number = 1
    for keys, accepted in steps:
        knockwork.apply(_declared(keys))
        assert _names(knockwork) == [f"ssh#{each}" for each in accepted]
        clock = json.loads(knockwork.run("derive", "clock", "--json").stdout)["sequences"]
        assert [each["accepts"] for each in clock] == [accepted]
        for each in (epoch - 2, epoch - 1, epoch, epoch + 1):
            number += 1
            assert _opens(_crowd(lab, number, client), each) == (each in accepted), (keys, each)


def test_retired(knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """Who came in by an epoch stays for the time granted when it is retired; nobody comes in by it any more."""
    knockwork.apply(_declared("epoch: 41", "1h"))
    assert _opens(client, 41)
    knockwork.apply(_declared("epoch: 42", "1h"))
    assert client.tcp(22) == "open"
    assert not _opens(stranger, 41)
    [grant] = json.loads(knockwork.run("status", "--json").stdout)["grants"]
    assert grant["remaining_ms"] <= 3_600_000


def test_once_is_once_an_epoch(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """A spent epoch stays spent over applies; the next one is another use."""
    knockwork.apply(_declared("epoch: 41, accepts: [41, 42]", once="true"))
    assert _opens(_crowd(lab, 1, client), 41) and not _opens(_crowd(lab, 2, client), 41)
    assert _opens(_crowd(lab, 3, client), 42) and not _opens(_crowd(lab, 4, client), 42)
    knockwork.apply(_declared("epoch: 42, accepts: [42, 43]", once="true"))
    assert not _opens(_crowd(lab, 5, client), 42)
    assert _opens(_crowd(lab, 6, client), 43)
    knockwork.run("renew", "ssh#42", check=True)
    assert _opens(_crowd(lab, 7, client), 42)


def test_without_its_secret(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """No secret, another host's or one that others may read: an error that helps, and the gate as it was."""
    knockwork.apply(_declared("epoch: 41"))
    before = knockwork.listing()
    knockwork.declare(_declared("epoch: 42"))
    key = base64.b64encode(derivation.host_key(MASTER, "web2")).decode()
    for content, mode, told in ((None, 0o600, "no secret file /etc/knockwork/secret: install the line that"),
                                (f"host:web2:{key}\n", 0o600, "contains the key of web2, not of web1"),
                                (f"42 host:web2:{key}\n", 0o644, "others can read or write"),
                                ("", 0o600, "contains no secret"),
                                (f"43 master:{key}\n", 0o600, "no secret for epoch 42")):
        lab.server.run(["rm", "-f", SECRET], check=True)
        if content is not None:
            lab.server.write(SECRET, content, mode)
        for command in ("apply", "plan", "render"):
            error = knockwork.refused(command)
            assert told in error and key not in error
        assert knockwork.run("validate").returncode == 0
        assert knockwork.run("derive", "clock").returncode == 0
    assert knockwork.listing() == before
    assert _opens(client, 41)


def test_a_hosts_own_key_draws_the_same(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """What `host-key` prints is all that a host needs; the secret changes with its epoch."""
    other = base64.b64encode(bytes(32)).decode()
    lab.server.write("/root/master", f"master:{base64.b64encode(MASTER).decode()}\n42 master:{other}\n", 0o600)
    lines = knockwork.run("derive", "host-key", "WEB1", "--secret-file", "/root/master").stdout
    assert [line.rsplit(":", 1)[0] for line in lines.splitlines()] == ["host:web1", "42 host:web1"]
    lab.server.write(SECRET, lines, 0o400)
    knockwork.apply(_declared("epoch: 41, accepts: [41, 42]"))
    assert _opens(_crowd(lab, 1, client), 41)
    assert not _opens(_crowd(lab, 2, client), 42)  # drawn from the first secret still
    _crowd(lab, 3, client).knock(*(port for _, port in derivation.derive(
        derivation.host_key(bytes(32), "web1"), "ssh", 42, 4)))
    assert _crowd(lab, 3, client).tcp(22) == "open"


@pytest.mark.parametrize("off", [-2 * DAY, 2 * DAY], ids=["behind", "ahead"])
def test_a_clock_that_is_off(lab: Lab, knockwork: Knockwork, client: Caller, off: int) -> None:
    """Off by two periods: said, by name; the epochs of both times open, until the clock is trusted."""
    keys = "period: 1d, overlap: 1h"
    knockwork.apply(_declared(keys))
    record = json.loads(lab.server.read(CLOCK))
    record["unix_ms"] -= off * 1000  # so that the clock has jumped by as much
    lab.server.write(CLOCK, json.dumps(record), 0o600)
    [now] = json.loads(knockwork.run("derive", "clock", "--json").stdout)["sequences"]
    done = knockwork.run("apply")
    word = "ahead" if off > 0 else "behind"
    assert done.returncode == 0
    assert f"this host's clock is 2d {word} of the time that passed" in done.stderr \
        or f"this host's clock is 1d23h59m59s {word} of the time that passed" in done.stderr, done.stderr
    assert _opens(_crowd(lab, 1, client), now["epoch"])
    assert _opens(_crowd(lab, 2, client), now["epoch"] - off // DAY)
    again = knockwork.run("apply")
    assert again.stdout.startswith("Unchanged") and word in again.stderr
    knockwork.run("derive", "trust-clock", check=True)
    trusted = knockwork.run("apply")
    assert trusted.returncode == 0 and not trusted.stderr
    assert _opens(_crowd(lab, 3, client), now["epoch"])
    assert not _opens(_crowd(lab, 4, client), now["epoch"] - off // DAY)


def test_quiet(knockwork: Knockwork) -> None:
    """The timer's apply says nothing where nothing changed."""
    assert "ssh#41" in knockwork.apply(_declared("epoch: 41"), "--quiet")
    done = knockwork.run("apply", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_was_rolled_back_stays_away_in_the_next_epoch(knockwork: Knockwork) -> None:
    """The timer's apply knows the declaration that was taken back, whatever its sequences are by now."""
    knockwork.apply(_declared("epoch: 41"))
    knockwork.declare(_declared("period: 1s"))
    knockwork.run("apply", "--confirm-within", "1h", check=True)
    [applied] = _names(knockwork)
    knockwork.run("rollback", check=True)
    wait_for(lambda: _now(knockwork) != applied, "the next epoch")
    done = knockwork.run("apply", "--quiet", "--unattended")
    assert done.returncode == 0 and "the declaration has not changed since" in done.stderr
    assert _names(knockwork) == ["ssh#41"]
    knockwork.run("apply", check=True)
    assert _names(knockwork) != ["ssh#41"]


def _now(knockwork: Knockwork) -> str:
    [ssh] = json.loads(knockwork.run("derive", "clock", "--json").stdout)["sequences"]
    return f"ssh#{ssh['epoch']}"
