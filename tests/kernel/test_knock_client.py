"""Debian's own `knock` (package knockd), as a user has it: it opens what we guard. Its daemon is not used."""

import pytest

from bed import Caller, Lab
from bed.cli import Knockwork

KNOCK = "/usr/bin/knock"
DECLARATION = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [{knocks}]
    opens: [22/tcp]
"""
WAYS = {
    "tcp": ("7000/tcp, 8000/tcp, 9000/tcp", ["7000", "8000", "9000"]),
    "udp": ("7000/udp, 8000/udp, 9000/udp", ["-u", "7000", "8000", "9000"]),
    "mixed": ("7000/tcp, 8000/udp, 9000/tcp", ["7000:tcp", "8000:udp", "9000:tcp"]),
}


def knock(lab: Lab, client: Caller, arguments: list[str]) -> None:
    """Run the client on the callers' host; the options stand first, as its manual has it."""
    options = [word for word in arguments if word.startswith("-")]
    ports = [word for word in arguments if not word.startswith("-")]
    family = "-6" if ":" in client.target else "-4"
    lab.callers.run([KNOCK, family, *options, client.target, *ports], check=True)


@pytest.mark.parametrize("way", WAYS)
def test_knock_opens(lab: Lab, knockwork: Knockwork, client: Caller, stranger: Caller, way: str) -> None:
    """TCP, UDP and mixed knocks of `knock` open the service for their source, over IPv4 and IPv6."""
    knocks, arguments = WAYS[way]
    knockwork.apply(DECLARATION.format(knocks=knocks))
    assert client.tcp(22) == "refused"
    knock(lab, client, arguments)
    assert (client.tcp(22), stranger.tcp(22)) == ("open", "refused")


@pytest.mark.parametrize("way", WAYS)
def test_stealth(lab: Lab, knockwork: Knockwork, client: Caller, way: str) -> None:
    """In stealth nothing answers a TCP knock: `knock` does not wait for it."""
    knocks, arguments = WAYS[way]
    knockwork.apply("mode: stealth\n" + DECLARATION.format(knocks=knocks))
    knock(lab, client, arguments)
    assert client.tcp(22) == "open"


def test_delay(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Its --delay, in milliseconds, lies within a step's time."""
    knocks, arguments = WAYS["mixed"]
    knockwork.apply(DECLARATION.format(knocks=knocks))
    knock(lab, client, ["--delay=100", *arguments])
    assert client.tcp(22) == "open"


def test_wrong_protocol(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Where the knocks are datagrams, `knock` without -u sends other ones: nothing opens."""
    knockwork.apply(DECLARATION.format(knocks=WAYS["udp"][0]))
    knock(lab, client, ["7000", "8000", "9000"])
    assert client.tcp(22) == "refused"
