"""What the command prints for shells and for man: all of it from its own options."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bed.cli import binary

# (what is typed, what may come next)
TYPED = {
    "a command": ("val", ["validate"]),
    "a command of a command": ("derive trust", ["trust-clock"]),
    "an option": ("apply --confirm", ["--confirm-within"]),
    "an option of a command of a command": ("derive host-key --sec", ["--secret-file"]),
    "a file": ("validate /etc/host", []),  # the shell's own business
    "nothing that is not for people": ("cal", []),
}


def printed(*arguments: str) -> str:
    return subprocess.run([binary(), *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.mark.parametrize("case", TYPED)
def test_bash(case: str) -> None:
    typed, expected = TYPED[case]
    script = (f"{printed('completion', 'bash')}\nCOMP_WORDS=(knockwork {typed})\n"
              "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
              '_knockwork; for each in "${COMPREPLY[@]}"; do echo "$each"; done\n')
    done = subprocess.run(["bash", "--norc", "-euc", script], check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout.splitlines() == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_syntax(shell: str, tmp_path: Path) -> None:
    """The shell itself reads it."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_text(printed("completion", shell))
    done = subprocess.run([shell, "-n", script], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_shell() -> None:
    done = subprocess.run([binary(), "completion", "ksh"], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (
        1, "", "knockwork: error: SHELL: ksh is not bash, zsh or fish\nSee knockwork completion --help.\n")


def test_man(tmp_path: Path) -> None:
    """Every command and option of --help is in the page, and man has nothing to complain of."""
    page = printed("man")
    for option in ("confirm\\-within", "detailed\\-exitcode", "secret\\-file"):
        assert f"\\fB\\-\\-{option}\\fR" in page
    for command in ("apply [OPTIONS] [FILE]", "derive new\\-secret", "knock [OPTIONS] HOST [KNOCK ...]"):
        assert f".SS knockwork {command}" in page
    assert "knockwork call" not in page
    if not shutil.which("man"):
        return
    (tmp_path / "knockwork.1").write_text(page)
    done = subprocess.run(["man", "--warnings", "-l", tmp_path / "knockwork.1"], check=False, capture_output=True,
                          text=True, env={"MANWIDTH": "80", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
    assert done.stderr == ""
