"""What a sequence may ask for besides its knocks: who knocks, how fast in all, and where."""

import time

from bed import Caller, Lab
from bed.cli import Knockwork

from test_knocking import CLASSIC


def test_from(lab: Lab, knockwork: Knockwork) -> None:
    """Only sources of `from` take steps; for others its knock ports are wrong ones; grants are for one."""
    knockwork.apply(CLASSIC + '    from: [10.200.1.0/24, "fd99:0:0:1::/64"]\n')
    for source, answer in (("10.200.1.7", "open"), ("10.200.2.7", "refused"),
                           ("fd99:0:0:1::7", "open"), ("fd99:0:0:2::7", "refused")):
        caller = lab.caller(source)
        caller.knock(7000, 8000, 9000)
        assert caller.tcp(22) == answer, source
    assert lab.caller("10.200.1.8").tcp(22) == "refused"


def test_from_of_two_sequences(lab: Lab, knockwork: Knockwork) -> None:
    """The same knocks open what the source's own sequence says."""
    knockwork.apply("""\
knockwork: 1
sequences:
  - {name: ops, knock: [7000, 8000], opens: [22/tcp], from: [10.200.1.0/24]}
  - {name: web, knock: [7000, 8000], opens: [80/tcp], from: [10.200.0.0/16]}
""")
    ops, web = lab.caller("10.200.1.7"), lab.caller("10.200.2.7")
    for caller in (ops, web):
        caller.knock(7000, 8000)
    assert [caller.tcp(port) for caller in (ops, web) for port in (22, 80)] == [
        "open", "open", "refused", "open"]


def test_sequence_timeout(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Each step in its time is not enough where the whole took too long; a new first knock starts anew."""
    knockwork.apply(CLASSIC + "    step_timeout: 2s\n    sequence_timeout: 2s\nlockout: 2s\n")
    client.knock(7000, 8000, gap=1.3)
    time.sleep(1.3)
    client.knock(9000)
    assert client.tcp(22) == "refused"
    time.sleep(2.4)  # that last knock was out of turn
    client.knock(7000, 8000, gap=1.3)
    client.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"


def test_interfaces(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Nothing is protected, knocked or wrong on an interface that is not listed; one may be absent."""
    knockwork.apply(CLASSIC + "interfaces: [wg0]\n")
    assert client.tcp(22) == "open"
    client.knock(6999)
    knockwork.apply(CLASSIC + "interfaces: [wg0, eth0]\n")
    assert client.tcp(22) == "refused"
    client.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"
