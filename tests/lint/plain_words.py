"""What users read is plain English: phrases that a manual does not use, each with what it says instead.

Only the mechanical part: words that have one plain word for them, and openings that turn a sentence around.
"""
from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

Passage = tuple[int, str]  # the line where it begins

_FEW = r"(?: (?!an? )[\w-]+){0,4}"
_OPENING = r"(?:^|[.:;!] )"  # of a sentence or a clause
PHRASES = tuple((re.compile(pattern), plain) for pattern, plain in (
    (rf"\b[Tt](?:ake|akes|aken|ook|aking){_FEW} back\b", "roll back, or of grants revoke"),
    (rf"\b[Bb](?:ring|rings|rought|ringing){_FEW} back\b", "restore"),
    (r"\b[Oo]f before\b", "previous"),
    (r"\b[Ww]h(?:o|om|oso)ever\b", "anyone who, or the noun"),
    (r"\bWhatever\b", "anything that, or the noun"),
    (r"\b[Nn]obody\b", "no one, no source"),
    (r"\b[Ss]omebody\b", "someone"),
    (r"\b[Ee]verybody\b", "everyone, all sources"),
    (r"\bby (?:it|them)sel(?:f|ves)\b", "automatically, on its own, separately"),
    (r"\bshut(?:s|ting)?(?: the)?(?: [\w-]+){0,2} out\b", "lock out"),
    (r"\b[Aa]rm(?:s|ed)? the\b", "schedule"),
    (r"\bturns the wheel\b", "advance the epoch"),
    (r"\b[Mm]end(?:s|ed|ing)?\b", "fix, repair"),
    (r"\b[Aa]new\b", "again, or what is new"),
    (r"\b[Bb]eside\b", "next to, alongside, in addition to"),
    (r"\bstands?(?: \w+)? (?:here|there|twice|in the|in its place)\b", "is, is listed"),
    (r"\b(?:[Nn]o|NO) (?:gate|GATE) (?:stands|STANDS)\b", "no gate is loaded"),
    (r"\bg(?:o|oes|oing) on\b|\bwent on\b", "continue"),
    (r"\bc(?:ome|omes|ame|oming) in (?:by|again|with|no more)\b", "get in, connect"),
    (rf"{_OPENING}Where (?![^.]*\?)", "if for a condition, when for a time"),
    (rf"{_OPENING}Who (?![^.]*\?)", "anyone who, a client that"),
    (r"\bWithout any\b|\bWithout it(?: the| what)", "if empty, defaults to"),
))
_CPP = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\((.*?)\)\1"|"((?:\\.|[^"\\\n])*)"|\'(?:\\.|[^\'\\])\'|[^\s]', re.DOTALL)


def _in_cpp(text: str) -> Iterator[Passage]:
    """String literals; those that follow each other are one."""
    line, joined = 0, ""
    for found in _CPP.finditer(text):
        literal = found[3] if found[3] is not None else found[2]
        if literal is not None:
            line, joined = line or text.count("\n", 0, found.start()) + 1, joined + literal
        elif joined and not found[0].startswith(("//", "/*")):
            yield line, joined
            line, joined = 0, ""


def _in_python(text: str, docstrings: bool) -> Iterator[Passage]:
    tree = ast.parse(text)
    documents = {id(node.body[0].value) for node in ast.walk(tree)
                 if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and node.body
                 and isinstance(node.body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if docstrings or id(node) not in documents:
                yield node.lineno, node.value


def _read_by_users(name: str, text: str) -> Iterable[Passage]:
    """The passages of a file that users read, none of a file that they do not."""
    suffix = Path(name).suffix
    if name.startswith("cpp/") and suffix in (".cpp", ".hpp"):
        return _in_cpp(text)
    if name.startswith(("ansible_collection/", "python/knockwork/")) and suffix == ".py":
        return _in_python(text, docstrings=name.startswith("python/"))
    if suffix == ".md" or name == "packaging/debian/control" or suffix in (".yml", ".j2", ".in", ".timer", ".conf") \
            and name.startswith(("ansible_collection/", "packaging/", "docs/")):
        return [(1, text)]
    return []


def findings(root: Path, files: Iterable[Path]) -> list[str]:
    found = []
    for path in files:
        name = str(path.relative_to(root))
        try:
            passages = list(_read_by_users(name, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
        for line, passage in passages:
            if " " not in passage:  # a value that programs read
                continue
            # A phrase may go over the end of a line, not over an empty one.
            lines = re.sub(r"\s*\n[\s>#*|-]*", lambda gap: "\n" * gap[0].count("\n"), passage)
            found += [f"{name}:{line + lines.count(chr(10), 0, match.start())}: “{match[0].strip(' .:;!')}”: {plain}"
                      for pattern, plain in PHRASES for match in pattern.finditer(lines.replace("\n", " "))]
    return found
