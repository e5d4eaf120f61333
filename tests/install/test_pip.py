"""What pip installs: both faces from one environment, and on releases that did not build them."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from bed import Lab
from readme import ROOT, blocks
from systems import PLACE, System

DECLARATION = "knockwork: 1\nsequences: [{name: ssh, knock: [7000, 8000], opens: [22/tcp]}]\n"
MODULE = """
import knockwork
report = knockwork.apply(knockwork.load(open("/etc/knockwork/knockwork.yml").read()))
print(knockwork.__version__, report.changed)
"""


def test_readme_says_it() -> None:
    """What the environments were made by are README's lines."""
    said = [command for block in blocks("Install") for command in block.commands]
    assert "pip install ." in said
    assert "packaging/build-wheel" in said


@pytest.mark.parametrize("origin", ["source", "wheel"])
def test_both_faces(origin: str, request: pytest.FixtureRequest, lab: Lab) -> None:
    """The command gates and lets in; the module says that nothing is to be done."""
    venv: Path = request.getfixturevalue(f"venv_of_{origin}")
    lab.server.write("/etc/knockwork/knockwork.yml", DECLARATION, 0o600)
    command = str(venv / "bin/knockwork")
    version = lab.server.output([command, "--version"]).split()[-1]
    lab.server.run([command, "apply"], check=True)
    assert lab.client.tcp(22) != lab.client.tcp(80)
    lab.callers.run([command, "knock", "10.77.0.10", "7000", "8000"], check=True)
    lab.client.connect(22).close()
    assert lab.server.output([str(venv / "bin/python"), "-c", MODULE]) == f"{version} False\n"


def test_tag(wheel: Path) -> None:
    """For this machine's glibc and later ones, and for Python's minor version."""
    glibc = subprocess.run(["getconf", "GNU_LIBC_VERSION"], check=True, text=True, stdout=subprocess.PIPE).stdout
    found = re.search(r"-cp3\d+-cp3\d+-manylinux_2_(\d+)_\w+\.whl$", wheel.name)
    assert found and int(found[1]) <= int(glibc.split(".")[1])


def test_on_other_releases(wheel: Path, other: System) -> None:
    """The command as it is; the module in a Python of the version that built it, which is taken along."""
    other.host.run(["/usr/bin/python3", "-m", "zipfile", "-e", str(wheel), f"{PLACE}/opt"], check=True)
    command = "/opt/knockwork-*.data/scripts/knockwork"
    assert re.fullmatch(r"knockwork \d+\.\d+\.\d+\n", other.run(f"chmod +x {command}; {command} --version").stdout)
    other.write("/root/knockwork.yml", DECLARATION)
    assert other.run(f"chmod 600 /root/knockwork.yml; {command} validate /root/knockwork.yml").stdout.endswith(
        ": valid, 1 sequence\n")
    python = _python(other)
    loaded = other.run(f"PYTHONPATH=/opt {python} -c 'import knockwork; print(knockwork.load(open("
                       "\"/root/knockwork.yml\").read()).sequences[0].name)'")
    assert loaded.stdout == "ssh\n"


def _python(system: System) -> str:
    """Brings this machine's Python there; returns how it is called."""
    binary = os.path.realpath("/usr/bin/python3")
    linked = subprocess.run(["ldd", binary], check=True, text=True, stdout=subprocess.PIPE).stdout
    libraries = [path for path in re.findall(r"=> (/\S+)", linked) if not re.search(r"/lib[cm]\.so", path)]
    home = f"{PLACE}/python"
    system.host.run(["mkdir", "-p", f"{home}/bin", f"{home}/lib"], check=True)
    system.host.run(["cp", binary, f"{home}/bin/python3"], check=True)
    system.host.run(["cp", "-L", *libraries, f"{home}/lib"], check=True)
    system.host.run(["cp", "-r", f"/usr/lib/{Path(binary).name}", f"{home}/lib"], check=True)
    return "PYTHONHOME=/python LD_LIBRARY_PATH=/python/lib /python/bin/python3"


def test_source_distribution(source: Path) -> None:
    """All that it is built from, and nothing that is not: the environment above was made of it."""
    names = {str(path.relative_to(source)) for path in source.rglob("*")}
    assert {"CMakeLists.txt", "cpp/cli/main.cpp", "python/knockwork/__init__.py", "README.md", "LICENSE"} <= names
    assert not [name for name in names if name.startswith(("build/", "tests/"))]
