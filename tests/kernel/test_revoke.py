"""Grants given and taken back by hand; connections that end with a revocation, and those that must not."""

import json
import re
import time
from collections.abc import Iterator

import pytest

from bed import Caller, Lab
from bed.cli import Knockwork
from bed.lab import SERVER
from bed.router import BEHIND, Router

DECLARATION = f"""\
knockwork: 1
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp, 51820/udp]
    open_for: 1m
  - name: other
    knock: [7100/udp, 8100/udp]
    opens: [22/tcp, 79-81/tcp]
    open_for: 1m
  - name: behind
    knock: [7200/udp, 8200/udp]
    opens: [22/tcp, 51820/udp]
    to: [{BEHIND[0]}, "{BEHIND[1]}"]
    open_for: 1m
"""
KNOCKS = {"ssh": (7000, 8000, 9000), "other": (7100, 8100), "behind": (7200, 8200)}


@pytest.fixture
def lab() -> Iterator[Router]:
    """The server, and one behind it."""
    made = Router()
    try:
        yield made
    finally:
        made.close()


def _grants(knockwork: Knockwork) -> list[tuple[str, str]]:
    grants = json.loads(knockwork.run("status", "--json").stdout)["grants"]
    return sorted((each["source"], each["sequence"]) for each in grants)


def _revoke(knockwork: Knockwork, *options: str) -> list[str]:
    """The changes, a line each."""
    done = knockwork.run("revoke", *options)
    assert done.returncode == 0, done
    return done.stdout.splitlines()[:-2]


def _severed(knockwork: Knockwork) -> bool:
    return "chain severed " in knockwork.listing()


def test_grant(knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """As if it had knocked: for as long as asked for, and not shorter than it has."""
    knockwork.apply(DECLARATION)
    assert client.tcp(22) == "refused"
    done = knockwork.run("grant", client.source, "--sequence", "ssh", "--for", "40s")
    assert done.stdout == (
        f"  + grant {client.source}: by ssh for 40s\n\nChanged: 1 added, 0 changed, 0 removed.\n"), done
    assert (client.tcp(22), client.udp(51820), client.tcp(80), stranger.tcp(22)) == (
        "open", "open", "refused", "refused")
    assert knockwork.run("grant", client.source, "--sequence", "ssh", "--for", "20s").stdout == (
        "Unchanged: the source already has a grant that lasts longer.\n")
    longer = knockwork.run("grant", client.source, "--sequence", "ssh", "--for", "1h").stdout
    assert re.fullmatch(rf"  ~ grant {client.source}: by ssh for 1h instead of [34]\ds\n\n"
                        r"Changed: 0 added, 1 changed, 0 removed\.\n", longer), longer
    assert "by other for 1m" in knockwork.run("grant", client.source, "--sequence", "other").stdout
    assert client.tcp(80) == "open"
    assert knockwork.apply().startswith("Unchanged")


def test_grant_to_sources_that_have_one(knockwork: Knockwork) -> None:
    """Of a network: those that lasts longer stay, and it says so."""
    knockwork.apply(DECLARATION)
    knockwork.run("grant", "192.0.2.7", "--sequence", "ssh", "--for", "3h")
    grant = ("grant", "192.0.2.4/30", "--sequence", "ssh", "--for", "1h")
    for command in ((*grant, "--check"), grant):
        said = knockwork.run(*command).stdout
        assert "  + grant 192.0.2.4/30: by ssh for 1h; 1 of 4 sources keep a longer grant\n" in said, said
    grants = json.loads(knockwork.run("status", "--json").stdout)["grants"]
    assert {each["source"] for each in grants} == {f"192.0.2.{last}" for last in range(4, 8)}


def test_half_done_knocks(knockwork: Knockwork, client: Caller) -> None:
    """Are revoked as well, and told."""
    knockwork.apply(DECLARATION)
    client.knock("7000/udp")
    assert _revoke(knockwork, "--all") == ["  - knocks of half-finished sequences: revoked"]
    assert knockwork.run("revoke", "--all").stdout.startswith("Unchanged")


def test_a_shorter_grant_counts(knockwork: Knockwork, client: Caller) -> None:
    """The latest one does: status says how long the service is open, and lint how it comes about."""
    declaration = DECLARATION + """\
  - name: short
    knock: [7001/udp, 8001/udp, 9001/udp]
    opens: [22/tcp, 51820/udp]
    open_for: 2s
"""
    knockwork.apply(declaration)
    knockwork.run("grant", client.source, "--sequence", "ssh", "--for", "1h", check=True)
    client.knock("7001/udp", "8001/udp", "9001/udp")
    remaining = {each["sequence"]: each["remaining_ms"] for each in
                 json.loads(knockwork.run("status", "--json").stdout)["grants"]}
    assert remaining.keys() == {"ssh", "short"} and all(each <= 2000 for each in remaining.values()), remaining
    time.sleep(2.1)
    assert client.tcp(22) == "refused"
    assert json.loads(knockwork.run("status", "--json").stdout)["grants"] == []
    shortens = "short: other opens the same service for 1m: a knock of this sequence shortens that to 2s"
    assert shortens in " ".join(knockwork.run("lint").stdout.split())
    for others, its in (("from: [198.51.100.0/24]", "from: [192.0.2.0/24]"), ("interfaces: [eth0]", ""),
                        ("connections: 3", "")):  # nobody comes by both, or their grants are not one element
        text = declaration.replace("  - name: other\n", f"  - name: other\n    {others}\n")
        knockwork.declare(text + (f"    {its}\n" if its else ""))
        assert "other opens the same service" not in " ".join(knockwork.run("lint").stdout.split()), others


@pytest.mark.parametrize("network, inside, outside, keys, number", [
    ("10.200.1.0/24", ("10.200.1.0", "10.200.1.77", "10.200.1.255"), ("10.200.2.1", "10.200.0.255"), "", 256),
    ("fd99::40/124", ("fd99::40", "fd99::4f"), ("fd99::50", "fd99::3f"), "", 16),
    ("10.200.1.0/24", ("10.200.1.0", "10.200.1.255"), ("10.200.2.1",), "ipv4_prefix: 24\n", 1),
    ("10.200.0.0/22", ("10.200.0.7", "10.200.3.7"), ("10.200.4.7",), "ipv4_prefix: 24\n", 4),
    ("fd99::/56", ("fd99::7", "fd99:0:0:ff::7"), ("fd99:0:0:100::7",), "ipv6_prefix: 56\n", 1),
])
def test_grant_to_a_network(lab: Lab, knockwork: Knockwork, network: str, inside: tuple[str, ...],
                            outside: tuple[str, ...], keys: str, number: int) -> None:
    """Every source of it and nobody else; what takes it back takes all of it."""
    knockwork.apply(DECLARATION + keys)
    said = knockwork.run("grant", network, "--sequence", "ssh", "--for", "40s")
    assert said.stdout.startswith(f"  + grant {network}: by ssh for 40s\n"), said
    assert [lab.caller(source).tcp(22) for source in inside] == ["open"] * len(inside)
    assert [lab.caller(source).tcp(22) for source in outside] == ["refused"] * len(outside)
    assert len(_grants(knockwork)) == number
    assert knockwork.run("grant", network, "--sequence", "ssh", "--for", "20s").stdout.startswith("Unchanged")
    _revoke(knockwork, "--source", network)
    assert _grants(knockwork) == []
    assert lab.caller(inside[-1]).tcp(22) == "refused"


@pytest.mark.parametrize("arguments, why", [
    (["grant", "10.0.0.0/8", "--sequence", "ssh"],
     '"10.0.0.0/8" has more than 256 sources: grant a /24 or smaller, put it into always_allow, or set '
     'ipv4_prefix so that one source covers more addresses'),
    (["grant", "2001:db8::/64", "--sequence", "ssh"],
     '"2001:db8::/64" has more than 256 sources: grant a /120 or smaller, put it into always_allow, or set '
     'ipv6_prefix so that one source covers more addresses'),
    (["grant", "nobody", "--sequence", "ssh"],
     "`nobody` is not an address or network: write it as 192.0.2.10, 192.0.2.0/28 or 2001:db8::/32"),
    (["grant", "10.0.0.1", "--sequence", "none"],
     "the live table has no sequence none: see `knockwork status`"),
    (["revoke", "--sequence", "none"], "the live table has no sequence none: see `knockwork status`"),
    (["revoke"], "specify which grants: --sequence NAME, --source ADDRESS, both, or --all"),
])
def test_refused(knockwork: Knockwork, arguments: list[str], why: str) -> None:
    """Whole messages."""
    knockwork.apply(DECLARATION)
    assert knockwork.refused(*arguments) == f"knockwork: error: {why}\n"


def test_no_gate(knockwork: Knockwork) -> None:
    for command in (["revoke", "--all"], ["grant", "10.0.0.1", "--sequence", "ssh"]):
        assert knockwork.refused(*command) == (
            "knockwork: error: there is no gate in this network namespace: run `knockwork apply` first\n")


def test_revoke_a_sequence(knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """Its grants and connections end at once; those of another sequence for the same service go on."""
    knockwork.apply(DECLARATION)
    client.knock(*KNOCKS["ssh"])
    stranger.knock(*KNOCKS["ssh"])
    stranger.knock(*KNOCKS["other"])
    mine, theirs = client.connect(22), stranger.connect(22)
    assert mine.works() and theirs.works()
    check = knockwork.run("revoke", "--sequence", "ssh", "--check").stdout
    assert mine.works()
    said = sorted(_revoke(knockwork, "--sequence", "ssh"))
    assert said == sorted(check.splitlines()[:-2]) == sorted([
        f"  - connections {client.source}: 1 cut",
        f"  - grant {client.source}: by ssh, revoked", f"  - grant {stranger.source}: by ssh, revoked"])
    assert not mine.works() and theirs.works()
    assert (client.tcp(22), stranger.tcp(22), stranger.udp(51820, 1)) == ("refused", "open", "refused")
    assert _grants(knockwork) == [(stranger.source, "other")]
    assert knockwork.run("revoke", "--sequence", "ssh").stdout == (
        "Unchanged: there is no such grant and no such connection.\n")
    assert knockwork.apply().startswith("Unchanged"), "what was severed is nobody's declaration"
    client.knock(*KNOCKS["ssh"])
    again = client.connect(22)
    assert again.works()


def test_after_the_grant(knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """A connection outlives its grant: that it came by the sequence nobody knows, and it is cut all the same."""
    knockwork.apply(DECLARATION.replace("open_for: 1m", "open_for: 1s"))
    client.knock(*KNOCKS["ssh"])
    mine = client.connect(22)
    knockwork.run("revoke", "--source", stranger.source)
    assert mine.works(), "of another source"
    knockwork.run("revoke", "--sequence", "other", "--source", stranger.source)
    assert mine.works()
    _revoke(knockwork, "--source", client.source)
    assert not mine.works()


def _udp_session(caller: Caller, port: int) -> "tuple[int, Caller]":
    number: int = caller.host.call(_open_udp, caller.source, caller.target, port)
    return number, caller


_SOCKETS: dict[int, object] = {}


def _open_udp(source: str, target: str, port: int) -> int:
    import socket
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    handle = socket.socket(family, socket.SOCK_DGRAM)
    handle.bind((source, 0))
    handle.connect((target, port))
    _SOCKETS[handle.fileno()] = handle
    return handle.fileno()


def _echoes(number: int, tries: int = 3) -> bool:
    import socket
    handle = _SOCKETS[number]
    assert isinstance(handle, socket.socket)
    handle.settimeout(0.5)
    for _ in range(tries):
        try:
            handle.send(b"still here?")
            return handle.recv(100) == b"still here?"
        except OSError:
            continue
    return False


@pytest.mark.parametrize("where", ["here", "behind"])
def test_every_kind_of_connection(lab: Router, knockwork: Knockwork, client: Caller, where: str) -> None:
    """TCP and UDP, of this host and routed, whatever conntrack forgets; readmitted by a knock, with the same ports."""
    knockwork.apply(DECLARATION)
    caller = client if where == "here" else lab.through(client)
    sequence = "ssh" if where == "here" else "behind"
    client.knock(*KNOCKS[sequence])
    tcp = caller.connect(22)
    udp, _ = _udp_session(caller, 51820)
    assert tcp.works() and caller.host.call(_echoes, udp)
    said = _revoke(knockwork, "--sequence", sequence)
    assert f"  - connections {client.source}: 2 cut" in said
    assert not tcp.works(1) and not caller.host.call(_echoes, udp)
    assert _severed(knockwork)
    assert knockwork.apply().startswith("Unchanged")
    for _ in range(2):  # an attacker insists
        assert not tcp.works(0.5) and not caller.host.call(_echoes, udp, 1)
    client.knock(*KNOCKS[sequence])
    assert caller.host.call(_echoes, udp), "the same ports, by a new knock"
    fresh = caller.connect(22)
    assert fresh.works()
    knockwork.run("revoke", "--sequence", "other")
    assert fresh.works() and caller.host.call(_echoes, udp)


PUBLISHED = """\
table {family} published {{
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local tcp dport 2222 dnat to {target}:22
    fib daddr type local udp dport 5182 dnat to {target}:51820
  }}
}}
"""


@pytest.mark.parametrize("where", ["here", "behind"])
def test_translated(lab: Router, knockwork: Knockwork, client: Caller, where: str) -> None:
    """What another table leads to a service ends with it, whatever port and address it was asked for by."""
    targets = {"ip": SERVER[0], "ip6": f"[{SERVER[1]}]"} if where == "here" else {
        "ip": BEHIND[0], "ip6": f"[{BEHIND[1]}]"}
    for family, target in targets.items():
        lab.server.nft(PUBLISHED.format(family=family, target=target))
    knockwork.apply(DECLARATION)
    sequence = "ssh" if where == "here" else "behind"
    client.knock(*KNOCKS[sequence])
    tcp = client.connect(2222)
    udp, _ = _udp_session(client, 5182)
    assert tcp.works() and client.host.call(_echoes, udp)
    assert f"  - connections {client.source}: 2 cut" in _revoke(knockwork, "--sequence", sequence)
    for _ in range(2):
        assert not tcp.works(0.5) and not client.host.call(_echoes, udp, 1)
    lab.server.nft("delete table ip published; delete table ip6 published")
    lab.server.nft("".join(PUBLISHED.format(family=family, target=target) for family, target in targets.items()))
    assert not client.host.call(_echoes, udp, 1), "by another entry of conntrack"
    client.knock(*KNOCKS[sequence])
    assert client.host.call(_echoes, udp), "the same ports, by a new knock"
    assert client.connect(2222).works()
    assert knockwork.apply().startswith("Unchanged")


def test_pre_conntrack(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """A connection that conntrack does not know is found as the socket that it is."""
    mine = client.connect(22)
    assert mine.works()
    knockwork.apply(DECLARATION)
    said = _revoke(knockwork, "--sequence", "ssh")
    assert said == [f"  - connections {client.source}: 1 cut"]
    assert not mine.works()


def test_who_goes_on(knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """Who never needs to knock, and the connection over which somebody revokes."""
    knockwork.apply(DECLARATION.replace("sequences:", f'always_allow: ["{stranger.source}"]\nsequences:'))
    client.knock(*KNOCKS["ssh"])
    mine, theirs, second = client.connect(22), stranger.connect(22), client.connect(22)
    over = f"{client.source} {mine.local_port} {client.target} 22"
    done = knockwork.run("revoke", "--all", env={"SSH_CONNECTION": over})
    assert done.stderr == ("warning: the connection that you are using was not cut: close it once you have "
                           "reconnected\n")
    assert mine.works() and theirs.works() and not second.works()


def test_emergency(lab: Router, knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """What an apply removes or changes is revoked with it; what stays goes on."""
    knockwork.apply(DECLARATION)
    through = lab.through(client)
    client.knock(*KNOCKS["ssh"])
    client.knock(*KNOCKS["behind"])
    stranger.knock(*KNOCKS["other"])
    mine, behind, theirs = client.connect(22), through.connect(22), stranger.connect(80)
    said = knockwork.apply(DECLARATION.replace("7000/udp", "7001/udp"), "--revoke-retired")
    assert "  ~ sequence ssh: " in said and f"  - grant {client.source}: by ssh, revoked\n" in said
    assert not mine.works() and behind.works() and theirs.works()
    assert client.tcp(22) == "refused"
    assert sorted(_grants(knockwork)) == sorted([(client.source, "behind"), (stranger.source, "other")])
    assert knockwork.apply(None, "--revoke-retired").startswith("Unchanged")
    client.knock(7001, 8000, 9000)
    fresh = client.connect(22)
    knockwork.apply(DECLARATION.replace("7000/udp", "7002/udp"))
    assert fresh.works(), "without --revoke-retired connections go on"


def test_emergency_rolled_back(knockwork: Knockwork, client: Caller) -> None:
    """The table of before comes back; what was revoked does not."""
    knockwork.apply(DECLARATION)
    client.knock(*KNOCKS["ssh"])
    mine = client.connect(22)
    knockwork.apply(DECLARATION.replace("7000/udp", "7001/udp"), "--revoke-retired", "--confirm-within", "60s")
    assert not mine.works()
    assert knockwork.run("rollback").returncode == 0
    assert not mine.works() and client.tcp(22) == "refused" and _grants(knockwork) == []
    client.knock(*KNOCKS["ssh"])
    assert client.tcp(22) == "open"


def test_revoked_while_one_waits(knockwork: Knockwork, client: Caller) -> None:
    """A rollback gives nothing back that was revoked meanwhile."""
    knockwork.apply(DECLARATION)
    client.knock(*KNOCKS["behind"])
    knockwork.apply("knockwork: 1\nsequences:\n  - {name: a, knock: [1, 9], opens: [22/tcp]}\n",
                    "--confirm-within", "60s")
    assert _revoke(knockwork, "--all") == [f"  - grant {client.source}: by a removed sequence, revoked"]
    assert knockwork.run("rollback").returncode == 0
    assert "elements" not in knockwork.table().block("reached6" if ":" in client.source else "reached4").text()


def test_saved_states_forget(knockwork: Knockwork, client: Caller) -> None:
    """What was revoked does not come back with a reboot either, and what was cut stays cut."""
    knockwork.apply(DECLARATION)
    client.knock(*KNOCKS["ssh"])
    mine = client.connect(22)
    knockwork.run("save")
    _revoke(knockwork, "--all")
    assert not mine.works()
    knockwork.run("save")
    knockwork.host.nft("delete table inet knockwork")
    knockwork.apply()
    assert client.tcp(22) == "refused" and _severed(knockwork)
    assert knockwork.apply().startswith("Unchanged")


@pytest.mark.parametrize("keys", ["mode: stealth", "ipv6_prefix: 64", "ipv4_prefix: 24", "interfaces: [eth0]",
                                  "interfaces: [eth*]", "refuse: drop", "log: all"])
def test_every_shape_of_table(knockwork: Knockwork, client: Caller, keys: str) -> None:
    """What is severed is listed as it was written, and an apply finds nothing to do; a hand's change is mended."""
    knockwork.apply(DECLARATION.replace("sequences:", f"{keys}\nsequences:"))
    client.knock(*KNOCKS["ssh"])
    mine = client.connect(22)
    assert mine.works()
    _revoke(knockwork, "--sequence", "ssh")
    assert not mine.works(0.5) and _severed(knockwork)
    assert knockwork.apply().startswith("Unchanged")
    knockwork.host.nft("flush chain inet knockwork severing")
    assert "chain severing: its rules differ" in knockwork.apply()
    mine.works(0.5)  # meets what was sent again while the hand had its way; not closed where only eth0 is protected
    assert not mine.works(0.5)
    assert knockwork.apply().startswith("Unchanged")


@pytest.mark.parametrize("key, network", [("ipv4_prefix: 24", "10.77.0.0/24"), ("ipv6_prefix: 64", "fd77::/64")])
def test_a_network_for_a_source(knockwork: Knockwork, client: Caller, stranger: Caller, key: str, network: str) -> None:
    """Where a source is a network, a grant and its revocation are the network's, and are called by it."""
    if (":" in network) != (":" in client.source):
        pytest.skip("of the other family")
    knockwork.apply(DECLARATION.replace("sequences:", f"{key}\nsequences:"))
    assert knockwork.run("grant", client.source, "--sequence", "ssh").returncode == 0
    assert (client.tcp(22), stranger.tcp(22)) == ("open", "open")
    assert _grants(knockwork) == [(network, "ssh")]
    mine, theirs = client.connect(22), stranger.connect(22)
    assert mine.works() and theirs.works()
    assert f"  - grant {network}: by ssh, revoked" in _revoke(knockwork, "--source", stranger.source)
    assert not mine.works(0.5) and not theirs.works(0.5)
    assert (client.tcp(22), stranger.tcp(22)) == ("refused", "refused")
    assert knockwork.apply().startswith("Unchanged")


MANY = 300


def _flood(source: str, target: str, port: int) -> None:
    """A datagram from each of many source ports."""
    import socket
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    for number in range(20000, 20000 + MANY):
        with socket.socket(family, socket.SOCK_DGRAM) as handle:
            handle.bind((source, number))
            handle.sendto(b"one of many", (target, port))


def _tracked(knockwork: Knockwork) -> int:
    count: bytes = knockwork.host.call("read", "/proc/sys/net/netfilter/nf_conntrack_count")
    return int(count)


@pytest.mark.parametrize("command", ["revoke", "apply"])
def test_more_connections_than_sources(knockwork: Knockwork, client: Caller, command: str) -> None:
    """However many connections somebody makes, all of them end at once."""
    knockwork.apply(DECLARATION.replace("sequences:", "sources: 16\nsequences:"))
    client.knock(*KNOCKS["ssh"])
    tcp = client.connect(22)
    udp, _ = _udp_session(client, 51820)
    assert tcp.works() and client.host.call(_echoes, udp)
    client.host.call(_flood, client.source, client.target, 51820)
    assert _tracked(knockwork) > MANY
    if command == "revoke":
        said = "\n".join(_revoke(knockwork, "--sequence", "ssh"))
    else:
        changed = DECLARATION.replace("7000/udp", "7001/udp").replace("sequences:", "sources: 16\nsequences:")
        said = knockwork.apply(changed, "--revoke-retired")
    assert f"  - connections {client.source}: {MANY + 2} cut" in said
    assert _tracked(knockwork) < 30, "conntrack forgets them"
    assert not tcp.works(0.5) and not client.host.call(_echoes, udp, 1)
    assert knockwork.apply().startswith("Unchanged")


def test_no_room_for_sources(knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """Where sources do not fit, the service is cut for all who hold no grant, until they come in again."""
    knockwork.apply(DECLARATION.replace("open_for: 1m", "open_for: 2s"))
    client.knock(*KNOCKS["ssh"])
    mine = client.connect(22)
    assert mine.works()
    _revoke(knockwork, "--all")
    six = ":" in client.source
    others = (f"fd10::{number:x} . fd10::" if six else f"10.8.{number >> 8}.{number & 255} . 10.0.0.1"
              for number in range(16384))
    elements = ", ".join(f"{other} . 6 . 22 timeout 1h" for other in others)
    knockwork.host.nft(f"add element inet knockwork severed{6 if six else 4} {{ {elements} }}")
    client.knock(*KNOCKS["ssh"])
    mine = client.connect(22)
    udp, _ = _udp_session(client, 51820)
    assert mine.works() and client.host.call(_echoes, udp)
    done = knockwork.run("revoke", "--sequence", "ssh")
    assert done.returncode == 0 and f"  - connections {client.source}: 2 cut" in done.stdout, done
    assert done.stderr == (
        "warning: there are too many sources to cut individually: the services were cut for every source without a "
        "current grant\n")
    assert not mine.works(0.5) and not client.host.call(_echoes, udp, 1)
    assert knockwork.run("revoke", "--sequence", "ssh").stdout.startswith("Unchanged")
    assert knockwork.apply().startswith("Unchanged")
    stranger.knock(*KNOCKS["ssh"])
    theirs = stranger.connect(22)
    assert theirs.works()
    time.sleep(2.5)
    assert theirs.works(), "who came in again stays in after the grant"
    assert not client.host.call(_echoes, udp, 1)
    _revoke(knockwork, "--source", stranger.source)
    assert not theirs.works(0.5)


def _speak(port: int, target: str | None = None) -> "list[bytes]":
    """Say something to `target` from a UDP server's port, and what the server has heard since it was asked."""
    import socket
    server = _SOCKETS.get(port)
    if not isinstance(server, socket.socket):
        server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        server.bind(("::", port))
        server.setblocking(False)
        _SOCKETS[port] = server
    heard: list[bytes] = []
    peers: dict[bytes, object] = {}
    while True:
        try:
            data, peers[b"last"] = server.recvfrom(100)
        except BlockingIOError:
            break
        heard.append(data)
    if target is not None:
        address, _, number = target.rpartition(" ")
        try:
            server.sendto(b"news", (address if ":" in address else f"::ffff:{address}", int(number)))
        except PermissionError:
            pass  # as the kernel answers a packet that a rule dropped
    return heard


def _say(number: int, text: bytes) -> "tuple[str, list[bytes]]":
    """Send a datagram; the socket's address and port, and what had come to it."""
    handle = _SOCKETS[number]
    import socket
    assert isinstance(handle, socket.socket)
    handle.setblocking(False)
    heard: list[bytes] = []
    while True:
        try:
            heard.append(handle.recv(100))
        except OSError:
            break
    try:
        handle.send(text)
    except OSError:
        handle.send(text)  # the first one told of an earlier refusal
    name = handle.getsockname()
    return f"{name[0]} {name[1]}", heard


@pytest.mark.parametrize("where", ["here", "behind"])
def test_a_server_that_goes_on_speaking(lab: Router, knockwork: Knockwork, client: Caller, where: str) -> None:
    """It opens no way back for its client, and its client hears no more of it."""
    knockwork.apply(DECLARATION.replace("51820/udp", "51821/udp"))
    caller, server = (client, lab.server) if where == "here" else (lab.through(client), lab.behind)
    server.call(_speak, 51821)
    client.knock(*KNOCKS["ssh" if where == "here" else "behind"])
    udp, _ = _udp_session(caller, 51821)
    peer, _ = caller.host.call(_say, udp, b"first")
    time.sleep(0.1)
    assert server.call(_speak, 51821, peer) == [b"first"]
    time.sleep(0.1)
    assert caller.host.call(_say, udp, b"second")[1] == [b"news"]
    time.sleep(0.1)
    assert server.call(_speak, 51821) == [b"second"]
    _revoke(knockwork, "--all")
    for _ in range(3):
        assert server.call(_speak, 51821, peer) == []
        time.sleep(0.1)
        assert caller.host.call(_say, udp, b"third")[1] == []
        time.sleep(0.1)
    assert server.call(_speak, 51821) == []
    client.knock(*KNOCKS["ssh" if where == "here" else "behind"])
    caller.host.call(_say, udp, b"fourth")
    time.sleep(0.1)
    assert server.call(_speak, 51821, peer) == [b"fourth"]
    time.sleep(0.1)
    assert caller.host.call(_say, udp, b"fifth")[1] == [b"news"]


def test_open_to_all(lab: Router, knockwork: Knockwork, client: Caller) -> None:
    """A service that is no longer protected is open to whoever was cut off, too."""
    knockwork.apply(DECLARATION)
    through = lab.through(client)
    client.knock(*KNOCKS["ssh"])
    client.knock(*KNOCKS["behind"])
    mine, behind = client.connect(22), through.connect(22)
    assert mine.works() and behind.works()
    _revoke(knockwork, "--all")
    assert not mine.works(0.5) and not behind.works(0.5)
    knockwork.apply("knockwork: 1\nsequences:\n  - {name: a, knock: [1, 9], opens: [79/tcp]}\n")
    mine, behind = client.connect(22), through.connect(22)
    assert mine.works() and behind.works()
