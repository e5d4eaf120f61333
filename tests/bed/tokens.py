"""docs/tokens.md once more, in plain Python and from the page alone: what the core is checked against."""
from __future__ import annotations

import re
import time
from collections.abc import Iterable

from .cli import Knockwork
from .derivation import hmac_sha256

DAY = 24 * 3600


def sequence_key(host_key: bytes, name: str, serial: int = 1) -> bytes:
    """All that a profile has of a sequence."""
    return hmac_sha256(host_key, b"token\x00" + name.encode("ascii") + b"\x00" + serial.to_bytes(4, "big") + b"\x01")


def token(key: bytes, window: int, losses: int = 0, period_ms: int = 15000) -> bytes:
    """What opens in a window."""
    message = b"\x01" + period_ms.to_bytes(4, "big") + losses.to_bytes(4, "big") + window.to_bytes(8, "big")
    return hmac_sha256(key, message)[:16]


def window(period_ms: int = 15000, at: float | None = None) -> int:
    """That of a time in seconds since 1970, by default now."""
    return int((time.time() if at is None else at) * 1000) // period_ms


def fill(gate: Knockwork, sequence: str, tokens: Iterable[bytes], anew: bool = True) -> None:
    """By hand: these open `sequence`; `anew`: nothing else opens anything, and none was used."""
    found = re.search(rf'(\w+:\w+) comment "{re.escape(sequence)}"', gate.listing())
    assert found, gate.listing()
    now = int(time.time())
    elements = ", ".join(f"0x{each.hex()} timeout 20m : {found.group(1)}" for each in tokens)
    lines = [f"add element inet knockwork tokens {{ {elements} }}"] if elements else []
    if anew:
        lines = [*(f"flush {kind} inet knockwork {name}" for kind, name in
                   (("map", "tokens"), ("set", "used"), ("set", "claimed"), ("set", "good"))),
                 f"add element inet knockwork good {{ {now - 60}-{now + 3600} }}", *lines]
    gate.host.nft("\n".join(lines) + "\n")
