"""The commands that change a gate, each with the state that it starts from."""
from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from bed import Lab
from bed.cli import Knockwork

SECRET = "/etc/knockwork/secret"
PLAIN = """\
knockwork: 1
lockout: 1h
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
    open_for: 1h
    step_timeout: 1m
    sequence_timeout: 5m
  - name: web
    knock: [7100/udp, 8100/udp]
    opens: [80/tcp]
    once: true
    open_for: 1h
"""
CHANGED = (PLAIN.replace("8000", "8005").replace("7100", "7150")
           .replace("open_for: 1h\n    step", "open_for: 2h\n    step"))
DERIVED = """\
knockwork: 1
sequences:
  - name: ssh
    derive: {secret_file: /etc/knockwork/secret, host: web1, length: 4}
    opens: [22/tcp]
    open_for: 1h
"""
TOKENS = """\
knockwork: 1
sequences:
  - name: ssh
    token: {port: 41873/udp, secret_file: /etc/knockwork/secret, host: web1}
    opens: [22/tcp]
    open_for: 1h
"""


def _nothing(gate: Knockwork, _: Lab) -> None:
    gate.declare(PLAIN)


def _in_use(gate: Knockwork, lab: Lab) -> None:
    """Grants of both families, a half-done knock, a lockout, a spent use."""
    gate.apply(PLAIN)
    for caller in (lab.client, lab.client6):
        caller.knock(7000, 8000, 9000)
    lab.client.knock(7100, 8100)
    lab.caller("10.200.0.7").knock(7000, 8000)
    lab.caller("10.200.0.8").knock(6999)


def _to_change(gate: Knockwork, lab: Lab) -> None:
    _in_use(gate, lab)
    gate.declare(CHANGED)


def _pending(gate: Knockwork, lab: Lab) -> None:
    _in_use(gate, lab)
    gate.apply(CHANGED, "--confirm-within", "1h")


def _saved(gate: Knockwork, lab: Lab) -> None:
    """As after a start of the host: no table, and its grants saved."""
    _in_use(gate, lab)
    gate.run("save")
    gate.host.nft("delete table inet knockwork")


def _meddled(gate: Knockwork, lab: Lab) -> None:
    _in_use(gate, lab)
    gate.host.nft("flush chain inet knockwork gate")


def _secret(gate: Knockwork) -> None:
    gate.host.write(SECRET, f"master:{base64.b64encode(bytes(range(32))).decode()}\n", 0o600)


def _derived(gate: Knockwork, _: Lab) -> None:
    _secret(gate)
    gate.apply(DERIVED)


def _two_epochs(gate: Knockwork, lab: Lab) -> None:
    _derived(gate, lab)
    gate.run("epoch", "publish", "1")


def _to_tokens(gate: Knockwork, _: Lab) -> None:
    _secret(gate)
    gate.apply(PLAIN)
    gate.declare(TOKENS)


def _tokens(gate: Knockwork, lab: Lab) -> None:
    _secret(gate)
    gate.apply(TOKENS)
    gate.declare(TOKENS.replace("1h", "2h"))


@dataclass(frozen=True)
class Command:
    """`begin` makes the state before it, and declares what an apply makes of it."""

    words: str
    begin: Callable[[Knockwork, Lab], None]


COMMANDS = {
    "apply, no table": Command("apply", _nothing),
    "apply, a change": Command("apply", _to_change),
    "apply, to be confirmed": Command("apply --confirm-within 1h", _to_change),
    "apply, grants revoked": Command("apply --revoke-retired", _to_change),
    "apply, at boot": Command("apply --unattended", _saved),
    "apply, first tokens": Command("apply", _to_tokens),
    "apply, more tokens": Command("apply", _tokens),
    "remove": Command("remove", _in_use),
    "confirm": Command("confirm", _pending),
    "rollback": Command("rollback", _pending),
    "grant": Command("grant 10.200.0.9 --sequence ssh", _in_use),
    "revoke": Command("revoke --all", _in_use),
    "renew": Command("renew web", _in_use),
    "save": Command("save", _in_use),
    "drift": Command("drift --repair", _meddled),
    "epoch publish": Command("epoch publish 1", _derived),
    "epoch retire": Command("epoch retire 1", _two_epochs),
}
