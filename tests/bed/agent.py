"""The process that is a host: pid 1 of its namespaces. It runs functions on request and echoes traffic.

One request is a pickled (function or method name, arguments); one answer is a pickled (failure, result).
Between requests it serves its listeners, so a test needs no server process of its own.
"""

import contextlib
import errno
import os
import pickle
import selectors
import signal
import socket
import struct
import subprocess
import time
from typing import Any

_LENGTH = struct.Struct("!I")
_IP_TRANSPARENT = 19


def send_message(channel: socket.socket, message: Any) -> None:
    """One pickled message with its length."""
    data = pickle.dumps(message)
    channel.sendall(_LENGTH.pack(len(data)) + data)


def receive_message(channel: socket.socket) -> Any:
    """The other end of send_message(). Raises EOFError when the peer has gone."""
    return pickle.loads(_receive(channel, _LENGTH.unpack(_receive(channel, _LENGTH.size))[0]))


def _receive(channel: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = channel.recv(size - len(data))
        if not part:
            raise EOFError("the other end has gone")
        data += part
    return data


class _Command:
    """A running command with its input and outputs in memory."""

    def __init__(self, argv: list[str], environment: dict[str, str], cwd: str, data: bytes,
                 timeout: float) -> None:
        self._files = [os.fdopen(os.memfd_create(name), "w+b") for name in ("in", "out", "err")]
        self._files[0].write(data)
        self._files[0].seek(0)
        self._deadline = time.monotonic() + timeout
        try:
            self._process = subprocess.Popen(argv, stdin=self._files[0], stdout=self._files[1],
                                             stderr=self._files[2], env=environment, cwd=cwd,
                                             start_new_session=True)
        except OSError:
            self._close()
            raise
        self.pid = self._process.pid
        self.pidfd = os.pidfd_open(self.pid)

    def patience(self) -> float:
        """Seconds until it has to be done."""
        return max(0.0, self._deadline - time.monotonic())

    def finish(self) -> tuple[int | None, bytes, bytes]:
        """Its exit status, killed where it has none yet, and what it wrote."""
        status = self._process.poll()
        if status is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self.pidfd)
        for file in self._files:
            file.seek(0)
        out, err = self._files[1].read(), self._files[2].read()
        self._close()
        return status, out, err

    def _close(self) -> None:
        for file in self._files:
            file.close()


class Agent:
    """Requests from one channel, and the sockets that live between them."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._command: _Command | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(channel, selectors.EVENT_READ)
        self._kept: dict[int, socket.socket] = {}
        self._heard: dict[int, list[tuple[str, bytes]]] = {}
        self._last_id = 0
        self._idle = False

    def run(self) -> None:
        """Serve until the channel's other end goes away."""
        signal.signal(signal.SIGCHLD, self._reap)
        while True:
            self._idle = True
            self._reap()
            ready = [key for key, _ in
                     self._selector.select(self._command.patience() if self._command else None)]
            for key in ready:
                if key.fileobj is not self._channel:
                    key.data(key.fileobj)
            if any(key.fileobj is self._channel for key in ready):
                self._idle = False
                try:
                    function, arguments = receive_message(self._channel)
                except (EOFError, ConnectionError):
                    return
                self._answer(function, arguments)
            if self._command and self._command.patience() == 0:
                self._finish_command()

    def _answer(self, function: Any, arguments: tuple[Any, ...]) -> None:
        call = getattr(self, function) if isinstance(function, str) else function
        answer: tuple[Exception | None, Any]
        try:
            result = call(*arguments)
            if isinstance(result, _Command):  # answered when it ends; listeners are served until then
                self._command = result
                self._selector.register(result.pidfd, selectors.EVENT_READ, lambda _: self._finish_command())
                return
            answer = (None, result)
        except Exception as failure:  # handed to the caller, whatever it is
            answer = (failure, None)
        send_message(self._channel, answer)

    def _finish_command(self) -> None:
        if self._command is not None:
            self._selector.unregister(self._command.pidfd)
            ended = self._command.finish()
            self._command = None  # only now: until its status is read, _reap() must leave it alone
            send_message(self._channel, (None, ended))

    def _reap(self, *_: object) -> None:
        """Orphans of the host end here, as with any init; a request waits for its own children itself."""
        while self._idle:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None or self._command and self._command.pid == ended.si_pid:
                return
            with contextlib.suppress(ChildProcessError):  # a signal in between has reaped it already
                os.waitpid(ended.si_pid, 0)

    def _keep(self, handle: socket.socket) -> int:
        self._last_id += 1
        self._kept[self._last_id] = handle
        return self._last_id

    # Files and processes of the host.

    def write(self, path: str, data: bytes, mode: int) -> None:
        """Create or replace a file, with its directories."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)

    def sysctl(self, key: str, value: str) -> None:
        """Set "net.ipv6.conf.eth0.accept_dad" and the like."""
        with open("/proc/sys/" + key.replace(".", "/"), "w", encoding="ascii") as file:
            file.write(value)

    def read(self, path: str) -> bytes:
        """A file's content."""
        with open(path, "rb") as file:
            return file.read()

    def run_command(self, argv: list[str], environment: dict[str, str], cwd: str, data: bytes,
                    timeout: float) -> "_Command":
        """Run a command; the caller gets (exit status or None after `timeout` seconds, stdout, stderr)."""
        return _Command(argv, environment, cwd, data, timeout)

    def spawn(self, argv: list[str], environment: dict[str, str], log: str) -> int:
        """Start a daemon that ends with the host; its pid as the host sees it."""
        with open(log, "ab") as output:
            return subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=output, start_new_session=True, cwd="/").pid

    # Listeners: they echo, and remember what UDP heard.

    def listen_tcp(self, port: int, transparent: bool = False, device: str = "") -> None:
        """Accept and echo on a TCP port, IPv4 and IPv6; `transparent`: for addresses that are not the host's, too;
        `device`: a VRF, as `ip vrf exec` binds to it."""
        listener = socket.create_server(("::", port), family=socket.AF_INET6, backlog=64, reuse_port=True,
                                        dualstack_ipv6=True)
        if transparent:
            listener.setsockopt(socket.SOL_IP, _IP_TRANSPARENT, 1)
        if device:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._keep(listener)

    def listen_udp(self, port: int, groups: tuple[str, ...] = (), device: str = "") -> None:
        """Echo and remember datagrams to a UDP port, IPv4 and IPv6, and of IPv4 multicast groups."""
        for family in (socket.AF_INET, socket.AF_INET6):
            listener = socket.socket(family, socket.SOCK_DGRAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if device:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            listener.bind(("", port))
            if family == socket.AF_INET:
                for group in groups:
                    member = struct.pack("4s4si", socket.inet_aton(group), bytes(4),
                                         socket.if_nametoindex("eth0"))
                    listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            self._selector.register(listener, selectors.EVENT_READ, self._echo_datagram)
            self._keep(listener)

    def listen_udp_at(self, port: int, address: str, device: str = "") -> None:
        """Echo datagrams to a UDP port of one address, which answers as itself."""
        listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        if device:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        listener.setsockopt(socket.SOL_IP, _IP_TRANSPARENT, 1)
        listener.bind((address, port))
        self._selector.register(listener, selectors.EVENT_READ, self._echo_datagram)
        self._keep(listener)

    def listen_protocol(self, number: int) -> int:
        """Take every IPv4 packet of an IP protocol that this host delivers; an id for heard_protocol()."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_RAW, number)
        listener.setblocking(False)
        return self._keep(listener)

    def heard_protocol(self, listener: int) -> int:
        """How many packets came since the last question."""
        count = 0
        with contextlib.suppress(BlockingIOError):
            while self._kept[listener].recv(65536):
                count += 1
        return count

    def say(self, port: int, target: str, target_port: int, data: bytes) -> None:
        """A datagram from a UDP listener's port, unasked."""
        for listener in self._kept.values():
            family = socket.AF_INET6 if ":" in target else socket.AF_INET
            if (listener.type, listener.family) == (socket.SOCK_DGRAM, family) and listener.getsockname()[1] == port:
                with contextlib.suppress(PermissionError):  # what the kernel says when a rule drops it
                    listener.sendto(data, (target, target_port))

    def heard(self, port: int) -> list[tuple[str, bytes]]:
        """The (source, payload) of each datagram that a UDP listener took since the last question."""
        self._drain()
        return self._heard.pop(port, [])

    def _drain(self) -> None:
        while True:
            waiting = [key for key, _ in self._selector.select(0) if key.fileobj is not self._channel]
            if not waiting:
                return
            for key in waiting:
                key.data(key.fileobj)

    def _accept(self, listener: socket.socket) -> None:
        peer, _ = listener.accept()
        self._selector.register(peer, selectors.EVENT_READ, self._echo)
        self._keep(peer)

    def _echo(self, peer: socket.socket) -> None:
        try:
            data = peer.recv(65536)
            if data:
                peer.sendall(data)
                return
        except OSError:
            pass
        self._selector.unregister(peer)
        peer.close()

    def _echo_datagram(self, listener: socket.socket) -> None:
        try:
            data, source = listener.recvfrom(65536, socket.MSG_DONTWAIT)
            self._heard.setdefault(listener.getsockname()[1], []).append((source[0], data))
            listener.sendto(data, source)
        except OSError:  # a broken checksum, an ICMP error of an earlier echo, or one that cannot go out
            pass

    # Connections that a test holds open.

    def open_connection(self, source: str, target: str, port: int, timeout: float) -> int:
        """Connect from `source` and keep it; an id for exchange() and close_connection()."""
        connection = socket.create_connection((target, port), timeout, (source, 0))
        return self._keep(connection)

    def open_flow(self, source: str, target: str, port: int) -> int:
        """The same over UDP."""
        flow = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_DGRAM)
        flow.bind((source, 0))
        flow.connect((target, port))
        return self._keep(flow)

    def exchange(self, connection: int, data: bytes, timeout: float) -> bytes:
        """Send on a kept connection; the echo, or b"" where none came in time or the connection broke."""
        handle = self._kept[connection]
        handle.settimeout(timeout)
        try:
            handle.sendall(data)
            return handle.recv(65536)
        except OSError:
            return b""

    def local_port(self, connection: int) -> int:
        """The kept connection's own port."""
        port: int = self._kept[connection].getsockname()[1]
        return port

    def close_connection(self, connection: int) -> None:
        """Close a kept connection."""
        self._kept.pop(connection).close()

    # What the wire carries.

    def start_capture(self, interface: str) -> int:
        """Begin to record every frame of an interface, both ways; an id for stop_capture()."""
        capture = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))  # ETH_P_ALL
        capture.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
        capture.bind((interface, 3))
        capture.setblocking(False)
        return self._keep(capture)

    def stop_capture(self, capture: int, settle: float) -> list[tuple[bool, bytes]]:
        """After `settle` seconds more: (incoming, packet from its IP header on) of each frame that is one, no ARP."""
        time.sleep(settle)
        frames: list[tuple[bool, bytes]] = []
        with self._kept.pop(capture) as handle:
            while True:
                try:
                    data, address = handle.recvfrom(65536)
                except BlockingIOError:
                    return frames
                except OSError as failure:
                    if failure.errno != errno.ENETDOWN:
                        raise
                    continue
                if address[1] in (0x0800, 0x86DD):
                    frames.append((address[2] != socket.PACKET_OUTGOING, data))
