"""Ten hosts that refuse SSH to everyone who does not knock, and what the kernel counted there."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bed import Bed, Host
from bed.cli import Knockwork
from controller import Ansible, Controller, Outcome

KNOCKS = ("47011/udp", "48123/tcp", "49377/udp")
PROFILE = "/root/.config/knockwork/hosts.yml"
DECLARATION = f"""\
knockwork: 1
sequences:
  - {{name: ssh, knock: [{', '.join(KNOCKS)}], opens: [22/tcp], step_timeout: 1s, open_for: 5s}}
"""
# Counts before the gate sees a packet. What it is told to lose is counted, then lost once.
COUNTING = """\
table inet counting {
    counter knocks { }
    counter connections { }
    set losing { type inet_service; size 16; flags dynamic; }
    chain count {
        type filter hook prerouting priority -400; policy accept;
        iif lo return
        udp dport { 47011, 49377 } counter name knocks
        tcp dport 48123 tcp flags & (syn | ack) == syn counter name knocks
        tcp dport 22 tcp flags & (syn | ack) == syn counter name connections
        th dport @losing delete @losing { th dport } drop
    }
}
"""


@dataclass(frozen=True)
class Counted:
    """Packets since the gate was shut."""

    knocks: int
    connections: int


def once(times: int = 1) -> Counted:
    """What a host sees where each connection took one sequence of knocks."""
    return Counted(len(KNOCKS) * times, times)


class Gated(Controller):
    """Plays go through the connection plugin; the profile of the controller knows every host."""

    def __init__(self, bed: Bed, ansible: Ansible, hosts: int) -> None:
        super().__init__(bed, ansible, hosts)
        bed.controller.run(["/bin/sh", "-c", "for each in /root/.ansible/cp/*; do"
                            " ssh -o ControlPath=$each -O exit x 2>/dev/null; done; rm -rf /root/.ansible/cp"])
        for host in self.hosts.values():
            self.shut(host)
        self.write_profile(KNOCKS)

    def shut(self, host: Host) -> None:
        """The gate as new: no grant, no lockout, nothing counted."""
        host.run(["nft", "delete table inet counting"])
        host.nft(COUNTING)
        Knockwork(host).apply(DECLARATION)

    def write_profile(self, knocks: tuple[str, ...]) -> None:
        """A profile that knows every host by its name and its address."""
        hosts = [{"host": [name, self.bed.address(name)], "address": self.bed.address(name), "lockout": "1s",
                  "sequences": [{"name": "ssh", "knock": list(knocks), "opens": ["22/tcp"]}]}
                 for name in self.hosts]
        self.bed.controller.write(PROFILE, json.dumps({"knockwork": 1, "hosts": hosts}), 0o600)

    def try_play(self, tasks: str, *options: str, variables: Mapping[str, str] | None = None,
                 **more: Any) -> Outcome:
        through = {"ansible_connection": "knockwork.nft.ssh", **(variables or {})}
        return super().try_play(tasks, *options, variables=through, **more)

    def counted(self) -> dict[str, Counted]:
        """By host."""
        return {name: _counted(host) for name, host in self.hosts.items()}

    def lose(self, host: Host, *ports: int) -> None:
        """The next packet to each of these ports is lost."""
        host.nft(f"add element inet counting losing {{ {', '.join(map(str, ports))} }}")

    def lose_often(self, host: Host, port: int) -> None:
        """The next packets to this port are lost, more than the copies of one knock."""
        host.nft(f"add rule inet counting count th dport {port} quota until 250 bytes drop")

    def grant(self, host: Host) -> None:
        """As if the controller had knocked a while ago."""
        address = self.bed.address("controller")
        host.output(Knockwork(host).command("grant", address, "--sequence", "ssh", "--for", "1m"))


def _counted(host: Host) -> Counted:
    listing = json.loads(host.output(["nft", "-j", "list", "counters", "table", "inet", "counting"]))
    packets = {each["counter"]["name"]: each["counter"]["packets"]
               for each in listing["nftables"] if "counter" in each}
    return Counted(packets["knocks"], packets["connections"])


def assert_silent(said: Outcome | str) -> None:
    """No knock's port as a number of its own."""
    text = said if isinstance(said, str) else said.output + str(said.results)
    for knock in KNOCKS:
        port = knock.split("/", maxsplit=1)[0]
        found = re.search(rf"(?<![\d.]){port}(?![\d.])", text)
        assert found is None, text[max(0, found.start() - 300):found.end() + 300]
