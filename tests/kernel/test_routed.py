"""Published ports and services on other hosts: what the gate's host forwards."""

from collections.abc import Iterator

import pytest

from bed import Caller
from bed.cli import Knockwork
from bed.lab import SERVER
from bed.router import BEHIND, Router
from bed.waiting import wait_for

PUBLISHED = f"""\
table ip published {{
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local tcp dport 8080 dnat to {BEHIND[0]}:80
    fib daddr type local tcp dport 8081 dnat to {BEHIND[0]}:80
    fib daddr type local udp dport 5182 dnat to {BEHIND[0]}:51820
  }}
}}
table ip6 published {{
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local tcp dport 8080 dnat to [{BEHIND[1]}]:80
    fib daddr type local tcp dport 8081 dnat to [{BEHIND[1]}]:80
    fib daddr type local udp dport 5182 dnat to [{BEHIND[1]}]:51820
  }}
}}
"""
TO = f"""\
knockwork: 1
mode: MODE
sequences:
  - name: behind
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp, 51820/udp]
    to: [{BEHIND[0]}, "{BEHIND[1]}"]
    open_for: OPEN
  - name: here
    knock: [7100/udp, 8100/udp]
    opens: [22/tcp]
"""


def _to(mode: str, open_for: str = "30s") -> str:
    return TO.replace("MODE", mode).replace("OPEN", open_for)


@pytest.fixture
def lab() -> Iterator[Router]:
    """In place of the plain lab: the other fixtures follow."""
    with Router() as made:
        yield made


MODES = pytest.mark.parametrize("mode", ["gate", "stealth"])


@MODES
def test_published_ports(lab: Router, knockwork: Knockwork, client: Caller, stranger: Caller, mode: str) -> None:
    """Address translation comes after the gate: a published port is protected by its own number."""
    lab.server.nft(PUBLISHED)
    extra = "public: [8081/tcp]\n" if mode == "stealth" else ""
    knockwork.apply(f"knockwork: 1\nmode: {mode}\n{extra}sequences:\n  - {{name: web, knock: [7000, 8000],"
                    " opens: [8080/tcp, 5182/udp], open_for: 1s}\n")
    closed = "refused" if mode == "gate" else "silent"
    assert (client.tcp(8080), client.udp(5182), client.tcp(8081)) == (closed, closed, "open")
    client.knock(7000, 8000)
    assert (client.tcp(8080), client.udp(5182)) == ("open", "open")
    assert (stranger.tcp(8080), stranger.udp(5182)) == (closed, closed)
    connection = client.connect(8080)
    wait_for(lambda: client.tcp(8080) == closed, "the grant expires")
    assert connection.works()


@MODES
def test_a_segment_is_not_led_past_the_gate(lab: Router, knockwork: Knockwork, stranger: Caller, mode: str) -> None:
    """`to` names an address of this host, and another table publishes that port: no SYN, and no older session."""
    lab.server.nft(PUBLISHED)
    knockwork.apply(f"""\
knockwork: 1
mode: {mode}
sequences:
  - {{name: web, knock: [7000/udp, 8000/udp], opens: [8080/tcp], to: [{SERVER[0]}, "{SERVER[1]}"]}}
""")
    lab.server.nft("flush set inet knockwork underway\n")
    lab.behind.nft("table inet heard { chain input { type filter hook input priority 0; tcp dport 80 counter; }; }\n")
    for flags in ("ack", "syn-ack", "fin"):
        stranger.segment(8080, flags, source_port=50000, acknowledge=1)
    stranger.tcp(8080)
    assert "counter packets 0 " in lab.behind.output(["/usr/sbin/nft", "list", "table", "inet", "heard"])


@MODES
def test_other_traffic_is_forwarded(lab: Router, knockwork: Knockwork, client: Caller, mode: str) -> None:
    """What no sequence names and is not for this host is none of our business."""
    knockwork.apply(f"knockwork: 1\nmode: {mode}\nsequences:\n"
                    "  - {name: here, knock: [7000, 8000], opens: [22/tcp, 51820/udp]}\n")
    through = lab.through(client)
    assert (through.tcp(22), through.tcp(80), through.udp(51820)) == ("open", "open", "open")
    through.knock(7000, 8000)  # nor do knocks count that are not for this host
    assert client.tcp(22) != "open"


@MODES
def test_to(lab: Router, knockwork: Knockwork, client: Caller, stranger: Caller, mode: str) -> None:
    """Protected and opened there, and nowhere else; the same port of this host is another door."""
    knockwork.apply(_to(mode))
    closed = "refused" if mode == "gate" else "silent"
    through, theirs = lab.through(client), lab.through(stranger)
    assert (through.tcp(22), through.udp(51820), through.tcp(80)) == (closed, closed, "open")
    client.knock(7000, 8000, 9000)
    assert (through.tcp(22), through.udp(51820)) == ("open", "open")
    assert (theirs.tcp(22), theirs.udp(51820), client.tcp(22)) == (closed, closed, closed)
    assert client.udp(51820) == ("open" if mode == "gate" else "silent")  # nobody declared it here
    if mode == "gate":
        stranger.knock(7100, 8100)
        assert (stranger.tcp(22), theirs.tcp(22)) == ("open", closed)


@MODES
@pytest.mark.parametrize("more", ["connections: 1", "prolong: true\n    on_expiry: cut"])
@pytest.mark.parametrize("names, opens", [("[eth0]", True), ('["!wg*"]', True), ("[wg0]", False)])
def test_to_by_some_interfaces(lab: Router, knockwork: Knockwork, client: Caller, stranger: Caller, mode: str,
                               more: str, names: str, opens: bool) -> None:
    """A grant opens the service to those who come by these interfaces; even one that was given by hand."""
    text = _to(mode).replace("open_for: 30s", f"open_for: 30s\n    interfaces: {names}\n    {more}")
    knockwork.apply(text)
    closed = "refused" if mode == "gate" else "silent"
    through, theirs = lab.through(client), lab.through(stranger)
    assert (through.tcp(22), through.udp(51820)) == (closed, closed)
    knockwork.run("grant", client.source, "--sequence", "behind", check=True)
    assert through.tcp(22) == ("open" if opens else closed)
    assert through.udp(51820) == ("open" if opens and "connections" not in more else closed)
    if opens:
        stranger.knock(7000, 8000, 9000)
        assert (theirs.tcp(22), theirs.tcp(22)) == ("open", closed if "connections" in more else "open")
    assert knockwork.apply(text).startswith("Unchanged")


@MODES
def test_an_address_becomes_a_network(lab: Router, knockwork: Knockwork, client: Caller, mode: str) -> None:
    """Addresses and single ports are found by a hash, networks and ranges by intervals: the sets change their
    kind in one transaction, and back. The door is another one each time: shut until somebody knocks."""
    narrow = _to(mode).replace("open_for: 30s", "open_for: 30s\n    on_expiry: cut")
    network, ports = f"{BEHIND[0].rpartition('.')[0]}.0/24", "22/tcp, 20000-20009/tcp"
    wide = narrow.replace(f"to: [{BEHIND[0]},", f"to: [{network},").replace("22/tcp, 51820/udp", ports)
    closed = "refused" if mode == "gate" else "silent"
    through = lab.through(client)
    knockwork.apply(narrow)
    client.knock(7000, 8000, 9000)
    assert through.connect(22).works() and "flags interval" not in _listed(lab, "places4")
    knockwork.apply(wide)
    assert "flags interval" in _listed(lab, "places4")
    assert through.tcp(22) == closed, "the door is another one, of more addresses"
    client.knock(7000, 8000, 9000)
    assert through.tcp(22) == "open"
    knockwork.apply(narrow)
    assert "flags interval" not in _listed(lab, "places4")
    client.knock(7000, 8000, 9000)
    assert (through.tcp(22), through.tcp(80), client.tcp(22)) == ("open", "open", closed)


def _listed(lab: Router, name: str) -> str:
    return lab.server.output(["nft", "list", "map", "inet", "knockwork", name])


@MODES
def test_connections_to_a_host_behind_go_on(lab: Router, knockwork: Knockwork, client: Caller, mode: str) -> None:
    """Those older than the table and those of an expired grant; cut ones end."""
    through = lab.through(client)
    older = through.connect(22)
    assert older.works()
    knockwork.apply(_to(mode, "1s"))
    assert older.works()
    client.knock(7000, 8000, 9000)
    connection = through.connect(22)
    wait_for(lambda: through.tcp(22) != "open", "the grant expires")
    assert connection.works() and older.works()
    knockwork.apply(_to(mode, "10s\n    on_expiry: cut"))
    assert not connection.works(0.5)
    client.knock(7000, 8000, 9000)
    wait_for(lambda: connection.works(1), "it goes on as soon as it sends again")


def test_networks(lab: Router, knockwork: Knockwork, client: Caller) -> None:
    """A network, and an address in it that has a sequence more."""
    lab.behind.ip("addr add 10.88.0.11/24 dev eth0", "addr add fd88::11/64 dev eth0 nodad")
    knockwork.apply("""\
knockwork: 1
sequences:
  - {name: all, knock: [7000, 8000], opens: [22/tcp, 80/tcp], to: [10.88.0.0/24, "fd88::/64"]}
  - {name: one, knock: [7100, 8100], opens: [22/tcp], to: [10.88.0.10, "fd88::10"]}
""")
    ten = lab.through(client)
    eleven = Caller(client.host, client.source, "fd88::11" if ":" in client.source else "10.88.0.11")
    client.knock(7100, 8100)
    assert (ten.tcp(22), ten.tcp(80), eleven.tcp(22), eleven.tcp(80)) == ("open", *["refused"] * 3)
    client.knock(7000, 8000)
    assert (ten.tcp(22), ten.tcp(80), eleven.tcp(22), eleven.tcp(80)) == ("open",) * 4


def test_one_of_this_hosts_addresses(lab: Router, knockwork: Knockwork, client: Caller) -> None:
    """A service on one address of this host; its other addresses are left alone."""
    lab.server.ip("addr add 10.77.0.11/16 dev eth0", "addr add fd77::11/64 dev eth0 nodad")
    knockwork.apply('knockwork: 1\nsequences:\n  - {name: one, knock: [7000, 8000], opens: [22/tcp],'
                    ' to: [10.77.0.11, "fd77::11"]}\n')
    eleven = Caller(client.host, client.source, "fd77::11" if ":" in client.source else "10.77.0.11")
    assert (eleven.tcp(22), client.tcp(22)) == ("refused", "open")
    client.knock(7000, 8000)
    assert (eleven.tcp(22), client.tcp(22)) == ("open", "open")
