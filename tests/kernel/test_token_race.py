"""Two processors get the same fresh token at the same instant: one of them lets its sender in, never both.

$KNOCKWORK_RACE_TOKENS: how many tokens each kind of timing sends; 1,000, and 10,000 for the whole test.
"""

import os
import random
import re
import time

import pytest

from bed import Lab, packets
from bed.cli import Knockwork
from bed.lab import SERVER
from bed.race import Lane, race
from bed.tokens import fill

TOKENS = int(os.environ.get("KNOCKWORK_RACE_TOKENS") or 1000)
SLICE = 500
PORT = 41873
DECLARATION = f"""\
knockwork: 1
sequences:
  - name: alice
    token: {{port: {PORT}, key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=}}
    opens: [22/tcp]
    open_for: 10m
"""
# Who looks first and notes then: what the claim is there for.
LOOK_THEN_ADD = """\
flush chain inet knockwork token_use
add rule inet knockwork token_use @th,64,128 @used return
add rule inet knockwork token_use add @used { @th,64,128 timeout 30m } meta priority vmap @openers
"""


def _source(six: bool, number: int, lane: int) -> str:
    return f"fd99::{lane + 1}:{number:x}" if six else f"10.200.{lane * 100 + number // 250}.{number % 250 + 1}"


def _packet(source: str, six: bool, token: bytes) -> bytes:
    body = packets.udp_datagram(source, SERVER[six], 40000, PORT, token)
    return packets.ip_packet(source, SERVER[six], 17, body)


def _holders(lab: Lab) -> set[str]:
    found: set[str] = set()
    for digit in "46":
        listing = lab.server.output(["/usr/sbin/nft", "list", "set", "inet", "knockwork", f"holders{digit}"])
        found.update(re.findall(r"([0-9a-f.:]+) \. [0-9a-f:]+ timeout", listing))
    return found


def _outcomes(lab: Lab, knockwork: Knockwork, dice: random.Random, timing: str) -> list[int]:
    """How many of each token's two senders were let in."""
    tokens = [dice.randbytes(16) for _ in range(SLICE)]
    fill(knockwork, "alice", tokens)
    lab.server.nft("flush set inet knockwork holders4\nflush set inet knockwork holders6\n")
    lanes: list[Lane] = [[], []]
    for number, token in enumerate(tokens):
        first = dice.randrange(2)
        for lane in (0, 1):
            six = timing == "families" and lane == number % 2
            late = dice.random() * 20e-6 if timing == "offset" and lane == first else 0.0
            packet = _packet(_source(six, number, lane), six, token)
            lanes[lane].append((late, SERVER[six], packet))
    lab.callers.call(race, lanes)
    holders = _holders(lab)
    return [sum(_source(six, number, lane) in holders for lane in (0, 1)
                for six in {False, timing == "families" and lane == number % 2})
            for number in range(SLICE)]


@pytest.fixture(name="dice")
def _dice() -> random.Random:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one processor")
    return random.Random(time.time_ns())


@pytest.mark.parametrize("timing", ["simultaneous", "offset", "families"])
def test_one_of_two_comes_in(lab: Lab, knockwork: Knockwork, dice: random.Random, timing: str) -> None:
    """Exactly one, for every token."""
    knockwork.apply(DECLARATION)
    let_in = [count for _ in range(0, TOKENS, SLICE) for count in _outcomes(lab, knockwork, dice, timing)]
    counts = {count: let_in.count(count) for count in sorted(set(let_in))}
    print(f"{timing}: of two senders let in: {counts}")
    assert counts == {1: len(let_in)}, f"of two senders let in: {counts}"


def test_a_sequence_opens_once(lab: Lab, knockwork: Knockwork, dice: random.Random) -> None:
    """Its last knock, from two sources at the same instant: one of them comes in, and the other holds nothing."""
    numbers = range(200)
    sequences = "".join(f"  - {{name: s{number}, knock: [{10000 + number}/udp], opens: [{20000 + number}/tcp], "
                        "once: true, open_for: 10m}\n" for number in numbers)
    knockwork.apply(f"knockwork: 1\nwrong_knock: ignore\nsequences:\n{sequences}")
    lanes: list[Lane] = [[], []]
    for number in numbers:
        for lane in (0, 1):
            six = number % 2 == lane and number % 4 > 1  # one of each family, too
            source, target = _source(six, number, lane), SERVER[six]
            datagram = packets.udp_datagram(source, target, 40000, 10000 + number, b"")
            late = dice.random() * 20e-6 if number % 3 else 0.0
            lanes[lane].append((late, target, packets.ip_packet(source, target, 17, datagram)))
    lab.callers.call(race, lanes)
    granted = "".join(lab.server.output(["/usr/sbin/nft", "list", "set", "inet", "knockwork", f"granted{digit}"])
                      for digit in "46")
    ports = re.findall(r"\. tcp \. (\d+) timeout", granted)
    assert sorted(ports) == [str(20000 + number) for number in numbers]
    time.sleep(0.1)  # until the other's is over
    assert len(_holders(lab)) == len(numbers)


def test_the_race_is_one(lab: Lab, knockwork: Knockwork, dice: random.Random) -> None:
    """A table that looks and then notes lets both in: the senders do meet."""
    knockwork.apply(DECLARATION)
    lab.server.nft(LOOK_THEN_ADD)
    for _ in range(20):
        both = _outcomes(lab, knockwork, dice, "simultaneous").count(2)
        if both:
            print(f"without the claim both came in for {both} of {SLICE} tokens")
            return
    raise AssertionError("the senders never met")
