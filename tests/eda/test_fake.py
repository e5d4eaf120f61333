"""The event source with a fake command: what becomes of its lines, and of its process."""
from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import]

from bed.waiting import wait_for
from source import PLUGIN, Event, Source

TIME = "2026-01-02T03:04:05.678Z"
GRANT: Event = {"event": "grant", "time": TIME, "source": "192.0.2.7", "sequence": "ssh"}
WRONG: Event = {"event": "wrong", "time": TIME, "source": "2001:db8::7"}
LOST: Event = {"event": "lost", "time": TIME}
EXPIRED: Event = {"event": "expired", "time": TIME, "source": "192.0.2.0/24", "sequence": "vpn#20783"}
REVOKED: Event = {**EXPIRED, "event": "revoked"}
Fake = Callable[..., list[str]]


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """Makes a command of a shell script; $LINES is a file with the given lines, $FOLDER the test's own."""
    def make(script: str, *lines: Event | str) -> list[str]:
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        (tmp_path / "lines").write_text(text)
        path = tmp_path / "fake"
        path.write_text(f"#!/bin/sh\nFOLDER={tmp_path}\nLINES=$FOLDER/lines\n{script}\n")
        path.chmod(0o755)
        return [str(path)]
    return make


def alive(pid: int) -> bool:
    """Whether there is such a process, which is not merely a record for its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def pids(folder: Path, count: int = 1) -> list[int]:
    """Those that a fake wrote into `pids`."""
    path = folder / "pids"
    wait_for(lambda: path.exists() and len(path.read_text().split()) >= count, "the fake has written its pids")
    return [int(pid) for pid in path.read_text().split()]


def test_lines(fake: Fake) -> None:
    """Each kind of event, with nothing that it did not have; and what else a line holds stays behind."""
    told = {**WRONG, "port": 7000, "secret": "hunter2"}
    command = fake("cat $LINES; exec sleep 60", GRANT, told, LOST, EXPIRED, REVOKED)
    assert Source().events(5, command=command) == [GRANT, WRONG, LOST, EXPIRED, REVOKED]


def test_arguments(fake: Fake, tmp_path: Path) -> None:
    """The command's own arguments stay as they are: there is no shell."""
    command = fake("for word; do echo \"$word\"; done >$FOLDER/arguments; cat $LINES; exec sleep 60", GRANT)
    Source().events(1, command=[*command, "$HOME; exit", "a  b"])
    assert (tmp_path / "arguments").read_text().splitlines() == ["$HOME; exit", "a  b", "watch", "--json"]


def test_a_command_is_one_word_too(fake: Fake) -> None:
    assert Source().events(1, command=fake("cat $LINES; exec sleep 60", GRANT)[0]) == [GRANT]


@pytest.mark.parametrize("line", [
    "", "rubbish", "{", "[]", "7", "null", '"grant"', "[" * 100000, "x" * 1000000, "\x00\x1b[31m",
    {}, {**GRANT, "event": "open"}, {**GRANT, "event": ["grant"]}, {**GRANT, "event": None},
    {**GRANT, "time": None}, {**GRANT, "time": "now"}, {**GRANT, "time": 5}, {**GRANT, "time": TIME + "\n"},
    {**GRANT, "source": "192.0.2.7; reboot"}, {**GRANT, "source": "{{ lookup('pipe', 'id') }}"},
    {**GRANT, "source": 7}, {**GRANT, "source": ["192.0.2.7"]}, {**GRANT, "source": "192.0.2.7/33"},
    {**GRANT, "sequence": "{{ 7 * 7 }}"}, {**GRANT, "sequence": "a\nb"}, {**GRANT, "sequence": 7},
    {**GRANT, "sequence": "x" * 129}, {**GRANT, "sequence": "ssh\n"}, {"event": "grant", "time": TIME},
], ids=lambda line: str(line)[:40])
def test_rubbish(fake: Fake, line: Event | str, caplog: pytest.LogCaptureFixture) -> None:
    """A line that is no event is left out and never repeated; those around it arrive."""
    assert Source().events(2, command=fake("cat $LINES; exec sleep 60", GRANT, line, WRONG)) == [GRANT, WRONG]
    assert "a line that is no event" in caplog.text
    assert len(caplog.text) < 1000 and "49" not in caplog.text and "reboot" not in caplog.text


def test_ten_thousand(fake: Fake) -> None:
    """A flood arrives whole and in order, however slowly it is taken."""
    flood = [{**WRONG, "source": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"} for n in range(10000)]
    assert Source().events(10000, command=fake("cat $LINES; exec sleep 60", *flood)) == flood


def test_restart(fake: Fake, caplog: pytest.LogCaptureFixture) -> None:
    """A command that ends is started again, and what was missed is told once; its errors are in the log."""
    script = "test -e $FOLDER/second && { cat $LINES; exec sleep 60; }; touch $FOLDER/second; cat $LINES; " \
             "printf 'error: \\033[31mno gate\\n' >&2; exit 3"
    grant, lost, again = Source().events(3, command=fake(script, GRANT))
    assert (grant, again) == (GRANT, GRANT)
    assert list(lost) == ["event", "time"] and lost["event"] == "lost" and len(lost["time"]) == len(TIME)
    assert "error: [31mno gate" in caplog.text and "ended with status 3" in caplog.text


def test_delays(fake: Fake, caplog: pytest.LogCaptureFixture) -> None:
    """Each takes twice as long, to a bound; an event begins anew. A long failure is one event."""
    script = "echo >>$FOLDER/runs; case $(wc -l <$FOLDER/runs) in 6|8) cat $LINES;; 9) cat $LINES; exec sleep 60;; esac"
    events = Source().events(5, command=fake(script, GRANT), max_delay=0.05)
    assert [event["event"] for event in events] == ["lost", "grant", "lost", "grant", "lost"]
    delays = [record.getMessage().split()[-2] for record in caplog.records if "restarting it" in record.getMessage()]
    assert delays == ["0.01", "0.02", "0.04", "0.05", "0.05", "0.01", "0.02", "0.01"][:len(delays)] and len(delays) >= 7


def test_a_flood_of_errors(fake: Fake, caplog: pytest.LogCaptureFixture) -> None:
    """The command is neither stopped by them nor are all of them worth a log."""
    command = fake("yes error | head -n 100000 >&2; cat $LINES; exec sleep 60", GRANT)
    assert Source().events(1, command=command) == [GRANT]
    assert 1 <= len(caplog.records) <= 20


@pytest.mark.parametrize("script", [
    "echo $$ >>$FOLDER/pids; cat $LINES; exec sleep 1000",
    "sleep 1000 & echo $$ $! >>$FOLDER/pids; cat $LINES; wait",
    "trap '' TERM HUP INT; sleep 1000 & echo $$ $! >>$FOLDER/pids; cat $LINES; wait",
    "echo $$ >>$FOLDER/pids; cat $LINES; exec >&- 2>&-; sleep 1000 & echo $! >>$FOLDER/pids; wait",
], ids=["simple", "with a child", "deaf", "closes its output"])
def test_cancelled(fake: Fake, tmp_path: Path, script: str) -> None:
    """No process is left, and no descriptor."""
    before = len(os.listdir("/proc/self/fd"))
    Source(patience=0.3).events(1, command=fake(script, GRANT))
    wait_for(lambda: not any(map(alive, pids(tmp_path))), "every process has ended")
    assert len(os.listdir("/proc/self/fd")) <= before


def test_cancelled_between_two_runs(fake: Fake) -> None:
    source = Source(first_delay=1000)
    begun = time.monotonic()
    assert [event["event"] for event in source.events(1, command=fake("exit 1"), max_delay=1000)] == ["lost"]
    assert time.monotonic() - begun < 100


def test_cancelled_where_nobody_takes(fake: Fake, tmp_path: Path) -> None:
    """Even while an event waits for its place in the queue."""
    async def full() -> None:
        source = Source()
        task = asyncio.ensure_future(source.main(source.queue, {"command": command}))
        while not source.queue.full():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    command = fake("echo $$ >>$FOLDER/pids; cat $LINES; exec sleep 1000", GRANT, GRANT, GRANT)
    asyncio.run(full())
    assert not [pid for pid in pids(tmp_path) if alive(pid)]


def test_killed(fake: Fake, tmp_path: Path) -> None:
    """Whoever runs the plugin is killed, and the command still ends."""
    command = fake("sleep 1000 & echo $$ $! >>$FOLDER/pids; wait")
    os.rename(command[0], tmp_path / "knockwork")
    with subprocess.Popen([sys.executable, PLUGIN], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}) as process:
        found = pids(tmp_path, 2)
        assert all(alive(pid) for pid in found)
        process.send_signal(signal.SIGKILL)
    wait_for(lambda: not any(alive(pid) for pid in found), "the command has ended")


def test_a_question(fake: Fake, caplog: pytest.LogCaptureFixture) -> None:
    """What asks for a password, as sudo does, is told that there is nobody, and so is the log."""
    ask = """
import sys, termios
with open("/dev/tty", "r+b", 0) as terminal:
    quiet = termios.tcgetattr(terminal)
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSAFLUSH, quiet)
    terminal.write(b"Password: ")
    sys.exit(f"no password: {terminal.readline()!r}")
"""
    command = fake(f"exec {sys.executable} -c '{ask}'")
    assert Source().events(1, command=command)[0]["event"] == "lost"
    assert "asks a question and gets no answer: Password:" in caplog.text and "no password: b''" in caplog.text


@pytest.mark.parametrize(("args", "message"), [
    ({"comand": ["knockwork"]}, "unknown option 'comand': knockwork.nft.knockwork takes from, command and max_delay"),
    ({"from": "syslog"}, "from is 'syslog': it must be watch or journal"),
    ({"from": ["watch"]}, "from is ['watch']: it must be watch or journal"),
    ({"command": {"sudo": "knockwork"}}, "command must be a list of arguments, such as [sudo, -n, knockwork]"),
    ({"command": ["sudo", 7]}, "command must be a list of arguments, such as [sudo, -n, knockwork]"),
    ({"command": "sudo knockwork"}, "there is no command 'sudo knockwork' on this host: install it, or set command to "
                                    "a list of arguments, such as [sudo, -n, knockwork]"),
    ({"command": ["true"], "max_delay": 0}, "max_delay must be a number of seconds above 0"),
    ({"command": ["true"], "max_delay": "soon"}, "max_delay must be a number of seconds above 0"),
    ({"command": ["true"], "max_delay": float("nan")}, "max_delay must be a number of seconds above 0"),
])
def test_options(args: Event, message: str) -> None:
    """What only the author of the rulebook can mend ends the source, with a message of its own."""
    source = Source()
    with pytest.raises(ValueError) as raised:
        asyncio.run(source.main(source.queue, args))
    assert str(raised.value) == message


def test_documentation() -> None:
    """In the form of ansible.eda's plugins; it has every option."""
    documentation = yaml.safe_load(Source().main.__globals__["DOCUMENTATION"])
    assert set(documentation) == {"short_description", "description", "options"}
    assert set(documentation["options"]) == {"from", "command", "max_delay"}
    for example in yaml.safe_load(Source().main.__globals__["EXAMPLES"]):
        assert set(example.pop("knockwork.nft.knockwork") or {}) <= set(documentation["options"])
        assert list(example) == ["name"]


def entry(cursor: str, **fields: Any) -> Event:
    """An entry of the journal as journalctl prints it."""
    return {"__CURSOR": cursor, "__REALTIME_TIMESTAMP": "1767323045678000", "_UID": "0", "MESSAGE": "as you like",
            "SYSLOG_IDENTIFIER": "knockwork", **fields}


def test_journal(fake: Fake, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Fields become events; after a crash the journal is continued where it was left, and nothing is lost."""
    script = "echo \"$@\" >>$FOLDER/arguments; cat $LINES; test $(wc -l <$FOLDER/arguments) = 1 || exec sleep 60"
    events = Source().events(6, from_="journal", command=fake(
        script, entry("one", KNOCKWORK_EVENT="grant", SOURCE="192.0.2.7", SEQUENCE="ssh"),
        entry("two", KNOCKWORK_EVENT="change", KNOCKWORK_WHO="root"), entry("no event"),
        entry("three", KNOCKWORK_EVENT="grant", SOURCE=[49, 50]),
        entry("later", KNOCKWORK_EVENT="lost", __REALTIME_TIMESTAMP="9" * 40),
        entry("never", KNOCKWORK_EVENT="lost", __REALTIME_TIMESTAMP=None),
        entry("four", KNOCKWORK_EVENT="wrong", SOURCE="2001:db8::7"), entry("five", KNOCKWORK_EVENT="lost")))
    assert events == [GRANT, WRONG, LOST] * 2
    first, second = (tmp_path / "arguments").read_text().splitlines()
    assert first == ("--follow --output=json --quiet --all --lines=0 --identifier=knockwork _UID=0 + "
                     "_SYSTEMD_UNIT=knockwork-events.service")
    assert second == first.replace("--lines=0", "--after-cursor=five")
    assert caplog.text.count("a line that is no event") == 2  # one for each run
