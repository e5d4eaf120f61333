"""What a host's IP counts while packets are sent."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bed import Host
from model.network import Site

BRIEF = 0.002  # seconds, which keep the order of what is sent
PATIENCE = 0.05  # seconds for an answer
TIMES = 4  # more than the hosts have to say by themselves
_COUNTED = ("Icmp6InType", "IcmpMsgInType", "IpForwDatagrams", "Ip6OutForwDatagrams", "TcpOutRsts")


@contextmanager
def counting(made: Site, title: str, found: list[str], host: Host | None = None,
             names: tuple[str, ...] = _COUNTED) -> Iterator[None]:
    """What the server, or another host, has counted of what is sent meanwhile, in one line."""
    counter = host or made.server
    before = counter.call(counts)
    yield
    time.sleep(PATIENCE)
    after = counter.call(counts)
    grown = [name for name in sorted(after) if after[name] - before.get(name, 0) >= TIMES and name.startswith(names)]
    found.append(f"{title}: {', '.join(grown)}")


def counts() -> dict[str, int]:
    """What this host's IP has counted."""
    return dict(_counts())


def _counts() -> Iterator[tuple[str, int]]:
    for line in Path("/proc/net/snmp6").read_text(encoding="ascii").splitlines():
        name, number = line.split()
        yield name, int(number)
    lines = [line for name in ("snmp", "netstat")
             for line in Path(f"/proc/net/{name}").read_text(encoding="ascii").splitlines()]
    for names, numbers in zip(lines[::2], lines[1::2]):
        title, *words = names.split()
        for word, number in zip(words, numbers.split()[1:]):
            yield f"{title.removesuffix(':')}{word}", int(number)
