"""The checks that need no test bed, each counted as one: lint.py REPORT."""
from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lib"))

import definitions  # noqa: E402
import documents  # noqa: E402
import plain_words  # noqa: E402
import results  # noqa: E402
import rooms  # noqa: E402

BUILD = ROOT / "build"
# Where this checkout stands, which is nowhere on a user's machine.
MACHINE_PATH = re.compile(rf"{re.escape(str(ROOT))}\b")


def tree() -> list[Path]:
    """The project's files: what git knows or would add; every file outside build/ where there is no git."""
    if (ROOT / ".git").exists():
        listing = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
                                  "--exclude-standard"], cwd=ROOT, check=True, capture_output=True).stdout
        names = listing.decode().rstrip("\0").split("\0")
        return [ROOT / name for name in names if (ROOT / name).is_file()]
    return [path for path in ROOT.rglob("*") if path.is_file() and (ROOT / "build") not in path.parents]


def _begins(path: Path, *interpreters: str) -> bool:
    with open(path, "rb") as handle:
        line = handle.readline(80).decode(errors="replace")
    return line.startswith("#!") and any(re.search(rf"\b{name}\b", line) for name in interpreters)


FILES = tree()
CPP = [path for path in FILES if path.suffix in (".cpp", ".hpp")]
SHELL = [path for path in FILES if path.suffix == ".sh" or _begins(path, "sh", "bash")]
PYTHON = [path for path in FILES if path.suffix in (".py", ".pyi") or _begins(path, "python3")]


def command(*argv: str | Path, files: Iterable[Path] = ()) -> str:
    """Runs a checker; returns what it found, nothing where it is content."""
    words = [str(word) for word in argv] + [str(path.relative_to(ROOT)) for path in files]
    done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    print(f"$ {' '.join(words[:6])} …\n{done.stdout}", flush=True)
    return (done.stdout.strip() or f"exit status {done.returncode}") if done.returncode else ""


def clang_format() -> str:
    return command("clang-format-14", "--dry-run", "--Werror", files=CPP)


def clang_tidy() -> str:
    """With clang's own warnings, as errors: the flags are those of the asan build, which is clang's."""
    # A room that is one file for the compiler is one for clang-tidy, which then reads the libraries' headers once.
    sources = f"^{ROOT}/({(BUILD / 'asan').relative_to(ROOT)}/)?cpp/"
    found = command("run-clang-tidy-14", "-quiet", "-j", str(os.cpu_count()), "-p", BUILD / "asan", sources)
    plain = re.sub(r"\033\[[0-9;]*m", "", found)
    kept = [line for line in plain.splitlines() if not re.match(r"clang-tidy|\d+ warnings? |\[\d+/", line)]
    return "\n".join(dict.fromkeys(kept)) if found else ""  # a header's finding shows once a user


def shellcheck() -> str:
    return command("shellcheck", "-x", files=SHELL)


def pycodestyle() -> str:
    sources = [path for path in PYTHON if path.suffix != ".pyi"]  # stubs have a style of their own
    return command("pycodestyle", "--config", ROOT / "setup.cfg", files=sources)


PLUGINS = Path("ansible_collection/plugins")
# What Ansible sends to old nodes, which know no annotations.
UNTYPED = (PLUGINS / "modules", PLUGINS / "module_utils")


def typed() -> dict[Path, list[Path]]:
    """All Python by folder, but for UNTYPED."""
    folders: dict[Path, list[Path]] = {}
    for path in PYTHON:
        name = path.relative_to(ROOT)
        if not any(name.is_relative_to(each) for each in UNTYPED):
            folders.setdefault(Path(*name.parts[:2 if len(name.parts) > 2 else 1]), []).append(path)
    return folders


def mypy() -> str:
    """Strict, one folder at a time: helpers of different folders may share a name, and plugins of different kinds."""
    found = []
    for folder, files in typed().items():
        by_path = folder == PLUGINS
        named = ("--explicit-package-bases", "--namespace-packages") if by_path else ("--scripts-are-modules",)
        found.append(command("mypy", *named, "--config-file", "setup.cfg", "--cache-dir", ROOT / "build/mypy",
                             files=files))
    return "\n".join(filter(None, found))


def ansible_checkers() -> str:
    """ansible-test sanity without ignores and ansible-lint, from Debian's packages."""
    return command("/usr/bin/python3", "-B", "tests/ansible/sanity")


def runs_on_old_nodes() -> str:
    """What Ansible sends to a host parses under Python 3.6, the oldest that the promised ansible-cores allow there."""
    found = []
    for path in PYTHON:
        if not {"modules", "module_utils"} & {parent.name for parent in path.parents}:
            continue
        text = path.read_text(encoding="utf-8")
        try:
            ast.parse(text, feature_version=(3, 6))
        except SyntaxError as error:
            found.append(f"{path.relative_to(ROOT)}:{error.lineno}: {error.msg}")
        if "from __future__ import annotations" in text:
            found.append(f"{path.relative_to(ROOT)}: Python 3.6 has no annotations in __future__")
    return "\n".join(found)


def no_machine_paths() -> str:
    found = []
    for path in FILES:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
                  for number, line in enumerate(lines, 1) if MACHINE_PATH.search(line)]
    return "\n".join(found)


def one_list_of_packages() -> str:
    """Debian's packages are named in tests/lib/packages alone: no other script calls apt-get."""
    return "\n".join(str(path.relative_to(ROOT)) for path in SHELL + PYTHON
                     if path != ROOT / "tests/lib/install" and path != Path(__file__)
                     and re.search(r"\bapt(?:-get)? .*install\b", path.read_text(encoding="utf-8")))


def plain_english() -> str:
    """What users read has none of the phrases that a manual does not use."""
    return "\n".join(plain_words.findings(ROOT, FILES))


def generated_documents() -> str:
    """Pages, options of the collection, stubs and what modules return are what packaging/generate makes of the keys."""
    return command("packaging/generate", "--check", BUILD / "release/knockwork")


def table_names_documented() -> str:
    """Every object of the golden tables stands in docs/table.md, and no name there is of an object that never is."""
    tables = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests/golden").glob("*.nft"))]
    sources = "".join(path.read_text(encoding="utf-8") for path in CPP if path.is_relative_to(ROOT / "cpp/src"))
    return "\n".join(documents.table_names((ROOT / "docs/table.md").read_text(encoding="utf-8"), tables, sources))


def cited_documents() -> str:
    """A document that a comment cites is in the tree."""
    return "\n".join(documents.cited_but_missing(CPP + PYTHON, FILES))


def one_definition() -> str:
    """No two types of C++ bear the same name where a linker would take one for the other."""
    return "\n".join(definitions.twice(CPP))


CHECKS: tuple[Callable[[], str], ...] = (
    clang_format, clang_tidy, shellcheck, pycodestyle, mypy, ansible_checkers, runs_on_old_nodes,
    no_machine_paths, one_list_of_packages, plain_english, generated_documents, table_names_documented,
    cited_documents, one_definition, *rooms.CHECKS)


def main() -> int:
    found = results.Results()
    passed = []
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        details = check()
        if details:
            found.failures.append((name, details))
        else:
            passed.append(name)
    results.write(Path(sys.argv[1]), "lint", found, passed)
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
