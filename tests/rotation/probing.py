"""Somebody who knocks with whatever he is entitled to, all the time, and must never be refused."""

import threading
import time

from bed import Host, packets
from bed.packets import Answer
from rotation.fleet import Fleet

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


class Prober:
    """A context: goes from host to host until it ends. `refused` is what should not have happened."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.tried = 0
        self.epochs: set[int] = set()
        self.refused: list[str] = []
        self._failure: BaseException | None = None

    def __enter__(self) -> "Prober":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                for name in self._fleet.hosts:
                    self._probe(name)
        except BaseException as failure:
            self._failure = failure

    def _probe(self, name: str) -> None:
        """An epoch counts where the host's table had it before and after."""
        for epoch in sorted(self._fleet.accepted(name)):
            answer = self._fleet.attempt(name, epoch)
            if epoch not in self._fleet.accepted(name):
                continue
            self.tried += 1
            self.epochs.add(epoch)
            if answer != Answer.OPEN:
                self.refused.append(f"{name}, epoch {epoch}: {answer}")


__all__ = ["Host", "Prober", "attempt"]
