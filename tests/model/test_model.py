"""The kernel does what the reference machine says; and a kernel that does not is found out.

$KNOCKWORK_MODEL_PACKETS: how many packets to send in all.
"""

import os
from collections.abc import Iterator

import pytest

from bed import Lab
from model import runs, trial
from model.declaration import Declaration
from model.runs import Total
from model.script import Script

PACKETS = int(os.environ.get("KNOCKWORK_MODEL_PACKETS") or 60_000)
FIRST_SEED = {"gate": 0, "stealth": 1}


@pytest.mark.parametrize("mode", FIRST_SEED)
def test_kernel_and_machine_agree(mode: str, total: Total) -> None:
    """Every packet's fate, and every element of every set."""
    chosen = runs.seeds(FIRST_SEED[mode], 2, PACKETS // 2)
    print(f"seeds {chosen[0]}, {chosen[0] + 2}, … {chosen[-1]}")
    for outcome in runs.many(chosen):
        total.add(outcome)
        assert len(total.reports) < 3, "\n".join(total.reports)
    assert not total.reports, "\n".join(total.reports)
    one = total.account
    assert one.lost + one.late < one.packets / 20, f"packets lost or late: {total}"
    assert one.judged > one.packets / 2, f"too little was judged: {total}"
    assert one.fired and one.granted and one.wrong and one.elements, f"nothing happened: {total}"


RULE = "add rule inet knockwork"
WRONG_KERNELS = {
    "a guard harms nobody": "flush chain inet knockwork guard",
    "nobody is locked out": "flush chain inet knockwork lockout",
    "everybody comes in": f"flush chain inet knockwork protected; {RULE} protected accept",
    "services seem to drop": f"flush chain inet knockwork refuse; {RULE} refuse drop",
    "any order will do": f"flush chain inet knockwork fire; {RULE} fire meta mark vmap @openers; "
                         f"{RULE} fire meta mark vmap @advance",
    "an IPv6 lockout is for one address":
        f"flush chain inet knockwork lockout; {RULE} lockout update @locked4 {{ ip saddr timeout LOCKOUT }}; "
        f"{RULE} lockout update @locked6 {{ ip6 saddr timeout LOCKOUT }}",
    "a lockout is too short": "flush chain inet knockwork lockout; "
        f"{RULE} lockout update @locked4 {{ ip saddr timeout 80ms }}; "
        f"{RULE} lockout update @locked6 {{ ip6 saddr & ffff:ffff:ffff:ffff:: timeout 80ms }}",
    "a guard loses its packets' marks": "insert rule inet knockwork guard meta mark set 0",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One for all."""
    with trial.lab() as made:
        yield made


def _strict_case() -> tuple[Declaration, Script]:
    """The first gate with everything that the wrong kernels lack."""
    for seed in range(0, 1000, 2):
        declaration, script = trial.case(seed)
        if (declaration.wrong_knock != "ignore" and declaration.guards in (None, "auto") and script.dirty
                and declaration.refuse != "drop" and len(declaration.sequences) > 2):
            return declaration, script
    raise AssertionError("no such seed")


@pytest.mark.parametrize("what", WRONG_KERNELS)
def test_wrong_kernel_is_found_out(lab: Lab, what: str) -> None:
    """Whoever agrees with anything proves nothing."""
    declaration, script = _strict_case()
    tampering = WRONG_KERNELS[what].replace("LOCKOUT", f"{declaration.lockout_time}ms")
    assert trial.run(lab, declaration, script, tampering).account.disagreements
