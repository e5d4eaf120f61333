"""Types of C++ that stand under one name in several files: the linker takes whichever comes first, and says nothing.

The compiler tells only under link-time optimisation (-Wodr), and then only what one program links.
"""
from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

_NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.DOTALL)
_TOKEN = re.compile(r"(?:inline )?\bnamespace\b(?P<space>[\w: ]*)\{"
                    r"|\b(?:struct|class|union|enum(?: class| struct)?) (?P<type>\w+)\b(?!::)"
                    r"[^;{}()<>=]*(?:<[^;{}()]*>\s*)?\{"
                    r"|(?P<open>\{)|(?P<close>\})")


def defined(text: str) -> Iterator[str]:
    """The types that the text defines for all to see, by their full names."""
    scopes: list[str | None] = []  # of a namespace its name, empty without one; None of every other brace
    for token in _TOKEN.finditer(_NOISE.sub(" ", text)):
        if token["close"]:
            if scopes:
                scopes.pop()
        elif token["space"] is not None:
            scopes.append(token["space"].strip())
        else:
            if token["type"] and all(scopes):
                yield "::".join([*(scope for scope in scopes if scope), token["type"]])
            scopes.append(None)


def twice(files: Iterable[Path]) -> list[str]:
    """Each type with more than one definition, and where they stand."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in files:
        for name in defined(path.read_text(encoding="utf-8")):
            found[name].append(str(path))
    return [f"{name} is defined in {' and in '.join(places)}" for name, places in sorted(found.items())
            if len(places) > 1]
