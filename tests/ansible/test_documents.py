"""What README and the pages of docs/ show is what the commands, the modules and the roles take."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml  # type: ignore[import]

from bed.cli import binary
from controller import COLLECTIONS, ROOT, Controller

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")),
         *sorted((ROOT / "ansible_collection").glob("README.md")),
         *sorted((ROOT / "ansible_collection/roles").glob("*/README.md"))]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block, and where it stands."""

    page: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(*kinds: str) -> list[Block]:
    """Those of some languages. docs/reference.md is made from the keys, whose own tests read its examples."""
    found = []
    for page in PAGES:
        if page.name == "reference.md":
            continue
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            lines = [line[len(match[1]):] for line in match[3].splitlines()]
            found.append(Block(page, text.count("\n", 0, match.start()) + 1, match[2], "\n".join(lines) + "\n"))
    return [block for block in found if block.kind in kinds]


def commands() -> Iterator[tuple[Block, list[str]]]:
    """The words of each command that a block shows, without a prompt, sudo and its comment."""
    for block in blocks("console", "sh"):
        for line in block.text.replace("\\\n", " ").splitlines():
            shown = re.match(r"(?:\w+ ?)?[$#] (.*)", line)
            if not shown:
                continue
            for part in re.split(r" && | \| ", shown[1]):
                words = shlex.split(part, comments=True)
                yield block, words[1:] if words[:1] == ["sudo"] else words


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml(block: Block, controller: Controller) -> None:
    """Playbooks and tasks pass Ansible's check, declarations knockwork's."""
    document = yaml.safe_load(block.text) if "{{ lookup" not in block.text[:12] else None
    if isinstance(document, list):
        if not any("hosts" in each for each in document):
            body = "".join(f"    {line}\n" for line in block.text.splitlines())
            block = Block(block.page, block.line, block.kind, f"- hosts: all\n  tasks:\n{body}")
        controller.bed.controller.write("/run/play/shown.yml", block.text)
        done = controller.bed.controller.run(["ansible-playbook", "--syntax-check", "shown.yml"], cwd="/run/play",
                                             env={"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)})
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
    elif isinstance(document, dict):
        assert_declares(block, document)


def assert_declares(block: Block, document: dict[str, object]) -> None:
    """A whole declaration, some of its keys, or some of a sequence's."""
    text = block.text
    if not {"knockwork", "sequences", "mode", "public", "always_allow"} & set(document):
        keys = "".join(f"    {line}\n" for line in text.splitlines())
        text = f"knockwork: 1\nsequences:\n  - name: shown\n    opens: [2222/tcp]\n{keys}"
    elif "knockwork" not in document:
        text = "knockwork: 1\n" + text
    # A profile's list of hosts is no declaration; a secret of the example's host is not here to be read.
    if "hosts" in document:
        return
    done = subprocess.run([binary(), "validate", "-"], input=text, text=True, check=False, capture_output=True)
    assert done.returncode == 0 or "/etc/knockwork/secret" in done.stderr, f"{block}\n{done.stderr}"


@pytest.mark.parametrize(("block", "words"), commands(), ids=str)
def test_commands(block: Block, words: list[str]) -> None:
    """Subcommands and options exist, and so do the files of this tree that are called."""
    if words[:1] == ["knockwork"] and len(words) > 1:
        named = [word for word in words[1:] if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
        page = ""
        for depth in (2, 1):
            done = subprocess.run([binary(), *named[:depth], "--help"], text=True, check=False, capture_output=True)
            page += done.stdout if done.returncode == 0 else ""
        assert page, f"{block}: there is no command {' '.join(named[:1])}"
        for option in (word.split("=")[0] for word in words if word.startswith("--")):
            assert re.search(rf"{re.escape(option)}\b", page), f"{block}: {' '.join(words)}: no option {option}"
    elif words[:1] and "/" in words[0] and not words[0].startswith(("/", "~")):
        assert (ROOT / words[0]).exists(), f"{block}: {words[0]} is not there"
    elif words[:1] == ["ansible-playbook"] and words[1].startswith("knockwork.nft."):
        book = ROOT / f"ansible_collection/playbooks/{words[1].rsplit('.', 1)[1]}.yml"
        specs = book.parent.parent / f"roles/{book.stem}/meta/argument_specs.yml"
        known = book.read_text(encoding="utf-8") + (specs.read_text(encoding="utf-8") if specs.exists() else "")
        for variable in (word.split("=")[0] for word in words if "=" in word):
            assert variable in known, f"{block}: {variable} is no variable of {words[1]}"
