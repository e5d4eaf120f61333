"""The typed face: mypy is content with the package, and the stubs say what the extension has."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import knockwork
from conftest import PACKAGE
from knockwork import _core

ROOT = Path(__file__).resolve().parents[2]
STUBS = (ROOT / "python/knockwork/_core.pyi").read_text()
USE = """\
import knockwork
from datetime import timedelta
spec = knockwork.load("knockwork: 1")
reveal_type(spec.sequences[0].from_)
reveal_type(spec.guards)
reveal_type(knockwork.apply(spec, check=True).changes[0].kind)
reveal_type(knockwork.status().grants[0].remaining)
knockwork.apply(spec, True)
"""


def mypy(*arguments: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Debian's mypy, strict."""
    argv = ["/usr/bin/python3", "-m", "mypy", "--strict", "--no-incremental", "--cache-dir", os.devnull]
    env = {**os.environ, "MYPYPATH": str(PACKAGE)}
    return subprocess.run([*argv, *arguments], cwd=cwd, env=env, text=True, capture_output=True, check=False)


def test_the_package_is_strictly_typed() -> None:
    done = mypy("python/knockwork")
    assert done.returncode == 0, done.stdout


def test_users_see_the_types(tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(USE)
    out = mypy("use.py", cwd=tmp_path).stdout
    for line, kind in ((4, "IPv4Network"), (5, "Literal['auto']"), (6, "Literal['add']"), (7, "timedelta")):
        assert re.search(rf"^use.py:{line}: note: .*{re.escape(kind)}", out, re.MULTILINE), out
    assert re.search(r"^use.py:8: error: Too many positional arguments", out, re.MULTILINE), out


def test_stubs_match_the_extension() -> None:
    """Every class, property and function, none missing and none invented."""
    classes = dict(re.findall(r"^class (\w+):\n((?:    .*\n)+)", STUBS, re.MULTILINE))
    found = {name for name in vars(_core) if isinstance(getattr(_core, name), type)}
    assert set(classes) == found
    for name, body in classes.items():
        has = {key for key, value in vars(getattr(_core, name)).items() if isinstance(value, property)}
        assert set(re.findall(r"def (\w+)", body)) == has, name
    functions = {name for name in vars(_core) if callable(getattr(_core, name))} - found
    assert set(re.findall(r"^def (\w+)", STUBS, re.MULTILINE)) == functions


def test_everything_public_is_exported_and_documented() -> None:
    assert set(classes_of_the_stubs()) <= set(knockwork.__all__)
    for name in knockwork.__all__:
        assert getattr(knockwork, name).__doc__, name


def classes_of_the_stubs() -> list[str]:
    """The value types."""
    return re.findall(r"^class (\w+)", STUBS, re.MULTILINE)


def test_one_version() -> None:
    """CMakeLists.txt names it; the module and the wheel take it from there."""
    listed = (ROOT / "CMakeLists.txt").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found = re.search(project["tool"]["scikit-build"]["metadata"]["version"]["regex"], listed)
    assert found is not None and found["value"] == knockwork.__version__
