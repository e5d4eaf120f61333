"""What `status` tells: who came in how often, how full the sets are, drift; and that it fits a terminal."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Sequence
from typing import Any

import pytest

from bed import Caller, Lab
from bed.cli import Knockwork
from bed.secrecy import told

DECLARATION = """\
knockwork: 1
sequences:
  - {name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}
  - {name: vpn, knock: [7100/udp, 8100/udp], opens: [51820-51822/udp, 443/tcp], once: true}
"""


def _status(knockwork: Knockwork) -> dict[str, Any]:
    done = knockwork.run("status", "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def _uses(knockwork: Knockwork) -> dict[str, int]:
    return {each["name"]: each["uses"] for each in _status(knockwork)["sequences"]}


def test_grants_are_counted(lab: Lab, knockwork: Knockwork) -> None:
    """By both families, each time; neither a wrong knock nor what a spent sequence refuses counts."""
    knockwork.apply(DECLARATION)
    assert _uses(knockwork) == {"ssh": 0, "vpn": 0}
    lab.client.knock(7000, 8000, 9000)
    lab.client6.knock(7000, 8000, 9000)
    lab.client.knock(7000, 8000, 9000)
    lab.caller("10.200.1.1").knock(7000, 9000)
    lab.client.knock(7100, 8100)
    lab.caller("10.200.2.2").knock(7100, 8100)
    assert _uses(knockwork) == {"ssh": 3, "vpn": 1}


def test_counts_outlive_an_apply_and_a_listing(lab: Lab, knockwork: Knockwork) -> None:
    """A change of another sequence keeps them, a changed sequence begins anew, a saved listing has them."""
    knockwork.apply(DECLARATION)
    lab.client.knock(7000, 8000, 9000)
    lab.client.knock(7100, 8100)
    assert "Unchanged" in knockwork.apply()
    knockwork.apply(DECLARATION.replace("7100", "7101").replace("knockwork: 1", "knockwork: 1\nsources: 4096"))
    assert _uses(knockwork) == {"ssh": 1, "vpn": 0}
    lab.server.write("/run/saved.nft", lab.server.output(["/usr/sbin/nft", "list", "ruleset"]))
    lab.server.nft("flush ruleset\ninclude \"/run/saved.nft\"\n")
    assert _uses(knockwork) == {"ssh": 1, "vpn": 0}
    assert "Unchanged" in knockwork.apply()
    lab.client.knock(7000, 8000, 9000)
    assert _uses(knockwork) == {"ssh": 2, "vpn": 0}


def test_sets_and_half_way(lab: Lab, knockwork: Knockwork) -> None:
    """Each set that packets fill with its size; one that is nearly full is named."""
    knockwork.apply(DECLARATION.replace("knockwork: 1", "knockwork: 1\nsources: 16"))
    for number in range(14):
        lab.caller(f"10.200.0.{number}").knock(7000)
    found = _status(knockwork)
    assert found["half_done"] == 14
    assert {"name": "expected4", "used": 14, "size": 16, "nearly_full": True} in found["sets"]
    assert {"name": "granted6", "used": 0, "size": 16, "nearly_full": False} in found["sets"]
    text = knockwork.run("status").stdout
    assert "Nearly full: expected4, 14 of 16.\n" in text
    assert "14 sources in the middle of a sequence.\n" in text


@pytest.mark.parametrize("by_hand", [
    "add rule inet knockwork gate accept", "add element inet knockwork doors { 6 . 25 : accept }",
    "flush chain inet knockwork lockout", "add chain inet knockwork mine"])
def test_drift(lab: Lab, knockwork: Knockwork, by_hand: str) -> None:
    """Told of what a hand changed, and no longer once it is repaired; not of what packets or other tables do."""
    knockwork.apply(DECLARATION)
    assert _status(knockwork)["drifted"] is False
    lab.client.knock(7000, 8000, 9000)
    lab.server.nft("add table ip other")
    knockwork.run("grant", "192.0.2.1", "--sequence", "ssh")
    assert _status(knockwork)["drifted"] is False
    lab.server.nft(by_hand)
    assert _status(knockwork)["drifted"] is True
    assert knockwork.run("status").stdout.startswith("Drift: ")
    knockwork.apply()
    assert _status(knockwork)["drifted"] is False


def test_no_drift_while_an_apply_waits(knockwork: Knockwork) -> None:
    """Neither what waits for its confirmation nor what a rollback led to is drift."""
    knockwork.apply(DECLARATION)
    knockwork.apply(DECLARATION.replace("9000", "9001"), "--confirm-within", "60s")
    assert _status(knockwork)["drifted"] is False
    knockwork.host.nft("add table ip other")
    assert _status(knockwork)["drifted"] is False
    assert knockwork.run("rollback").returncode == 0
    assert _status(knockwork)["drifted"] is False
    knockwork.host.nft("delete table ip other")
    assert _status(knockwork)["drifted"] is False


def test_text(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Sorted and aligned, 80 columns at most, no port and no colour."""
    knockwork.apply(DECLARATION)
    client.knock(7000, 8000, 9000)
    lab.caller("10.200.1.1").knock(7000, 8000, 9000)
    lab.caller("10.200.1.2").knock(7000, 9000)
    text = knockwork.run("status").stdout
    lines = text.splitlines()
    assert lines[0] == "Mode gate, 2 sequences, table format 1."
    assert max(map(len, lines)) <= 80 and "\x1b" not in text
    head = next(line for line in lines if line.startswith("SEQUENCE"))
    ssh = lines[lines.index(head) + 1]
    assert ssh.split()[:3] == ["ssh", "3", "knocks"] and ssh[:head.index("GRANTS") + 6].endswith(" 2")
    assert lines[lines.index(head) + 2].split()[:4] == ["vpn", "2", "knocks,", "once"]
    granted = lines.index(next(line for line in lines if line.startswith("GRANTED TO")))
    assert [line.split()[0] for line in lines[granted + 1:granted + 3]] == (
        ["10.200.1.1", client.source] if ":" in client.source else [client.source, "10.200.1.1"])
    assert lines[-2].startswith("LOCKED OUT") and lines[-1].startswith("10.200.1.2")
    assert not told(text, "7000", "8000", "9000", "51820")


def _on_terminal(knockwork: Knockwork, keys: bytes, *arguments: str, rows: int = 24, columns: int = 80,
                 after: float = 1.5, through: Sequence[str] = (), **environment: str) -> tuple[int, str]:
    """Exit status, and what the terminal got; `keys` are typed after a while."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    before = termios.tcgetattr(inner)
    command = ["setsid", "--ctty", "--wait", *through, *knockwork.command(*arguments)]
    process = knockwork.host.popen(command, stdin=inner, stdout=inner, stderr=inner, env=environment)
    said, began, typed = b"", time.monotonic(), not keys
    while process.poll() is None or select.select([outer], [], [], 0.2)[0]:
        assert time.monotonic() - began < 30, said
        if select.select([outer], [], [], 0.1)[0]:
            said += os.read(outer, 1 << 16)
        if not typed and time.monotonic() - began > after:
            os.write(outer, keys)
            typed = True
    assert termios.tcgetattr(inner) == before
    os.close(inner)
    os.close(outer)
    return process.returncode, said.decode()


@pytest.mark.parametrize("keys", [b"q", b"\x03"], ids=["q", "ctrl-c"])
def test_live_screen(lab: Lab, knockwork: Knockwork, keys: bytes) -> None:
    """Drawn again each second on a screen of its own; the terminal is then as it was."""
    knockwork.apply(DECLARATION)
    lab.client.knock(7000, 8000, 9000)
    status, said = _on_terminal(knockwork, keys, "status", "--watch", after=2.5)
    assert status == 0
    assert said.startswith("\x1b[?1049h\x1b[?25l") and said.endswith("\x1b[?25h\x1b[?1049l")
    assert said.count("\x1b[H") >= 2 and "10.77.0.20" in said
    assert said.index("GRANTED TO") < said.index("SEQUENCE")


class Terminal:
    """What a screen of that size shows, as far as the live screen speaks its language."""

    def __init__(self, rows: int, columns: int) -> None:
        self._columns = columns
        self._cells = [[" "] * columns for _ in range(rows)]
        self._row = self._column = 0

    def take(self, text: str) -> None:
        """As xterm does it: behind the last column, the cursor is still on it until another character comes."""
        for erase, control in re.findall(r"\x1b\[[0-9;?]*([a-zA-Z])|([^\x1b])", text, re.DOTALL):
            if erase:
                self._obey(erase)
            elif control == "\r":
                self._column = 0
            elif control == "\n":
                self._next_line()
            else:
                if self._column == self._columns:
                    self._column = 0
                    self._next_line()
                self._cells[self._row][self._column] = control
                self._column += 1

    def lines(self) -> list[str]:
        """From the top."""
        return ["".join(cells).rstrip() for cells in self._cells]

    def _obey(self, letter: str) -> None:
        column = min(self._column, self._columns - 1)
        if letter == "H":
            self._row = self._column = 0
        elif letter in "JK":
            self._cells[self._row][column:] = [" "] * (self._columns - column)
            for row in range(self._row + 1, len(self._cells) if letter == "J" else 0):
                self._cells[row] = [" "] * self._columns

    def _next_line(self) -> None:
        self._row += 1
        if self._row == len(self._cells):
            self._row -= 1
            self._cells = [*self._cells[1:], [" "] * self._columns]


def _live_lines(knockwork: Knockwork, rows: int, columns: int) -> list[str]:
    status, said = _on_terminal(knockwork, b"q", "status", "--watch", rows=rows, columns=columns, after=2.5)
    assert status == 0
    terminal = Terminal(rows, columns)
    terminal.take(said.partition("\x1b[?25h")[0])
    return terminal.lines()


@pytest.mark.parametrize("rows,columns", [(24, 80), (5, 20), (1, 1)])
def test_small_screens(knockwork: Knockwork, rows: int, columns: int) -> None:
    """Each line as far as it fits, the last one a sign that there are more."""
    knockwork.apply(DECLARATION)
    whole = _live_lines(knockwork, 24, 200)
    lines = [line[:columns].rstrip() for line in whole[:rows]]
    if any(whole[rows:]):
        lines[-1] = "…"
    assert _live_lines(knockwork, rows, columns) == lines


def test_live_screen_after_an_error(knockwork: Knockwork) -> None:
    """The terminal is as it was, and the error can be read."""
    status, said = _on_terminal(knockwork, b"", "status", "--watch", through=["setpriv", "--bounding-set=-net_admin"])
    assert status == 1
    assert "\x1b[?25h\x1b[?1049l" in said and said.rindex("error") > said.rindex("\x1b[?1049l")


def test_only_on_a_terminal(knockwork: Knockwork) -> None:
    """A pipe gets no screen."""
    assert "needs a terminal" in knockwork.refused("status", "--watch")


def test_pager(knockwork: Knockwork) -> None:
    """What does not fit goes through $PAGER, what fits does not; without colours if they are not wanted."""
    sequences = "".join(f"  - {{name: user{number:03}, knock: [{7000 + 3 * number}, {7001 + 3 * number}], opens: "
                        "[22/tcp]}\n" for number in range(40))
    knockwork.apply("knockwork: 1\nguards: none\nsequences:\n" + sequences)
    status, said = _on_terminal(knockwork, b"", "status", PAGER="sed 's/^/paged: /'")
    assert status == 0 and said.count("paged: ") >= 40 and "\x1b[1m" in said
    _, said = _on_terminal(knockwork, b"", "status", PAGER="sed 's/^/paged: /'", NO_COLOR="1")
    assert said.count("paged: ") >= 40 and "\x1b" not in said
    for option, rows in (("--no-pager", 24), ("--reveal", 200)):
        _, said = _on_terminal(knockwork, b"", "status", option, rows=rows, PAGER="sed 's/^/paged: /'")
        assert "paged: " not in said and "user039" in said
    _, said = _on_terminal(knockwork, b"", "status", PAGER="/none/such")
    assert "user039" in said
    assert "paged" not in knockwork.run("status", env={"PAGER": "sed s/^/paged/"}).stdout
