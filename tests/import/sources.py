"""The files that are imported: this project's own, and those of the folder $KNOCKWORK_CORPUS."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bed.cli import binary

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Foreign:
    """A file and the program whose it is."""

    kind: str  # knockd, nft or fwknop
    path: Path

    def __str__(self) -> str:
        return f"{self.kind}-{self.path.name}"


def own() -> list[Foreign]:
    """In this tree."""
    return [Foreign(kind, path) for kind in ("knockd", "nft", "fwknop") for path in sorted((HERE / kind).iterdir())]


def corpus() -> list[Foreign]:
    """Real ones: KNOCKWORK_CORPUS/{knockd,nft,fwknop}/*, or the folder itself for knockd."""
    named = os.environ.get("KNOCKWORK_CORPUS")
    if not named:
        return []
    folder = Path(named)
    found = [Foreign("knockd", path) for path in sorted(folder.glob("*.conf"))]
    for kind in ("knockd", "nft", "fwknop"):
        found += [Foreign(kind, path) for path in sorted((folder / kind).glob("*.*f*")) if path.suffix != ".tsv"]
    return found


def lines_of(data: bytes) -> int:
    """As an editor counts them."""
    return data.count(b"\n") + (1 if data and not data.endswith(b"\n") else 0)


@dataclass(frozen=True)
class Made:
    """What an import printed."""

    status: int
    declaration: str
    sequences: list[str]
    lines: list[dict[str, object]]


def imported(kind: str, data: bytes) -> Made:
    """Run the command; raises AssertionError where it ends in another way than it promises."""
    done = subprocess.run([binary(), "import", kind, "-", "--json"], input=data, capture_output=True, check=False)
    assert done.returncode in (0, 1) and not done.stderr, (done.returncode, done.stderr, data)
    answer = json.loads(done.stdout)
    assert (done.returncode == 0) == bool(answer["sequences"]) == bool(answer["declaration"]), data
    return Made(done.returncode, answer["declaration"], answer["sequences"], answer["lines"])


def assert_no_line_is_dropped(made: Made, data: bytes) -> None:
    """Each line once, in order, and what is not translated with its reason."""
    assert [line["line"] for line in made.lines] == list(range(1, lines_of(data) + 1)), data
    for line in made.lines:
        assert line["fate"] in ("translated", "changed", "lost", "unneeded"), (line, data)
        assert line["fate"] in ("translated", "unneeded") or line["reason"], (line, data)
