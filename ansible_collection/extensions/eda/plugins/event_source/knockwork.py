# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An event source of ansible-rulebook, which runs this file by its path: it imports nothing of the collection."""
from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import json
import logging
import os
import pty
import re
import shutil
import signal
import sys
import termios
import time
from typing import Any, Awaitable, Callable, Dict, Union

DOCUMENTATION = r"""
---
short_description: Receive grants and wrong knocks of a knockwork gate.
description:
  - An ansible-rulebook event source plugin that runs C(knockwork watch --json), or follows the journal, and sends one
    event for each grant, each grant that expires or is revoked, and each wrong knock.
  - The gate reports grants with C(log=grants) in its declaration, and wrong knocks as well with C(log=all). During a
    flood, the kernel limits the rate of both.
  - An event has a member C(knockwork) with C(event), C(time), C(source) and C(sequence). C(event) is C(grant),
    C(expired), C(revoked), C(wrong) or C(lost). A wrong knock has no C(sequence). C(lost) has only a C(time) and means
    that some events were not received. No event contains a port.
  - A source address can be spoofed. Do not block or cut off a source because of wrong knocks.
  - If the command ends, the plugin restarts it after one second, and after twice as long each further time, up to
    I(max_delay). It sends C(lost), unless it can continue the journal where it stopped.
options:
  from:
    description:
      - C(watch) runs C(knockwork watch --json). It needs root privileges, and only one process of a host can watch.
      - C(journal) runs C(journalctl) and reads what knockwork-events.service writes, alongside other readers. It
        needs access to the journal and ignores entries that root did not write.
    type: str
    choices: [watch, journal]
    default: watch
  command:
    description:
      - The command as a list of arguments, to which the plugin appends its own. There is no shell. Defaults to
        C(knockwork), or to C(journalctl) with C(from=journal).
      - A command that asks for a password fails.
    type: list
    elements: str
  max_delay:
    description:
      - The longest time in seconds before the command is restarted.
    type: float
    default: 60
"""

EXAMPLES = r"""
- name: As root
  knockwork.nft.knockwork:

- name: As another user
  knockwork.nft.knockwork:
    command: [sudo, -n, /usr/bin/knockwork]

- name: On another host
  knockwork.nft.knockwork:
    command: [ssh, -tt, -o, BatchMode=yes, root@web1.example, knockwork]

- name: What knockwork-events.service writes to the journal
  knockwork.nft.knockwork:
    from: journal
"""

LOG = logging.getLogger("knockwork.nft.knockwork")
OPTIONS = {"from", "command", "max_delay", "feedback", "eda_feedback_queue"}  # the last two are ansible-rulebook's
EVENTS = ("grant", "wrong", "expired", "revoked", "lost")
NAME = re.compile(r"[A-Za-z0-9._@# -]{1,128}", re.ASCII)  # what is harmless in a template, too
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)
FIRST_DELAY = 1.0
PATIENCE = 5.0  # seconds that a command gets to end
COMPLAINTS = 20  # lines of one run's errors that are worth a log
# Makes its standard input its controlling terminal. The kernel hangs up a terminal whose other end is closed, and so
# ends the command even if it runs as another user, as with sudo, or if ansible-rulebook is killed.
ON_TERMINAL = ("import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
               "os.execvp(sys.argv[1], sys.argv[1:])")

Event = Dict[str, Any]
Put = Callable[[Event], Awaitable[None]]


def event_of(name: Any, at: Any, source: Any, sequence: Any) -> Event | None:
    """Only these four, and only what they can be: nothing else of a line reaches a rulebook."""
    if name not in EVENTS or not isinstance(at, str) or not TIME.fullmatch(at):
        return None
    event = {"event": name, "time": at}
    if source is not None:
        try:
            address = ipaddress.ip_interface if "/" in source else ipaddress.ip_address
            event["source"] = str(address(source))
        except (TypeError, ValueError):
            return None
    if sequence is not None:
        if not isinstance(sequence, str) or not NAME.fullmatch(sequence):
            return None
        event["sequence"] = sequence
    if name != "lost" and "source" not in event:
        return None
    return {"knockwork": event}


def timestamp(microseconds: int) -> str:
    """As `knockwork watch --json` writes it."""
    second = datetime.datetime.fromtimestamp(microseconds // 10**6, datetime.timezone.utc)
    return f"{second:%Y-%m-%dT%H:%M:%S}.{microseconds // 1000 % 1000:03}Z"


def printable(text: str) -> str:
    """Without what a terminal would take for a command, and not longer than a log wants it."""
    return "".join(letter for letter in text if letter.isprintable())[:500]


class Watch:
    """`knockwork watch --json`."""

    default = ("knockwork",)
    gapless = False

    def arguments(self) -> list[str]:
        return ["watch", "--json"]

    def parse(self, line: Event) -> Event | None:
        return event_of(line.get("event"), line.get("time"), line.get("source"), line.get("sequence"))


class Journal:
    """What `knockwork watch --journal` writes, as journalctl prints it."""

    default = ("journalctl",)

    def __init__(self) -> None:
        self.cursor = ""

    @property
    def gapless(self) -> bool:
        """Whether the next run continues after the last entry."""
        return bool(self.cursor)

    def arguments(self) -> list[str]:
        start = f"--after-cursor={self.cursor}" if self.cursor else "--lines=0"
        # Anybody may write to the journal under any name; journald itself adds these. The unit is no root.
        return ["--follow", "--output=json", "--quiet", "--all", start, "--identifier=knockwork", "_UID=0", "+",
                "_SYSTEMD_UNIT=knockwork-events.service"]

    def parse(self, line: Event) -> Event | None:
        cursor, microseconds = line.get("__CURSOR"), line.get("__REALTIME_TIMESTAMP")
        if isinstance(cursor, str):
            self.cursor = cursor
        if line.get("KNOCKWORK_EVENT") not in EVENTS:
            return {}  # of knockwork, too, but not of its watch
        at = timestamp(int(str(microseconds)))
        return event_of(line["KNOCKWORK_EVENT"], at, line.get("SOURCE"), line.get("SEQUENCE"))


Kind = Union[Watch, Journal]


def read_options(args: dict[str, Any]) -> tuple[Kind, list[str], float]:
    """Raises ValueError, which ansible-rulebook shows: only whoever wrote the rulebook can mend it."""
    unknown = sorted(set(args) - OPTIONS)
    if unknown:
        raise ValueError(f"unknown option {unknown[0]!r}: knockwork.nft.knockwork takes from, command and max_delay")
    origin = args.get("from", "watch")
    if origin not in ("watch", "journal"):
        raise ValueError(f"from is {origin!r}: it must be watch or journal")
    kind: Kind = Watch() if origin == "watch" else Journal()
    command = args.get("command") or list(kind.default)
    command = [command] if isinstance(command, str) else command
    if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        raise ValueError("command must be a list of arguments, such as [sudo, -n, knockwork]")
    if shutil.which(command[0]) is None:
        raise ValueError(f"there is no command {command[0]!r} on this host: install it, or set command to a list of "
                         "arguments, such as [sudo, -n, knockwork]")
    try:
        max_delay = float(args.get("max_delay", 60))
    except (TypeError, ValueError):
        max_delay = 0
    if not 0 < max_delay < float("inf"):
        raise ValueError("max_delay must be a number of seconds above 0")
    return kind, command, max_delay


class Terminal:
    """The controlling terminal of one run. Nobody sits there: what asks something gets an end of file."""

    def __init__(self) -> None:
        self.here, self.there = pty.openpty()
        attributes = termios.tcgetattr(self.there)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(self.there, termios.TCSANOW, attributes)
        os.set_blocking(self.here, False)
        asyncio.get_running_loop().add_reader(self.here, self._answer)

    def _answer(self) -> None:
        asked = b""
        with contextlib.suppress(OSError):  # the command closed its end
            asked = os.read(self.here, 4096)
            os.write(self.here, b"\x04")
        if asked.strip():
            LOG.warning("the command asks a question and gets no answer: %s", printable(asked.decode(errors="replace")))
        elif not asked:
            asyncio.get_running_loop().remove_reader(self.here)

    def hand_over(self) -> None:
        """The command has its end now."""
        os.close(self.there)

    def hang_up(self) -> None:
        asyncio.get_running_loop().remove_reader(self.here)
        os.close(self.here)


async def read_lines(stream: asyncio.StreamReader) -> Any:
    """Each line without its end; one that is longer than any of ours comes as rubbish, and is not kept in memory."""
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            line = b"too long\n"
        if not line:
            return
        yield line.decode(errors="replace").rstrip()


async def complain(stream: asyncio.StreamReader) -> None:
    """The command's errors, as far as they are worth a log."""
    count = 0
    async for line in read_lines(stream):
        count += 1
        if line and count <= COMPLAINTS:
            LOG.warning("%s", printable(line))


async def hear(stream: asyncio.StreamReader, kind: Kind, put: Put) -> bool:
    """Whether there was an event."""
    heard = rubbish = 0
    async for line in read_lines(stream):
        try:
            event = kind.parse(json.loads(line))
        except (ValueError, AttributeError, RecursionError, OverflowError, OSError):
            event = None
        if event:
            heard += 1
            await put(event)
        elif event is None:
            rubbish += 1
            if rubbish == 1:  # not the line itself: whatever it holds is not for a log
                LOG.warning("the command printed a line that is no event; such lines are ignored")
    return heard > 0


async def end(process: asyncio.subprocess.Process, terminal: Terminal) -> None:
    """Leaves no process of the command, even if another user owns it."""
    terminal.hang_up()
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is None:  # else the number may be another's by now
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), PATIENCE)
            return
    LOG.error("the command cannot be ended: process %d", process.pid)


async def run(argv: list[str], kind: Kind, put: Put) -> tuple[bool, int | None]:
    """One run of the command to its end: whether there was an event, and the exit status."""
    terminal = Terminal()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", "-c", ON_TERMINAL, *argv, stdin=terminal.there,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    except BaseException:
        terminal.hang_up()
        raise
    finally:
        terminal.hand_over()
    assert process.stdout is not None and process.stderr is not None
    complaints = asyncio.ensure_future(complain(process.stderr))
    try:
        heard = await hear(process.stdout, kind, put)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.gather(process.wait(), complaints), PATIENCE)
        return heard, process.returncode
    finally:
        complaints.cancel()
        await end(process, terminal)


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Sends events until it is cancelled."""
    kind, command, max_delay = read_options(args)
    delay, told = min(FIRST_DELAY, max_delay), False
    while True:
        heard, status = await run(command + kind.arguments(), kind, queue.put)
        if heard:
            delay, told = min(FIRST_DELAY, max_delay), False
        LOG.error("%s ended with status %s; restarting it in %g s", command[0], status, delay)
        if not told and not kind.gapless:
            await queue.put(event_of("lost", timestamp(time.time_ns() // 1000), None, None))
            told = True
        await asyncio.sleep(delay)
        delay = min(2 * delay, max_delay)


if __name__ == "__main__":

    class Printer:
        """Prints events, to try the plugin without a rulebook."""

        async def put(self, event: Event) -> None:
            """In place of a queue's."""
            print(json.dumps(event), flush=True)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(Printer(), {}))  # type: ignore[arg-type]
