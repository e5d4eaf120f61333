"""A rough path: packets are delayed at random, overtake each other, get lost and come twice.

For kernels without netem. `RoughLab` is a Lab whose link has a host in the middle, without an address of its own:
a program there, this file, passes on each frame after a time of its own. What keeps a link alive (ARP, neighbour
discovery) passes at once and whole, as it would on a path of several links.
"""

import heapq
import random
import select
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from bed.host import Host
from bed.lab import Lab
from bed.waiting import wait_for

_SOL_PACKET, _PACKET_VNET_HDR, _PACKET_IGNORE_OUTGOING = 263, 15, 23  # linux/if_packet.h
_VNET_HEADER = 10  # its length (linux/virtio_net.h): checksums and segments are left to whoever receives
_TYPE = _VNET_HEADER + 12  # of a frame, behind both addresses
_IP = _TYPE + 2
_NEIGHBOURS = range(133, 138)  # ICMPv6 (RFC 4861)
_READY = "/run/path.ready"


@dataclass(frozen=True)
class Roughness:
    """`delay` give or take `spread`, in ms and evenly; the others are shares of all packets."""

    delay: float = 50
    spread: float = 50
    reorder: float = 0.25  # overtake all that are on the way
    loss: float = 0.0
    duplicate: float = 0.0


class RoughLab(Lab):
    """The lab, with a rough path between the server and its callers."""

    def __init__(self, roughness: Roughness, tcp: Sequence[int] = (22, 80), udp: Sequence[int] = (51820,),
                 seed: int = 0) -> None:
        self.path = Host("path", {"PYTHONPATH": str(Path(__file__).resolve().parents[1])})
        self._options = [str(value) for value in (*astuple(roughness), seed)]
        super().__init__(tcp, udp)

    def _link(self) -> None:
        self.path.wait_until_up()
        for key in ("all", "default"):
            self.path.sysctl(f"net.ipv6.conf.{key}.disable_ipv6", 1)
        self.path.ip(f"link add side0 index 12 type veth peer name eth0 index 2 netns {self.server.pid}",
                     f"link add side1 index 13 type veth peer name eth0 index 3 netns {self.callers.pid}",
                     "link set side0 up", "link set side1 up")
        self.path.spawn(["/usr/bin/python3", "-B", "-m", "bed.rough", *self._options], "/run/path.log")
        wait_for(lambda: self.path.run(["/usr/bin/test", "-e", _READY]).returncode == 0, "the path is there")

    def close(self) -> None:
        """End all hosts. Idempotent."""
        super().close()
        self.path.close()


class _Relay:
    """Frames on their way between two interfaces."""

    def __init__(self, roughness: Roughness, seed: int) -> None:
        self._roughness = roughness
        self._chance = random.Random(seed)
        self._sides = [_side("side0"), _side("side1")]
        self._under_way: list[tuple[float, int, socket.socket, bytes]] = []
        self._count = 0

    def run(self) -> None:
        """Until it is killed."""
        while True:
            wait = max(0.0, self._under_way[0][0] - time.monotonic()) if self._under_way else None
            ready, _, _ = select.select(self._sides, [], [], wait)
            for side in ready:
                self._take(side)
            while self._under_way and self._under_way[0][0] <= time.monotonic():
                _, _, to, frame = heapq.heappop(self._under_way)
                _pass_on(to, frame)

    def _take(self, side: socket.socket) -> None:
        frame = side.recv(1 << 17)
        other = self._sides[side is self._sides[0]]
        if not _rough(frame):
            _pass_on(other, frame)
        elif self._chance.random() >= self._roughness.loss:
            for _ in range(2 if self._chance.random() < self._roughness.duplicate else 1):
                self._count += 1
                heapq.heappush(self._under_way, (time.monotonic() + self._delay(), self._count, other, frame))

    def _delay(self) -> float:
        """Of one frame, in seconds."""
        if self._chance.random() < self._roughness.reorder:
            return 0.0
        return (self._roughness.delay + self._chance.uniform(-1, 1) * self._roughness.spread) / 1000


def _side(name: str) -> socket.socket:
    side = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
    side.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    side.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    side.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
    side.bind((name, 3))
    return side


def _rough(frame: bytes) -> bool:
    """Whether it is a packet of IP, but for neighbour discovery."""
    kind = frame[_TYPE:_IP]
    if kind == b"\x86\xdd":
        return frame[_IP + 6] != 58 or frame[_IP + 40] not in _NEIGHBOURS
    return kind == b"\x08\x00"


def _pass_on(to: socket.socket, frame: bytes) -> None:
    try:
        to.send(frame)
    except OSError as failure:  # as a full queue on the way
        print(failure, flush=True)


def _main() -> None:
    *numbers, seed = sys.argv[1:]
    relay = _Relay(Roughness(*map(float, numbers)), int(seed))
    Path(_READY).touch()
    relay.run()


if __name__ == "__main__":
    _main()
