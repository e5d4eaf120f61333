"""README's code blocks, for a test that follows them to the letter."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Block:
    """What stands between two fences, and the prose before it."""

    language: str
    text: str
    before: str

    @property
    def commands(self) -> list[str]:
        """What is typed: lines behind a prompt, without their comments."""
        return [re.sub(r"\s+#.*", "", line.removeprefix("$ ")) for line in self.text.splitlines()
                if line.startswith("$ ")]


def blocks(heading: str) -> list[Block]:
    """Those of one section of README.md, in order."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no section {heading}"
    pieces = re.split(r"^```(\w*)\n(.*?)^```\n", found.group(1), flags=re.MULTILINE | re.DOTALL)
    return [Block(language, code, before) for before, language, code in zip(pieces[::3], pieces[1::3], pieces[2::3])]
