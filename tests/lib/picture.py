"""tests/demo --picture FILE: what the demo shows on a terminal, as an SVG."""
from __future__ import annotations

import os
import pty
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

DEMO = Path(__file__).with_name("demo.py")
WIDTH = 84
THEME = TerminalTheme(
    (250, 250, 248), (40, 44, 52),
    [(40, 44, 52), (190, 40, 40), (20, 120, 50), (150, 100, 0), (40, 80, 170), (130, 60, 140), (0, 120, 130),
     (90, 94, 100)])
# As rich has it, without fonts from elsewhere: a picture asks nobody for anything.
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>{lines}</defs>
<rect fill="rgb(250,250,248)" x="1" y="1" width="{width}" height="{height}" rx="6"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def recorded() -> str:
    """What the demo prints on a terminal. Exits with its status where it fails."""
    said = bytearray()

    def read(descriptor: int) -> bytes:
        data = os.read(descriptor, 65536)
        said.extend(data)
        return data

    status = os.waitstatus_to_exitcode(pty.spawn([sys.executable, "-B", str(DEMO)], read))
    if status:
        sys.exit(status)
    return said.decode()


def settled(text: str) -> str:
    """The lines as they stand in the end: running clocks are gone, and so is what is about this run alone."""
    lines = [line.rstrip("\r").split("\r")[-1] for line in text.split("\n")]
    lines = [line for line in lines if not re.match(r"(\x1b\[K)?  (build|hosts) ", line)]
    return "\n".join(lines).replace("\x1b[K", "").strip("\n")


def main() -> int:
    """Writes the picture. 0 where the demo went as it says."""
    shown = settled(recorded())
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True, color_system="standard")
        console.print(Text.from_ansi(shown), soft_wrap=False)
        svg = console.export_svg(theme=THEME, code_format=FORMAT, unique_id="demo")
    Path(sys.argv[1]).write_text(svg, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
