"""Debian's packages: README followed to the letter on systems with nothing, upgrade, removal, purge."""

import re
import subprocess
from pathlib import Path

import pytest

from bed import Lab
from bed.lab import SERVER
from conftest import Packages
from readme import ROOT, Block, blocks
from systems import PLACE, System

HOST = "server.example"


def install_commands() -> list[str]:
    """README's line for packages, as it is typed in the folder that has them."""
    lines = [command for block in blocks("Install") for command in block.commands
             if command.split()[:3] == ["sudo", "apt", "install"]]
    assert len(lines) == 1, lines
    return [as_root(lines[0].replace("./build/deb/", "./"))]


def as_root(command: str) -> str:
    return command.removeprefix("sudo ")


def _follow(system: System, lab: Lab) -> None:
    """README's first host, each block as its reader would: the one in YAML becomes knockwork.yml.

    What is typed on the machine that knocks is typed there; ssh stands for a connection to its port.
    """
    assert lab.client.tcp(22) == lab.client.tcp(80)  # both echo
    for block in blocks("The first host"):
        if block.language == "yaml":
            system.write("/root/knockwork.yml", block.text)
        elif any(HOST in command for command in block.commands):
            _knock(system, lab, block)
        else:
            for command in block.commands:
                # No systemd runs there that could start a unit: tests/boot does that.
                system.run(f"cd /root; {as_root(command).replace('enable --now', 'enable')}")
    assert lab.stranger.tcp(22) != lab.stranger.tcp(80)


def _knock(system: System, lab: Lab, block: Block) -> None:
    assert lab.client.tcp(22) != lab.client.tcp(80)
    caller = System(lab.callers, system.archive)
    caller.write("/etc/hosts", f"{SERVER[0]} {HOST}\n")
    for command in block.commands:
        if command == f"ssh {HOST}":
            lab.client.connect(22).close()
        else:
            caller.run(command)
    caller.close()


def test_readme(system: System, lab: Lab) -> None:
    """Installed, declared, gated, let in; the gate comes back at boot."""
    _follow(system, lab)
    assert system.run("readlink /etc/systemd/system/sysinit.target.wants/knockwork.service").stdout.endswith(
        "/systemd/system/knockwork.service\n")
    assert re.search(r"^\s*ssh\b", system.run("knockwork status").stdout, re.MULTILINE)


def test_what_is_there(system: System) -> None:
    """The command for everybody, its page, its completions, a place for drop-ins."""
    assert system.run("command -v knockwork").stdout == "/usr/bin/knockwork\n"
    files = system.run("dpkg -L knockwork").stdout.splitlines()
    for path in ("/etc/knockwork/conf.d", "/usr/share/man/man1/knockwork.1.gz", "/usr/share/fish/vendor_completions.d",
                 "/usr/share/bash-completion/completions/knockwork", "/usr/share/zsh/vendor-completions/_knockwork"):
        assert path in files
    assert system.run("bash -c 'source /usr/share/bash-completion/completions/knockwork; COMP_WORDS=(knockwork derive "
                      "tr); COMP_CWORD=2; _knockwork; echo $COMPREPLY'").stdout == "trust-clock\n"


def test_no_privileges(system: System) -> None:
    """No file of the package is setuid or setgid, has capabilities, or may be written by others."""
    files = [PLACE + path for path in system.run("dpkg -L knockwork").stdout.splitlines()]
    assert f"{PLACE}/usr/bin/knockwork" in files
    privileged = system.host.output(["/usr/bin/python3", "-c", _PRIVILEGED, *files])
    assert privileged.splitlines() == ["looked at a command"]


_PRIVILEGED = """
import os, stat, sys
for path in filter(os.path.isfile, sys.argv[1:]):
    if os.stat(path).st_mode & 0o7022 or "security.capability" in os.listxattr(path):
        print(path)
    if path.endswith("/usr/bin/knockwork"):
        print("looked at a command")
"""


def _older(packages: Path, folder: Path) -> Path:
    """The same package, of an earlier version."""
    newer = next(packages.glob("knockwork_*.deb"))
    subprocess.run(["dpkg-deb", "--raw-extract", newer, folder / "tree"], check=True)
    control = folder / "tree/DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*", "Version: 0.0.9", control.read_text(), flags=re.MULTILINE))
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", folder / "tree", folder / "older.deb"], check=True,
                   stdout=subprocess.DEVNULL)
    return folder / "older.deb"


def test_upgrade(system: System, lab: Lab, packages: Path, tmp_path: Path) -> None:
    """From an earlier package and from an install by hand: the gate stands all the while, and nothing is asked."""
    system.host.run(["cp", str(_older(packages, tmp_path)), f"{PLACE}/root/older.deb"], check=True)
    system.run("dpkg -i --force-downgrade /root/older.deb")
    _follow(system, lab)
    before = lab.generation()
    done = system.run("dpkg -i /root/packages/knockwork_*.deb")
    assert "another installation" not in done.stdout + done.stderr
    assert lab.generation() == before
    assert system.run("knockwork apply").stdout.startswith("Unchanged")
    system.write("/usr/local/sbin/knockwork", "an older one\n")
    done = system.run("dpkg -i /root/packages/knockwork_*.deb")
    assert "Delete: /usr/local/sbin/knockwork\n" in done.stdout + done.stderr


def test_removal(system: System, lab: Lab) -> None:
    """Opens nothing, and says when and how it opens; a purge leaves no file that outlives a reboot."""
    _follow(system, lab)
    shut = lab.stranger.tcp(22)
    done = system.run("dpkg --remove knockwork")
    said = done.stdout + done.stderr
    assert "until the next reboot" in said and "nft delete table inet knockwork" in said, said
    assert lab.stranger.tcp(22) == shut
    done = system.run("dpkg --purge knockwork")
    assert "reboot" not in done.stdout + done.stderr
    assert system.run("find / -xdev -name '*knockwork*' -not -path '/root/*' -not -path '/run/*'").stdout == ""
    assert system.run("dpkg --audit").stdout == ""


def test_removal_without_a_gate(system: System) -> None:
    """Has nothing to say."""
    done = system.run("dpkg --remove knockwork")
    assert "nft" not in done.stdout + done.stderr


def test_reproducible(built: Packages) -> None:
    """The same commit gives the same bytes, in whatever folder."""
    if not built.said:
        pytest.skip("the packages were there already")
    assert built.said.endswith("a second build is identical\n"), built.said


def test_lintian(packages: Path) -> None:
    """Debian's checker finds neither errors nor warnings."""
    done = subprocess.run(["lintian", "--allow-root", "--profile", "debian", "--fail-on", "error,warning",
                           *packages.glob("*.deb")], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
