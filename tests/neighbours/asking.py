"""Many questions at once: which doors are open to whom, in the time of one silence. Runs inside a host."""

import itertools
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

# None twice in a test: to conntrack a datagram from a port of a moment ago is one of a live connection, which goes on.
_OWN_PORTS = itertools.cycle(range(10000, 32000))


@dataclass(frozen=True)
class Question:
    """Whether `door` ("22/tcp", "51820/udp") of `target` is open to `source`."""

    source: str
    target: str
    door: str
    own_port: int = field(default_factory=lambda: next(_OWN_PORTS))

    def begin(self) -> socket.socket:
        """Connect, or send a line that is to be echoed."""
        port, _, protocol = self.door.partition("/")
        family = socket.AF_INET6 if ":" in self.target else socket.AF_INET
        handle = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
        handle.bind((self.source, self.own_port))
        handle.setblocking(False)
        handle.connect_ex((self.target, int(port)))
        if protocol == "udp":
            handle.send(b"hello")
        return handle


def _answered(handle: socket.socket) -> bool:
    if handle.type == socket.SOCK_STREAM:
        return handle.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    try:
        return handle.recv(100) == b"hello"
    except OSError:
        return False


def are_open(questions: Sequence[Question], timeout: float = 0.4) -> list[bool]:
    """The answer to each."""
    found = [False] * len(questions)
    handles = [question.begin() for question in questions]
    with selectors.DefaultSelector() as waiting:
        for number, handle in enumerate(handles):
            wanted = selectors.EVENT_WRITE if handle.type == socket.SOCK_STREAM else selectors.EVENT_READ
            waiting.register(handle, wanted, number)
        end = time.monotonic() + timeout
        while waiting.get_map() and (left := end - time.monotonic()) > 0:
            for key, _ in waiting.select(left):
                found[key.data] = _answered(handles[key.data])
                waiting.unregister(key.fileobj)
    for handle in handles:
        handle.close()
    return found
