"""A thousand grants under a flood: `watch` tells each of them, and none twice; metrics agree with it."""

import json
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from bed import Lab, packets
from bed.cli import Knockwork
from bed.lab import CLIENT, SERVER

GRANTS = 1000
FLOOD = 200_000  # fewer than there is room for lockouts
FLOODERS = ("10.201", "fd98:0:")  # whose lockouts are their own
DECLARATION = """\
knockwork: 1
log: all
sources: 262144
sequences:
  - {name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp], open_for: 1h}
"""


def _sources(six: bool) -> list[str]:
    return [f"fd99::{number // 250 + 1:x}:{number % 250 + 1:x}" if six else f"10.200.{number // 250}.{number % 250 + 1}"
            for number in range(GRANTS)]


def _missing(knockwork: Knockwork, sources: list[str]) -> list[str]:
    there = {each["source"] for each in json.loads(knockwork.run("status", "--json").stdout)["grants"]}
    return [source for source in sources if source not in there]


@pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
def test_each_grant_is_told_once(lab: Lab, knockwork: Knockwork, spoof: str, told: list[str], tmp_path: Path,
                                 six: bool) -> None:
    """All sources knock as fast as one core can, while wrong knocks come as fast as another can."""
    lab.server.ip(f"route add 10.201.0.0/16 via {CLIENT[0]}", f"route add fd98::/32 via {CLIENT[1]}")
    knockwork.apply(DECLARATION)
    seen = (tmp_path / "seen").open("w+", encoding="utf-8")  # a pipe that nobody reads would hold it up
    watcher = lab.server.popen(knockwork.command("watch", "--json"), stdout=seen, stderr=subprocess.PIPE)
    lab.server.run(["sh", "-c", "until grep -q . /proc/net/netfilter/nfnetlink_log; do sleep 0.01; done"],
                   timeout=20, check=True)
    flood = lab.callers.popen([spoof, FLOODERS[six], SERVER[six], str(FLOOD), "1", "7001/udp"], stdout=subprocess.PIPE)
    began, sources = time.monotonic(), _sources(six)
    left, rounds = sources, 0
    while left and rounds < 20:  # a packet may be lost on the way; a grant is none
        rounds += 1
        lab.callers.call(packets.udp_from_many, SERVER[six], left, [7000, 8000, 9000])
        left = _missing(knockwork, sources)
    took, running = time.monotonic() - began, flood.poll() is None
    assert not left
    out, _ = flood.communicate(timeout=120)
    sent, seconds = out.split()
    time.sleep(1)
    watcher.terminate()
    _, err = watcher.communicate(timeout=20)
    seen.seek(0)
    events = [json.loads(line) for line in seen]
    seen.close()
    grants = Counter(event["source"] for event in events if event["event"] == "grant")
    wrong = sum(event["event"] == "wrong" for event in events)
    told.append(f"grants, {'IPv6' if six else 'IPv4'}: {len(grants)} of {GRANTS} sources told, "
                f"{sum(grants.values())} events, {wrong} wrong knocks, in {took:.1f} s, {rounds} rounds; {sent} "
                f"packets, {float(sent) / float(seconds):.0f} a second, {'and more' if running else 'no more'} beyond")
    assert (sorted(grants), set(grants.values())) == (sorted(sources), {1}), err
    assert 1 <= wrong < 2000 and not [event for event in events if event["event"] == "lost"]
    assert f'knockwork_grants_total{{sequence="ssh"}} {GRANTS}\n' in knockwork.run("metrics").stdout
