"""docs/derivation.md once more, in plain Python and from the page alone: what the core is checked against."""
from __future__ import annotations

import hashlib
import hmac
from typing import Iterator, Sequence

NUMBERS = {"tcp": 6, "udp": 17}
Range = tuple[int, int]
# What hosts of a LAN send to by themselves: never drawn.
LAN = (67, 68, 137, 138, 319, 320, 520, 521, 546, 547, 631, 694, 1900, 1947, 1985, 2029, 3222, 3289, 3702, 5350, 5353,
       5355, 5405, 5678, 6454, 6666, 6667, 6771, 8610, 8612, 9956, 9999, 10001, 15600, 17500, 21027, 27036,
       32410, 32412, 32414, 38899, 47808, 54915, 56700, 57621)
SEEN = {"blocks": 0, "repeated": 0, "unfair": 0}  # for the test that the vectors meet every branch


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def host_key(master: bytes, host: str) -> bytes:
    extracted = hmac_sha256(b"knockwork/1", master)
    name = host.removesuffix(".").lower().encode("ascii")
    return hmac_sha256(extracted, b"host\x00" + name + b"\x01")


def candidates(ports: Range, exclude: Sequence[Range]) -> list[int]:
    return [port for port in range(ports[0], ports[1] + 1)
            if port not in LAN and not any(first <= port <= last for first, last in exclude)]


def ranges(numbers: Sequence[int]) -> list[Range]:
    found: list[Range] = []
    for number in numbers:
        if found and found[-1][1] + 1 == number:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def stream(key: bytes, info: bytes) -> Iterator[int]:
    block = b""
    for counter in range(1, 256):
        SEEN["blocks"] += 1
        block = hmac_sha256(key, block + info + bytes([counter]))
        for at in range(0, 32, 4):
            yield int.from_bytes(block[at:at + 4], "big")


def derive(key: bytes, name: str, epoch: int, length: int, protocols: Sequence[str] = ("udp",),
           ports: Range = (1024, 32767), exclude: Sequence[Range] = ()) -> list[tuple[str, int]]:
    numbers = candidates(ports, exclude)
    ordered = sorted(protocols, key=NUMBERS.__getitem__)
    pieces = ranges(numbers)
    info = (b"knock\x00" + name.encode("ascii") + b"\x00" + epoch.to_bytes(8, "big") + bytes([length])
            + bytes([len(ordered)]) + bytes(NUMBERS[each] for each in ordered)
            + len(pieces).to_bytes(2, "big")
            + b"".join(first.to_bytes(2, "big") + last.to_bytes(2, "big") for first, last in pieces))
    choices = len(numbers) * len(ordered)
    fair = 2**32 // choices * choices
    knocks: list[tuple[str, int]] = []
    for number in stream(key, info):
        if len(knocks) == length:
            break
        if number >= fair:
            SEEN["unfair"] += 1
            continue
        port, protocol = divmod(number % choices, len(ordered))
        if numbers[port] in [drawn for _, drawn in knocks]:
            SEEN["repeated"] += 1
            continue
        knocks.append((ordered[protocol], numbers[port]))
    assert len(knocks) == length
    return knocks
