"""`connections`: a grant lets in so many new connections, and then it ends."""

import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bed import Caller, Lab, packets
from bed.cli import Knockwork
from bed.race import Lane, race
from bed.waiting import wait_for

TEXT = """\
knockwork: 1
mode: {mode}
sequences:
  - {{name: few, knock: [7000, 8000, 9000], opens: [22/tcp, 80/tcp, 51820/udp], connections: {number}{more}}}
  - {{name: other, knock: [7100, 8100], opens: [443/tcp]}}
"""
TAKING = 0.15  # a little longer than a connection that was taken stays so
both_modes = pytest.mark.parametrize("mode", ["gate", "stealth"])


def _shut(mode: str) -> str:
    return "refused" if mode == "gate" else "silent"


def _grants(knockwork: Knockwork) -> list[tuple[str, str]]:
    return sorted((one["source"], one["sequence"])
                  for one in json.loads(knockwork.run("status", "--json").stdout)["grants"])


@both_modes
def test_one_connection_per_knock(knockwork: Knockwork, client: Caller, stranger: Caller, mode: str) -> None:
    """The second one is refused, also to another service of the sequence; what goes on goes on; others are not
    concerned, and a new knock lets one in again."""
    knockwork.apply(TEXT.format(mode=mode, number=1, more=""))
    assert not knockwork.differs()
    for caller in (client, stranger):
        caller.knock(7000, 8000, 9000)
    session = client.connect(22)
    assert session.works()
    assert (client.tcp(22), client.tcp(80), client.udp(51820)) == (_shut(mode),) * 3
    assert session.works()
    assert _grants(knockwork) == [(stranger.source, "few")]
    assert stranger.tcp(80) == "open"
    assert stranger.tcp(80) == _shut(mode)
    time.sleep(TAKING)
    client.knock(7000, 8000, 9000)
    assert (client.tcp(80), client.tcp(80)) == ("open", _shut(mode))
    wait_for(lambda: not _grants(knockwork), "the grant has ended", 1)  # an element ends with the tick of a clock
    assert session.works()


@both_modes
@pytest.mark.parametrize("number", [2, 5])
def test_so_many(knockwork: Knockwork, client: Caller, mode: str, number: int) -> None:
    """To all services together; knocking again begins to count anew."""
    knockwork.apply(TEXT.format(mode=mode, number=number, more=""))
    assert not knockwork.differs()
    for _ in range(2):
        client.knock(7000, 8000, 9000)
        seen = [client.tcp((22, 80)[each % 2]) for each in range(number + 2)]
        assert seen == ["open"] * number + [_shut(mode)] * 2
        wait_for(lambda: not _grants(knockwork), "the grant has ended", 1)  # an element ends with the tick of a clock
        time.sleep(TAKING)


@both_modes
def test_a_flow_is_a_connection(knockwork: Knockwork, client: Caller, mode: str) -> None:
    """All its datagrams come through, before and after its first answer; another flow is one too many."""
    knockwork.apply(TEXT.format(mode=mode, number=1, more=""))
    client.knock(7000, 8000, 9000)
    assert client.udp(51820) == "open"
    assert client.udp(51820) == _shut(mode)
    assert client.tcp(22) == _shut(mode)


@both_modes
def test_the_same_segment_again(lab: Lab, knockwork: Knockwork, client: Caller, mode: str) -> None:
    """A SYN whose answer was lost comes again, and is no second connection."""
    knockwork.apply(TEXT.format(mode=mode, number=1, more=""))
    family = "ip6" if ":" in client.source else "ip"
    answers = "tcp flags & (syn|ack) == (syn|ack)"
    lab.server.nft(f"add table {family} lossy; "
                   f"add chain {family} lossy out {{ type filter hook output priority 10; }}; "
                   f"add rule {family} lossy out tcp sport 22 {answers} limit rate 1/day burst 1 packets drop")
    client.knock(7000, 8000, 9000)
    assert client.tcp(22, 4) == "open", "the second SYN is the first one again"
    assert client.tcp(22) == _shut(mode)


@both_modes
def test_two_at_once(knockwork: Knockwork, client: Caller, mode: str) -> None:
    """Of many that begin at the same time, on whichever processors, so many come in as were granted."""
    for number in (1, 3):
        knockwork.apply(TEXT.format(mode=mode, number=number, more=""))
        for _ in range(5):
            client.knock(7000, 8000, 9000)
            with ThreadPoolExecutor(8) as pool:
                seen: list[str] = list(pool.map(lambda _: client.tcp(22, 0.5), range(16)))
            assert seen.count("open") == number
            time.sleep(TAKING)


@both_modes
def test_grants_by_hand(knockwork: Knockwork, client: Caller, stranger: Caller, mode: str) -> None:
    """Let in as many as a knock does; a revocation ends what is left."""
    knockwork.apply(TEXT.format(mode=mode, number=2, more=""))
    for caller in (client, stranger):
        knockwork.run("grant", caller.source, "--sequence", "few")
    assert [client.tcp(22) for _ in range(3)] == ["open", "open", _shut(mode)]
    assert stranger.tcp(22) == "open"
    knockwork.run("revoke", "--source", stranger.source)
    assert stranger.tcp(22) == _shut(mode)
    wait_for(lambda: not _grants(knockwork), "the grant has ended", 1)  # an element ends with the tick of a clock
    stranger.knock(7000, 8000, 9000)
    session = stranger.connect(22)
    assert session.works(), "what was severed does not stand in the way"


@both_modes
def test_closed_and_applied_again(knockwork: Knockwork, client: Caller, mode: str) -> None:
    """`closes` takes what is left; an apply keeps it."""
    text = TEXT.format(mode=mode, number=2, more="") + "  - {name: close, knock: [7200, 8200], closes: few}\n"
    knockwork.apply(text)
    client.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"
    knockwork.apply(text.replace("443", "444"))
    assert [client.tcp(22) for _ in range(2)] == ["open", _shut(mode)]
    time.sleep(TAKING)
    client.knock(7000, 8000, 9000)
    client.knock(7200, 8200)
    wait_for(lambda: client.tcp(22) == _shut(mode), "it is closed", 1)
    wait_for(lambda: not _grants(knockwork), "the grant has ended", 1)  # an element ends with the tick of a clock


@both_modes
def test_a_copy_of_the_last_knock(lab: Lab, knockwork: Knockwork, client: Caller, mode: str) -> None:
    """It makes no second grant, and is not wrong."""
    lab.server.call("listen_tcp", 443)
    knockwork.apply(TEXT.format(mode=mode, number=1, more=""))
    client.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"
    client.knock(9000)
    assert client.tcp(22) == _shut(mode)
    client.knock(7100, 8100)
    assert client.tcp(443) == "open", "it is not locked out"


def test_saved_over_a_reboot(knockwork: Knockwork, client: Caller) -> None:
    """So many as are left come in afterwards."""
    text = TEXT.format(mode="gate", number=3, more=", open_for: 10m")
    knockwork.apply(text)
    client.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"
    knockwork.remove()
    knockwork.apply(text)
    assert _grants(knockwork) == [(client.source, "few")]
    assert [client.tcp(22) for _ in range(3)] == ["open", "open", "refused"]
    wait_for(lambda: not _grants(knockwork), "the grant has ended", 1)  # an element ends with the tick of a clock


def test_in_words(knockwork: Knockwork) -> None:
    """Plan and graph say how many."""
    knockwork.apply(TEXT.format(mode="gate", number=1, more=""))
    said = knockwork.apply(TEXT.format(mode="gate", number=3, more=""))
    assert "~ sequence few: connections 1 → 3\n" in said
    assert "3 connections" in knockwork.run("graph").stdout
    assert not knockwork.differs()


SOURCES = 500
RACE = """\
knockwork: 1
sequences:
  - {name: one, knock: [7000], opens: [22/tcp], connections: 1, open_for: 10m}
"""


def _race(lab: Lab, knockwork: Knockwork, client: Caller) -> list[int]:
    """How many of the two connections of each source, begun at the same instant, came in."""
    six = ":" in client.source
    sources = [f"fd99::{number + 1:x}" if six else f"10.200.{number // 250}.{number % 250 + 1}"
               for number in range(SOURCES)]
    lab.server.nft(f"flush set inet knockwork begins{'6' if six else '4'}\n")
    lab.callers.call(packets.udp_from_many, client.target, sources, [7000])
    assert len(_grants(knockwork)) == SOURCES
    lanes: list[Lane] = [[(0.0, client.target, packets.ip_packet(
        source, client.target, 6, packets.tcp_segment(source, client.target, port, 22, 2, number + 1)))
        for number, source in enumerate(sources)] for port in (40000, 40001)]
    lab.callers.call(race, lanes)
    listed = lab.server.output(["/usr/sbin/nft", "list", "set", "inet", "knockwork", f"begins{'6' if six else '4'}"])
    came = [found for found in re.findall(r"([0-9a-f.:]+) \. 4000[01] \. ", listed)]
    return [came.count(source) for source in sources]


@pytest.fixture(name="processors")
def _processors() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one processor")


@pytest.mark.usefixtures("processors")
def test_two_processors(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """One of two that begin at the same instant comes in, never both."""
    knockwork.apply(RACE)
    assert _race(lab, knockwork, client) == [1] * SOURCES
    wait_for(lambda: not _grants(knockwork), "the grant has ended", 1)  # an element ends with the tick of a clock


@pytest.mark.usefixtures("processors")
def test_the_race_is_one(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """A table that only looks lets both in: the two do meet."""
    knockwork.apply(RACE)
    chain = re.search(r"chain (take_[0-9a-f]+) \{(.*?)\n\t\}", knockwork.listing(), re.DOTALL)
    assert chain
    rules = [rule.partition("#")[0].strip()
             for rule in re.sub(r"add @connecting\d \{[^}]*\} ", "", chain[2]).splitlines() if "@reached" in rule]
    lab.server.nft(f"flush chain inet knockwork {chain[1]}\n" + "".join(
        f"add rule inet knockwork {chain[1]} {rule}\n" for rule in rules))
    for _ in range(20):
        if 2 in _race(lab, knockwork, client):
            return
    raise AssertionError("the two never met")
