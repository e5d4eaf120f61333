"""The event source plugin, loaded and called as ansible-rulebook does it."""
from __future__ import annotations

import asyncio
import logging
import runpy
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "ansible_collection/extensions/eda/plugins/event_source/knockwork.py"
LOG = logging.getLogger("knockwork.nft.knockwork")
Event = dict[str, Any]


class Source:
    """One loading of the plugin, with its waits as short as a test likes them."""

    def __init__(self, first_delay: float = 0.01, patience: float = 5) -> None:
        self.main = runpy.run_path(str(PLUGIN))["main"]
        self.main.__globals__.update(FIRST_DELAY=first_delay, PATIENCE=patience)
        self.queue: asyncio.Queue[Event] = asyncio.Queue(1)  # of ansible-rulebook's size

    async def take(self, count: int, args: Event, before_end: Any = None) -> list[Event]:
        """The members `knockwork` of so many events; then it is cancelled as ansible-rulebook does it."""
        task = asyncio.ensure_future(self.main(self.queue, args))
        try:
            taken = []
            for _ in range(count):
                got = asyncio.ensure_future(self.queue.get())
                await asyncio.wait({task, got}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
                assert got.done(), "no event" if not task.done() else task.exception()
                taken.append(got.result())
            if before_end:
                await before_end()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert all(list(event) == ["knockwork"] for event in taken)
        return [event["knockwork"] for event in taken]

    def events(self, count: int, before_end: Any = None, **args: Any) -> list[Event]:
        """The same from a test that is not asynchronous; the event loop is closed afterwards."""
        return asyncio.run(self.take(count, {name.rstrip("_"): value for name, value in args.items()}, before_end))
