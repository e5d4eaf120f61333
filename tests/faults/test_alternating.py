"""Two declarations applied in turns, by eight at once, while traffic flows and somebody else edits the table."""
from __future__ import annotations

import itertools
import os
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from bed import Lab
from bed.cli import Knockwork

APPLIES = int(os.environ.get("KNOCKWORK_APPLIES", "24"))
pytestmark = pytest.mark.timeout(120 + 10 * APPLIES)
APPLIERS = 8
ONE = """\
knockwork: 1
mode: MODE
lockout: 1h
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
    open_for: 1h
    step_timeout: 1m
    sequence_timeout: 5m
  - name: web
    knock: [7100/udp, 8100/udp]
    opens: [80/tcp]
  - name: brief
    knock: [7300/udp, 8300/udp]
    opens: [80/tcp]
    open_for: 30s
    step_timeout: 30s
"""
OTHER = (ONE.replace("7100", "7150").replace("sequences:", "always_allow: [192.0.2.1]\nlog: all\nsequences:")
         + "  - {name: vpn, knock: [7200/udp, 8200/udp], opens: [51820-51822/udp]}\n")
# What an outsider does to the table changes no verdict; an apply takes it back.
EDITS = """
while :; do
    nft add chain inet knockwork strange
    nft add rule inet knockwork strange counter
    nft 'add set inet knockwork strangers { type ipv4_addr; }'
    sleep 0.3
    nft delete chain inet knockwork strange
    nft delete set inet knockwork strangers
    sleep 0.3
done 2>/dev/null
"""
CHANGED_BY_OTHERS = re.compile("another program changed (nf_tables|the table inet knockwork) at the same time")


class Traffic:
    """Repeats some exchange with the gate until it is told to stop; `wrong` is how often it did not end as it must."""

    def __init__(self, exchange: Callable[[], bool]) -> None:
        self.done = 0
        self.wrong = 0
        self._exchange = exchange
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(0.01):
            self.wrong += not self._exchange()
            self.done += 1

    def stop(self) -> None:
        """And wait for its end."""
        self._over.set()
        self._thread.join()


@pytest.mark.parametrize("mode", ["gate", "stealth"])
def test_alternating(lab: Lab, knockwork: Knockwork, mode: str,
                     record_property: Callable[[str, object], None]) -> None:
    """No wrong verdict, no cut connection, and in the end the table is a declared one."""
    declared = {f"/etc/k{number}/knockwork.yml": text.replace("MODE", mode) for number, text in enumerate((ONE, OTHER))}
    wanted = set()
    for path, text in declared.items():
        lab.server.write(path, text, 0o600)
        knockwork.apply(None, path)
        wanted.add(knockwork.table().configuration())
    lab.client.knock(7000, 8000, 9000)
    lab.client6.knock(7000, 8000, 9000)
    session = lab.client.connect(22)
    fresh = itertools.cycle(range(1, 1 << 16))  # each is forgotten before it comes again

    def knocks_in() -> bool:
        number = next(fresh)
        caller = lab.caller(f"10.200.{number >> 8}.{number & 255}")
        caller.knock(7300, 8300)
        return caller.tcp(80, 2) == "open"

    flows = {"session": Traffic(lambda: session.works(10)),
             "entitled": Traffic(lambda: lab.client6.tcp(22, 2) == "open"),
             "unentitled": Traffic(lambda: lab.stranger.tcp(22, 0.1) in ("refused", "silent")),
             "knocking": Traffic(knocks_in)}
    outsider = lab.server.popen(["sh", "-c", EDITS])
    try:
        outcomes = _apply(lab, knockwork, list(declared))
    finally:
        outsider.kill()
        outsider.wait()
        for flow in flows.values():
            flow.stop()
    for name, count in [*((name, flow.done) for name, flow in flows.items()), *outcomes.items()]:
        record_property(name, count)
    assert {name: flow.wrong for name, flow in flows.items()} == dict.fromkeys(flows, 0)
    assert all(error == "" or CHANGED_BY_OTHERS.search(error) for error in outcomes), outcomes
    assert outcomes[""] > APPLIES // 4
    for path in declared:
        knockwork.apply(None, path)
        assert knockwork.table().configuration() in wanted
        assert knockwork.apply(None, path).startswith("Unchanged")


def _apply(lab: Lab, knockwork: Knockwork, paths: list[str]) -> Counter[str]:
    """By eight at once, in turns; how often each error was told, and none."""
    outcomes: Counter[str] = Counter()
    left = iter(range(APPLIES))
    one_at_a_time = threading.Lock()

    def applier() -> None:
        while True:
            with one_at_a_time:
                number = next(left, None)
            if number is None:
                return
            done = lab.server.popen(knockwork.command("apply", paths[number % 2], "--lock-timeout", "5m"),
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            _, error = done.communicate()
            with one_at_a_time:
                outcomes[error if done.returncode else ""] += 1

    appliers = [threading.Thread(target=applier) for _ in range(APPLIERS)]
    for each in appliers:
        each.start()
    for each in appliers:
        each.join()
    time.sleep(0.1)
    return outcomes
