"""`prolong`: a grant lasts while it is used, and ends once it is not."""

import json
import time
from collections.abc import Iterator

import pytest

from bed import Caller, Lab, packets
from bed.cli import Knockwork
from bed.router import Router
from bed.waiting import wait_for

TEXT = """\
knockwork: 1
mode: {mode}
sequences:
  - {{name: vpn, knock: [7000, 8000], opens: [22/tcp, 51820/udp], open_for: {time}, prolong: true{more}}}
"""
both_modes = pytest.mark.parametrize("mode", ["gate", "stealth"])


def _text(mode: str, time_: str = "1s", more: str = "") -> str:
    return TEXT.format(mode=mode, time=time_, more=more)


def _left(knockwork: Knockwork, caller: Caller, name: str) -> dict[str, float]:
    """Seconds that the elements of this source have to live."""
    live = knockwork.table().live(name + ("6" if ":" in caller.source else "4"))
    return {key: left for key, left in live.items() if key.startswith(f"{caller.source} .")}


def _is_in(knockwork: Knockwork, caller: Caller) -> bool:
    return bool(_left(knockwork, caller, "holders"))


def _use(works: "Iterator[bool]", seconds: float) -> None:
    """Every 0.3 s."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert next(works)
        time.sleep(0.3)


@both_modes
def test_a_session_keeps_its_grant(knockwork: Knockwork, client: Caller, stranger: Caller, mode: str) -> None:
    """A session of TCP renews the grant for every service of its sequence; silence ends it, and for good."""
    knockwork.apply(_text(mode))
    client.knock(7000, 8000)
    session = client.connect(22)
    _use(iter(session.works, None), 3)
    assert (client.tcp(22), client.udp(51820)) == ("open", "open")
    assert stranger.tcp(22) != "open"
    wait_for(lambda: not _is_in(knockwork, client), "the grant expires")
    assert session.works(), "on_expiry: keep"
    assert not _is_in(knockwork, client), "what has expired is not renewed"
    assert client.tcp(22) != "open"


@pytest.mark.parametrize("more", ["", "ipv4_prefix: 24\nipv6_prefix: 64\n", "save"])
@pytest.mark.parametrize("again", ["used", "knocked"])
def test_a_renewed_grant_stays(lab: Lab, knockwork: Knockwork, client: Caller, again: str, more: str) -> None:
    """The kernel lists it with the shorter timeout that it began with, and takes no such element: we give it ours."""
    text = _text("gate", "3m")
    knockwork.apply(_text("gate", "2m"))
    client.knock(7000, 8000)
    if again == "knocked":
        knockwork.apply(text)
        client.knock(7000, 8000)
    else:
        assert client.connect(22).works()
        wait_for(lambda: max(_left(knockwork, client, "holders").values()) > 122, "use renews the grant")
    if more == "save":
        knockwork.run("save", check=True)
        lab.server.nft("delete table inet knockwork")
        knockwork.apply()
    else:
        knockwork.apply(text + more)
    assert client.tcp(22) == "open"
    (left,) = [each["remaining_ms"] for each in json.loads(knockwork.run("status", "--json").stdout)["grants"]]
    assert left > 122_000


@both_modes
def test_a_flow_keeps_its_grant(lab: Lab, knockwork: Knockwork, client: Caller, mode: str) -> None:
    """The same of datagrams, with `on_expiry: cut`: a tunnel goes on as long as it talks."""
    knockwork.apply(_text(mode, more=", on_expiry: cut"))
    client.knock(7000, 8000)
    flow: int = lab.callers.call("open_flow", client.source, client.target, 51820)
    _use(iter(lambda: lab.callers.call("exchange", flow, b"still here?\n", 2) == b"still here?\n", None), 3)
    assert client.tcp(22) == "open"
    wait_for(lambda: not _is_in(knockwork, client), "the grant expires")
    assert lab.callers.call("exchange", flow, b"still here?\n", 0.3) == b""


@both_modes
def test_nobody_else_prolongs(lab: Lab, knockwork: Knockwork, client: Caller, mode: str) -> None:
    """What begins a connection renews nothing, nor what is none of one; nor does what the service sends."""
    knockwork.apply(_text(mode, "2s"))
    client.knock(7000, 8000)
    session = client.connect(22)
    began = time.monotonic()
    time.sleep(0.3)
    for port in range(41000, 41010):  # a stranger in the client's name, who hears no answer
        client.segment(22, "syn", source_port=port)
        client.segment(22, "ack", source_port=port)
        client.segment(22, "syn", source_port=session.local_port)
        lab.callers.call(packets.raw_udp, client.target, 51821, client.source, port, b"nobody answers")
        lab.server.call(packets.raw_udp, client.source, port, client.target, 51820)
    for left in (*_left(knockwork, client, "holders").values(), *_left(knockwork, client, "granted").values()):
        assert left <= 2.25 - (time.monotonic() - began - 0.3) + 0.3


def test_longer_grants_stay_longer(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """A grant by hand that lasts longer than `open_for` is not shortened by use; a knock makes it an ordinary one."""
    knockwork.apply(_text("gate"))
    knockwork.run("grant", client.source, "--sequence", "vpn", "--for", "100s")
    session = client.connect(22)
    _use(iter(session.works, None), 1.5)
    for name in ("holders", "granted"):
        assert min(_left(knockwork, client, name).values()) > 90
    client.knock(7000, 8000)
    time.sleep(0.2)
    _use(iter(session.works, None), 2)
    assert 0 < max(_left(knockwork, client, "holders").values()) < 1.3
    knockwork.run("grant", client.source, "--sequence", "vpn", "--for", "100s")
    knockwork.run("revoke", "--source", client.source)
    assert not _left(knockwork, client, "renewed").keys() & _left(knockwork, client, "holders").keys()
    client.knock(7000, 8000)
    session = client.connect(22)
    _use(iter(session.works, None), 2)


def test_a_reboot_between(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """A grant by hand stays as long as it was given for; use renews those by knocks again."""
    knockwork.apply(_text("gate", "2s"))
    knockwork.run("grant", client.source, "--sequence", "vpn", "--for", "100s")
    assert knockwork.run("save").returncode == 0
    lab.server.nft("delete table inet knockwork")
    assert knockwork.run("apply", "--unattended").returncode == 0
    session = client.connect(22)
    _use(iter(session.works, None), 1)
    assert min(_left(knockwork, client, "holders").values()) > 90


LONGER = """\
knockwork: 1
sequences:
  - {name: a, knock: [7000, 8000], opens: [22/tcp], open_for: 1s, prolong: true}
  - {name: b, knock: [7100, 8100], opens: [20-30/tcp], open_for: 60s, prolong: true}
  - {name: c, knock: [7200, 8200], opens: [22/tcp, 80/tcp], open_for: 30s, prolong: true, once: true}
"""


def test_by_each_sequence(knockwork: Knockwork, client: Caller) -> None:
    """Each sequence by which the source is in is renewed to its own time, and no other."""
    knockwork.apply(LONGER)
    assert not knockwork.differs()
    client.knock(7000, 8000)
    client.knock(7100, 8100)
    session = client.connect(22)
    _use(iter(session.works, None), 2)
    status = json.loads(knockwork.run("status", "--json").stdout)
    left = {one["sequence"]: one["remaining_ms"] for one in status["grants"]}
    assert 0 < left["a"] <= 1100 and 59000 < left["b"] <= 66000 and set(left) == {"a", "b"}


@both_modes
def test_a_change_of_the_declaration(knockwork: Knockwork, client: Caller, mode: str) -> None:
    """It is one of the declaration's differences, in both directions, and nothing is left of it."""
    plain = _text(mode, "60s").replace(", prolong: true", "")
    knockwork.apply(plain)
    before = knockwork.listing()
    client.knock(7000, 8000)
    assert "sequence vpn: prolong\n" in knockwork.apply(_text(mode, "60s"))
    assert not knockwork.differs()
    assert client.tcp(22) == "open"
    assert "sequence vpn: no longer prolong\n" in knockwork.apply(plain)
    assert "renewed" in before or "renewed" not in knockwork.listing()
    assert client.tcp(22) == "open"


class TestBehind:
    """Services of another host."""

    @pytest.fixture
    def lab(self) -> Iterator[Router]:
        """In place of the plain lab."""
        with Router() as made:
            yield made

    @both_modes
    @pytest.mark.parametrize("expiry", ["keep", "cut"])
    def test_there(self, lab: Router, knockwork: Knockwork, client: Caller, mode: str, expiry: str) -> None:
        """Renewed by what is forwarded there, and by nothing else."""
        through = lab.through(client)
        knockwork.apply(_text(mode, "1s", f', on_expiry: {expiry}, to: ["{through.target}"]'))
        client.knock(7000, 8000)
        session = through.connect(22)
        _use(iter(session.works, None), 2.5)
        assert through.udp(51820) == "open"
        wait_for(lambda: not _is_in(knockwork, client), "the grant expires")
        assert session.works(0.5) == (expiry == "keep")
        assert through.udp(51820) != "open"
