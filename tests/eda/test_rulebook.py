"""The example rulebook under the real ansible-rulebook: knocks that only packets make, a playbook that really runs."""
from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import rulebook
from bed import Lab
from bed.cli import Knockwork
from bed.secrecy import told
from bed.waiting import wait_for
from test_gate import GATE, listens, watchers


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection, built once."""
    return rulebook.build_collection(tmp_path_factory.mktemp("collection"))


@pytest.fixture
def started(lab: Lab, knockwork: Knockwork, tarball: Path) -> "Iterator[subprocess.Popen[str]]":
    """ansible-rulebook on the gated host, as soon as it hears the gate."""
    try:
        command = rulebook.find()
    except rulebook.Unavailable as why:
        pytest.skip(str(why))
    knockwork.apply(GATE)
    rulebook.prepare(lab.server, tarball)
    with rulebook.start(lab.server, command) as process:
        try:
            wait_for(lambda: listens(lab.server) or process.poll() is not None, "the rulebook listens", 120)
            assert process.poll() is None
            yield process
        finally:
            process.kill()
            print(lab.server.read("/run/rulebook.log"))  # for pytest, where a test fails


def reports(lab: Lab, count: int) -> list[str]:
    """What the playbook wrote to the syslog, once there is so much."""
    def written() -> list[str]:
        return lab.server.read("/run/logged").splitlines()

    wait_for(lambda: len(written()) >= count, "the playbook has reported", 120)
    return [line.split(" -- ", 1)[1] for line in written()]


def test_a_burst(lab: Lab, started: "subprocess.Popen[str]") -> None:
    """Five wrong knocks are one report, five more none; no port is printed; the end leaves no process."""
    lab.stranger.knock(7000, 8000, 9000)
    lab.client.knock(*[7001] * 4)
    lab.stranger.knock(*[7001] * 5)
    assert reports(lab, 1) == [f"repeated wrong knocks from {lab.stranger.source}; grants of this address: 1"]
    lab.stranger.knock(*[7001] * 5)
    lab.client.knock(7001)
    assert reports(lab, 2)[1:] == [f"repeated wrong knocks from {lab.client.source}; grants of this address: 0"]
    assert lab.server.read("/run/logged").count("--priority=auth.warning") == 2
    started.send_signal(signal.SIGINT)
    started.wait(timeout=60)
    wait_for(lambda: not watchers(lab.server), "nobody watches")
    printed = lab.server.read("/run/rulebook.log")
    assert f"'source': '{lab.client.source}'" in printed
    assert not told(printed, "7000", "7001", "8000", "9000")


def test_killed(lab: Lab, started: "subprocess.Popen[str]") -> None:
    """Nothing watches on where it is killed, although sudo's child is root's."""
    assert watchers(lab.server)
    lab.server.run(["/usr/bin/pkill", "-KILL", "-f", "bin/ansible-rulebook"], check=True)
    wait_for(lambda: not watchers(lab.server), "nobody watches")
