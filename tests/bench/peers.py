"""How long a packet takes to open something: our table, Debian's knockd, fwknop. Each on a lab of its own."""
from __future__ import annotations

import base64
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import tokens
from bed import derivation
from bed import tokens as derived
from bed.lab import CLIENT, SERVER, Lab
from bed.waiting import wait_for
from programs import DECLARATION, KNOCKWORK

KNOCKS = (7000, 8000, 9000)
_GATE = f"""\
knockwork: 1
sequences:
  - {{name: ssh, knock: {list(KNOCKS)}, opens: [22/tcp], open_for: 1s}}
"""
# As knockd(1) has it.
_KNOCKD = f"""\
[options]
    logfile = /dev/null
    Interface = eth0
[ssh]
    sequence      = {",".join(f"{port}:udp" for port in KNOCKS)}
    seq_timeout   = 5
    start_command = /usr/sbin/iptables -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT
    cmd_timeout   = 1
    stop_command  = /usr/sbin/iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT
"""
_ACCESS = """\
SOURCE ANY
OPEN_PORTS tcp/22
KEY_BASE64 {key}
HMAC_KEY_BASE64 {mac}
FW_ACCESS_TIMEOUT 1
"""


def send_and_connect(address: str, to: int, payload: bytes, port: int) -> float:
    """Seconds from one datagram to the first connection that is accepted; runs on a host."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        began = time.perf_counter()
        handle.sendto(payload, (address, to))
        while time.perf_counter() - began < 5:
            with socket.socket() as connection:
                connection.settimeout(0.25)
                try:
                    connection.connect((address, port))
                except OSError:
                    continue
                return time.perf_counter() - began
    raise TimeoutError("nothing opened")


def _last_knock(lab: Lab) -> float:
    """Of a sequence whose other knocks came in time."""
    lab.client.knock(*KNOCKS[:-1], gap=0.05)
    time.sleep(0.05)
    taken = lab.callers.call(send_and_connect, SERVER[0], KNOCKS[-1], b"", 22)
    wait_for(lambda: lab.client.tcp(22) != "open", "it closes again")
    return taken


def by_knock(times: int) -> list[float]:
    """Of our table."""
    with closing(Lab()) as lab:
        lab.server.write(DECLARATION, _GATE, 0o600)
        lab.server.run([str(KNOCKWORK), "apply"], check=True)
        return [_last_knock(lab) for _ in range(times)]


def by_token(times: int) -> list[float]:
    """Of our table."""
    key = derived.sequence_key(derivation.host_key(tokens.MASTER, "web1"), "user0000")
    taken = []
    with closing(Lab()) as lab:
        tokens.furnish(lab.server, tokens.declared(1))
        lab.server.run([str(KNOCKWORK), "apply"], check=True)
        first = derived.window()
        for number in range(times):
            token = derived.token(key, first + number)
            taken.append(lab.callers.call(send_and_connect, SERVER[0], tokens.PORT, token, 22))
            wait_for(lambda: lab.client.tcp(22) != "open", "it closes again")
    return taken


def _close_the_door(lab: Lab) -> None:
    for rule in ("-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
                 "-A INPUT -p tcp --dport 22 -j REJECT --reject-with tcp-reset"):
        lab.server.run(["iptables", *rule.split()], check=True)


def by_knockd(times: int) -> list[float]:
    """Of Debian's knockd, which runs iptables."""
    with closing(Lab()) as lab:
        _close_the_door(lab)
        lab.server.write("/etc/knockd.conf", _KNOCKD)
        lab.server.spawn(["/usr/sbin/knockd", "-v", "-4", "-c", "/etc/knockd.conf", "-i", "eth0"], "/run/knockd.log")
        wait_for(lambda: "listening on eth0" in lab.server.read("/run/knockd.log"), "knockd listens")
        return [_last_knock(lab) for _ in range(times)]


@contextmanager
def _fwknopd(lab: Lab) -> Iterator[Callable[[], bytes]]:
    """fwknop's daemon on the server, with everything closed; what makes a packet for it, by fwknop's client."""
    key, mac = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
    lab.server.write("/etc/fwknop/fwknopd.conf", "PCAP_INTF eth0;\nENABLE_UDP_SERVER N;\n", 0o600)
    lab.server.write("/etc/fwknop/access.conf", _ACCESS.format(key=key, mac=mac), 0o600)
    _close_the_door(lab)
    lab.server.run(["mkdir", "-p", "/run/fwknop"], check=True)
    daemon = lab.server.popen(["/usr/sbin/fwknopd", "-f", "-c", "/etc/fwknop/fwknopd.conf",
                               "-a", "/etc/fwknop/access.conf"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)

    def packet() -> bytes:
        lab.callers.run(["rm", "-f", "/run/spa"], check=True)
        lab.callers.run(["/usr/bin/fwknop", "-A", "tcp/22", "-a", CLIENT[0], "-D", SERVER[0], "--test",
                         "--key-base64-rijndael", key, "--use-hmac", "--key-base64-hmac", mac,
                         "--save-packet", "/run/spa", "--no-save-args"], check=True)
        return lab.callers.read("/run/spa").strip().encode()

    try:
        time.sleep(2)
        assert daemon.poll() is None, "fwknopd does not start"
        yield packet
    finally:
        lab.server.run(["/usr/sbin/fwknopd", "-K"])
        daemon.terminate()
        daemon.wait(10)


def by_fwknop(times: int) -> list[float]:
    """Of fwknop's daemon alone: its packet is made beforehand."""
    taken = []
    with closing(Lab()) as lab, _fwknopd(lab) as packet:
        for _ in range(times):
            payload = packet()
            taken.append(lab.callers.call(send_and_connect, SERVER[0], 62201, payload, 22))
            wait_for(lambda: lab.client.tcp(22) != "open", "it closes again")
    return taken
