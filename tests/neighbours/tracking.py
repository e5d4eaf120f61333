"""What other tables do with connections: translate, expect, leave alone, keep apart."""

import socket

from bed.lab import CLIENT, SERVER
from bed.router import Router
from bed.waiting import wait_for
from neighbours.neighbour import Neighbour, web

_DATA = 30021  # the port that the FTP server announces
# It announces whatever port it is asked for, as those do that an intruder writes files for.
_FTP = """\
import socket
listener = socket.create_server(("0.0.0.0", 21))
while True:
    connection, _ = listener.accept()
    try:
        connection.sendall(b"220 ready\\r\\n")
        words = connection.recv(100).split()
        if words:
            connection.sendall(b"227 Entering Passive Mode (10,77,0,10,%d,%d).\\r\\n" % divmod(int(words[1]), 256))
    except OSError:  # who only asks whether it is there has gone already
        pass
    kept = connection
"""


def _redirected(lab: Router) -> dict[str, str]:
    found = web(lab)
    return {**found, **{f"{caller.source} 8088": caller.tcp(8088) for caller in (lab.client, lab.client6)}}


def _ftp_server(lab: Router) -> None:
    lab.server.spawn(["/usr/bin/python3", "-c", _FTP])
    wait_for(lambda: lab.client.tcp(21) == "open", "the FTP server is there")
    for port in (_DATA, 443):
        lab.server.call("listen_tcp", port)


def passive(port: int) -> str:
    """Make the server announce a port, and connect to it; runs inside the callers."""
    with socket.create_connection((SERVER[0], 21), 2, (CLIENT[0], 0)) as control:
        control.recv(100)
        control.sendall(b"PASV %d\r\n" % port)
        control.recv(100)
        try:
            socket.create_connection((SERVER[0], port), 0.5, (CLIENT[0], 0)).close()
        except OSError:
            return "shut"
        return "open"


def _transfers(lab: Router) -> dict[str, str]:
    """Files go on; what is protected is not opened by an announcement."""
    return {**web(lab), "data": lab.callers.call(passive, _DATA)}


KINDS = (
    *(Neighbour(f"nat{priority}", "nat", {"PRIORITY": str(priority)}, traffic=_redirected,
                side_doors=("2222/tcp", "443/tcp", "5182/udp"), stealthy_side_doors=("443/tcp",),
                public="80/tcp, 8088/tcp", labelled=False)
      for priority in (-199, -150, -100)),
    Neighbour("ftp", furnish=_ftp_server, traffic=_transfers, public="21/tcp, 80/tcp",
              lost_in_stealth=("data",)),
    Neighbour("notrack", public="80/tcp", labelled=False),
    Neighbour("zones", public="80/tcp"),
)
