"""The rooms of the core: how large they are, which way they include, and who may say what.

`rooms.py` prints the picture of docs/internals.md.
"""
from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "cpp/src"
MOST_FILES, MOST_LINES = 15, 2500

# Rooms that see a live table, and yet name none of its sets and chains: that is for ruleset/.
NAMELESS = ("kernel", "kernel/netlink", "kernel/sets", "records", "plan", "report", "pending", "commit", "undo",
            "grants", "apply", "facade", "observe")
# Keys of a declaration, fields of an answer, files and words of a report that are also names in the table.
OTHER_WORDS = frozenset({"always_allow", "answers", "closes", "expected", "from", "gate", "interfaces", "knock",
                         "knocked", "last", "open", "port", "prolong", "refuse", "renew", "renewed", "services",
                         "spent", "stand_in", "token", "tokens", "used", "within", "wrong"})

# The lowest room that a public header is for: it defines something of it, or its values have something of it.
OWNERS = {
    "boot": "report", "capture": "capture", "client": "spec", "declaration_lock": "host", "declared": "spec",
    "derive": "values", "diagnostic": "crypto", "drift": "report", "explain": "facade", "export": "client/export",
    "fields": "spec", "graph": "facade", "import": "import", "interfaces": "apply", "kernel": "ruleset",
    "knockwork": "undo", "log": "facade", "observe": "report", "printable": "text", "report": "journal",
    "rotation": "derive/records", "session": "host", "spec": "values", "token": "derive", "trust": "host",
    "unchanged": "unchanged", "wire": "client/wire", "words": "values",
}


def rooms() -> list[str]:
    """From the ground up, as cpp/CMakeLists.txt lists them."""
    text = (ROOT / "cpp/CMakeLists.txt").read_text(encoding="utf-8")
    listed = re.search(r"foreach\(room ([^)]+)\)", text)
    return listed.group(1).split() if listed else []


def _sources() -> list[tuple[str, Path, str]]:
    return [(path.parent.relative_to(SOURCES).as_posix(), path, path.read_text(encoding="utf-8"))
            for path in sorted(SOURCES.rglob("*.[ch]pp"))]


def rooms_are_small() -> str:
    """At most 15 files and 2,500 lines a folder, and every folder is a room."""
    found = []
    for folder in sorted({path.parent for _, path, _ in _sources()} - {SOURCES}):
        files = [path for path in folder.iterdir() if path.is_file()]
        lines = sum(path.read_bytes().count(b"\n") for path in files)
        name = folder.relative_to(SOURCES).as_posix()
        if len(files) > MOST_FILES or lines > MOST_LINES:
            found.append(f"cpp/src/{name}: {len(files)} files, {lines} lines")
        if name not in rooms():
            found.append(f"cpp/src/{name} is not among the rooms of cpp/CMakeLists.txt")
    return "\n".join(found)


def includes_run_one_way() -> str:
    """A room includes only rooms below it, and public headers of those or of its own."""
    order = {room: number for number, room in enumerate(rooms())}
    headers = {path.stem for path in (ROOT / "cpp/include/knockwork").glob("*.hpp")}
    found = [f"OWNERS: knockwork/{name}.hpp is not in both" for name in sorted(headers ^ set(OWNERS))]
    for room, path, text in _sources():
        for line, included in enumerate(text.splitlines(), 1):
            match = re.match(r'#include "([^"]+)"', included)
            if not match or room == ".":
                continue
            other = str(Path(match.group(1)).parent)
            if other == "knockwork":
                other = OWNERS.get(Path(match.group(1)).stem, room)
            if other in order and order[other] > order[room]:
                found.append(f"{path.relative_to(ROOT)}:{line}: {match.group(1)} stands above {room}")
    return "\n".join(found)


def _table_names() -> set[str]:
    """The names that the golden tables have, without what differs from table to table."""
    names: set[str] = set()
    for golden in (ROOT / "tests/golden").glob("*.nft"):
        names.update(re.findall(r"^\s+(?:set|map|chain) (\w+) \{", golden.read_text(encoding="utf-8"), re.M))
    names.update(("answers", "severed", "severed_all", "resumed", "spared", "readmitted", "stand_in"))
    return {re.sub(r"(_[0-9a-f]{8,}.*|_\d.*|[46])$", "", name) for name in names}


def table_words_have_one_owner() -> str:
    """No room but ruleset/ names a set or a chain of the table."""
    names = _table_names() - OTHER_WORDS
    anywhere = re.compile(r"@(?:" + "|".join(sorted(names)) + r")[46]?\b")
    found = []
    for room, path, text in _sources():
        if room not in NAMELESS:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for literal in re.findall(r'"((?:[^"\\]|\\.)*)"', line.split("//")[0]):
                if literal.rstrip("46") in names or anywhere.search(literal):
                    found.append(f"{path.relative_to(ROOT)}:{number}: \"{literal}\" is a name of the table: "
                                 "only ruleset/ may say it")
    return "\n".join(found)


def one_place_commits() -> str:
    """Transactions reach the kernel from commit/carry_out.cpp alone."""
    return "\n".join(f"{path.relative_to(ROOT)} commits" for room, path, text in _sources()
                     if re.search(r"\.commit\(", text) and not room.startswith("kernel")
                     and path != SOURCES / "commit/carry_out.cpp")


def _arrows() -> dict[str, set[str]]:
    """Which top room includes which, without those that a longer way implies."""
    below: dict[str, set[str]] = {room.split("/")[0]: set() for room in rooms()}
    for room, _, text in _sources():
        for included in re.findall(r'#include "([^"]+)/[^"/]+"', text):
            one, other = room.split("/")[0], included.split("/")[0]
            if one != other and one in below and other in below:
                below[one].add(other)

    def reached(room: str) -> set[str]:
        return below[room].union(*(reached(other) for other in below[room]))

    return {room: {other for other in others
                   if not any(other in reached(third) for third in others - {other})}
            for room, others in below.items()}


def picture() -> str:
    """The rooms as a graph, the highest first, in the language of mermaid.js."""
    lines = ["graph TD"]
    for room, others in reversed(_arrows().items()):
        lines += [f"  {room} --> {other}" for other in sorted(others)] or [f"  {room}"]
    return "\n".join(lines) + "\n"


def picture_is_current() -> str:
    """The picture in docs/internals.md is that of the code."""
    page = (ROOT / "docs/internals.md").read_text(encoding="utf-8")
    if f"```mermaid\n{picture()}```\n" in page:
        return ""
    return "the picture in docs/internals.md is old: put there what `python3 tests/lint/rooms.py` prints"


CHECKS = (rooms_are_small, includes_run_one_way, table_words_have_one_owner, one_place_commits,
          picture_is_current)

if __name__ == "__main__":
    print(picture(), end="")
