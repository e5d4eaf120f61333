"""A rule of a listing, taken apart: one statement after the other, as nft's JSON has them too."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_WORDS = {"ip": 2, "ip6": 2, "udp": 2, "th": 2, "meta": 2, "rt": 2, "icmp": 2, "icmpv6": 2, "socket": 2,
          "iif": 1, "oif": 1, "iifname": 1, "oifname": 1}  # of an expression that begins so
_VERDICTS = {"accept": 1, "drop": 1, "return": 1, "goto": 2, "jump": 2}
_COMPARISONS = ("==", "!=", "<", ">", "<=", ">=", "!")
_TOKEN = re.compile(r'"[^"]*"|\{[^}]*\}|\S+')


@dataclass(frozen=True)
class Statement:
    """`kind`: match, verdict, vmap, set, update, log, limit, reject or nat.

    A match has all three of left, operator and right, whose operator may be none. A "set" or "vmap" has what is set
    or looked up on the left, and the value or the map on the right; an "update" its verb, set and element.
    """

    kind: str
    left: str
    operator: str = ""
    right: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.left, self.operator, self.right)))


def split(rule: str) -> tuple[Statement, ...]:
    """All of a rule. Raises ValueError where it is of no known form."""
    reader = _Reader(_TOKEN.findall(rule))
    found = tuple(reader.statements())
    if " ".join(map(str, found)) != rule:
        raise ValueError(f"{rule!r} was read as {found}")
    return found


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens

    def statements(self) -> Iterator[Statement]:
        while self._tokens:
            yield self._statement()

    def _statement(self) -> Statement:
        first = self._tokens[0]
        if first in _VERDICTS:
            return Statement("verdict", self._take(_VERDICTS[first]))
        if first in ("update", "add", "delete"):
            return Statement("update", self._take(1), self._take(1), self._take(1))
        if first == "log":
            return Statement("log", self._take(7))  # with prefix, group and snaplen
        if first == "limit":
            return Statement("limit", self._take(len(self._tokens[:7 if self._tokens[2] == "over" else 6])))
        if first == "reject":
            return Statement("reject", self._take(4 if self._tokens[1:2] == ["with"] else 1))
        if first == "dnat":
            return Statement("nat", self._take(5))
        return self._with_expression()

    def _with_expression(self) -> Statement:
        left = self._expression()
        if self._tokens[0] in ("set", "vmap"):
            kind = self._take(1)
            right = self._expression() if kind == "set" else self._take(1)
            if self._tokens[:1] == ["map"]:
                right += f" {self._take(2)}"
            return Statement(kind, left, kind, right)
        operator = self._take(1) if self._tokens[0] in _COMPARISONS else ""
        right = self._take(3 if self._tokens[1:2] == ["/"] else 1)
        return Statement("match", left, operator, right)

    def _expression(self) -> str:
        text = self._take(self._length())
        while self._tokens and self._tokens[0] in ("&", "|", "."):
            text += f" {self._take(1)}"
            text += f" {self._take(self._length())}"
        return text

    def _length(self) -> int:
        first, second = self._tokens[0], self._tokens[1] if len(self._tokens) > 1 else ""
        if first == "ct":
            return 2 if second not in ("original", "reply") else 4 if self._tokens[2] in ("ip", "ip6") else 3
        if first == "tcp":
            return 3 if second == "option" else 2
        if first == "fib":
            return next(at for at, token in enumerate(self._tokens) if token in ("type", "oif")) + 1
        return _WORDS.get(first, 1)

    def _take(self, count: int) -> str:
        taken, self._tokens = self._tokens[:count], self._tokens[count:]
        return " ".join(taken)
