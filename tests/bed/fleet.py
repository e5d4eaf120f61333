"""N hosts with a real sshd each, and a controller that may log in to all of them.

The controller's /root/.ssh knows key, hosts and options, so `ssh host1` and Ansible work there with nothing
to set. Everything secret lives in the hosts' private layers and goes with them.
"""

import ipaddress
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bed.host import SYSTEM_PATH, CommandFailed, Host, finish_ip
from bed import packets
from bed.waiting import wait_for

_V4 = ipaddress.IPv4Address("10.77.0.0")
_V6 = ipaddress.IPv6Address("fd77::")
_CONTROLLER = 1
_FIRST_HOST = 11
_NEIGHBOURS_FROM = 200  # hosts; the kernel's neighbour table is one for all namespaces and overflows near 500

_SSH_FILES = ("/etc/ssh/bed_host_key", "/etc/ssh/bed_authorized_keys", "/etc/ssh/bed_sshd_config")
_SSHD = """\
Port 22
AddressFamily any
HostKey /etc/ssh/bed_host_key
AuthorizedKeysFile /etc/ssh/bed_authorized_keys
AuthenticationMethods publickey
KexAlgorithms curve25519-sha256
UsePAM no
StrictModes no
UseDNS no
PermitRootLogin prohibit-password
PermitUserEnvironment no
MaxStartups 200
PidFile /run/sshd.pid
Subsystem sftp internal-sftp
SetEnv {environment}
"""

_SSH = """\
Host *
  User root
  IdentityFile /root/.ssh/id_ed25519
  KexAlgorithms curve25519-sha256
  BatchMode yes
  StrictHostKeyChecking yes
  UserKnownHostsFile /root/.ssh/known_hosts
  GlobalKnownHostsFile /dev/null
  ConnectTimeout 10
"""


class Bed:
    """A context: `hosts` by name, `controller`, and a bridge between them, all in namespaces of their own."""

    def __init__(self, hosts: int | Sequence[str] = 3, environment: Mapping[str, str] | None = None,
                 interpreter: str = "/usr/bin/python3", sshd: str = "") -> None:
        """`sshd` is what the hosts' sshd_config has besides, in whole lines."""
        names = [f"host{number}" for number in range(1, hosts + 1)] if isinstance(hosts, int) else list(hosts)
        self._interpreter = interpreter
        self._sshd = sshd
        self._bridge = Host("bridge")
        self._boots = 0
        self.controller = Host("controller", environment)
        self.hosts = {name: Host(name, environment) for name in names}
        self._numbers = {self.controller.name: _CONTROLLER,
                         **{name: _FIRST_HOST + number for number, name in enumerate(names)}}
        try:
            with ThreadPoolExecutor(1) as aside:
                keys = aside.submit(_make_keys)
                self._wire()
                self._start_sshds(*keys.result())
        except BaseException:
            self.close()
            raise

    def address(self, name: str) -> str:
        """The IPv4 address of a host or of the controller."""
        return str(_V4 + self._numbers[name])

    def address6(self, name: str) -> str:
        """The IPv6 address of a host or of the controller."""
        return str(_V6 + self._numbers[name])

    def inventory(self, variables: Mapping[str, str] | None = None) -> str:
        """An Ansible inventory (INI) of all hosts with their IPv4 addresses, for use on the controller."""
        common = {"ansible_python_interpreter": self._interpreter, "ansible_pipelining": "true",
                  **(variables or {})}
        lines = [f"{name} ansible_host={self.address(name)}" for name in self.hosts]
        return "\n".join([*lines, "", "[all:vars]", *(f"{key}={value}" for key, value in common.items()), ""])

    def reboot(self, name: str, kept: Sequence[str]) -> None:
        """End a host and make it anew with the folders named, and nothing else of what it had. Its handle changes."""
        old = self.hosts[name]
        disk = [*kept, "/etc/hosts", "/etc/hostname", *_SSH_FILES]
        old.run(["/bin/tar", "-C", "/", "-cf", "/run/disk", *(path.lstrip("/") for path in disk)], check=True)
        content: bytes = old.call("read", "/run/disk")
        old.close()
        host = self.hosts[name] = Host(name, old.environment)
        host.wait_until_up()
        self._boots += 1  # the old link goes when the kernel gets to it
        self._bridge.ip(
            f"link add b{self._boots} type veth peer name eth0 address {self._mac(name)} netns {host.pid}",
            f"link set b{self._boots} master br0 up")
        host.ip(*self._links(host))
        host.wait_for_link()
        host.call("write", "/run/disk", content, 0o600)
        host.run(["/bin/tar", "-C", "/", "-xpf", "/run/disk"], check=True)
        self._start_sshd(host)
        self._await_sshd(host)

    def close(self) -> None:
        """End every host. Idempotent."""
        for host in (*self.hosts.values(), self.controller, self._bridge):
            host.close()

    def __enter__(self) -> "Bed":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wire(self) -> None:
        members = [self.controller, *self.hosts.values()]
        for host in members:
            host.wait_until_up()
        bridge = ["link add br0 type bridge forward_delay 0 mcast_snooping 0", "link set br0 up"]
        for number, host in enumerate(members):
            peer = f"peer name eth0 address {self._mac(host.name)} netns {host.pid}"
            bridge += [f"link add v{number} type veth {peer}",
                       f"link set v{number} master br0 up"]
        self._bridge.ip(*bridge)
        started = [(host, host.begin_ip(self._links(host))) for host in members]
        for host, process in started:
            finish_ip(host, process)
        for host in members:
            host.wait_for_link()

    def _links(self, host: Host) -> list[str]:
        lines = [f"addr add {self.address(host.name)}/16 broadcast + dev eth0",
                 f"addr add {self.address6(host.name)}/64 dev eth0 nodad", "link set eth0 up"]
        if len(self.hosts) >= _NEIGHBOURS_FROM:
            others = self.hosts if host is self.controller else [self.controller.name]
            for other in others:
                for address in (self.address(other), self.address6(other)):
                    lines.append(f"neigh add {address} lladdr {self._mac(other)} dev eth0 nud permanent")
        return lines

    def _mac(self, name: str) -> str:
        number = self._numbers[name]
        return f"02:77:00:00:{number >> 8:02x}:{number & 255:02x}"

    def _start_sshds(self, host_key: "_Key", client_key: "_Key") -> None:
        places = {name: (self.address(name), self.address6(name)) for name in self._numbers}
        names = "".join(f"{v4} {name}\n{v6} {name}\n" for name, (v4, v6) in places.items())
        known = "".join(f"{name},{','.join(places[name])} {host_key.public}" for name in self.hosts)
        self.controller.write("/root/.ssh/id_ed25519", client_key.private, 0o600)
        self.controller.write("/root/.ssh/known_hosts", known)
        self.controller.write("/root/.ssh/config", _SSH, 0o600)
        self.controller.write("/etc/ansible/hosts", self.inventory())
        for host in (self.controller, *self.hosts.values()):
            host.write("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n" + names)
            host.write("/etc/hostname", host.name + "\n")
        for host in self.hosts.values():
            wanted = {"SHLVL": "1", "PATH": SYSTEM_PATH,
                      **{key: value for key, value in host.environment.items()
                         if key not in ("HOME", "USER", "LANG")}}
            for path, text in zip(_SSH_FILES, (host_key.private, client_key.public, _SSHD.format(
                    environment=" ".join(f'"{key}={value}"' for key, value in wanted.items())) + self._sshd)):
                host.write(path, text, 0o600)
            self._start_sshd(host)
        for host in self.hosts.values():
            self._await_sshd(host)

    def _start_sshd(self, host: Host) -> None:
        host.spawn(["/usr/sbin/sshd", "-D", "-e", "-f", _SSH_FILES[-1]], "/run/sshd.log")

    def _await_sshd(self, host: Host) -> None:
        try:
            wait_for(lambda: host.call(packets.probe_tcp, "127.0.0.1", 22) == packets.Answer.OPEN,
                     "sshd listens")
        except TimeoutError as failure:
            raise CommandFailed(f"{host.name}: sshd: {host.read('/run/sshd.log')}") from failure


class _Key:
    """An ed25519 key pair in OpenSSH's formats."""

    def __init__(self, private: str, public: str) -> None:
        self.private = private
        self.public = public


def _make_keys() -> tuple[_Key, _Key]:
    """The hosts' key and the controller's, made by ssh-keygen in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bed-keys-") as folder:
        return _make_key(folder, "host"), _make_key(folder, "client")


def _make_key(folder: str, name: str) -> _Key:
    path = Path(folder, name)
    subprocess.run(["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bed", "-f", str(path)],
                   check=True)
    return _Key(path.read_text(encoding="ascii"), path.with_suffix(".pub").read_text(encoding="ascii"))
