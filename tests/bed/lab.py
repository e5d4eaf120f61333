"""A gated server and its callers on one link, without sshd: for kernel tests.

The callers live in one namespace that owns many addresses, so a source costs nothing.
10.200.0.0/16 and fd99::/32 are routed there: any address in them can be a caller, or be
spoofed without filling the neighbour table.
"""

import time
from collections.abc import Sequence
from typing import Self

from bed import generation, packets
from bed.host import Host
from bed.packets import Answer

SERVER = ("10.77.0.10", "fd77::10")
CLIENT = ("10.77.0.20", "fd77::20")
STRANGER = ("10.77.0.30", "fd77::30")
BROADCAST = "10.77.255.255"
CROWD = ("10.200.0.0/16", "fd99::/32")


class Caller:
    """One source address, talking to the server."""

    def __init__(self, host: Host, source: str, target: str) -> None:
        self.host = host
        self.source = source
        self.target = target

    def knock(self, *knocks: str | int, gap: float = 0, times: int = 1) -> None:
        """Knock in order, each `times`: 7000 or "7000/udp" by datagram, "7000/tcp" by connect(2)."""
        for number, knock in enumerate(knocks):
            if number and gap:
                time.sleep(gap)
            port, _, protocol = str(knock).partition("/")
            for _ in range(times):
                if protocol == "tcp":
                    self.host.call(packets.tcp, self.target, int(port), self.source)
                else:
                    self.host.call(packets.udp, self.target, [int(port)], self.source)

    def send(self, port: int, payload: bytes) -> None:
        """One datagram, from a port of its own."""
        self.host.call(packets.udp, self.target, [port], self.source, 0, 1, payload)

    def tcp(self, port: int, timeout: float = 0.3) -> Answer:
        """What a TCP port says."""
        return self.host.call(packets.probe_tcp, self.target, port, self.source, timeout)

    def udp(self, port: int, timeout: float = 0.3) -> Answer:
        """What a UDP echo service says."""
        return self.host.call(packets.probe_udp, self.target, port, self.source, timeout)

    def sweep(self, ports: Sequence[int], protocol: str = "udp", per_second: int = 0) -> float:
        """A packet to every port in the given order; seconds taken."""
        return self.host.call(packets.sweep, self.target, ports, protocol, self.source, per_second)

    def segment(self, port: int, flags: str, **numbers: int) -> None:
        """One hand-built TCP segment; `flags` by their name in packets.TCP_FLAGS."""
        values = {"source_port": 40000, "sequence": 1, "acknowledge": 0, **numbers}
        self.host.call(packets.raw_tcp, self.target, port, packets.TCP_FLAGS[flags], self.source,
                       *values.values())

    def connect(self, port: int, timeout: float = 5) -> "Connection":
        """A connection that stays. Raises OSError where none can be made."""
        number: int = self.host.call("open_connection", self.source, self.target, port, timeout)
        return Connection(self.host, number)


class Connection:
    """A TCP connection to an echo service."""

    def __init__(self, host: Host, number: int) -> None:
        self._host = host
        self._number = number

    @property
    def local_port(self) -> int:
        """Its port on the caller's side."""
        port: int = self._host.call("local_port", self._number)
        return port

    def works(self, timeout: float = 2) -> bool:
        """Whether a line sent now comes back."""
        return self._host.call("exchange", self._number, b"still here?\n", timeout) == b"still here?\n"

    def close(self) -> None:
        """Close it."""
        self._host.call("close_connection", self._number)


class Lab:
    """A context: `server` (TCP 22, 80 and UDP 51820 echo there), and callers on `callers`."""

    def __init__(self, tcp: Sequence[int] = (22, 80), udp: Sequence[int] = (51820,)) -> None:
        self.server = Host("server")
        self.callers = Host("callers")
        self.callers.wait_until_up()  # its defaults for new links are set by then
        self._link()
        self.server.ip(
            *_addresses(SERVER), "link set eth0 up",
            f"route add {CROWD[0]} via {CLIENT[0]}", f"route add {CROWD[1]} via {CLIENT[1]}")
        self.callers.ip(
            *_addresses(CLIENT), *(f"{line} preferred_lft 0" for line in _addresses(STRANGER)),
            "link set eth0 up",
            f"route add local {CROWD[0]} dev lo", f"route add local {CROWD[1]} dev lo")
        self.callers.sysctl("net.ipv6.ip_nonlocal_bind", 1)
        self.server.sysctl("net.ipv4.icmp_ratelimit", 0)  # a test asks more often than anyone else
        self.server.sysctl("net.ipv6.icmp.ratelimit", 0)
        for host in (self.server, self.callers):
            host.wait_for_link()
        for port in tcp:
            self.server.call("listen_tcp", port)
        for port in udp:
            self.server.call("listen_udp", port)
        self.client, self.client6 = (self.caller(address) for address in CLIENT)
        self.stranger, self.stranger6 = (self.caller(address) for address in STRANGER)

    def _link(self) -> None:
        """An eth0 for each of them."""
        # Different indices: else the kernel takes up to a second to notice that the link is up.
        self.server.ip(f"link add eth0 index 2 type veth peer name eth0 index 3 netns {self.callers.pid}")

    def caller(self, source: str) -> Caller:
        """Whoever talks from `source`: of the link, or of the crowd."""
        return Caller(self.callers, source, SERVER[":" in source])

    def generation(self) -> int:
        """The server's ruleset generation id."""
        return self.server.call(generation.current)

    def close(self) -> None:
        """End both hosts. Idempotent."""
        self.callers.close()
        self.server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _addresses(pair: tuple[str, str]) -> list[str]:
    return [f"addr add {pair[0]}/16 broadcast {BROADCAST} dev eth0", f"addr add {pair[1]}/64 dev eth0 nodad"]
