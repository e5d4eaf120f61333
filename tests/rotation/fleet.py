"""Hosts whose sshd opens to derived sequences alone, and a controller that rotates them.

There is a caller too, with as many addresses as it takes to be somebody new every time.
"""

import itertools
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bed import Bed, Host
from bed.cli import Knockwork
from bed.lab import Connection
from bed.packets import Answer
from controller import COLLECTIONS, ROOT, Ansible, provide_collection
from rotation import caller

CALLER = "caller"
MASTER = "/root/fleet/secret"
PROFILE = "/root/.config/knockwork/hosts.yml"
HEADER = "# Written by knockwork.nft.profile: comments are lost with its next run.\n"
LENGTH = 3
ECHO = 7  # RFC 862; the hosts' agents serve it
DECLARATION = """\
knockwork: 1
sequences:
  - name: ssh
    derive: {{secret_file: /etc/knockwork/secret, host: {host}, length: {length}, protocols: [tcp, udp]}}
    opens: [22/tcp, 7/tcp]
    step_timeout: 2s
    open_for: 5s
"""


@dataclass(frozen=True)
class Run:
    """What a run of the playbook came to, by host."""

    status: int
    output: str
    changed: dict[str, int]
    failed: dict[str, int]
    unreachable: dict[str, int]

    @property
    def fine(self) -> bool:
        """Every host went through."""
        return self.status == 0 and not any(self.failed.values()) and not any(self.unreachable.values())


class Fleet:
    """A context: epoch 0 is accepted everywhere, and the controller knocks with it."""

    def __init__(self, ansible: Ansible, environment: dict[str, str], hosts: Sequence[str]) -> None:
        self.ansible = ansible
        self.bed = Bed([*hosts, CALLER], environment)
        self.hosts: dict[str, Host] = {name: self.bed.hosts[name] for name in hosts}
        self.caller = self.bed.hosts[CALLER]
        self.controller = self.bed.controller
        self._sources = (f"10.77.{high}.{low}" for high, low in itertools.product(range(100, 120), range(1, 251)))
        self._ports: dict[tuple[str, int], list[tuple[int, str]]] = {}
        self.caller.ip(*(f"addr add 10.77.{high}.{low}/16 dev eth0" for high in range(100, 120)
                         for low in range(1, 251)))
        provide_collection(ROOT / "ansible_collection", COLLECTIONS)
        self._found()

    def _found(self) -> None:
        """One secret for all; on each host its own keys."""
        self.controller.run(["mkdir", "-p", "-m", "700", "/root/fleet"], check=True)
        self.controller.run(["knockwork", "derive", "new-secret", MASTER], check=True)
        for name, host in self.hosts.items():
            keys = self.controller.output(["knockwork", "derive", "host-key", name, "--secret-file", MASTER])
            host.write("/etc/knockwork/secret", keys, 0o600)
            host.call("listen_tcp", ECHO)
            Knockwork(host).apply(DECLARATION.format(host=name, length=LENGTH))
        self.write_profile(0)

    def write_profile(self, epoch: int, path: str = PROFILE, period: str = "") -> None:
        """As the module profile writes it; with a period the clock says the epoch."""
        turn: dict[str, str | int] = {"period": period, "overlap": "2s"} if period else {"epoch": epoch}
        entries = [{"host": [name, self.bed.address(name)], "address": self.bed.address(name), "lockout": "2s",
                    "sequences": [{"name": "ssh", "opens": ["22/tcp"], "step_timeout": "2s", "derive": {
                        **turn, "secret_file": MASTER, "host": name, "length": LENGTH,
                        "protocols": ["tcp", "udp"]}}]} for name in self.hosts]
        self.controller.write(path, HEADER + json.dumps({"knockwork": 1, "hosts": entries}), 0o600)

    def rotate(self, epoch: int, expected: int | None = None, *options: str, serial: str = "100%",
               profile: str = PROFILE, env: dict[str, str] | None = None) -> Run:
        """The playbook, to its end or to its death."""
        argv, environment = self._command(epoch, expected, options, serial, profile)
        done = self.controller.run(argv, env={**environment, **(env or {})}, cwd="/root", timeout=240)
        return read_run(done.returncode, done.stdout + done.stderr)

    def start(self, epoch: int, expected: int | None = None, *, profile: str = PROFILE,
              env: dict[str, str] | None = None) -> "subprocess.Popen[str]":
        """The same beside others."""
        argv, environment = self._command(epoch, expected, (), "100%", profile)
        return self.controller.popen(argv, env={**environment, **(env or {})}, cwd="/root",
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def _command(self, epoch: int, expected: int | None, options: tuple[str, ...], serial: str,
                 profile: str) -> tuple[list[str], dict[str, str]]:
        variables: dict[str, Any] = {"ansible_connection": "knockwork.nft.ssh", "ansible_knockwork_profile": profile,
                                     "knockwork_rotate_epoch": epoch, "knockwork_rotate_serial": serial}
        if expected is not None:
            variables["knockwork_rotate_expected_epoch"] = expected
        self.controller.write("/etc/ansible/rotation", self.bed.inventory(
            {"ansible_timeout": "5", "ansible_pipelining": self.ansible.pipelining}))
        env = {"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_NOCOLOR": "1",
               "ANSIBLE_FORKS": str(min(len(self.hosts), 20)), "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{profile}.cp"}
        if self.ansible.packages:
            env["PYTHONPATH"] = f"{self.ansible.packages}:{self.controller.environment['PYTHONPATH']}"
        return [*self._ansible(), "knockwork.nft.rotate", "-e", json.dumps(variables), *options], env

    def _ansible(self) -> list[str]:
        return [self.ansible.playbook, "-i", "/etc/ansible/rotation", "--limit", ",".join(self.hosts)]

    def run(self, arguments: list[str]) -> Run:
        """A playbook of the collection with arguments of one's own."""
        _, environment = self._command(0, None, (), "100%", PROFILE)
        done = self.controller.run([*self._ansible(), *arguments], env=environment, cwd="/root", timeout=120)
        return read_run(done.returncode, done.stdout + done.stderr)

    def accepted(self, name: str) -> set[int]:
        """The epochs in the host's live table."""
        status = json.loads(self.hosts[name].output(["knockwork", "status", "--json"]))
        return {int(each["name"].partition("#")[2]) for each in status["sequences"]}

    def attempt(self, name: str, epoch: int) -> Answer:
        """What a caller meets who knocks by that epoch and never came before."""
        return self.caller.call(caller.attempt, self.bed.address(name), self.ports(name, epoch),
                                next(self._sources))

    def enter(self, name: str, epoch: int) -> Connection:
        """Knock by that epoch from a new address and stay connected."""
        source = next(self._sources)
        assert self.caller.call(caller.attempt, self.bed.address(name), self.ports(name, epoch),
                                source) == Answer.OPEN
        number: int = self.caller.call("open_connection", source, self.bed.address(name), ECHO, 5)
        return Connection(self.caller, number)

    def ports(self, name: str, epoch: int) -> list[tuple[int, str]]:
        """Of one epoch of one host."""
        if (name, epoch) not in self._ports:
            shown = json.loads(self.hosts[name].output(
                ["knockwork", "derive", "show", "--epoch", str(epoch), "--reveal", "--json"]))
            self._ports[name, epoch] = [(int(port), protocol) for knock in shown["drawn"][0]["shown"].split()
                                        for port, _, protocol in [knock.partition("/")]]
        return self._ports[name, epoch]

    def reachable(self, name: str) -> bool:
        """Whether the controller comes in by what it knows, over a connection of its own."""
        done = self.controller.run(
            ["ssh", "-o", "ControlPath=none", "-o", "ProxyUseFdpass=yes",
             "-o", f"ProxyCommand=knockwork connect --profile {PROFILE} %h %p", name, "true"], timeout=60)
        return done.returncode == 0

    def play(self, task: str, **variables: str) -> str:
        """What one task of a playbook prints."""
        _, environment = self._command(0, None, (), "100%", PROFILE)
        book = f"- hosts: all\n  gather_facts: false\n  tasks:\n    - {task}\n"
        self.controller.write("/root/book.yml", book)
        done = self.controller.run(
            [*self._ansible(), "book.yml", "-e", json.dumps({"ansible_connection": "knockwork.nft.ssh", **variables})],
            env=environment, cwd="/root", timeout=120)
        return done.stdout + done.stderr

    def ping(self) -> float:
        """Seconds that `ansible -m ping` takes for all hosts, each over a connection of its own."""
        end = f"for each in {PROFILE}.cp/*; do ssh -o ControlPath=$each -O exit x; done"
        self.controller.run(["/bin/sh", "-c", end])
        _, environment = self._command(0, None, (), "100%", PROFILE)
        began = time.monotonic()
        self.controller.run(
            ["/usr/bin/ansible", "-i", "/etc/ansible/rotation", ",".join(self.hosts), "-m", "ping", "-e",
             "ansible_connection=knockwork.nft.ssh"], env=environment, cwd="/root", timeout=240, check=True)
        return time.monotonic() - began

    def reboot(self, name: str) -> None:
        """The host anew: what lies on its disk, and nothing else. As knockwork.service does at boot it applies."""
        self.bed.reboot(name, ("/etc/knockwork", "/var/lib/knockwork"))
        self.hosts[name] = self.bed.hosts[name]
        self.hosts[name].run(["knockwork", "apply", "--unattended"], check=True)

    def close(self) -> None:
        """End every host. Idempotent."""
        self.bed.close()

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_run(status: int, output: str) -> Run:
    """From what the playbook printed."""
    recap = {line.split()[0]: dict(pair.split("=") for pair in line.split()[2:]) for line in output.splitlines()
             if " : ok=" in " ".join(line.split())}
    return Run(status, output, *({name: int(each[what]) for name, each in recap.items()}
                                 for what in ("changed", "failed", "unreachable")))
