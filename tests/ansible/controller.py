"""Playbooks on the bed's controller, and what came of them."""

import contextlib
import fcntl
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bed import Bed, Host

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / "build/ansible-collections"
CURRENT = ROOT / "build/ansible-current"
CURRENT_WANTED = "ansible-core>=2.19"
ANSIBLES = ("debian", "current")
TREE = "/run/results"
RECAP = re.compile(r"^(\S+) +: ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE)
JOURNAL = "/run/journal"
# Binds the socket that syslog(3) writes to, on a /dev of the host's own.
_SYSLOG = f"""
import socket
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard, open("{JOURNAL}", "ab", 0) as journal:
    heard.bind("/dev/log")
    while True:
        journal.write(heard.recv(65536) + b"\\n")
"""
PLACES = "/etc/knockwork /var/lib/knockwork /run/knockwork /usr/local/lib/knockwork"
AS_NEW = ("nft delete table inet knockwork 2>/dev/null; nft delete table inet bystander 2>/dev/null; "
          f"rm -rf {PLACES} /root/.ansible/tmp/*")


class Unavailable(Exception):
    """An ansible-core that cannot be had here, and why."""


@dataclass(frozen=True)
class Ansible:
    name: str
    playbook: str  # the command
    python: str  # its interpreter
    pipelining: str  # "true" or "false", which is Ansible's default
    packages: str = ""  # a folder of Python packages that come before the installed ones


def find(name: str) -> Ansible:
    """Raises Unavailable. The current one is installed below build/ once, with pip.

    Debian's pipelines and the current one does not, so that a suite goes both ways; $KNOCKWORK_PIPELINING says it
    for both.
    """
    pipelining = os.environ.get("KNOCKWORK_PIPELINING", "") or ("true" if name == "debian" else "false")
    if name == "debian":
        if not Path("/usr/bin/ansible-playbook").exists():
            raise Unavailable("Debian's ansible-core is not installed")
        return Ansible(name, "/usr/bin/ansible-playbook", "/usr/bin/python3", pipelining)
    command = CURRENT / "bin/ansible-playbook"
    with _alone():
        if not command.exists():
            _install()
    return Ansible(name, str(command), str(CURRENT / "bin/python"), pipelining)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Below build/ one worker at a time makes what all of them use."""
    COLLECTIONS.mkdir(parents=True, exist_ok=True)
    with open(COLLECTIONS / ".lock", "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _install() -> None:
    pip = [str(CURRENT / "bin/pip"), "install", "--quiet", "--retries", "1", "--timeout", "15"]
    for argv in (["/usr/bin/python3", "-m", "venv", str(CURRENT)], [*pip, CURRENT_WANTED]):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"{CURRENT_WANTED} cannot be installed with pip: {done.stderr.strip()[-200:]}")


@dataclass(frozen=True)
class Outcome:
    output: str
    changed: dict[str, int]  # tasks by host
    unreachable: dict[str, int]
    failed: dict[str, int]
    results: dict[str, dict[str, Any]] = field(repr=False)  # of the last task, by host

    def result(self, host: str = "host1") -> dict[str, Any]:
        """The last task's result on a host."""
        return self.results[host]

    @property
    def diff(self) -> list[str]:
        """The lines that --diff printed, of all hosts."""
        return sorted(line for line in self.output.splitlines() if re.match(r"[+-](?![+-])", line))


class Controller:
    """The bed with one ansible-core. Making one takes every trace of knockwork from the hosts."""

    def __init__(self, bed: Bed, ansible: Ansible, hosts: int | None = None) -> None:
        """With the first of its hosts, or all."""
        self.bed = bed
        self.ansible = ansible
        self.hosts = dict(list(bed.hosts.items())[:hosts])
        self.way_back_in = json.dumps([bed.address("controller"), bed.address6("controller")])
        provide_collection(ROOT / "ansible_collection", COLLECTIONS)
        for host in self.hosts.values():
            host.run(["/bin/sh", "-c", AS_NEW])

    @property
    def host(self) -> Host:
        """One host of the three."""
        return self.hosts["host1"]

    def play(self, tasks: str, *options: str, **more: Any) -> Outcome:
        """Run tasks (YAML, a list) on the hosts, which are all reached. Failed tasks are part of the outcome."""
        outcome = self.try_play(tasks, *options, **more)
        assert not any(outcome.unreachable.values()), outcome.output
        return outcome

    def try_play(self, tasks: str, *options: str, collections: Path = COLLECTIONS, limit: str = "",
                 hosts: str = "", variables: Mapping[str, str] | None = None) -> Outcome:
        """The same where hosts may not be reached. A play of some `hosts` is one of all within a limit else."""
        lines = [f"    {line}" for line in tasks.strip("\n").splitlines()]
        book = "\n".join([f"- hosts: {hosts or 'all'}", "  gather_facts: false", "  tasks:", *lines, ""])
        self.bed.controller.write("/run/play/book.yml", book)
        self.bed.controller.write("/run/play/hosts", self.bed.inventory(
            {"ansible_pipelining": self.ansible.pipelining, **(variables or {})}))
        self.bed.controller.run(["rm", "-rf", TREE], check=True)
        env = {"ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_NOCOLOR": "1",
               "ANSIBLE_FORKS": str(len(self.hosts)),
               "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.tree", "ANSIBLE_CALLBACK_TREE_DIR": TREE}
        if self.ansible.packages:
            env["PYTHONPATH"] = f"{self.ansible.packages}:{self.bed.controller.environment['PYTHONPATH']}"
        limited = [] if hosts else ["--limit", limit or ",".join(self.hosts)]
        done = self.bed.controller.run([self.ansible.playbook, "-i", "hosts", *limited, "book.yml", *options],
                                       env=env, cwd="/run/play", timeout=180)
        output = done.stdout + done.stderr
        recap = RECAP.findall(output)
        assert recap, output
        return Outcome(output,
                       changed={each[0]: int(each[2]) for each in recap},
                       unreachable={each[0]: int(each[3]) for each in recap},
                       failed={each[0]: int(each[4]) for each in recap},
                       results={each[0]: self._result(each[0]) for each in recap})

    def _result(self, host: str) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self.bed.controller.read(f"{TREE}/{host}"))
        return result

    def changes(self, tasks: str, *options: str, **more: Any) -> Outcome:
        """A play in which every host must report one changed task and no failure."""
        return self._expect(1, tasks, *options, **more)

    def unchanged(self, tasks: str, *options: str, **more: Any) -> Outcome:
        """A play in which no host may report a change or a failure."""
        return self._expect(0, tasks, *options, **more)

    def fails(self, tasks: str, *options: str, **more: Any) -> str:
        """A play whose last task must fail on every host without a change; its message on one of them."""
        outcome = self.play(tasks, *options, **more)
        assert set(outcome.failed.values()) == {1} and set(outcome.changed.values()) == {0}, outcome.output
        message: str = next(iter(outcome.results.values()))["msg"]
        return message

    def _expect(self, number: int, tasks: str, *options: str, **more: Any) -> Outcome:
        outcome = self.play(tasks, *options, **more)
        assert set(outcome.failed.values()) == {0}, outcome.output
        assert set(outcome.changed.values()) == {number}, outcome.output
        return outcome


def table(host: Host) -> str:
    """The live table, empty where there is none."""
    return host.run(["nft", "list", "table", "inet", "knockwork"]).stdout


def traces(host: Host) -> str:
    """Whatever knockwork leaves on a host: files with modes, and the table."""
    listing = f"find {PLACES} -printf '%M %p\\n' 2>/dev/null | sort"
    return host.run(["/bin/sh", "-c", listing]).stdout + table(host)


def begin_journal(host: Host) -> None:
    """From now on JOURNAL of a host has what is written to its syslog."""
    if host.run(["test", "-S", "/dev/log"]).returncode:
        layers = "lowerdir=/dev,upperdir=/run/dev/upper,workdir=/run/dev/work"
        host.run(["mkdir", "-p", "/run/dev/upper", "/run/dev/work"], check=True)
        host.run(["mkdir", "-p", "/run/dev/pts"], check=True)
        host.run(["mount", "--bind", "/dev/pts", "/run/dev/pts"], check=True)
        host.run(["mount", "-t", "overlay", "dev", "/dev", "-o", layers], check=True)
        # Without it sshd has no terminals to give, and what runs on one loses its output.
        host.run(["mount", "--bind", "/run/dev/pts", "/dev/pts"], check=True)
        host.run(["rm", "-f", "/dev/log"], check=True)  # systemd's leads to its journal, which is not here
        host.spawn(["/usr/bin/python3", "-c", _SYSLOG])
        host.run(["/bin/sh", "-c", "while ! test -S /dev/log; do sleep 0.1; done"], check=True, timeout=10)
    host.write(JOURNAL, "")


def provide_collection(source: Path, collections: Path) -> None:
    link = collections / "ansible_collections/knockwork/nft"
    with _alone():
        _lead(link, source)


def _lead(link: Path, source: Path) -> None:
    if not link.exists() or not link.samefile(source):
        link.unlink(missing_ok=True)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source)
