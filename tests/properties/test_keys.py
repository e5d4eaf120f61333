"""No key is forgotten: each has a strategy, and stands in declarations that are valid."""
from __future__ import annotations

import json
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings

from bed.cli import ROOT
from declarations import SCOPES, Pair, pairs


def _keys(schema: dict[str, Any]) -> set[str]:
    return set(schema.get("properties", {}))


def _scopes() -> dict[str, set[str]]:
    top = json.loads((ROOT / "docs/knockwork.schema.json").read_text("utf-8"))
    sequence = top["properties"]["sequences"]["items"]
    public = next(each for each in top["properties"]["public"]["items"]["anyOf"] if "properties" in each)
    return {"": _keys(top), "public": _keys(public), "sequences": _keys(sequence),
            "sequences/derive": _keys(sequence["properties"]["derive"]),
            "sequences/token": _keys(sequence["properties"]["token"])}


def test_every_key_has_a_strategy() -> None:
    """Whoever adds a key says here which values it may have."""
    assert {scope: set(keys) for scope, keys in SCOPES.items()} == _scopes()


def _count(counter: Counter[tuple[str, str]], scope: str, value: object) -> None:
    for each in value if isinstance(value, list) else [value]:
        for key, inner in each.items() if isinstance(each, dict) else ():
            counter[scope, key] += 1
            name = f"{scope}/{key}".lstrip("/")
            if name in SCOPES:
                _count(counter, name, inner)


def test_every_key_is_tried() -> None:
    """In pairs of which nearly all are valid."""
    import knockwork
    tried: Counter[tuple[str, str]] = Counter()
    valid: Counter[bool] = Counter()

    @settings(max_examples=300, derandomize=True, deadline=None, database=None,
              suppress_health_check=list(HealthCheck))
    @given(pair=pairs())
    def collect(pair: Pair) -> None:
        try:
            for text in (pair.before, pair.after):
                knockwork.load(text)
        except knockwork.InvalidDeclaration:
            valid[False] += 1
            return
        valid[True] += 1
        for text in (pair.before, pair.after):
            _count(tried, "", json.loads(text))

    collect()
    assert valid[True] > 9 * valid[False]
    assert {(scope, key) for scope, keys in SCOPES.items() for key in keys} == set(tried)
