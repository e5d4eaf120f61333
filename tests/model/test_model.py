"""The kernel does what the reference machine says; and a kernel that does not is found out.

$KNOCKWORK_MODEL_PACKETS: how many packets to send in all.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import pytest

from bed.table import Table
from model import runs, trial
from model.declaration import Declaration
from model.runs import Total
from model.script import Script
from model.network import Site

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
    assert one.begun and one.ended and one.away and one.spent, f"nothing ended, or went elsewhere: {total}"


def _as(chain: str, rules: Iterable[str]) -> str:
    return "".join([f"flush chain inet knockwork {chain}\n",
                    *(f"add rule inet knockwork {chain} {rule}\n" for rule in rules)])


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


def _changed(live: Table, chains: str, change: Callable[[str], str]) -> str:
    """Every rule of the chains whose names match, changed; removed where the change leaves nothing."""
    return "".join(_as(block.name, filter(None, (change(line.text) for line in block.rules)))
                   for block in live.blocks if block.kind == "chain" and re.fullmatch(chains, block.name))


def _without(chains: str, rule: str) -> Callable[[Table], str]:
    """The chains without the rules that say `rule`."""
    return lambda live: _changed(live, chains, lambda text: "" if rule in text else text)


def _with(chains: str, old: str, new: str) -> Callable[[Table], str]:
    return lambda live: _changed(live, chains, lambda text: re.sub(old, new, text))


def _as_all(chains: str, rules: list[str]) -> Callable[[Table], str]:
    """The same rules in each."""
    return lambda live: "".join(_as(block.name, rules) for block in live.blocks
                                if block.kind == "chain" and re.fullmatch(chains, block.name))


Needs = Callable[[Declaration], bool]
Wrong = str | Callable[[Table], str]


def _any_once(declaration: Declaration) -> bool:
    return any(sequence.once and sequence.open_for > 200 and not sequence.sources
               for sequence in declaration.sequences)


def _single_once(declaration: Declaration) -> bool:
    """A duplicate of its last knock would be wrong, did it not come from the spender."""
    return declaration.wrong_knock != "ignore" and any(
        sequence.once and len(sequence.knock) == 1 and not sequence.sources
        for sequence in declaration.sequences)


def _any_cut(declaration: Declaration) -> bool:
    return any(sequence.cut and not sequence.to for sequence in declaration.sequences)


def _any_place(declaration: Declaration) -> bool:
    return any("10.88.0.0/24" in sequence.to for sequence in declaration.sequences)


def _cut_place(declaration: Declaration) -> bool:
    return any(sequence.cut and sequence.to for sequence in declaration.sequences)


def _by_network(declaration: Declaration) -> bool:
    return declaration.ipv6_prefix in (64, 56)


WRONG_KERNELS: dict[str, Wrong] = {
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
WRONG_BY_KEY: dict[str, tuple[Needs, Wrong]] = {
    "spent is no matter": (_any_once, _without("once_.*", "@spent goto spender")),
    "nothing is ever spent": (_any_once, _with("once_.*", r"add @spent \{ meta mark \} ", "")),
    "nobody repeats what spent a sequence": (_single_once, _as("spender", ())),
    "anybody repeats what spent a sequence": (_single_once, _as("spender", ["meta priority set 0:1"])),
    "no connection ends": (_any_cut, _without("established", "vmap @cut")),
    "no connection elsewhere ends": (_cut_place, _without("established", "vmap @cut_places")),
    "connections end that began here": (_any_cut, _without("established", "ct direction reply")),
    "connections end with a reset": (_any_cut, _with("cut.*", "^drop$", "goto refuse")),
    "other addresses are not protected": (_any_place, _without("gate", "vmap @places")),
    "anybody may go elsewhere": (_any_place, _as_all("to_.*", ["accept"])),
    "an IPv6 source is one address": (_by_network, _with(
        "within_.*|open_.*|fire|protected", r"ip6 saddr & [0-9a-f:]+", "ip6 saddr")),
    "an IPv6 source is its /48": (_by_network, _with(
        "within_.*|open_.*|fire|protected|range_.*|once_.*", r"ip6 saddr & [0-9a-f:]+",
        "ip6 saddr & ffff:ffff:ffff::")),
}


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


def _fitting_cases(needs: Needs) -> Iterator[tuple[Declaration, Script]]:
    """Gates with what a wrong kernel gets wrong."""
    for seed in range(0, 5000, 2):
        declaration, script = trial.case(seed)
        if needs(declaration):
            yield declaration, script


def _is_found(site: Site, wrong: Wrong, declaration: Declaration, script: Script) -> bool:
    def tampering(live: Table) -> str:
        return (wrong if isinstance(wrong, str) else wrong(live)).replace(
            "LOCKOUT", f"{declaration.lockout_time}ms")

    return bool(trial.run(site, declaration, script, tampering).account.disagreements)


def _cases(what: str) -> tuple[Wrong, Iterator[tuple[Declaration, Script]]]:
    if what in WRONG_KERNELS:
        return WRONG_KERNELS[what], _strict_cases()
    needs, wrong = WRONG_BY_KEY[what]
    return wrong, _fitting_cases(needs)


def _is_found_out(site: Site, what: str) -> bool:
    wrong, cases = _cases(what)
    return any(_is_found(site, wrong, *case) for case in islice(cases, TRIES))


@pytest.fixture(scope="module")
def found_out(request: pytest.FixtureRequest) -> dict[str, bool]:
    """All those asked for, a few at once: most of a trial is waiting."""
    asked = [str(item.callspec.params["what"]) for item in request.session.items
             if isinstance(item, pytest.Function) and "what" in item.fixturenames]
    return dict(zip(asked, runs.on_sites(_is_found_out, asked)))


@pytest.mark.parametrize("what", [*WRONG_KERNELS, *WRONG_BY_KEY])
def test_wrong_kernel_is_found_out(found_out: dict[str, bool], what: str) -> None:
    """Whoever agrees with anything proves nothing. Not every script comes by every fault: some tries."""
    assert found_out[what]
