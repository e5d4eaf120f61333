"""Rows of fleets: playbooks on many hosts over SSH, beside the least that Ansible can do."""
from __future__ import annotations

import sys
import time
from collections.abc import Callable

from bed import Bed
from bed.host import SYSTEM_PATH
from programs import KNOCKWORK, ROOT
from table import Measured, Scale

sys.path.append(str(ROOT / "tests/ansible"))

from controller import Controller, find  # noqa: E402
from rotation.fleet import Fleet  # noqa: E402

_ENVIRONMENT = {"PATH": f"{KNOCKWORK.parent}:{SYSTEM_PATH}", "PYTHONPATH": str(KNOCKWORK.parent / "python")}
_RULESET = """\
- knockwork.nft.ruleset:
    always_allow: {way_back_in}
    sequences:
      - {{name: ssh, knock: [47011/udp, 48123/tcp, 49377], opens: [22/tcp, 50022/tcp]}}
"""
# What people have who have no module: a file of rules, loaded when it changes. Here it never does.
_COPY = """\
- ansible.builtin.copy:
    dest: /etc/bench.nft
    mode: "0600"
    content: |
      table inet bench
      delete table inet bench
      table inet bench { chain input { type filter hook input priority filter; ct state established accept; }; }
  register: rules
- ansible.builtin.command: nft -f /etc/bench.nft
  when: rules.changed
"""
_PING = "- ansible.builtin.ping:\n"


def measure(scale: Scale) -> Measured:
    """All rows of the room."""
    return {**_tasks(scale), **_rotation(scale)}


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _tasks(scale: Scale) -> Measured:
    """Plays of one task that changes nothing."""
    with Bed(scale.size(20, 2), _ENVIRONMENT) as bed:
        controller = Controller(bed, find("debian"))
        plays = {"ours": _RULESET.format(way_back_in=controller.way_back_in), "copy": _COPY, "ping": _PING}
        for play in plays.values():
            controller.play(play)  # from now on it changes nothing, and the connections stand
        taken: dict[str, list[float]] = {name: [] for name in plays}
        for _ in range(scale.rounds):
            for name, play in plays.items():
                taken[name].append(_seconds(lambda: controller.unchanged(play)))
    return {"copied": (taken["ours"], taken["copy"]), "pinged": (taken["ours"], taken["ping"])}


def _rotation(scale: Scale) -> Measured:
    """All three phases on every host, beside a ping of each host for each phase."""
    names = [f"host{number}" for number in range(1, scale.size(100, 2) + 1)]
    ours, theirs = [], []
    with Fleet(find("debian"), _ENVIRONMENT, names) as fleet:
        for epoch in range(1, scale.rounds + 1):
            theirs.append(sum(fleet.ping() for _ in range(3)) / len(names) / 3)
            began = time.monotonic()
            run = fleet.rotate(epoch, epoch - 1)
            ours.append((time.monotonic() - began) / len(names) / 3)
            if not run.fine:
                raise SystemExit(run.output)
    return {"rotation": (ours, theirs)}
