"""Rows of clients and peers: how long a knock takes, and how soon it opens."""
from __future__ import annotations

import shutil
from contextlib import closing
from tempfile import TemporaryDirectory

import peers
import turns
from bed.lab import Lab
from programs import KNOCKWORK
from table import Measured, Scale

_PROFILE = """\
knockwork: 1
hosts: [{host: "*", sequences: [{name: ssh, knock: [7000, 8000, 9000], opens: [22/tcp]}]}]
"""


def measure(scale: Scale) -> Measured:
    """All rows of the room."""
    times = scale.rounds * scale.size(2, 1)
    knock, token, knockd, fwknop = ([seconds * 1000 for seconds in way(times)] for way in (
        peers.by_knock, peers.by_token, peers.by_knockd, peers.by_fwknop))
    return {**_commands(scale), "knockd": (knock, knockd), "fwknop": (knock, fwknop), "token": (token, fwknop)}


def _commands(scale: Scale) -> Measured:
    """Three datagrams without delay: the whole process of `knockwork knock` beside Debian's `knock`.

    Of a copy, as an installation makes one: what the linker has just written, the kernel maps in smaller pieces.
    """
    ports = ("7000", "8000", "9000")
    with closing(Lab()) as lab, TemporaryDirectory() as folder:
        address = lab.client.target
        lab.callers.write("/root/.config/knockwork/hosts.yml", _PROFILE, 0o600)
        ours = [shutil.copy(KNOCKWORK, folder), "knock", address, "--delay", "0"]
        taken = lab.callers.call(turns.take, [[*ours, *ports], ["/usr/bin/knock", "-u", address, *ports], ours],
                                 scale.rounds * scale.size(40, 1), lab.callers.environment)
    by_hand, theirs, by_profile = ([seconds * 1000 for seconds in each] for each in taken)
    return {"by hand": (by_hand, theirs), "by profile": (by_profile, theirs)}
