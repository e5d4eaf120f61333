"""Documents against the tree: what comments cite, and the names of the table's objects."""
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_CITED = re.compile(r"(?<![\w./<{*-])((?:[\w-]+/)*[\w-]+\.md)\b|\(([A-Z]{3,}(?:-[A-Z]{3,})+)\b")
_ROW = re.compile(r"^\| (`.*?) \|", re.MULTILINE)
_OBJECT = re.compile(r"^\s+(?:chain|set|map) (\w+) \{", re.MULTILINE)
# What a name in docs/table.md leaves open.
_OPEN = {"TIME": r"[0-9a-z]+", "DIGEST": r"[0-9a-f]+", "PROTOCOL_FIRST_LAST": r"\d+_\d+_\d+",
         "PROTOCOL_PORT": r"\d+_\d+", "NUMBER": r"\d+", "…": r"\w+"}


def cited_but_missing(sources: Iterable[Path], tree: Iterable[Path]) -> list[str]:
    """Documents that sources name and the tree does not have."""
    names = {path.name for path in tree} | {path.stem for path in tree}
    return [f"{path}:{number}: {name} is not in the tree"
            for path in sources for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            for found in _CITED.findall(line) for name in ["".join(found)] if name.rsplit("/", 1)[-1] not in names]


def _documented(page: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Each name of the page's tables, and what objects it stands for. `…` behind the last: and so on."""
    for row in _ROW.findall(page):
        for name in re.findall(r"`(.*?)`", row):
            more = re.sub(r"\d+$", "", name) + "…" if row.endswith("…") else name
            yield name, re.compile("".join(_OPEN.get(part, re.escape(part))
                                           for part in re.split(f"({'|'.join(_OPEN)})", more)))


def table_names(page: str, rendered: Iterable[str], sources: str) -> list[str]:
    """Objects that the page does not name, and names for which neither a table nor a string of the sources has any."""
    objects = {name for table in rendered for name in _OBJECT.findall(table)}
    documented = list(_documented(page))
    missing = [f"docs/table.md does not name {name}" for name in sorted(objects)
               if not any(pattern.fullmatch(name) for _, pattern in documented)]
    words = {word for text in re.findall(r'"(.*?)"', sources) for word in re.findall(r"\w+(?:\{\})?", text)}
    made = [re.compile(word.replace("{}", r"\w*")) for word in words if word.endswith("{}")]
    invented = [f"docs/table.md names {name}, and no table has it" for name, pattern in documented
                if not any(pattern.fullmatch(each) for each in objects) and name not in words
                and not any(each.fullmatch(name) for each in made)]
    return missing + invented
