"""derive() and host_key() against docs/derivation.md and an independent implementation of it."""

import random
from pathlib import Path
from typing import Any

import pytest

import knockwork
from bed import derivation

PAGE = Path(__file__).resolve().parents[2] / "docs/derivation.md"


def table(heading: str) -> list[list[str]]:
    """The rows of the page's table under a heading."""
    section = PAGE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")]
            for line in section.splitlines() if line.startswith("| `")]


def parse_range(text: str) -> tuple[int, int]:
    """22 or 22-80."""
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def words(knocks: list[tuple[str, int]]) -> str:
    """As the page writes them."""
    return ", ".join(f"{port}/{protocol}" for protocol, port in knocks)


def core(*arguments: Any, **named: Any) -> list[tuple[str, int]]:
    """The core's knocks."""
    return [(knock.protocol, knock.port) for knock in knockwork.derive(*arguments, **named)]


def label(row: Any) -> str:
    """What a row's test is called."""
    return str(row[1])


@pytest.mark.parametrize("row", table("Test vectors: host keys"), ids=label)
def test_host_keys_of_the_page(row: list[str]) -> None:
    master, host, key = bytes.fromhex(row[0]), row[1], row[2]
    assert derivation.host_key(master, host).hex() == key
    assert knockwork.host_key(master, host).hex() == key


@pytest.mark.parametrize("row", table("Test vectors: knocks"), ids=label)
def test_knocks_of_the_page(row: list[str]) -> None:
    key, name, epoch, length = bytes.fromhex(row[0]), row[1], int(row[2]), int(row[3])
    protocols, ports = row[4].split(", "), parse_range(row[5])
    exclude = [parse_range(each) for each in row[6].split(", ") if each]
    assert words(derivation.derive(key, name, epoch, length, protocols, ports, exclude)) == row[7]
    assert words(core(key, name, epoch, length=length, protocols=protocols, ports=ports,
                      exclude=exclude)) == row[7]


def test_the_pages_vectors_meet_every_branch() -> None:
    """A second block, a port that comes up again, and a number that would not be fair."""
    assert len(table("Test vectors: host keys")) == 8 and len(table("Test vectors: knocks")) == 10
    blocks = repeated = unfair = 0
    for row in table("Test vectors: knocks"):
        before = dict(derivation.SEEN)
        derivation.derive(bytes.fromhex(row[0]), row[1], int(row[2]), int(row[3]), row[4].split(", "),
                          parse_range(row[5]), [parse_range(each) for each in row[6].split(", ") if each])
        blocks += derivation.SEEN["blocks"] - before["blocks"] - 1
        repeated += derivation.SEEN["repeated"] - before["repeated"]
        unfair += derivation.SEEN["unfair"] - before["unfair"]
    assert blocks >= 4 and repeated >= 1 and unfair == 1


def test_random_inputs() -> None:
    """Whatever goes in: the core and the independent implementation draw the same."""
    chance = random.Random(2024)
    for _ in range(500):
        master = chance.randbytes(chance.choice((16, 17, 32, 64, 65, 1024)))
        host = "".join(chance.choices("abcXYZ019.-_", k=chance.randint(1, 40))) + "x"
        key = derivation.host_key(master, host)
        assert knockwork.host_key(master, host) == key
        first = chance.randint(1, 64000)
        ports = (first, chance.randint(first + 900, 65535))
        exclude = [(start, min(65535, start + chance.randint(0, 60)))
                   for start in chance.choices(range(1, 65536), k=chance.randint(0, 10))]
        protocols = chance.choice((["udp"], ["tcp"], ["tcp", "udp"], ["udp", "tcp"]))
        name = "".join(chance.choices("abcXYZ019.-_@", k=chance.randint(0, 63))).join(("x", ""))
        epoch, length = chance.choice((chance.randint(0, 99), chance.getrandbits(64))), chance.randint(1, 32)
        assert core(key, name, epoch, length=length, protocols=protocols, ports=ports, exclude=exclude) \
            == derivation.derive(key, name, epoch, length, protocols, ports, exclude)


@pytest.mark.parametrize("named, message", [
    ({"length": 0}, "1 to 32 knocks"),
    ({"length": 33}, "1 to 32 knocks"),
    ({"protocols": ()}, "one at least"),
    ({"protocols": ("udp", "udp")}, "each protocol once"),
    ({"protocols": ("sctp",)}, "tcp and udp"),
    ({"ports": (0, 500)}, "within 1 to 65535"),
    ({"ports": (500, 65536)}, "within 1 to 65535"),
    ({"ports": (2000, 1999)}, "within 1 to 65535"),
    ({"ports": (2000, 2254)}, "fewer than 256"),
    ({"exclude": ((1, 65535),)}, "fewer than 256"),
])
def test_what_a_declaration_could_not_hold(named: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        core(bytes(32), "ssh", 41, **{"length": 5, **named})


def test_keys_and_names() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        core(bytes(31), "ssh", 41, length=5)
    with pytest.raises(ValueError, match="1 to 64 characters"):
        core(bytes(32), "", 41, length=5)
    with pytest.raises(ValueError, match="16 to 1024 bytes"):
        knockwork.host_key(bytes(15), "web1")
    with pytest.raises(knockwork.KnockworkError, match="not a valid host name"):
        knockwork.host_key(bytes(16), "we b1")


def test_a_declarations_derivation() -> None:
    spec = knockwork.load("""\
knockwork: 1
sequences:
  - name: ssh
    derive: {secret_file: /s, host: Web1, length: 5, protocols: [udp, tcp], ports: 10000-20000,
             exclude: [15001, 12000-12010], epoch: 41, accepts: [42, 41]}
    opens: [22/tcp]
  - name: backup
    derive: {secret_file: /s, length: 4, period: 1d, overlap: 1h}
    opens: [873/tcp]
""")
    ssh, backup = (sequence.derive for sequence in spec.sequences)
    assert ssh is not None and backup is not None
    assert (ssh.host, ssh.length, ssh.protocols, ssh.ports) == ("web1", 5, ("tcp", "udp"), (10000, 20000))
    assert (ssh.exclude, ssh.epoch, ssh.accepts) == (((12000, 12010), (15001, 15001)), 41, (41, 42))
    assert ssh.period is None and "15001" not in repr(spec)
    assert (backup.host, backup.protocols, backup.ports, backup.exclude) == (None, ("udp",), (1024, 32767), ())
    assert backup.period is not None and backup.period.days == 1 and backup.overlap.seconds == 3600
    assert (backup.epoch, backup.accepts) == (None, ())
    assert spec == knockwork.load("""\
knockwork: 1
sequences:
  - {name: ssh, opens: [22/tcp], derive: {secret_file: /s, host: web1, length: 5, protocols: [tcp, udp],
     ports: 10000-20000, exclude: [12000-12010, 15001], epoch: 41, accepts: [41, 42]}}
  - {name: backup, opens: [873/tcp], derive: {secret_file: /s, length: 4, period: 24h, overlap: 60m}}
""")
