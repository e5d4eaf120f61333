"""tests/bench/plot: the picture and the table of docs/performance.md, from what tests/bench/run measured.

A bar is how much of its bound a row uses: one that ends left of the line holds, whether its ratio must be small or
large.
"""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build/bench/results.json"
PICTURE = ROOT / "docs/performance.svg"
PAGE = ROOT / "docs/performance.md"
BEGIN, END = "<!-- measured: written by tests/bench/plot -->\n", "<!-- end of measured -->\n"

_WIDTH, _LEFT, _ROW, _TOP = 960, 440, 22, 58
_BOUND = 300  # pixels from 0 to the bound
_MOST = 1.3  # of the bound; longer bars are cut and say their number
_STYLE = """\
text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 } .dim { fill: #59636e }
.back { fill: #ffffff } .held { fill: #2f7d4f } .missed { fill: #c4432b } .bound { stroke: #1f2328 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .dim { fill: #9198a1 }
  .back { fill: #0d1117 } .held { fill: #3fa66a } .missed { fill: #e5705a } .bound { stroke: #e6edf3 }
}
"""


def _ratio(number: float) -> str:
    return f"{number:.2g}" if number < 0.1 else f"{number:.2f}" if number < 10 else f"{number:.1f}"


def _bound(row: Mapping[str, Any]) -> str:
    return f"{row['bound']['sign']} {row['bound']['limit']:g}" if row["bound"] else ""


def _used(row: Mapping[str, Any]) -> float:
    limit, ratio = row["bound"]["limit"], row["ratio"]
    return float(ratio / limit if row["bound"]["sign"] == "≤" else limit / ratio)


def picture(rows: Sequence[Mapping[str, Any]]) -> str:
    """SVG: a bar for each row with a bound."""
    rows = [row for row in rows if row["bound"]]
    height = _TOP + _ROW * len(rows) + 14
    line = _LEFT + _BOUND
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
             "<title>How much of its bound each row of the benchmarks uses</title>", f"<style>\n{_STYLE}</style>",
             f'<rect class="back" width="{_WIDTH}" height="{height}"/>',
             '<text class="title" x="14" y="26">Ours / theirs, as a part of the bound (shorter is better)</text>',
             f'<text class="dim" x="{line}" y="48" text-anchor="middle">bound</text>']
    for number, row in enumerate(rows):
        top, used = _TOP + _ROW * number, _used(row)
        length = max(1.5, min(used, _MOST) * _BOUND)
        kind = "held" if row["holds"] else "missed"
        told = f"{_ratio(row['ratio'])} ({_bound(row)})"
        parts += [f'<text x="{_LEFT - 10}" y="{top + 15}" text-anchor="end">{escape(row["title"])}</text>',
                  f'<rect class="{kind}" x="{_LEFT}" y="{top + 4}" width="{length:.1f}" height="{_ROW - 8}"/>',
                  f'<text class="dim" x="{_LEFT + max(length, _BOUND) + 8:.1f}" y="{top + 15}">{told}</text>']
    parts += [f'<line class="bound" x1="{line}" x2="{line}" y1="{_TOP - 4}" y2="{height - 10}"/>', "</svg>"]
    return "\n".join(parts) + "\n"


def table(facts: Mapping[str, Any]) -> str:
    """Markdown: the machine, and every row."""
    machine = facts["machine"]
    lines = [f"Measured on {machine['processor']}, {machine['system']}, Linux {machine['kernel']}, with "
             + ", ".join(f"{name} {machine[name]}" for name in ("nftables", "knockd", "fwknop", "ansible-core", "g++"))
             + f"; {facts['rounds']} rounds; load before the run: {machine['load']}.", "",
             "| row: ours / theirs | ours | theirs | ratio | bound | |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    for row in facts["rows"]:
        verdict = "" if not row["bound"] else "held" if row["holds"] else "**missed**"
        lines.append(f"| {row['title']} | {row['ours']:.4g} {row['unit']} | {row['theirs']:.4g} {row['unit']} | "
                     f"{_ratio(row['ratio'])} | {_bound(row)} | {verdict} |")
    return "\n".join(lines) + "\n"


def page(text: str, facts: Mapping[str, Any]) -> str:
    """The page with the table as it is now."""
    head, found, rest = text.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not found or not ended:
        raise SystemExit(f"{PAGE}: the table belongs between {BEGIN.strip()} and {END.strip()}")
    return f"{head}{BEGIN}\n{table(facts)}\n{END}{tail}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/bench/plot", description=__doc__)
    parser.add_argument("results", nargs="*", type=Path, default=[RESULTS],
                        help="of some rows each, in this order; default: build/bench/results.json")
    parser.add_argument("--picture", type=Path, help="only draw this SVG")
    options = parser.parse_args()
    every = [json.loads(path.read_text(encoding="utf-8")) for path in options.results]
    facts = {**every[0], "rows": [row for each in every for row in each["rows"]]}
    (options.picture or PICTURE).write_text(picture(facts["rows"]), encoding="utf-8")
    if not options.picture:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), facts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
