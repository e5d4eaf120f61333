"""Every file imports to a declaration that the kernel takes, or is refused with the line."""

import os
import random
import re
import subprocess

import pytest

from bed.cli import Knockwork, binary
from sources import Foreign, assert_no_line_is_dropped, corpus, imported, own

FILES = own() + corpus()
# Where nothing at all is translated, by this project's own reckoning.
NOTHING = {"refused.conf", "other-program.conf"}
EDITS = int(os.environ.get("KNOCKWORK_IMPORT_EDITS", "400"))
PIECES = [b"[x]", b"sequence = 1,2,3", b"%IP%", b"\0", b"\xff", b"=", b"{", b"}", b"#", b"\\", b"'", b'"', b";", b"\r",
          b"command = ", b"stop_command=", b"udp dport 7 add @a { ip saddr }", b"SOURCE ANY", b"OPEN_PORTS tcp/22",
          b"99999999999999999999", b"-1", b"$a", b"define a = ", b"@", b"jump portknock", b"chain c {", b"\n\n"]


@pytest.mark.parametrize("foreign", FILES, ids=str)
def test_import(server: Knockwork, foreign: Foreign) -> None:
    """Nothing is dropped; what was made is valid, and nft takes it."""
    data = foreign.path.read_bytes()
    made = imported(foreign.kind, data)
    assert_no_line_is_dropped(made, data)
    if foreign in own():
        assert (foreign.path.name in NOTHING) == (made.status == 1)
    if made.status == 1:
        assert any(line["fate"] == "lost" for line in made.lines)
        return
    assert server.run("validate", "-", input=made.declaration).returncode == 0
    if foreign.kind == "fwknop":  # its tokens need a secret
        made_secret(server)
    table = server.host.output(server.command("render", "-"), input=made.declaration)
    server.host.output(["/usr/sbin/nft", "-c", "-f", "-"], input=table)


def made_secret(server: Knockwork) -> None:
    """As docs/moving.md has it."""
    server.run("derive", "new-secret", "/root/master")
    key = server.host.output(server.command("derive", "host-key", "server", "--secret-file", "/root/master"))
    server.host.write("/etc/knockwork/secret", key, 0o600)


@pytest.mark.parametrize("foreign", FILES, ids=str)
def test_report(foreign: Foreign) -> None:
    """Standard output has the declaration alone; the report has no number of the source but lines and times."""
    done = subprocess.run([binary(), "import", foreign.kind, foreign.path], capture_output=True, text=True, check=False)
    assert done.stdout == imported(foreign.kind, foreign.path.read_bytes()).declaration.replace(
        '"<stdin>"', f'"{foreign.path}"')
    ports = set(re.findall(r"\b\d{4,5}\b", foreign.path.read_text("utf-8", "replace")))
    report = done.stderr.replace(str(foreign.path), "").replace("0.8", "")
    assert not ports & set(re.findall(r"\b\d{4,5}\b", report)), report
    assert re.search(r"^\d+ sequences?; of \d+ lines \d+ translated, \d+ changed, \d+ lost, \d+ not needed$", report,
                     re.MULTILINE)


def edited(data: bytes, dice: random.Random) -> bytes:
    """A few random edits: bytes, pieces, lines."""
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data) + 1)
        lines = data.split(b"\n")
        match dice.randrange(6):
            case 0:
                data = data[:at] + dice.choice(PIECES) + data[at:]
            case 1:
                data = data[:at] + data[at + dice.randint(1, 20):]
            case 2:
                data = data[:at] + bytes([dice.randrange(256)]) + data[at + 1:]
            case 3:
                dice.shuffle(lines)
                data = b"\n".join(lines)
            case 4:
                data = b"\n".join(lines + [dice.choice(lines)])
            case 5:
                data = data.replace(dice.choice([b"tcp", b"22", b"saddr", b"%IP%", b" ", b"="]), dice.choice(PIECES), 2)
    return data


def test_random_edits() -> None:
    """$KNOCKWORK_IMPORT_EDITS of them: no crash, no dropped line; the seed is printed."""
    seed = int(os.environ.get("KNOCKWORK_IMPORT_SEED", random.randrange(1 << 30)))
    print(f"{EDITS} edits, KNOCKWORK_IMPORT_SEED={seed}")
    dice = random.Random(seed)
    kinds = {foreign: foreign.path.read_bytes() for foreign in FILES}
    made = 0
    for _ in range(EDITS):
        foreign = dice.choice(FILES)
        data = edited(kinds[foreign], dice)
        result = imported(foreign.kind, data)
        assert_no_line_is_dropped(result, data)
        made += result.status == 0
    print(f"{made} of {EDITS} still make a declaration")
    assert made
