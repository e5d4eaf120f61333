"""Tokens: docs/tokens.md, the core, an independent implementation and the shell client say the same."""

import base64
import os
import random
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

import knockwork
from bed import derivation, tokens

DOCS = Path(__file__).resolve().parents[2] / "docs"
NC = """\
#!/usr/bin/python3
# What nc(1) would send: each read of its input is a datagram.
import os, sys
while data := os.read(0, 16384):
    print(sys.argv[1:], data.hex())
"""


def table(heading: str) -> list[list[str]]:
    """The rows of the page's table under a heading."""
    section = (DOCS / "tokens.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")]
            for line in section.splitlines() if line.startswith("| ")]
    return rows[2:]


KEYS, TOKENS = table("Keys"), table("Tokens")
KEY = base64.b64decode(KEYS[0][4])


@pytest.mark.parametrize("row", KEYS, ids=lambda row: "-".join(row[1:4]))
def test_keys_of_the_page(row: list[str]) -> None:
    master, host, name, serial = bytes.fromhex(row[0]), row[1], row[2], int(row[3])
    assert tokens.sequence_key(derivation.host_key(master, host), name, serial) == base64.b64decode(row[4])
    assert knockwork.token_key(knockwork.host_key(master, host), name, serial) == base64.b64decode(row[4])


@pytest.mark.parametrize("row", TOKENS, ids=lambda row: "-".join(row[:3]))
def test_tokens_of_the_page(row: list[str]) -> None:
    period, losses, window = (int(number) for number in row[:3])
    assert tokens.token(KEY, window, losses, period).hex() == row[3]
    assert knockwork.token(KEY, window, losses=losses, period=timedelta(milliseconds=period)).hex() == row[3]


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., tuple[str, bytes]]:
    """The shell client with another nc: what that is called with, and the one datagram."""
    (tmp_path / "nc").write_text(NC)
    (tmp_path / "nc").chmod(0o700)

    def run(key: bytes, period: int, *numbers: int) -> tuple[str, bytes]:
        file = tmp_path / "file"
        file.write_text(f"web1.example 41873 {base64.b64encode(key).decode()} {period}\n")
        done = subprocess.run([DOCS / "clients/knock.sh", file, *map(str, numbers)], check=True, text=True,
                              stdout=subprocess.PIPE, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        arguments, _, sent = done.stdout.strip().rpartition(" ")
        assert "\n" not in arguments
        return arguments, bytes.fromhex(sent)

    return run


@pytest.mark.parametrize("row", [row for row in TOKENS if int(row[2]) < 2**63], ids=lambda row: "-".join(row[:3]))
def test_the_shell_client_sends_those_of_the_page(row: list[str], shell: Callable[..., tuple[str, bytes]]) -> None:
    """A shell's numbers are signed."""
    arguments, sent = shell(KEY, int(row[0]) // 1000, int(row[1]), int(row[2]))
    assert arguments == "['-u', '-w1', 'web1.example', '41873']"
    assert sent[:16].hex() == row[3] and 16 <= len(sent) <= 512


def test_the_shell_client_knows_the_time(shell: Callable[..., tuple[str, bytes]]) -> None:
    before = tokens.window(1000)
    sent = shell(KEY, 1)[1]
    assert sent[:16] in [tokens.token(KEY, window, 0, 1000) for window in range(before, tokens.window(1000) + 1)]


def test_random_inputs(shell: Callable[..., tuple[str, bytes]]) -> None:
    """Whatever goes in: the core, the independent implementation and now and then the shell say the same."""
    chance = random.Random(2026)
    sizes = set()
    for number in range(300):
        host_key = chance.randbytes(32)
        name = "".join(chance.choices("abcXYZ019.-_@", k=chance.randint(1, 64)))
        serial = chance.choice((1, chance.getrandbits(32)))
        key = tokens.sequence_key(host_key, name, serial)
        assert knockwork.token_key(host_key, name, serial) == key
        window, losses, period = chance.getrandbits(64), chance.getrandbits(32), chance.randint(1, 86400) * 1000
        expected = tokens.token(key, window, losses, period)
        assert knockwork.token(key, window, losses=losses, period=timedelta(milliseconds=period)) == expected
        if number % 15 == 0:
            sent = shell(key, period // 1000, losses, window >> 1)[1]
            assert sent[:16] == tokens.token(key, window >> 1, losses, period)
            sizes.add(len(sent))
    assert len(sizes) > 10


def test_what_is_no_key() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        knockwork.token(bytes(31), 1)
    with pytest.raises(ValueError, match="32 bytes"):
        knockwork.token_key(bytes(33), "ssh")
    with pytest.raises(ValueError, match="1 to 64 characters"):
        knockwork.token_key(bytes(32), "")
    with pytest.raises(ValueError, match="1 ms to 49 days"):
        knockwork.token(bytes(32), 1, period=timedelta(0))


def test_a_declarations_token() -> None:
    spec = knockwork.load("""\
knockwork: 1
sequences:
  - {name: alice, token: {port: 41873, secret_file: /s, host: Web1}, opens: [22/tcp]}
""")
    token = spec.sequences[0].token
    assert token is not None
    assert (token.host, token.serial, token.period) == ("web1", 1, timedelta(seconds=15))
    assert "41873" not in repr(spec)
