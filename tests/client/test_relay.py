"""`knockwork connect` as a plain relay: bytes both ways, and ends that are passed on."""

import hashlib
import subprocess
from collections.abc import Iterator

import pytest

from bed import Lab
from bed.cli import Knockwork
from bed.lab import SERVER
from bed.waiting import wait_for

DECLARATION = "knockwork: 1\nsequences: [{name: any, knock: [7000], opens: [4000-4009/tcp]}]\n"
# Answers on port 4000 only after the end of what it hears: with its digest, and with 4 MB.
LAST_WORD = """
import hashlib, socket
listener = socket.create_server(("10.77.0.10", 4000))
while True:
    peer, _ = listener.accept()
    heard = hashlib.sha256()
    while data := peer.recv(65536):
        heard.update(data)
    peer.sendall(heard.hexdigest().encode() + b"\\n" + b"x" * 4_000_000)
    peer.close()
"""
# Ends what it says on port 4001 at once, and goes on listening; what it heard is in /run/heard.
FIRST_SILENT = """
import socket
listener = socket.create_server(("10.77.0.10", 4001))
while True:
    peer, _ = listener.accept()
    peer.sendall(b"said")
    peer.shutdown(socket.SHUT_WR)
    heard = b""
    while data := peer.recv(65536):
        heard += data
    open("/run/heard", "wb").write(heard)
"""
# Resets each connection on port 4002 after a word.
RESETS = """
import socket, struct
listener = socket.create_server(("10.77.0.10", 4002))
while True:
    peer, _ = listener.accept()
    peer.recv(100)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
"""


@pytest.fixture
def relay(lab: Lab, server: Knockwork) -> Iterator[Knockwork]:
    """The command on the callers' host, with a profile; odd servers behind the gate."""
    server.apply(DECLARATION)
    profile = server.host.output(server.command("export", "--host", SERVER[0]))
    lab.callers.write("/root/.config/knockwork/hosts.yml", profile, 0o600)
    for number, script in enumerate((LAST_WORD, FIRST_SILENT, RESETS)):
        lab.server.spawn(["/usr/bin/python3", "-c", script])
        wait_for(lambda: f":{4000 + number:04X} " in lab.server.read("/proc/net/tcp"), "it listens")
    yield Knockwork(lab.callers)


def inside(argv: list[str], data: bytes, late: bytes) -> tuple[bytes, int]:
    """Runs on the callers' host: what comes out up to its end, `data` having gone in; then `late` goes in."""
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        process.stdin.write(data)
        process.stdin.flush()
        out = process.stdout.read()
        process.stdin.write(late)
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
        return out, process.wait(timeout=60)


def heard(lab: Lab) -> str:
    """What the server on port 4001 has heard from those who ended."""
    return lab.server.run(["/bin/cat", "/run/heard"]).stdout


def test_the_end_of_input_is_passed_on(relay: Knockwork) -> None:
    """And the answer, which comes only then, arrives whole."""
    data = "knock" * 700_000
    done = relay.run("connect", SERVER[0], "4000", "--no-fdpass", input=data)
    digest, _, rest = done.stdout.partition("\n")
    assert (digest, len(rest), done.stderr) == (hashlib.sha256(data.encode()).hexdigest(), 4_000_000, "")


def test_the_end_of_output_is_passed_on(lab: Lab, relay: Knockwork) -> None:
    """And what is said afterwards still arrives."""
    out, status = relay.host.call(inside, relay.command("connect", SERVER[0], "4001"), b"", b"late words")
    assert (out, status) == (b"said", 0)
    wait_for(lambda: heard(lab) == "late words", "the late words have arrived")


def test_a_reset_ends_it(relay: Knockwork) -> None:
    """Though its input stays open until its output has ended."""
    out, status = relay.host.call(inside, relay.command("connect", SERVER[0], "4002"), b"word", b"")
    assert (out, status) == (b"", 0)


def test_nobody_reads(lab: Lab, relay: Knockwork) -> None:
    """A reader that went does not kill what is still being sent."""
    done = relay.host.run(["/bin/sh", "-c", f"(sleep 0.3; echo late) | {relay.command()[0]} connect {SERVER[0]} 4001"
                           " | true"])
    assert (done.returncode, done.stderr) == (0, "")
    wait_for(lambda: heard(lab) == "late\n", "the late word has arrived")


def test_a_socket_may_be_meant_for_bytes(relay: Knockwork) -> None:
    """--no-fdpass; and --fdpass where there is no socket says so."""
    done = relay.run("connect", SERVER[0], "4000", "--no-fdpass", input="abc")
    assert done.stdout.startswith(hashlib.sha256(b"abc").hexdigest())
    assert relay.refused("connect", SERVER[0], "4000", "--fdpass") == (
        "knockwork: error: standard output is not a socket, so the connection cannot be passed over it: --fdpass is "
        "for ssh's `ProxyUseFdpass yes`\n")
