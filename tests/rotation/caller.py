"""What a caller does, inside its host."""

import time

from bed import packets
from bed.packets import Answer

GAP = 0.02  # seconds between knocks: a wire keeps their order, several queues need not


def attempt(target: str, knocks: list[tuple[int, str]], source: str) -> Answer:
    """Knocks from a source that never came before, then tries the door."""
    for port, protocol in knocks:
        if protocol == "tcp":
            packets.tcp(target, port, source)
        else:
            packets.udp(target, [port], source)
        time.sleep(GAP)
    return packets.probe_tcp(target, 22, source, 2)
