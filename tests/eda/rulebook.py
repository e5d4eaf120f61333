"""ansible-rulebook, as pip has it, on a host with the collection from its tarball."""
from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

from bed.cli import binary
from bed.host import Host
from source import ROOT
from test_gate import BIN

VENV = ROOT / "build/ansible-rulebook"
WANTED = "ansible-rulebook>=1.2"
COLLECTIONS = "/run/collections"
TMP = "/run/tmp"  # goes with the host: what is killed leaves files
RULEBOOK = "knockwork.nft.wrong_knocks"


class Unavailable(Exception):
    """What is missing here, and why."""


def find() -> Path:
    """Its command, installed below build/ once. Raises Unavailable."""
    if shutil.which("java", path="/usr/bin") is None:
        raise Unavailable("ansible-rulebook needs Java: install default-jre-headless")
    VENV.mkdir(parents=True, exist_ok=True)
    command = VENV / "bin/ansible-rulebook"
    with open(VENV / ".lock", "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        pip = [str(VENV / "bin/pip"), "install", "--quiet", "--retries", "1", "--timeout", "15", WANTED]
        for argv in () if command.exists() else (["/usr/bin/python3", "-m", "venv", str(VENV)], pip):
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Unavailable(f"{WANTED} cannot be installed with pip: {done.stderr.strip()[-200:]}")
    return command


def build_collection(folder: Path) -> Path:
    """The tarball as users get it."""
    subprocess.run([ROOT / "packaging/build-collection", folder], check=True, capture_output=True)
    (tarball,) = folder.glob("*.tar.gz")
    return tarball


def prepare(host: Host, tarball: Path) -> None:
    """The collection and the command are installed; a `logger` notes what it is given."""
    install = ["/usr/bin/ansible-galaxy", "collection", "install", "--offline", "-p", COLLECTIONS, str(tarball)]
    host.run(install, check=True)
    host.run(["/usr/bin/install", "-D", str(binary()), f"{BIN}/knockwork"], check=True)
    host.write(f"{BIN}/logger", '#!/bin/sh\necho "$@" >>/run/logged\n', 0o755)
    host.write("/run/logged", "")
    host.write("/etc/sudoers", f"Defaults secure_path={BIN}:/usr/bin\nroot ALL=(ALL) ALL\n", 0o440)
    host.write("/run/hosts", "localhost ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n")


def start(host: Host, command: Path) -> "subprocess.Popen[str]":
    """Run the example; what it prints is in /run/rulebook.log."""
    path = f"{command.parent}:{BIN}:/usr/sbin:/usr/bin:/sbin:/bin"
    host.run(["/bin/mkdir", "-p", TMP], check=True)
    env = {"PATH": path, "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS, "HOME": "/root", "TMPDIR": TMP,
           "JAVA_TOOL_OPTIONS": f"-Djava.io.tmpdir={TMP} -XX:-UsePerfData"}
    argv = [str(command), "--rulebook", RULEBOOK, "--inventory", "/run/hosts", "--print-events"]
    script = 'exec "$@" >/run/rulebook.log 2>&1'
    return host.popen(["/bin/sh", "-c", script, "sh", *argv], env=env, cwd="/run")
