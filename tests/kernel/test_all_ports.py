"""`all/tcp` and `all/udp`: every port but those that knocks, guards and tokens need."""

import json

import pytest

from bed import Caller, Lab
from bed.cli import Knockwork

TEXT = """\
knockwork: 1
mode: {mode}
sequences:
  - {{name: router, knock: [7000/tcp, 8000, 9000/tcp], opens: [all/tcp, all/udp]{more}}}
"""
both_modes = pytest.mark.parametrize("mode", ["gate", "stealth"])


def _shut(mode: str) -> str:
    return "refused" if mode == "gate" else "silent"


@both_modes
@pytest.mark.parametrize("more", ["", ", on_expiry: cut", ", prolong: true", ", interfaces: [eth0]",
                                  ", connections: 9"])
def test_all_but_what_knocks_need(lab: Lab, knockwork: Knockwork, client: Caller, stranger: Caller, mode: str,
                                  more: str) -> None:
    """A grant opens every port, but not those of knocks and guards, even where a socket listens."""
    shut = _shut(mode)
    for port in (2, 443, 6999, 7000, 65535):
        lab.server.call("listen_tcp", port)
    for port in (7999, 8000, 123):
        lab.server.call("listen_udp", port)
    knockwork.apply(TEXT.format(mode=mode, more=more))
    assert not knockwork.differs()
    tcp, udp = (2, 22, 443, 65535), (123, 51820)
    assert [stranger.tcp(port) for port in (*tcp, 7000)] == [shut] * 5
    assert [stranger.udp(port) for port in udp] == [shut] * 2
    client.knock("7000/tcp", 8000, "9000/tcp")
    assert [client.tcp(port) for port in tcp] == ["open"] * 4
    assert [client.udp(port) for port in udp] == ["open"] * 2
    assert [client.tcp(port) for port in (6999, 7000)] == [shut] * 2
    assert [client.udp(port) for port in (7999, 8000)] == [shut] * 2
    assert client.tcp(22) == "open", "a wrong knock takes no grant away"
    assert stranger.tcp(22) == shut


@both_modes
def test_this_host_still_talks(lab: Lab, knockwork: Knockwork, mode: str) -> None:
    """Its own connections go on: their answers come to some of all the ports."""
    lab.callers.call("listen_tcp", 8080)
    lab.callers.call("listen_udp", 5353)
    knockwork.apply(TEXT.format(mode=mode, more=""))
    for own, peer in ((lab.client.target, lab.client.source), (lab.client6.target, lab.client6.source)):
        server = Caller(lab.server, own, peer)
        assert (server.tcp(8080, 1), server.udp(5353)) == ("open", "open")


def test_shown_as_written(knockwork: Knockwork, client: Caller) -> None:
    """No list of ranges, whose gaps would be the knock ports."""
    knockwork.apply(TEXT.format(mode="gate", more=""))
    client.knock("7000/tcp", 8000, "9000/tcp")
    for arguments in ("status",), ("explain",), ("plan", "--reveal"), ("graph", "--reveal"):
        text = knockwork.run(*arguments).stdout
        assert "6999" not in text and "7001" not in text
    status = json.loads(knockwork.run("status", "--json", "--reveal").stdout)
    assert "all/tcp" in json.dumps(status)
    assert knockwork.apply().startswith("Unchanged")
