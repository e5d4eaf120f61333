"""Which live elements must be there after another declaration was applied, from the two declarations alone."""
from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bed.table import Table

import table
import traffic

Keys = dict[str, Any]
_BY_STEP = ("expected", "excused", "begun", "holders", "spent", "counted")  # the key ends with an edge
_GRANTS = ("granted", "ranged", "reached")
_LOCKOUTS = ("locked", "strays")
_FLOWS = ("spoken", "begins", "flows")  # by address and port, whoever may come
_WHERE = ("opens", "to", "interfaces", "connections")  # what tells one grant from another


@dataclass(frozen=True)
class Declared:
    """A declaration, its sequences as the table names them, and their steps there."""

    top: Keys
    steps: dict[str, list[table.Step]]

    def sequence(self, name: str) -> Keys | None:
        """That of a name in the table: of "ssh#41", too."""
        plain = name.partition("#")[0]
        return next((each for each in self.top["sequences"] if each["name"] == plain), None)

    def owner(self, edge: str) -> str | None:
        """The name of the sequence with this step."""
        return next((name for name, steps in self.steps.items() if edge in [step.edge for step in steps]), None)

    def prefix(self, ipv6: bool) -> int:
        """How much of an address is a source."""
        prefix: int = self.top.get("ipv6_prefix", 128) if ipv6 else self.top.get("ipv4_prefix", 32)
        return prefix


def declared(text: str, listed: Table) -> Declared:
    """The declaration of that text, which the listed table has."""
    return Declared(json.loads(text), table.tracks(listed))


def lasting(before: Declared, after: Declared, live: dict[str, dict[str, float]]) -> Iterator[tuple[str, str, str]]:
    """(set, key, its key afterwards) of those that must be there."""
    for name, keys in live.items():
        for key in keys:
            renamed = _renamed(before, after, name, key)
            if renamed is not None and _stays(before, after, name, key):
                yield name, key, renamed


def _renamed(before: Declared, after: Declared, name: str, key: str) -> str | None:
    """Where a source is more of an address than before, nobody knows who it was."""
    if name[-1] not in "46" or name.startswith(_FLOWS):
        return key
    source, dot, rest = key.partition(" . ")
    ipv6 = name.endswith("6")
    was, now = before.prefix(ipv6), after.prefix(ipv6)
    if name.startswith(_LOCKOUTS) and ipv6:
        was, now = min(64, was), min(64, now)
    if source.startswith("fe80:"):
        return key
    if now > was:
        return None
    return str(ipaddress.ip_network(f"{source}/{now}", strict=False).network_address) + dot + rest


def _stays(before: Declared, after: Declared, name: str, key: str) -> bool:
    source = key.partition(" . ")[0]
    if name.startswith(_BY_STEP):
        owner = before.owner(key.split(" . ")[-1])
        return owner is not None and _step_stays(before, after, name, owner, source)
    if name.startswith(_GRANTS):
        holders = [owner for owner in before.steps if _has_played(before, owner, source)]
        return bool(holders) and all(_grant_stays(before, after, owner, source) for owner in holders)
    if name.startswith(_LOCKOUTS):
        locks = after.top.get("wrong_knock") != "ignore" and bool(after.top["sequences"])
        return locks and (name.startswith("locked") or after.top.get("mode") == "stealth")
    if name == "used":
        return _has_tokens(before) and _has_tokens(after)
    return False


def _has_tokens(declared_: Declared) -> bool:
    return any("token" in each for each in declared_.top["sequences"])


def _has_played(before: Declared, owner: str, source: str) -> bool:
    """Whether this source may have come through that sequence, perhaps on its way through a longer one."""
    return any(_is_of(before, other, source) and (other == owner or _contains(before, other, owner))
               for other in before.steps)


def _contains(before: Declared, longer: str, shorter: str) -> bool:
    """Whether who plays one plays the other as well."""
    (its, part) = ((before.sequence(name) or {}).get("knock", []) for name in (longer, shorter))
    left = iter(its)
    return bool(part) and all(knock in left for knock in part)


def _is_of(before: Declared, owner: str, source: str) -> bool:
    """Whether this source may have come by that sequence."""
    ipv6 = ":" in source
    return _holds(f"{traffic.callers(owner).granted[ipv6]}/{before.prefix(ipv6)}", source)


def _step_stays(before: Declared, after: Declared, name: str, owner: str, source: str) -> bool:
    old, new = before.sequence(owner), after.sequence(owner)
    if old is None or new is None or owner not in after.steps or not _same_knocks(old, new):
        return False
    if name == "spent":
        return bool(new.get("once"))
    if name == "counted":
        return "closes" not in old and "closes" not in new
    if not _may_come(new, source) or ("closes" in old) != ("closes" in new):
        return False
    if name.startswith("begun"):
        return "sequence_timeout" in new
    if name.startswith("excused"):
        return after.top.get("wrong_knock") != "ignore"
    return not name.startswith("holders") or "closes" not in new


def _same_knocks(old: Keys, new: Keys) -> bool:
    if "token" in old and "token" in new:
        return bool(old["token"].get("serial", 1) == new["token"].get("serial", 1))
    return all(old.get(key) == new.get(key) for key in ("knock", "derive", "token"))


def _grant_stays(before: Declared, after: Declared, owner: str, source: str) -> bool:
    old, new = before.sequence(owner), after.sequence(owner)
    return (old is not None and new is not None and owner in after.steps and _may_come(new, source)
            and all(old.get(key) == new.get(key) for key in _WHERE))


def _may_come(keys: Keys, source: str) -> bool:
    return not keys.get("from") or any(_holds(network, source) for network in keys["from"])


def _holds(network: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
