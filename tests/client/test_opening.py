"""Our client opens our gate, the classic nftables example and Debian's knockd."""

from pathlib import Path

import pytest

from bed import Caller, Lab
from bed.cli import ROOT, Knockwork
from bed.lab import CLIENT, SERVER
from bed.waiting import wait_for

OTHERS = ROOT.parent / "shared"
WAYS = {
    "tcp": ["7000/tcp", "8000/tcp", "9000/tcp"],
    "udp": ["7000", "8000/udp", "9000"],
    "mixed": ["7000/tcp", "8000/udp", "9000/tcp"],
}
# The well-known example for nftables: a set for each stage, everything else dropped.
CLASSIC = """\
table inet filter {
  set one { type ipv4_addr; flags timeout; }
  set two { type ipv4_addr; flags timeout; }
  set inside { type ipv4_addr; flags timeout; }
  chain input {
    type filter hook input priority filter; policy drop;
    iif lo accept
    ct state established,related accept
    ip saddr @inside tcp dport 22 accept
    udp dport 7000 add @one { ip saddr timeout 1s }
    ip saddr != @one return
    udp dport 8000 add @two { ip saddr timeout 1s }
    ip saddr != @two return
    udp dport 9000 add @inside { ip saddr timeout 60s }
  }
}
"""
# As knockd(1) has it, but for the numbers, and for the door that is shut first.
KNOCKD = """\
[options]
    UseSyslog
    Interface = eth0

[openSSH]
    sequence      = 2222:udp,3333:tcp,4444:udp
    seq_timeout   = 15
    tcpflags      = syn
    start_command = /usr/sbin/iptables -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT
    cmd_timeout   = 30
    stop_command  = /usr/sbin/iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT
"""


@pytest.fixture(params=["ipv4", "ipv6"])
def client(request: pytest.FixtureRequest, lab: Lab) -> Caller:
    """Who knocks, by either family."""
    return lab.client if request.param == "ipv4" else lab.client6


def said(lab: Lab, *arguments: str) -> str:
    """What a run that must succeed prints."""
    return lab.callers.output(Knockwork(lab.callers).command("knock", *arguments))


@pytest.mark.parametrize("mode", ["gate", "stealth"])
@pytest.mark.parametrize("way", WAYS)
def test_our_gate(lab: Lab, server: Knockwork, client: Caller, way: str, mode: str) -> None:
    server.apply(f"knockwork: 1\nmode: {mode}\nsequences:\n  - name: ssh\n"
                 f"    knock: [{', '.join(WAYS[way])}]\n    opens: [22/tcp]\n")
    assert client.tcp(22) == ("refused" if mode == "gate" else "silent")
    assert said(lab, client.target, *WAYS[way]) == f"{client.target}: sent, not proved\n"
    assert client.tcp(22) == "open"


def test_by_a_profile(lab: Lab, server: Knockwork, client: Caller) -> None:
    """What the gate's own host exports opens it; a sequence is chosen by its name, or by what it opens."""
    server.apply("knockwork: 1\nsequences:\n"
                 "  - {name: web, knock: [7100, 7200/tcp], opens: [80/tcp]}\n"
                 "  - {name: ssh, knock: [7300, 7200/tcp], opens: [22/tcp]}\n")
    profile = server.host.output(server.command("export", "--host", "gate*", "--address", client.target))
    lab.callers.write("/root/.config/knockwork/hosts.yml", profile, 0o600)
    assert said(lab, "gate1", "--sequence", "web") == f"gate1 ({client.target}): open\n"
    assert (client.tcp(80), client.tcp(22)) == ("open", "refused")
    assert said(lab, "gate1", "--sequence", "ssh", "--no-prove") == f"gate1 ({client.target}): sent, not proved\n"
    assert said(lab, "GATE1", "--wait-open", "22") == f"GATE1 ({client.target}): open\n"


@pytest.mark.parametrize("origin", ["theirs", "ours"])
def test_the_classic_example(lab: Lab, origin: str) -> None:
    example = CLASSIC
    if origin == "theirs":
        file = OTHERS / "peers/classic-nftables.conf"
        if not file.exists():
            pytest.skip(f"there is no {file.relative_to(ROOT.parent)} beside this project; see `ours`")
        example = file.read_text(encoding="utf-8")
    lab.server.nft(example)
    assert lab.client.tcp(22) == "silent"
    assert said(lab, SERVER[0], "7000", "8000", "9000", "--wait-open", "22") == f"{SERVER[0]}: open\n"


def start_knockd(lab: Lab, configuration: str) -> None:
    """Debian's knockd, behind a closed door."""
    lab.server.run(["/usr/sbin/iptables", "-A", "INPUT", "-p", "tcp", "--dport", "22", "-j", "REJECT",
                    "--reject-with", "tcp-reset"], check=True)
    lab.server.write("/etc/knockd.conf", configuration)
    lab.server.spawn(["/usr/sbin/knockd", "-v", "-4", "-c", "/etc/knockd.conf", "-i", "eth0"], "/run/knockd.log")
    # The packet socket alone is too early: what knockd misses of a first knock can spoil every later one for it,
    # as a wrong port ends an attempt without beginning another.
    wait_for(lambda: "listening on eth0" in lab.server.read("/run/knockd.log"), "knockd listens")


@pytest.mark.parametrize("origin", ["manual", "corpus"])
def test_knockd(lab: Lab, origin: str) -> None:
    """In the manual's way, and with a configuration that is in use somewhere, as it stands."""
    configuration, ports = KNOCKD, ["2222", "3333/tcp", "4444"]
    if origin == "corpus":
        file = OTHERS / "corpus/knockd/07.conf"
        if not Path(file).exists():
            pytest.skip(f"there is no {file.relative_to(ROOT.parent)} beside this project; see `manual`")
        configuration, ports = file.read_text(encoding="utf-8"), ["7000/tcp", "8000/tcp", "9000/tcp"]
    start_knockd(lab, configuration)
    assert (lab.client.tcp(22), lab.stranger.tcp(22)) == ("refused", "refused")
    assert said(lab, SERVER[0], *ports, "--wait-open", "22/tcp", "--source", CLIENT[0]) == f"{SERVER[0]}: open\n"
    assert (lab.client.tcp(22), lab.stranger.tcp(22)) == ("open", "refused")
