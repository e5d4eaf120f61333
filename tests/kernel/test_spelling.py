"""The next release of nftables lists the same table in other words: nothing fails, drifts or is overlooked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bed import Lab
from bed.cli import Knockwork
from bed.preloaded import preloaded

GATE = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [7000/udp, 8000/tcp, 9000/udp]
    opens: [22/tcp]
"""
STEALTH = GATE.replace("sequences:", "mode: stealth\nsequences:")
STAMP = "/run/knockwork/stamp"


WORDS = "meta pkttype=packet type\nct state established=ct state == established\n17 . =udp . \n"
SIZES = "size 65536=size 64Ki\n"


class NextRelease(Knockwork):
    """The command with a libnftables that has other words, and perhaps without a privilege."""

    def __init__(self, lab: Lab, preload: Path, words: str = WORDS) -> None:
        super().__init__(lab.server)
        self.changed = ["env", f"LD_PRELOAD={preload}", f"OTHER_WORDS={words}"]
        self.without: list[str] = []

    def command(self, *arguments: str) -> list[str]:
        return [*self.without, *self.changed, *super().command(*arguments)]

    def read_again(self) -> None:
        """Have the next command read the table, whatever is known of it."""
        self.host.run(["rm", "-f", STAMP])


@pytest.fixture(scope="module")
def preload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return preloaded(tmp_path_factory.mktemp("spelling"), "other_words")


@pytest.fixture
def future(lab: Lab, preload: Path) -> Iterator[NextRelease]:
    yield NextRelease(lab, preload)


@pytest.mark.parametrize("text", ["knockwork: 1\nsequences: []\n", GATE, STEALTH], ids=["empty", "gate", "stealth"])
def test_changed_then_unchanged(future: NextRelease, text: str) -> None:
    future.declare(text)
    first = future.run("apply")
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    assert not first.stdout.startswith("Unchanged")
    future.read_again()
    assert future.apply().startswith("Unchanged")
    future.read_again()
    assert not future.differs()


def test_a_table_of_others_that_cannot_be_listed(lab: Lab, tmp_path: Path) -> None:
    """However large ours is, libnftables is asked for ours alone then."""
    many = "".join(f"  - {{name: s{number}, knock: [{10000 + number * 9}/udp, {10003 + number * 9}/tcp], "
                   "opens: [22/tcp]}\n" for number in range(500))
    stuck = NextRelease(lab, preloaded(tmp_path, "no_ruleset"))
    assert "Changed: 501 added" in stuck.apply("knockwork: 1\nsequences:\n" + many)
    stuck.read_again()
    assert stuck.apply().startswith("Unchanged")


def test_a_table_of_the_release_before(future: NextRelease, knockwork: Knockwork) -> None:
    knockwork.apply(GATE)
    future.read_again()
    assert not future.differs()


def test_what_a_hand_did_is_seen_and_mended(future: NextRelease) -> None:
    future.apply(GATE)
    for deed in ("insert rule inet knockwork known accept", "flush chain inet knockwork door",
                 "delete element inet knockwork watched { 22 }",
                 "add element inet knockwork dispatch { 17 . 7005 : goto guard }",
                 "delete element inet knockwork dispatch { 17 . 7000 }"):
        future.host.run(["/usr/sbin/nft", deed], check=True)
        assert future.differs(), deed
        future.apply()
        future.read_again()
        assert not future.differs(), deed


def test_where_nobody_can_be_asked_it_is_a_warning(future: NextRelease) -> None:
    """As in a container that may change its rules and make no namespace."""
    future.without = ["setpriv", "--bounding-set", "-sys_admin"]
    future.declare(GATE)
    done = future.run("apply")
    assert done.returncode == 0, done.stderr
    assert "the table inet knockwork was applied, but this version of nftables lists it in a spelling that " \
           "knockwork does not know: rule " in done.stderr
    assert "22" not in done.stderr and "7000" not in done.stderr
    assert "chain input" in future.listing()


def test_confirmed(future: NextRelease) -> None:
    future.without = ["setpriv", "--bounding-set", "-sys_admin"]
    future.declare(GATE)
    done = future.run("apply", "--confirm-within", "60s")
    assert done.returncode == 0, done.stderr
    done = future.run("confirm")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("before", ["", GATE], ids=["nothing before", "a gate before"])
def test_rolled_back_unread(lab: Lab, knockwork: Knockwork, preload: Path, before: str) -> None:
    """A table of which not even a size is understood gives way to what was there before."""
    odd = NextRelease(lab, preload, SIZES)
    if before:
        knockwork.apply(before)
    standing = lab.server.output(["nft", "list", "ruleset"])
    (knockwork if before else odd).apply(STEALTH, "--confirm-within", "60s")
    odd.read_again()
    assert "the table inet knockwork cannot be read" in odd.refused("plan")
    done = odd.run("rollback")
    assert done.returncode == 0, done.stderr
    assert lab.server.output(["nft", "list", "ruleset"]) == standing
