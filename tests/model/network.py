"""A lab for the model: the server has a second address and routes to a host behind it; services answer."""

from bed import Host, Lab
from bed.lab import SERVER
from model import echo, forgetting
from model.script import BEHIND, LINK_LOCAL, OWN

_TCP = (22, 443, 6000, 6001)
_UDP = (51820, *range(60000, 60008))  # not all that may open: some stay without an answer
# Somebody listens where knock ports often are, and where tokens may be sent: at every address, or at one alone.
_OVERHEARD_ANYWHERE = (("tcp", 7001), ("udp", 7002), ("udp", 30000))
_OVERHEARD_AT_ONE = (("tcp", 7003), ("udp", 7005))
OVERHEARD = (*_OVERHEARD_ANYWHERE, *_OVERHEARD_AT_ONE)
NEXT_HOP = ("10.89.0.2", "fd89::2")
FAR_SIDE = ("10.89.0.1", "fd89::1")  # the server's, on the link to the host behind
CALLERS = ("10.200.120.1", "fd99:0:7800::1")  # some of theirs
_REAL = (1700, 1799)  # from where callers really connect
# The callers' host has no sockets for most of what it began: it must not answer the answers,
# nor what comes back of its own forgeries.
_MUTE = f"""\
table inet mute {{
chain prerouting {{ type filter hook prerouting priority 0;
iifname != "eth0" accept
meta l4proto 17 drop
tcp dport {_REAL[0]}-{_REAL[1]} accept
meta l4proto 6 drop
}}
}}
"""


class Site(Lab):
    """The lab of a trial. It answers every refused packet, however many there are."""

    def __init__(self) -> None:
        super().__init__(tcp=_TCP, udp=())
        self.behind = Host("behind")
        self.behind.wait_until_up()
        self._connect()
        for key, value in (("net.ipv4.icmp_ratemask", "0"), ("net.ipv6.icmp.ratemask", "\n"),
                           ("net.ipv4.tcp_synack_retries", "0"),  # what nobody completes is soon gone
                           ("net.ipv4.tcp_syncookies", "2"),  # … from the first
                           ("net.ipv4.ip_forward", "1"), ("net.ipv6.conf.all.forwarding", "1"),
                           ("net.ipv4.conf.all.rp_filter", "0"), ("net.ipv4.conf.eth0.rp_filter", "0"),
                           ("net.ipv4.conf.eth0.accept_local", "1"),  # whom a packet names as its source
                           ("net.netfilter.nf_conntrack_tcp_be_liberal", "1")):  # our numbers fit no window
            self.server.sysctl(key, value)
        self.callers.nft(_MUTE)
        self.callers.sysctl("net.ipv4.ip_local_port_range", f"{_REAL[0]} {_REAL[1]}")
        text: bytes = self.server.call("read", "/sys/class/net/eth0/address")
        self.server_card = bytes.fromhex(text.decode().replace(":", ""))
        for port in _TCP:
            self.behind.call("listen_tcp", port)
        for host in (self.server, self.behind):
            host.call(echo.serve, _UDP)
        for protocol, port in _OVERHEARD_ANYWHERE:
            self.server.call(f"listen_{protocol}", port)
        for protocol, port in _OVERHEARD_AT_ONE:
            self.server.call(echo.listen_at, protocol, port, SERVER)

    def _connect(self) -> None:
        own = [address for address in OWN if address not in SERVER]
        self.server.ip(
            f"link add eth1 type veth peer name eth0 netns {self.behind.pid}",
            *(f"addr add {side}/{bits} dev eth1" + (" nodad" if ":" in side else "")
              for side, bits in zip(FAR_SIDE, (24, 64))), "link set eth1 up",
            *(f"addr add {address} dev eth0" + (" nodad" if ":" in address else "") for address in own),
            *(f"route add {network} via {hop}" for network, hop in zip(BEHIND, NEXT_HOP)))
        self.behind.ip(
            *(f"addr add {hop}/{bits} dev eth0" + (" nodad" if ":" in hop else "")
              for hop, bits in zip(NEXT_HOP, (24, 64))), "link set eth0 up",
            *(f"route add local {network} dev lo" for network in BEHIND),
            *(f"route add default via {side}" for side in FAR_SIDE))
        self.behind.sysctl("net.ipv6.ip_nonlocal_bind", 1)
        for key, value in (("all.rp_filter", 0), ("eth0.rp_filter", 0), ("eth0.accept_local", 1)):
            self.behind.sysctl(f"net.ipv4.conf.{key}", value)  # what it sends to itself, by way of the server
        self.behind.sysctl("net.ipv4.tcp_syncookies", 2)  # it remembers nobody who begins and does not go on
        self.callers.ip(*(f"addr add {address}/64 dev eth0 nodad" for address in LINK_LOCAL),
                        *(f"route add {network} via {hop}" for networks in (BEHIND, FAR_SIDE)
                          for network, hop in zip(networks, SERVER)))
        self.behind.wait_for_link()

    def forget(self) -> None:
        """Every connection and expectation of an earlier trial."""
        for host in (self.server, self.behind, self.callers):
            host.call(forgetting.forget)

    def close(self) -> None:
        """End all three hosts. Idempotent."""
        self.behind.close()
        super().close()
