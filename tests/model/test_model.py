"""The kernel does what the reference machine says; and a kernel that does not is found out.

$KNOCKWORK_MODEL_PACKETS: how many packets to send in all.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import pytest


from bed.table import Table
from model import runs, trial
from model.declaration import Declaration
from model.runs import Total
from model.script import Script
from model.site import Site

TRIES = 8
PACKETS = int(os.environ.get("KNOCKWORK_MODEL_PACKETS") or 30_000)
FIRST_SEED = {"gate": 0, "stealth": 1}


@pytest.mark.parametrize("mode", FIRST_SEED)
def test_kernel_and_machine_agree(mode: str, total: Total) -> None:
    """Every packet's fate, and every element of every set."""
    chosen = runs.seeds(FIRST_SEED[mode], 2, PACKETS // 2)
    total.seeds = f"seeds {chosen[0]}, {chosen[0] + 2}, … {chosen[-1]}"
    for outcome in runs.many(chosen):
        total.add(outcome)
        assert len(total.reports) < 3, "\n".join(total.reports)
    assert not total.reports, "\n".join(total.reports)
    one = total.account
    assert one.lost + one.late < one.packets / 20, f"packets lost or late: {total}"
    assert one.judged > one.packets / 2, f"too little was judged: {total}"
    assert one.fired and one.granted and one.wrong and one.elements, f"nothing happened: {total}"


def _as(chain: str, rules: Iterable[str]) -> str:
    return "; ".join([f"flush chain inet knockwork {chain}",
                      *(f"add rule inet knockwork {chain} {rule}" for rule in rules)])


def _steps_turned(live: Table) -> str:
    """What an earlier step remembers is seen by the later one: one packet takes two steps."""
    rules = [line.text for line in live.block("knock").lines]
    places = [place for place, rule in enumerate(rules) if "@steps_" in rule]
    turned = dict(zip(places, reversed(places)))
    return _as("knock", (rules[turned.get(place, place)] for place in range(len(rules))))


def _unclean(live: Table) -> str:
    """A packet that bears our scratch flag as it comes looks as if something had fired."""
    rules = [line.text for line in live.block("knock").lines]
    rules.remove("meta priority set none meta mark set 0x00000000")
    return _as("knock", rules)


NETWORK = "ip6 saddr & ffff:ffff:ffff:ffff::"


def _lockout(four: str, six: str) -> str:
    return _as("lockout", (f"update @locked4 {{ {four} }}", f"update @locked6 {{ {six} }}"))


WRONG_KERNELS: dict[str, str | Callable[[Table], str]] = {
    "a guard harms nobody": _as("guard", ()),
    "nobody is locked out": _as("lockout", ()),
    "everybody comes in": _as("protected", ["accept"]),
    "services seem to drop": _as("refuse", ["drop"]),
    "any order will do": _as("fire", ["meta mark vmap @openers", "meta mark vmap @advance"]),
    "an IPv6 lockout is for one address": _lockout("ip saddr timeout LOCKOUT", "ip6 saddr timeout LOCKOUT"),
    "a lockout is too short": _lockout("ip saddr timeout 80ms", f"{NETWORK} timeout 80ms"),
    "a lockout is too long": _lockout("ip saddr timeout 5s", f"{NETWORK} timeout 5s"),
    "a guard loses its packets' marks": "insert rule inet knockwork guard meta mark set 0",
    "a packet takes two steps": _steps_turned,
    "a packet comes with our flag": _unclean,
}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """One for all."""
    with Site() as made:
        yield made


def _strict_cases() -> Iterator[tuple[Declaration, Script]]:
    """Gates with everything that the wrong kernels lack."""
    for seed in range(0, 5000, 2):
        declaration, script = trial.case(seed)
        openers = {sequence.knock[0] for sequence in declaration.sequences}
        if (declaration.knocks - openers and declaration.wrong_knock != "ignore" and script.dirty
                and declaration.guards in (None, "auto") and declaration.refuse != "drop"
                and any(len(sequence.knock) > 2 and sequence.knock[0] == sequence.knock[1]
                        and not sequence.sources for sequence in declaration.sequences)):
            yield declaration, script


@pytest.mark.parametrize("what", WRONG_KERNELS)
def test_wrong_kernel_is_found_out(site: Site, what: str) -> None:
    """Whoever agrees with anything proves nothing. Not every script comes by every fault: some tries."""
    def is_found(declaration: Declaration, script: Script) -> bool:
        def tampering(live: Table) -> str:
            wrong = WRONG_KERNELS[what]
            return (wrong if isinstance(wrong, str) else wrong(live)).replace(
                "LOCKOUT", f"{declaration.lockout_time}ms")

        return bool(trial.run(site, declaration, script, tampering).account.disagreements)

    assert any(is_found(*case) for case in islice(_strict_cases(), TRIES))
