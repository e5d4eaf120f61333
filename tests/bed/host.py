"""One host: network, mount, UTS, IPC and pid namespaces held by one agent process.

/run is empty and its own; /etc, /var/lib, /usr/local and /root are the machine's with a private layer on top; /proc and
/sys are the host's. Everything that runs on the host dies with its agent, and the agent with its maker.
"""

import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from bed import linux
from bed.agent import Agent, receive_message, send_message
from bed.waiting import wait_for

Result = TypeVar("Result")

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PASSED_ON = ("KNOCKWORK_", "ASAN_", "UBSAN_", "LSAN_", "LLVM_PROFILE_", "GCOV_")
_LAYERED = ("/etc", "/var/lib", "/usr/local", "/root")
# A machine that runs the tests may have a gate itself.
_OF_A_GATE = ("/etc/knockwork", "/var/lib/knockwork", "/usr/local/lib/knockwork")


class CommandFailed(Exception):
    """A command that had to succeed did not; says which, where, and what it printed."""


class Host:
    """A host that starts at once in the background; every method waits until it is up."""

    def __init__(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.environment = {
            **{key: value for key, value in os.environ.items() if key.startswith(_PASSED_ON)},
            "PATH": SYSTEM_PATH, "HOME": "/root", "USER": "root", "LANG": "C.UTF-8", "SHLVL": "1",
            **(environment or {}),
        }
        self._asking = threading.Lock()  # an answer is for whichever thread asked
        self._channel, theirs = socket.socketpair()
        pid_in, pid_out = os.pipe()
        maker = os.getpid()
        self._keeper = os.fork()
        if self._keeper == 0:
            _become_keeper(name, maker, theirs, pid_out)
        theirs.close()
        os.close(pid_out)
        with os.fdopen(pid_in, "rb") as pipe:
            answer = pipe.read(4)
        if len(answer) != 4:
            self._channel.close()
            os.waitpid(self._keeper, 0)
            raise RuntimeError(f"host {name}: no namespaces; the bed needs root")
        self.pid: int = struct.unpack("i", answer)[0]  # of its init, as the maker sees it
        self._up = False
        self._finalizer = weakref.finalize(self, _end, self._keeper, self.pid, maker)

    def close(self) -> None:
        """End every process of the host, and with them its namespaces. Idempotent."""
        self._finalizer()
        self._channel.close()

    def call(self, function: Callable[..., Result] | str, *arguments: Any) -> Result:
        """Run a module-level function, or a method of Agent by its name, inside the host.

        Returns its result; raises its exception.
        """
        self.wait_until_up()
        with self._asking:
            send_message(self._channel, (function, arguments))
            return self._receive()  # type: ignore[no-any-return]

    def wait_until_up(self) -> None:
        """Return when the host's mounts and loopback are there. Raises what went wrong with them."""
        if not self._up:
            self._receive()
            self._up = True

    def _receive(self) -> Any:
        failure, result = receive_message(self._channel)
        if failure is not None:
            raise failure
        return result

    def _command(self, argv: Sequence[str], cwd: str, namespaces: Sequence[str]) -> list[str]:
        self.wait_until_up()
        return ["/usr/bin/nsenter", "--target", str(self.pid), *namespaces, f"--wdns={cwd}",
                "/usr/bin/setpriv", "--pdeathsig", "KILL", "--", *argv]

    def popen(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str = "/",
              **options: Any) -> "subprocess.Popen[str]":
        """Start a command that runs beside others; text streams; killing what is returned kills it."""
        options.setdefault("stdin", subprocess.DEVNULL)
        everything = ("--net", "--mount", "--uts", "--ipc", "--pid")
        return subprocess.Popen(self._command(argv, cwd, everything), text=True,
                                env={**self.environment, **(env or {})}, **options)

    def run(self, argv: Sequence[str], *, input: str | None = None,
            env: Mapping[str, str] | None = None, cwd: str = "/", timeout: float = 60,
            check: bool = False) -> "subprocess.CompletedProcess[str]":
        """Run a command on the host to its end, output captured as text.

        Raises CommandFailed where `check` asks for success, TimeoutExpired after `timeout` seconds.
        """
        environment = {**self.environment, **(env or {})}
        data = (input or "").encode()
        ended: Any = self.call("run_command", list(argv), environment, cwd, data, timeout)
        status, out, err = ended
        if status is None:
            raise subprocess.TimeoutExpired(list(argv), timeout, out, err)
        done: "subprocess.CompletedProcess[str]"
        done = subprocess.CompletedProcess(list(argv), status, out.decode(), err.decode())
        if check and status != 0:
            raise CommandFailed(f"{self.name}: {' '.join(argv)}: exit {status}\n{done.stdout}{done.stderr}")
        return done

    def output(self, argv: Sequence[str], **options: Any) -> str:
        """What a command that must succeed prints."""
        return self.run(argv, check=True, **options).stdout

    def nft(self, text: str) -> None:
        """Load nftables text by hand. Raises CommandFailed where it is refused."""
        self.run(["/usr/sbin/nft", "-f", "-"], input=text, check=True)

    def spawn(self, argv: Sequence[str], log: str = "/run/spawned.log") -> int:
        """Start a daemon that ends with the host; its pid as the host sees it."""
        pid: int = self.call("spawn", list(argv), self.environment, log)
        return pid

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Create or replace a file on the host, with its directories."""
        self.call("write", path, text.encode(), mode)

    def sysctl(self, key: str, value: str | int) -> None:
        """Set "net.ipv6.conf.eth0.accept_dad" and the like in the host's network namespace."""
        self.call("sysctl", key, str(value))

    def read(self, path: str) -> str:
        """A file of the host."""
        data: bytes = self.call("read", path)
        return data.decode()

    def wait_for_link(self) -> None:
        """Return when eth0 may use its link-local address: neighbour discovery can fail before."""
        def ready() -> bool:
            addresses = (line.split() for line in self.read("/proc/net/if_inet6").splitlines())
            return any(scope == "20" and name == "eth0" and not int(flags, 16) & 0x40  # IFA_F_TENTATIVE
                       for _, _, _, scope, flags, name in addresses)

        wait_for(ready, f"{self.name}: eth0 has a link-local address")

    def begin_ip(self, lines: Sequence[str]) -> "subprocess.Popen[str]":
        """Start `ip -batch` in the host's network namespace; finish_ip() ends it."""
        self.wait_until_up()
        process = subprocess.Popen(["/usr/bin/nsenter", "--target", str(self.pid), "--net", "/usr/sbin/ip",
                                    "-batch", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdin is not None
        process.stdin.write("\n".join(lines) + "\n")
        process.stdin.close()
        return process

    def ip(self, *lines: str) -> None:
        """`ip -batch` in the host's network namespace; pids in it are the maker's."""
        finish_ip(self, self.begin_ip(lines))


def finish_ip(host: Host, process: "subprocess.Popen[str]") -> None:
    """Wait for begin_ip(). Raises CommandFailed."""
    assert process.stderr is not None
    errors = process.stderr.read()
    process.stderr.close()
    if process.wait() != 0:
        raise CommandFailed(f"{host.name}: ip -batch: {errors}")


def _end(keeper: int, pid: int, maker: int) -> None:
    """Kill the init (the kernel then kills all in its pid namespace) and wait for its keeper."""
    if os.getpid() != maker:  # a fork of the maker owns nothing
        return
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.waitpid(keeper, 0)


def _become_keeper(name: str, maker: int, channel: socket.socket, pid_out: int) -> None:
    """Never returns: the parent that a pid namespace needs, and its init."""
    try:
        linux.die_with_parent()
        if os.getppid() != maker:
            os._exit(1)
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        _close_all_but(channel.fileno(), pid_out)
        linux.unshare(linux.CLONE_NEWPID | linux.CLONE_NEWNS | linux.CLONE_NEWNET | linux.CLONE_NEWUTS
                      | linux.CLONE_NEWIPC)
        init = os.fork()
        if init == 0:
            linux.die_with_parent()
            os.close(pid_out)
            _become_init(name, channel)
        os.write(pid_out, struct.pack("i", init))
        os.close(pid_out)
        channel.close()
        os.waitpid(init, 0)
        os._exit(0)
    finally:
        os._exit(1)


def _become_init(name: str, channel: socket.socket) -> None:
    try:
        try:
            _furnish(name)
        except Exception as failure:
            send_message(channel, (failure, None))
            os._exit(1)
        send_message(channel, (None, None))
        Agent(channel).run()
        os._exit(0)
    finally:
        os._exit(1)


def _close_all_but(*kept: int) -> None:
    for entry in os.listdir("/proc/self/fd"):
        if int(entry) > 2 and int(entry) not in kept:
            try:
                os.close(int(entry))
            except OSError:  # the listing's own descriptor
                pass
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)


def _furnish(name: str) -> None:
    os.chdir("/")
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("layers", "/run", "tmpfs")
    for place in _LAYERED:
        layer = "/run/" + place.replace("/", "-")
        os.makedirs(layer + "/upper")
        os.makedirs(layer + "/work")
        os.chmod(layer + "/upper", os.stat(place).st_mode & 0o7777)
        linux.mount("overlay", place, "overlay",
                    options=f"lowerdir={place},upperdir={layer}/upper,workdir={layer}/work")
    for place in _OF_A_GATE:
        shutil.rmtree(place, ignore_errors=True)  # in the host's layer; the machine keeps its own
    linux.mount("run", "/run", "tmpfs", options="mode=755")
    for folder in ("/run/lock", "/run/sshd"):
        os.mkdir(folder)
    linux.mount("proc", "/proc", "proc")
    linux.mount("sysfs", "/sys", "sysfs")
    socket.sethostname(name)
    linux.loopback_up()
    for key, value in (("accept_dad", "0"), ("router_solicitations", "0"), ("accept_ra", "0")):
        for scope in ("all", "default"):
            with open(f"/proc/sys/net/ipv6/conf/{scope}/{key}", "w", encoding="ascii") as file:
                file.write(value)
