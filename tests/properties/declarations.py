"""Pairs of declarations with every key, from few values: so that the two meet in every way.

Shrinking leads to few sequences, and to keys that are left out.
"""
from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Keys = dict[str, Any]
Strategy = st.SearchStrategy[Any]

SECRET = "/etc/knockwork/secret"  # a host has it
CALLERS = ("10.200.0.0/17", "fd99::/58")  # where knocks come from; sources.py has others
_TIMES = ("100ms", "1s", "5s", "30s", "1m30s", "1h")
_LONG = ("30s", "1m30s", "1h", "2d")
_NETWORKS = ("10.200.0.0/17", "fd99::/58", "10.200.0.0/16", "192.0.2.7", "2001:db8::/32")
_TO = ("10.88.0.0/24", "10.88.0.6/31", "10.77.0.10", "fd88::/64", "fd88::7")
_INTERFACES = ("eth0", "eth1", "eth*", "missing0")
_TCP = ("22/tcp", "80/tcp", "443/tcp", "8000-8003/tcp", "8002/tcp")
_UDP = ("51820/udp", "60000-60010/udp", "60005/udp")


def _key(byte: int) -> str:
    return base64.b64encode(bytes([byte]) * 32).decode()


def _list(values: tuple[str, ...] | Strategy, least: int = 1, most: int = 3) -> Strategy:
    return st.lists(values if isinstance(values, st.SearchStrategy) else st.sampled_from(values), min_size=least,
                    max_size=most, unique_by=json.dumps)


_own_interfaces = st.one_of(_list(_INTERFACES[:3], most=2), st.just(["!eth1"]), st.just(["!eth1", "!wg*"]))

# The values of each key, by its scope: docs/knockwork.schema.json has the names.
DECLARATION: dict[str, Strategy] = {
    "knockwork": st.just(1),
    "mode": st.sampled_from(["gate", "stealth"]),
    "public": st.nothing(),  # PUBLIC below
    "ping": st.booleans(),
    "refuse": st.sampled_from(["auto", "drop", "reject"]),
    "always_allow": _list(("192.0.2.0/28", "2001:db8:a::/48", "10.200.255.0/28", "10.200.0.1", "fd99::1")),
    "wrong_knock": st.sampled_from(["lockout", "ignore"]),
    "lockout": st.sampled_from(["1h", "2h", "1d"]),
    "guards": st.one_of(st.sampled_from(["auto", "none"]), _list(("6500/udp", "6501/tcp", "7100", "7003/tcp"))),
    "interfaces": st.one_of(_list(("eth0", "eth1", "eth*", "missing0"), most=2), st.just(["!wg0"]),
                            st.just(["!eth1", "!docker*"])),
    "ipv4_prefix": st.sampled_from([32, 31, 24, 16]),
    "ipv6_prefix": st.sampled_from([128, 120, 64, 56, 32]),
    "sources": st.sampled_from([65536, 16, 64, 4096]),
    "log": st.sampled_from(["none", "grants", "all"]),
    "sequences": st.nothing(),  # below
}
PUBLIC: dict[str, Strategy] = {
    "service": st.sampled_from(["9000/tcp", "9001-9003/udp", "53/udp", "gre", "icmp", "icmpv6/nd-redirect",
                                "proto/47"]),
    "interface": st.sampled_from(["eth0", "eth*"]),
    "from": _list(_NETWORKS, least=0, most=2),
}
SEQUENCE: dict[str, Strategy] = {
    "name": st.nothing(),  # each has its own
    "knock": st.lists(st.sampled_from(["7000/udp", "7001/udp", "7001/tcp", "7002/tcp", "7004/udp", "1/udp",
                                       "65535/tcp"]), min_size=1, max_size=4),
    "opens": st.one_of(_list(_TCP, most=2), _list(_UDP, most=2), _list(_TCP + _UDP),
                       st.sampled_from([["all/tcp"], ["all/udp"]])),
    "closes": st.nothing(),  # the name of another
    "step_timeout": st.sampled_from(_TIMES),
    "open_for": st.sampled_from(_LONG),
    "sequence_timeout": st.sampled_from(_TIMES),
    "from": _list(_NETWORKS, most=3),
    "to": _list(_TO, most=2),
    "interfaces": _own_interfaces,
    "connections": st.sampled_from([1, 2, 32]),
    "once": st.booleans(),
    "prolong": st.booleans(),
    "on_expiry": st.sampled_from(["keep", "cut"]),
    "derive": st.nothing(),  # below
    "token": st.nothing(),
}
DERIVE: dict[str, Strategy] = {
    "secret_file": st.just(SECRET),
    "host": st.sampled_from(["web1", "web2.example"]),
    "length": st.sampled_from([1, 2, 4]),
    "protocols": _list(("udp", "tcp"), most=2),
    "ports": st.sampled_from(["10000-10400", "10200-11000"]),
    "exclude": _list(("10300", "10250-10260"), most=2),
    "period": st.sampled_from(["30d", "29d"]),  # the clock moves on to the next while nobody looks
    "overlap": st.sampled_from(["1h", "28d"]),
    "epoch": st.sampled_from([0, 41, 42]),
    "accepts": _list(st.sampled_from([0, 41, 42]), most=3),
}
TOKEN: dict[str, Strategy] = {
    "port": st.sampled_from(["41873/udp", "41874/udp", 41873]),
    "secret_file": st.just(SECRET),
    "key": st.nothing(),  # each has its own
    "host": st.sampled_from(["web1", "web2.example"]),
    "period": st.sampled_from(["15s", "1m"]),
    "ahead": st.sampled_from(["1m", "10m"]),
    "skew": st.sampled_from(["30s", "2m"]),
    "serial": st.sampled_from([1, 2]),
}
SCOPES = {"": DECLARATION, "public": PUBLIC, "sequences": SEQUENCE, "sequences/derive": DERIVE,
          "sequences/token": TOKEN}
NAMES = ("alice", "bob", "carol", "dave")


@dataclass(frozen=True)
class Pair:
    """Two declarations, as JSON: which is YAML."""

    before: str
    after: str

    def __repr__(self) -> str:
        return f"\n--- A\n{self.before}\n--- B\n{self.after}\n"


def _some(draw: st.DrawFn, scope: dict[str, Strategy], chance: int = 4, without: tuple[str, ...] = ()) -> Keys:
    """One key in `chance`; keys that are left out shrink first."""
    return {key: draw(values) for key, values in scope.items()
            if not values.is_empty and key not in without and draw(st.integers(0, chance - 1)) == chance - 1}


@st.composite
def _derivation(draw: st.DrawFn) -> Keys:
    epochs = ("period", "overlap", "epoch", "accepts")
    keys: Keys = {"secret_file": SECRET, "length": 2, **_some(draw, DERIVE, without=epochs)}
    by = draw(st.sampled_from(["", "period", "epoch"]))
    if by:
        keys[by] = draw(DERIVE[by])
        more = {"period": "overlap", "epoch": "accepts"}[by]
        keys.update(_some(draw, {more: DERIVE[more]}, chance=2))
    if keys.get("epoch") not in keys.get("accepts", [keys.get("epoch")]):
        keys["accepts"].append(keys["epoch"])
    return keys


@st.composite
def _token(draw: st.DrawFn, name: str) -> Keys:
    keys = {"port": "41873/udp", "ahead": "1m", **_some(draw, TOKEN)}
    if draw(st.booleans()):
        return {**keys, "secret_file": SECRET}
    keys.pop("secret_file", None)
    keys.pop("host", None)
    return {**keys, "key": _key(NAMES.index(name) + 1 + 4 * draw(st.integers(0, 1)))}


def _one_of_each(services: list[str]) -> list[str]:
    """None inside another."""
    return [each for each in services if not (each == "8002/tcp" and "8000-8003/tcp" in services)
            and not (each == "60005/udp" and "60000-60010/udp" in services)]


@st.composite
def _sequence(draw: st.DrawFn, name: str) -> Keys:
    keys: Keys = {"name": name, "knock": draw(SEQUENCE["knock"]), "opens": draw(SEQUENCE["opens"]),
                  "open_for": "1h", "step_timeout": "1m30s",
                  **_some(draw, SEQUENCE, without=("knock", "opens"))}
    kind = draw(st.integers(0, 9))
    if kind in (8, 9):
        keys["derive" if kind == 8 else "token"] = draw(_derivation() if kind == 8 else _token(name))
        del keys["knock"]
    elif kind == 7:
        keys["closes"] = draw(st.sampled_from([other for other in NAMES if other != name]))
    return _fitting(keys)


def _fitting(keys: Keys) -> Keys:
    """Without what has no effect."""
    gone: list[str] = []
    if "token" in keys:
        gone += ["step_timeout", "sequence_timeout"]
    if "closes" in keys:
        gone += ["opens", "open_for", "to", "connections", "once", "prolong", "on_expiry"]
    elif "to" in keys and keys["opens"][0].startswith("all/"):
        gone.append("to")
    if "connections" in keys:
        gone += ["prolong", "on_expiry"]
    kept = {key: value for key, value in keys.items() if key not in gone}
    if "opens" in kept:
        kept["opens"] = _one_of_each(kept["opens"])
    return kept


@st.composite
def _changed(draw: st.DrawFn, keys: Keys) -> Keys:
    """The same sequence with one key otherwise."""
    fresh = draw(_sequence(keys["name"]))
    other = draw(st.sampled_from(sorted({*keys, *fresh} - {"name"})))
    changed = {key: value for key, value in keys.items() if key != other}
    if other in fresh:
        changed[other] = fresh[other]
    ways = [way for way in ("knock", "derive", "token") if way in changed]
    if len(ways) != 1 or ("opens" in changed) == ("closes" in changed):
        return fresh
    return _fitting(changed)


def _agreed(sequences: list[Keys]) -> None:
    """Those that open the same in the same place say the same of its connections: here, all of one protocol."""
    groups: list[list[Keys]] = []
    for keys in (each for each in sequences if "opens" in each):
        protocols = {service.rpartition("/")[2] for service in keys["opens"]}
        meeting = [group for group in groups if any(
            protocols & {service.rpartition("/")[2] for service in each["opens"]} for each in group)]
        groups = [group for group in groups if group not in meeting]
        groups.append([each for group in meeting for each in group] + [keys])
    for group in groups:
        for key in ("prolong", "on_expiry"):
            says = group[0].get(key)
            for each in group:
                each.pop(key, None)
                if says is not None and not any("connections" in one for one in group):
                    each[key] = says


def _combined(top: Keys, sequences: list[Keys]) -> str:
    """As JSON, without what has no effect."""
    top, sequences = json.loads(json.dumps([top, sequences]))
    names = {keys["name"] for keys in sequences if "opens" in keys}
    sequences = [keys for keys in sequences if keys.get("closes", keys["name"]) in names or "opens" in keys]
    _agreed(sequences)
    if top.get("mode") != "stealth":
        top.pop("public", None)
        top.pop("ping", None)
    if top.get("wrong_knock") == "ignore":
        top.pop("lockout", None)
        if isinstance(top.get("guards"), list):
            del top["guards"]
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in {"knockwork": 1, **top}.items()]
    inner = ",\n".join(f"    {json.dumps(keys)}" for keys in sequences)
    return "{\n" + ",\n".join([*lines, f'  "sequences": [\n{inner}\n  ]']) + "\n}"


@st.composite
def _top(draw: st.DrawFn) -> Keys:
    keys = _some(draw, DECLARATION, without=("knockwork",))
    if draw(st.integers(0, 3)) == 3:
        entry = st.one_of(PUBLIC["service"], st.builds(
            lambda service, more: {"service": service, **more}, PUBLIC["service"],
            st.fixed_dictionaries({}, optional={"interface": PUBLIC["interface"], "from": PUBLIC["from"]})))
        keys["public"] = draw(st.lists(entry, min_size=1, max_size=3, unique_by=json.dumps))
    return keys


@st.composite
def _changed_top(draw: st.DrawFn, keys: Keys) -> Keys:
    fresh = draw(_top())
    return {key: value for key, value in {**keys, **fresh}.items()
            if key in fresh or draw(st.integers(0, 5)) < 5}


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Most sequences of the second are those of the first, or much like them."""
    before: list[Keys] = []
    after: list[Keys] = []
    for name in NAMES[:draw(st.integers(0, len(NAMES)))]:
        keys = draw(_sequence(name))
        how = draw(st.integers(0, 5))
        if how != 5:
            before.append(keys)
        if how in (0, 1, 5):
            after.append(keys)
        elif how in (2, 3):
            after.append(draw(_changed(keys)))
        elif draw(st.booleans()):
            after.append(draw(_sequence(name)))
    top = draw(_top())
    other = draw(st.one_of(st.just(top), _changed_top(top)))
    return Pair(_combined(top, before), _combined(other, after))
