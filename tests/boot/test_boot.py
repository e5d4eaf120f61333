"""Systems that boot with the units as they are shipped: nothing that a unit does is stopped by its own sandbox."""
from __future__ import annotations

import base64
from pathlib import Path

import pytest

from bed.waiting import wait_for
from booted import Booted

DECLARATION = """\
knockwork: 1
log: all
sequences:
  - {name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp], open_for: 1h, step_timeout: 1m}
  - name: drawn
    derive: {secret_file: /root/secret, host: web1, length: 4, period: 1d, overlap: 1h}
    opens: [443/tcp]
  - name: web
    token: {port: 41873/udp, secret_file: /root/secret, host: web1}
    opens: [80/tcp]
"""
SERVICES = ("knockwork", "knockwork-rotate", "knockwork-drift", "knockwork-metrics", "knockwork-events")
PAGE = "/var/lib/prometheus/node-exporter/knockwork.prom"
PATIENCE = 120  # seconds, on a machine that is busy
EXAMPLE = "/usr/local/share/doc/knockwork/examples/without-mounts.conf"
# Somebody else on the network, who knocks.
CALLER = """
ip netns add caller && ip link add here type veth peer name there netns caller
ip address add 10.9.0.1/24 dev here && ip link set here up
ip -n caller address add 10.9.0.2/24 dev there && ip -n caller link set there up
"""


@pytest.fixture
def own(system: Path, tmp_path: Path) -> Path:
    """What is the system's own: it has a declaration."""
    upper = tmp_path / "upper"
    for path, text in (("etc/knockwork/knockwork.yml", DECLARATION),
                       ("root/secret", f"master:{base64.b64encode(bytes(range(32))).decode()}\n")):
        (upper / path).parent.mkdir(parents=True, mode=0o700)
        (upper / path).write_text(text)
        (upper / path).chmod(0o600)
    upper.chmod(0o755)
    (upper / "etc").chmod(0o755)
    return tmp_path


def result(host: Booted, unit: str) -> str:
    """How a service stands, or how its last run ended."""
    shown = host.output(f"systemctl show --property=ActiveState,Result,ExecMainStatus,NRestarts {unit}")
    return " ".join(sorted(shown.split()))


def ports(*knocks: int) -> str:
    return " ".join(f"echo >/dev/udp/10.9.0.1/{port};" for port in knocks)


def knock(host: Booted, *knocks: int) -> None:
    host.output(f"ip netns exec caller bash -c '{ports(*knocks)}'")


def test_every_unit(system: Path, own: Path) -> None:
    """The gate stands before the network; what each unit is for is done, within its sandbox."""
    with Booted(system, own) as host:
        host.output("systemctl start knockwork-rotate knockwork-metrics")
        assert [result(host, unit) for unit in SERVICES] == [
            f"ActiveState={state} ExecMainStatus=0 NRestarts=0 Result=success"
            for state in ("active", "inactive", "active", "inactive", "active")]
        journal = host.output("journalctl --boot --output=cat")
        assert "apply by knockwork.service" in journal and "warning" not in host.output(
            "journalctl --boot --output=cat --identifier=knockwork")
        host.output("systemctl is-active network-pre.target knockwork-rotate.timer knockwork-metrics.timer")
        names = "grep -v '^#' | cut -d' ' -f1"
        assert host.output(f"knockwork metrics | {names}") == host.output(f"cat {PAGE} | {names}")
        assert "knockwork_gate_survives_reboot 1" in host.output(f"cat {PAGE}")

        host.output("nft delete table inet knockwork")
        wait_for(lambda: host.run("knockwork drift").returncode == 0, "drift is repaired", PATIENCE)
        for how in ("reload", "restart"):
            host.output(f"nft delete table inet knockwork; systemctl {how} knockwork && nft list table inet knockwork")
        assert "repair by knockwork-drift.service" in host.output("journalctl --boot --output=cat")

        for doing in ("systemctl restart nftables", "systemctl reload nftables",
                      "systemctl stop knockwork knockwork-drift; systemctl restart nftables"):
            host.output(f"nft delete table inet knockwork; {doing}")
            wait_for(lambda: host.run("nft list table inet knockwork").returncode == 0, f"{doing}: it is back",
                     PATIENCE)
        host.output("mkdir -p /etc/knockwork/conf.d; echo '- {}' > /etc/knockwork/conf.d/faulty.yml")
        assert host.run("systemctl restart knockwork").returncode == 1
        host.output("rm /etc/knockwork/conf.d/faulty.yml; systemctl start knockwork-rotate")  # though that one failed

        host.output("systemctl start knockwork; knockwork remove && "
                    "systemctl start knockwork-rotate && systemctl reload knockwork")
        assert host.run("nft list table inet knockwork").returncode == 1, "what was removed stays so"


def test_events(system: Path, own: Path) -> None:
    """A watcher that is no root hears grants and wrong knocks, and the journal knows that it was the unit."""
    with Booted(system, own) as host:
        host.output(CALLER)
        uid = host.output("ps -o uid= -p $(systemctl show --value --property=MainPID knockwork-events)").strip()
        assert int(uid) >= 61184  # of those that systemd gives to one service
        knock(host, 7000, 8000, 9000)
        knock(host, 7001)
        find = ("journalctl --boot --output=cat --identifier=knockwork --output-fields=MESSAGE _UID=0 + "
                "_SYSTEMD_UNIT=knockwork-events.service")
        wait_for(lambda: "10.9.0.2: wrong knock" in host.output(find), "a wrong knock is in the journal",
                 PATIENCE)
        assert "10.9.0.2: granted by ssh" in host.output(find)


def test_shut_down_and_boot_again(system: Path, own: Path) -> None:
    """Grants are saved and restored; an apply that nobody confirmed is not."""
    with Booted(system, own) as host:
        host.output("knockwork grant 10.9.0.7 --sequence ssh")
        host.shut_down()
    with Booted(system, own) as host:
        assert "10.9.0.7" in host.output("knockwork status")
        host.output("sed -i s/8000/8005/ /etc/knockwork/knockwork.yml && knockwork apply --confirm-within 1h")
        assert "knockwork-revert-" in host.output("systemctl list-timers --all")
        host.shut_down()
    with Booted(system, own) as host:
        said = host.output("journalctl --boot --output=cat --unit=knockwork")
        assert "was not confirmed: it was rolled back first" in said
        assert result(host, "knockwork") == "ActiveState=active ExecMainStatus=0 NRestarts=0 Result=success"
        assert "10.9.0.7" in host.output("knockwork status")


def test_not_confirmed(system: Path, own: Path) -> None:
    """The transient timer takes an apply back."""
    with Booted(system, own) as host:
        host.output("sed -i s/8000/8005/ /etc/knockwork/knockwork.yml && knockwork apply --confirm-within 2s")
        wait_for(lambda: "rollback by" in host.output("journalctl --boot --output=cat --identifier=knockwork"),
                 "it is rolled back", PATIENCE)
        wait_for(lambda: "knockwork-revert-" not in host.output("systemctl list-units --all"), "its units are gone",
                 PATIENCE)


def test_a_container_without_mounts(system: Path, own: Path) -> None:
    """The gate stands; the others fail, and start with the drop-in for this. (systemd 257 has no journal there.)"""
    with Booted(system, own, "--no-mounts") as host:
        assert result(host, "knockwork") == "ActiveState=active ExecMainStatus=0 NRestarts=0 Result=success"
        host.output("nft list table inet knockwork")
        others = [unit for unit in SERVICES if unit != "knockwork"]
        assert "226/NAMESPACE" in host.output(f"systemctl start {others[0]}; systemctl status {others[0]}; true")
        host.output("".join(f"mkdir /etc/systemd/system/{unit}.service.d; "
                            f"cp {EXAMPLE} /etc/systemd/system/{unit}.service.d/; " for unit in others)
                    + f"systemctl daemon-reload; systemctl reset-failed; systemctl restart {' '.join(others)}")
        assert {result(host, unit).split(" ", 1)[1] for unit in others} == {
            "ExecMainStatus=0 NRestarts=0 Result=success"}
