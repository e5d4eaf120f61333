"""Packets that two processors get at the same instant."""

import gc
import mmap
import os
import time
from collections.abc import Sequence

from . import packets

Lane = list[tuple[float, str, bytes]]  # how much later than the other's, to whom, and the IP packet


def race(lanes: Sequence[Lane]) -> None:
    """Each lane from a processor of its own, packet by packet; runs inside a host."""
    cpus = sorted(os.sched_getaffinity(0))
    places = mmap.mmap(-1, 128)  # where each lane is, on a cache line of its own
    children = []
    for number, (cpu, lane) in enumerate(zip(cpus, lanes)):
        child = os.fork()
        if child == 0:
            status, view = 1, memoryview(places).cast("Q")
            try:
                _send(cpu, lane, view, number)
                status = 0
            finally:
                view[number * 8] = len(lane)  # the other one waits for nobody
                os._exit(status)
        children.append(child)
    if any([os.waitpid(child, 0)[1] for child in children]):
        raise RuntimeError("a sender failed")


def _send(cpu: int, lane: Lane, places: memoryview, own: int) -> None:
    gc.disable()
    os.sched_setaffinity(0, {cpu})
    handles = {target: packets.raw_socket(target) for _, target, _ in lane}
    now = time.monotonic
    own, other = own * 8, (1 - own) * 8
    for number, (late, target, packet) in enumerate(lane, 1):
        send, end = handles[target].sendto, (target, 0)
        places[own] = number
        while places[other] < number:
            pass
        if late:
            until = now() + late
            while now() < until:
                pass
        send(packet, end)
