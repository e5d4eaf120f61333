"""A host behind the gated server, which forwards to it: for published ports and routed services."""

from bed.host import Host
from bed.lab import Caller, Lab

BEHIND = ("10.88.0.10", "fd88::10")
_ROUTER = ("10.88.0.1", "fd88::1")


class Router(Lab):
    """The lab's server forwards; `behind` it TCP 22, 80 and UDP 51820 echo as well."""

    def __init__(self) -> None:
        super().__init__()
        self.behind = Host("behind")
        self.behind.wait_until_up()
        self.server.ip(
            f"link add eth1 index 4 type veth peer name eth0 index 5 netns {self.behind.pid}",
            f"addr add {_ROUTER[0]}/24 dev eth1", f"addr add {_ROUTER[1]}/64 dev eth1 nodad", "link set eth1 up")
        self.behind.ip(
            f"addr add {BEHIND[0]}/24 dev eth0", f"addr add {BEHIND[1]}/64 dev eth0 nodad", "link set eth0 up",
            f"route add default via {_ROUTER[0]}", f"route add default via {_ROUTER[1]}")
        self.callers.ip("route add 10.88.0.0/24 via 10.77.0.10", "route add fd88::/64 via fd77::10")
        self.server.sysctl("net.ipv4.ip_forward", 1)
        self.server.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.behind.wait_for_link()
        for port in (22, 80):
            self.behind.call("listen_tcp", port)
        self.behind.call("listen_udp", 51820)

    def through(self, caller: Caller) -> Caller:
        """The same source, talking to the host behind."""
        return Caller(caller.host, caller.source, BEHIND[":" in caller.source])

    def close(self) -> None:
        """End all hosts. Idempotent."""
        self.behind.close()
        super().close()
