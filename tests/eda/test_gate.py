"""The event source on a gated host: real knocks through the real `knockwork watch --json`."""
from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bed import Bed, Lab, packets
from bed.cli import Knockwork, binary
from bed.host import Host
from bed.waiting import wait_for
from source import PLUGIN, Event

GATE = """\
knockwork: 1
log: all
sequences:
  - {name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}
"""
BIN = "/run/bin"  # a folder that is the host's alone
# Runs the plugin with options, prints its events, and cancels it at the end of standard input.
RUN = """
import asyncio, json, runpy, sys

class Printer:
    async def put(self, event):
        print(json.dumps(event["knockwork"]), flush=True)

async def run():
    main = runpy.run_path(sys.argv[1])["main"]
    task = asyncio.ensure_future(main(Printer(), json.loads(sys.argv[2])))
    end = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait({task, end}, return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

asyncio.run(run())
"""


class Running:
    """The plugin on a host."""

    def __init__(self, host: Host, process: "subprocess.Popen[str]") -> None:
        self.host = host
        self.process = process

    def event(self) -> Event:
        """The next, without its time."""
        assert self.process.stdout is not None
        event: Event = json.loads(self.process.stdout.readline())
        assert event.pop("time").endswith("Z")
        return event


def watchers(host: Host) -> list[str]:
    """The pids of `knockwork watch` as the host sees them, also of those that sudo started."""
    return host.run(["/usr/bin/pgrep", "-f", "watch --json$"]).stdout.split()


@contextmanager
def running(host: Host, as_user: tuple[str, ...] = (), gated: Host | None = None, waits: bool = True,
            **args: Any) -> Iterator[Running]:
    """It listens to its own host, or to `gated`, when made, unless nothing `waits`, and is cancelled at the end."""
    options = {name.rstrip("_"): value for name, value in args.items()}
    host.write("/run/run.py", RUN)
    host.write("/run/plugin.py", PLUGIN.read_text(encoding="utf-8"))
    argv = [*as_user, "/usr/bin/python3", "/run/run.py", "/run/plugin.py", json.dumps(options)]
    with host.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        wait_for(lambda: not waits or listens(gated or host), "the plugin listens")
        yield Running(host, process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=20)


def listens(host: Host) -> bool:
    return bool(host.run(["/bin/cat", "/proc/net/netfilter/nfnetlink_log"]).stdout)


def test_knocks(lab: Lab, knockwork: Knockwork) -> None:
    """A grant, a wrong knock, without a port; at the end nobody watches."""
    knockwork.apply(GATE)
    with running(lab.server, command=[str(binary())]) as source:
        lab.client.knock(7000, 8000, 9000)
        assert source.event() == {"event": "grant", "source": lab.client.source, "sequence": "ssh"}
        lab.stranger6.knock(7001)
        assert source.event() == {"event": "wrong", "source": lab.stranger6.source}
        assert watchers(lab.server)
    assert not watchers(lab.server) and not listens(lab.server)


def test_it_watches_again(lab: Lab, knockwork: Knockwork) -> None:
    """Whoever kills the watcher takes one event's place."""
    knockwork.apply(GATE)
    with running(lab.server, command=[str(binary())], max_delay=0.1) as source:
        lab.server.run(["/usr/bin/pkill", "-f", "watch --json$"], check=True)
        assert source.event() == {"event": "lost"}
        wait_for(lambda: listens(lab.server), "the plugin listens again")
        lab.client.knock(7000, 8000, 9000)
        assert source.event()["event"] == "grant"


def sudo_for_nobody(host: Host, rest: str) -> Path:
    """Where sudo finds the command, which nobody may run as root; `rest` stands in sudoers as well."""
    command = Path(f"{BIN}/knockwork")
    host.run(["/usr/bin/install", "-D", str(binary()), str(command)], check=True)
    host.write("/etc/sudoers", f"{rest}\nnobody ALL=(root) NOPASSWD: {command}\n", 0o440)
    return command


NOBODY = ("/usr/bin/setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")


def ended_with_sudo(lab: Lab, knockwork: Knockwork, rest: str) -> None:
    knockwork.apply(GATE)
    command = ["/usr/bin/sudo", "-n", str(sudo_for_nobody(lab.server, rest))]
    with running(lab.server, NOBODY, command=command) as source:
        lab.client.knock(7000, 8000, 9000)
        assert source.event()["event"] == "grant"
    wait_for(lambda: not watchers(lab.server), "the command has ended")
    with running(lab.server, NOBODY, command=command) as source:
        lab.server.run(["/usr/bin/pkill", "-KILL", "-f", "run.py /run/plugin.py"], check=True)
        wait_for(lambda: not watchers(lab.server), "the command has ended")


def test_with_sudo(lab: Lab, knockwork: Knockwork) -> None:
    """The command is root's, who runs the plugin may not signal it, and yet it ends with the plugin."""
    ended_with_sudo(lab, knockwork, "Defaults use_pty")


def test_with_sudo_on_the_same_terminal(lab: Lab, knockwork: Knockwork) -> None:
    ended_with_sudo(lab, knockwork, "Defaults !use_pty")


def test_over_ssh() -> None:
    """The gate is another host's, and nobody watches there afterwards: -tt makes sshd hang up."""
    with Bed(1) as bed:
        host, controller = bed.hosts["host1"], bed.controller
        Knockwork(host).apply(GATE + f"always_allow: [{bed.address('controller')}]\n")
        with running(controller, gated=host, command=["ssh", "-tt", "host1", str(binary())]) as source:
            controller.call(packets.udp, bed.address6("host1"), [7000, 8000, 9000], bed.address6("controller"))
            assert source.event() == {"event": "grant", "source": bed.address6("controller"), "sequence": "ssh"}
        wait_for(lambda: not watchers(host), "nobody watches")
