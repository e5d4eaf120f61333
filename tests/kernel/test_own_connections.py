"""What this host begins from ports that a sequence opens: whoever opens a range protects ephemeral ports as well."""

import re
import socket
import threading
import time

import pytest

from bed import Caller, Lab
from bed.cli import Knockwork

PORT = 8080
LENGTH = 300_000  # more than the kernel sends before the first answer
DECLARATION = """\
knockwork: 1
mode: {mode}
sequences:
  - {{name: range, knock: [7000/udp, 8000/udp], opens: [{opens}]{more}}}
"""
_RECEIVED: list[int] = []
both_modes = pytest.mark.parametrize("mode", ["gate", "stealth"])


def receive_all(port: int) -> None:
    """From one connection, slowly; how much is `received`, once the other side has ended it."""
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)

    def serve() -> None:
        with listener, listener.accept()[0] as peer:
            time.sleep(0.3)
            total = 0
            while data := peer.recv(65536):
                total += len(data)
            _RECEIVED.append(total)

    threading.Thread(target=serve, daemon=True).start()


def received(timeout: float) -> int:
    """All that came; -1 where that has not ended."""
    end = time.monotonic() + timeout
    while not _RECEIVED and time.monotonic() < end:
        time.sleep(0.05)
    return _RECEIVED[-1] if _RECEIVED else -1


def send_and_close(source: str, target: str, port: int, own_port: int) -> None:
    """Much, and nobody waits for its arrival."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 21)
        connection.bind((source, own_port))
        connection.settimeout(3)
        connection.connect((target, port))
        connection.sendall(bytes(LENGTH))


@both_modes
@pytest.mark.parametrize("six", [False, True], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("opens, more", [("all/tcp", ""), ("21/tcp, 50000-51000/tcp", ""), ("50500/tcp", ""),
                                         ("all/tcp", ", on_expiry: cut"), ("50500/tcp", ", on_expiry: cut")])
def test_a_connection_ends_well(lab: Lab, knockwork: Knockwork, mode: str, six: bool, opens: str, more: str) -> None:
    """Its program has closed it with most of its data unsent: by then no rule can tell whose socket it is."""
    caller = lab.client6 if six else lab.client
    lab.callers.call(receive_all, PORT)
    knockwork.apply(DECLARATION.format(mode=mode, opens=opens, more=more))
    lab.server.call(send_and_close, caller.target, caller.source, PORT, 50500)
    assert lab.callers.call(received, 10) == LENGTH


@both_modes
def test_cut_ends_no_connection_of_this_host(lab: Lab, knockwork: Knockwork, mode: str) -> None:
    """It has no grant, and needs none; whoever had one is cut off all the same."""
    lab.callers.call("listen_tcp", PORT)
    lab.server.call("listen_tcp", 50000)
    lab.server.sysctl("net.ipv4.ip_local_port_range", "50100 50999")
    knockwork.apply(DECLARATION.format(mode=mode, opens="50000-51000/tcp", more=", on_expiry: cut, open_for: 3s"))
    own = Caller(lab.server, lab.client.target, lab.client.source).connect(PORT)
    lab.client.knock(7000, 8000)
    session = lab.client.connect(50000)
    assert own.works() and session.works()
    time.sleep(3.2)
    assert own.works() and not session.works(0.5)


def test_a_quiet_connection_is_remembered(lab: Lab, knockwork: Knockwork) -> None:
    """For a day; what has ended, or never began, for three minutes."""
    lab.callers.call("listen_tcp", PORT)
    lab.server.sysctl("net.ipv4.ip_local_port_range", "50100 50999")
    knockwork.apply(DECLARATION.format(mode="gate", opens="50000-51000/tcp", more=""))
    server = Caller(lab.server, lab.client.target, lab.client.source)
    connection = server.connect(PORT)
    assert connection.works()
    server.tcp(9)
    assert _hours_left(lab) == {str(PORT): True, "9": False}
    connection.close()
    assert _hours_left(lab)[str(PORT)] is False


def _hours_left(lab: Lab) -> dict[str, bool]:
    """Of each of this host's connections, by the peer's port."""
    listing = lab.server.output(["/usr/sbin/nft", "list", "set", "inet", "knockwork", "spoken4"])
    found = re.findall(r"[\d.]+ \. (\d+) \. [\d.]+ \. \d+ \. tcp timeout \S+ expires (\S+)", listing)
    return {port: "h" in left or "d" in left for port, left in found}
