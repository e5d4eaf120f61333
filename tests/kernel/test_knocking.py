"""What opens a service, and what does not: real packets, both families."""

import time
from collections.abc import Sequence

import pytest

from bed import Caller, Lab, packets
from bed.cli import Knockwork
from bed.waiting import wait_for

CLASSIC = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
"""


def test_classic_example_from_bash(lab: Lab, knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """Twelve lines suffice; a shell can knock; only its own source comes in, and only for a while."""
    declaration = CLASSIC + "    step_timeout: 3s\n    open_for: 2s\n"
    assert declaration.count("\n") <= 12
    knockwork.apply(declaration)
    assert client.tcp(22) == "refused"
    began = time.monotonic()
    lab.callers.run(["bash", "-c", "; ".join(f"echo > /dev/udp/{client.target}/{port}"
                                             for port in (7000, 8000, 9000))], check=True)
    assert client.tcp(22) == "open"
    assert stranger.tcp(22) == "refused"
    wait_for(lambda: client.tcp(22) == "refused", "the grant expires")
    assert time.monotonic() - began > 1.8


LATE = 2.6  # seconds; past the step timeout of 2 s
ORDERS: dict[str, tuple[Sequence[int | float], str]] = {
    "in order": ([7000, 8000, 9000], "open"),
    "each twice": ([7000, 7000, 8000, 8000, 9000, 9000], "open"),
    "each three times": ([7000] * 3 + [8000] * 3 + [9000] * 3, "open"),
    "a duplicate of an earlier knock late": ([7000, 8000, 7000, 9000], "open"),
    "an innocent port in between": ([7000, 3, 8000, 60000, 9000], "open"),
    "wrong order, last first": ([9000, 8000, 7000], "refused"),
    "wrong order, two swapped": ([7000, 9000, 8000], "refused"),
    "wrong first, then right": ([9000, 7000, 8000, 9000], "refused"),
    "first missing": ([8000, 9000], "refused"),
    "second missing": ([7000, 9000], "refused"),
    "last missing": ([7000, 8000], "refused"),
    "only the last": ([9000], "refused"),
    "only the first, again and again": ([7000] * 5, "refused"),
    "a guard below in between": ([7000, 7999, 8000, 9000], "refused"),
    "a guard above in between": ([7000, 8000, 8001, 9000], "refused"),
    "the guard of the last": ([7000, 8000, 8999, 9000], "refused"),
    "a late second step": ([7000, LATE, 8000, 9000], "refused"),
    "a late last step": ([7000, 8000, LATE, 9000], "refused"),
    "late, and begun anew": ([7000, LATE, 7000, 8000, 9000], "open"),
    "slow, but each in its time": ([7000, 1.2, 8000, 1.2, 9000], "open"),
    "nothing": ([], "refused"),
}


def test_orders(lab: Lab, knockwork: Knockwork) -> None:
    """Only the right order in time opens, whatever duplicates come along; each row is a source of its own."""
    knockwork.apply(CLASSIC + "    step_timeout: 2s\n")
    callers = {(name, family): lab.caller(address.format(number)) for number, name in enumerate(ORDERS, 1)
               for family, address in (("ipv4", "10.200.1.{}"), ("ipv6", "fd99:0:0:{}::1"))}
    play_together([(caller, ORDERS[name][0]) for (name, _), caller in callers.items()])
    got = {key: str(caller.tcp(22).value) for key, caller in callers.items()}
    assert got == {(name, family): ORDERS[name][1] for name, family in callers}


def play_together(scripts: Sequence[tuple[Caller, Sequence[int | float]]]) -> None:
    """All scripts at once: ports are knocked, floats are waited for."""
    events: list[tuple[float, int, Caller, int]] = []
    for caller, script in scripts:
        at = 0.0
        for step in script:
            if isinstance(step, float):
                at += step
            else:
                events.append((at, len(events), caller, step))
    began = time.monotonic()
    for at, _, caller, port in sorted(events, key=lambda event: event[:2]):
        time.sleep(max(0.0, began + at - time.monotonic()))
        caller.knock(port)


def test_a_lockout_of_one_on_the_link_is_nobody_elses(lab: Lab, knockwork: Knockwork) -> None:
    """Not even of a source that looks like the whole network."""
    knockwork.apply(CLASSIC + "lockout: 30s\n")
    lab.callers.call(packets.raw_udp, lab.client6.target, 7001, "fe80::")
    assert "fe80::" in lab.server.output(["/usr/sbin/nft", "list", "set", "inet", "knockwork", "locked6"])
    for port in (7000, 8000, 9000):
        lab.callers.call(packets.raw_udp, lab.client6.target, port, "fe80::a:1")
    holders = lab.server.output(["/usr/sbin/nft", "list", "set", "inet", "knockwork", "holders6"])
    assert "fe80::a:1" in holders


def test_a_lockout_ends(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """After a wrong knock the right sequence does nothing until the lockout is over."""
    knockwork.apply(CLASSIC + "    step_timeout: 1s\nlockout: 1s\n")
    client.knock(6999, 7000, 8000, 9000)
    assert client.tcp(22) == "refused"
    time.sleep(1.4)
    client.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"


def test_wrong_knocks_ignored(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """With `wrong_knock: ignore` wrong and guard ports change nothing."""
    knockwork.apply(CLASSIC + "wrong_knock: ignore\n")
    client.knock(9000, 6999, 7000, 7001, 9000, 8000, 7999, 9000)
    assert client.tcp(22) == "open"


def test_listed_guards(lab: Lab, knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """Listed guards stand in place of the automatic ones, a bare port for both protocols."""
    knockwork.apply(CLASSIC + "guards: [7777, 8888/tcp]\n")
    client.knock(7000, 6999, 8000, 8001, "8888/udp", 9000)
    assert client.tcp(22) == "open"
    for number, guard in enumerate(("7777/udp", "7777/tcp", "8888/tcp"), 1):
        caller = lab.caller(("10.200.5.{}" if "." in client.source else "fd99:0:0:{}::1").format(number))
        caller.knock(7000, guard, 8000, 9000)
        assert caller.tcp(22) == "refused", guard


def test_drop_ins(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Sequences of conf.d stand beside those of the main file, and go with their file."""
    other = "- name: web\n  knock: [7000, 8100, 9100]\n  opens: [80/tcp]\n"
    lab.server.write("/etc/knockwork/conf.d/web.yml", other)
    knockwork.apply(CLASSIC)
    assert (client.tcp(22), client.tcp(80)) == ("refused", "refused")
    client.knock(7000, 8000, 8100, 9100, 9000)
    assert (client.tcp(22), client.tcp(80)) == ("open", "open")
    lab.server.run(["rm", "/etc/knockwork/conf.d/web.yml"], check=True)
    knockwork.apply()
    assert lab.caller("10.200.0.1").tcp(80) == "open"


REPEATED = """\
knockwork: 1
wrong_knock: ignore
sequences:
  - name: twice
    knock: [7000/udp, 7000/udp, 8000/udp]
    opens: [22/tcp]
"""


def test_one_packet_takes_one_step(lab: Lab, knockwork: Knockwork) -> None:
    """[7000, 7000, 8000]: 7000 must come twice."""
    knockwork.apply(REPEATED)
    for number, (script, answer) in enumerate([([7000, 8000], "refused"), ([7000, 7000, 8000], "open"),
                                               ([7000, 7000], "refused"), ([7000], "refused")]):
        caller = lab.caller(f"10.200.2.{number}")
        caller.knock(*script)
        assert caller.tcp(22) == answer, script


MIXED = """\
knockwork: 1
sequences:
  - name: alice
    knock: [7411/tcp, 1807/udp, 29017/tcp, 11003/udp]
    opens: [22/tcp, 51820/udp]
"""


def test_mixed_protocols(lab: Lab, knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """A sequence of both protocols opens both services; the other protocol on a knock port is no knock."""
    knockwork.apply(MIXED)
    assert (client.tcp(22), client.udp(51820)) == ("refused", "refused")
    client.knock("7411/tcp", "1807/udp", "29017/tcp", "11003/udp")
    assert (client.tcp(22), client.udp(51820)) == ("open", "open")
    stranger.knock("7411/udp", "1807/udp", "29017/tcp", "11003/udp")
    assert (stranger.tcp(22), stranger.udp(51820)) == ("refused", "refused")


@pytest.mark.parametrize("flags", sorted(packets.TCP_FLAGS))
def test_only_a_syn_knocks(lab: Lab, knockwork: Knockwork, flags: str) -> None:
    """Of all TCP packets only flags & (fin|syn|rst|ack) == syn count."""
    knockwork.apply(CLASSIC.replace("/udp", "/tcp"))
    for number, source in enumerate(("10.200.3.1", "fd99::3:1")):
        caller = lab.caller(source)
        for port in (7000, 8000, 9000):
            caller.segment(port, flags, source_port=50000 + port)
        assert caller.tcp(22) == ("open" if flags == "syn" else "refused"), number


def mark_all(lab: Lab, mark: str, priority: str) -> None:
    """Have every packet arrive with a mark and a priority."""
    lab.server.nft(f"""table inet early {{
        chain c {{
            type filter hook prerouting priority raw
            meta mark set {mark} meta priority set {priority}
        }}
    }}""")


@pytest.mark.parametrize("script, answer", [([7000, 8000, 9000], "open"), ([9000], "refused"),
                                            ([7000, 9000], "refused"), ([8000], "refused")])
def test_marked_packets(lab: Lab, knockwork: Knockwork, client: Caller, script: list[int],
                        answer: str) -> None:
    """Packets that arrive with the scratch mark and priority set are judged like any other."""
    mark_all(lab, "0x1", "0:1")
    knockwork.apply(CLASSIC)
    client.knock(*script)
    assert client.tcp(22) == answer


def test_marks_of_others_survive(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """No packet loses its mark; those to knock ports lose their priority, those to guard and other ports keep it."""
    mark_all(lab, "0x7", "7:7")
    lab.server.nft("""table inet late {
        set kept { type inet_service; flags dynamic; size 100; }
        set zero { type inet_service; flags dynamic; size 100; }
        chain c {
            type filter hook prerouting priority 0
            meta mark 0x7 meta priority 7:7 meta l4proto udp add @kept { udp dport }
            meta mark 0x7 meta priority none meta l4proto udp add @zero { udp dport }
        }
    }""")
    knockwork.apply(CLASSIC)
    client.knock(5000, 7000, 8000, 9000, 9001, 7000)
    assert _ports(lab, "kept") == {5000, 9001}
    assert _ports(lab, "zero") == {7000, 8000, 9000}


def _ports(lab: Lab, name: str) -> set[int]:
    text = lab.server.output(["nft", "list", "set", "inet", "late", name])
    return {int(port) for port in text.partition("elements = {")[2].split("}")[0].split(",") if port.strip()}


SHARED = """\
knockwork: 1
sequences:
  - name: one
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
  - name: two
    knock: [7000/udp, 8000/udp, 9500/udp]
    opens: [80/tcp]
  - name: three
    knock: [9000/udp, 7000/udp]
    opens: [51820/udp]
"""


@pytest.mark.parametrize("script, answers", [
    ([7000, 8000, 9000], ("open", "refused", "refused")),
    ([7000, 8000, 9500], ("refused", "open", "refused")),
    ([7000, 8000, 9000, 9500], ("open", "open", "refused")),
    ([9000, 7000], ("refused", "refused", "open")),
    ([9000, 7000, 8000, 9000], ("open", "refused", "open")),
    ([7000, 9000, 8000], ("refused", "refused", "refused")),
])
def test_sequences_that_share_ports(lab: Lab, knockwork: Knockwork, client: Caller, script: list[int],
                                    answers: tuple[str, str, str]) -> None:
    """Sequences that begin alike or use each other's ports each open their own service."""
    knockwork.apply(SHARED)
    client.knock(*script)
    assert (client.tcp(22), client.tcp(80), client.udp(51820)) == answers
