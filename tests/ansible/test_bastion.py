"""Hosts behind a bastion whose own SSH port opens to those who knock."""

from collections.abc import Iterator

import pytest

from controller import Outcome
from gated import Gated, once

RAW = "- ansible.builtin.raw: 'true'\n"
PING = "- ansible.builtin.ping:\n"
COPY = "- ansible.builtin.copy: {src: /etc/services, dest: /run/copied, mode: '0600'}\n"
CONFIG = "/root/.ssh/config"
BEHIND = """\
table inet behind {{
    chain input {{
        type filter hook input priority -300; policy accept;
        ip saddr != {bastion} tcp dport 22 drop
    }}
}}
"""


@pytest.fixture
def behind(gated_everywhere: Gated) -> Iterator[Gated]:
    """host1 is the gated bastion; host2 lies behind it, without a gate, and answers nobody else."""
    inner = gated_everywhere.hosts["host2"]
    inner.run(["knockwork", "remove"], check=True)
    inner.nft(BEHIND.format(bastion=gated_everywhere.bed.address("host1")))
    controller = gated_everywhere.bed.controller
    config = controller.read(CONFIG)
    yield gated_everywhere
    controller.write(CONFIG, config, 0o600)
    inner.nft("delete table inet behind")


def assert_all_ok(outcome: Outcome) -> None:
    """No failure, everybody reached."""
    assert set(outcome.failed.values()) == {0} and set(outcome.unreachable.values()) == {0}, outcome.output


@pytest.mark.parametrize("jump", ["host1", "root@10.77.0.11:22"])
def test_it_is_knocked_on(behind: Gated, jump: str) -> None:
    """Once for a connection; modules and files go over it."""
    assert_all_ok(behind.play(RAW + PING + COPY, limit="host2", variables={"ansible_knockwork_jump": jump}))
    assert behind.counted()["host1"] == once()


def test_two_in_a_row(behind: Gated) -> None:
    """The first is knocked on."""
    behind.hosts["host3"].run(["knockwork", "remove"], check=True)
    behind.hosts["host2"].nft(f"insert rule inet behind input ip saddr {behind.bed.address('host3')} accept")
    assert_all_ok(behind.play(RAW, limit="host2", variables={"ansible_knockwork_jump": "host1,host3"}))
    assert behind.counted()["host1"] == once()


def test_a_proxy_jump_of_ssh_config(behind: Gated) -> None:
    """Is not passed over in silence."""
    controller = behind.bed.controller
    stanza = f"Host {behind.bed.address('host2')}\n  ProxyJump host1\n"
    controller.write(CONFIG, stanza + controller.read(CONFIG), 0o600)
    message = behind.fails(RAW, limit="host2")
    assert message.endswith(
        "the ssh configuration has a ProxyJump to host1 for this host, which the connection plugin knockwork.nft.ssh "
        "would ignore: set ansible_knockwork_jump to host1 to knock there and continue from there, or to none to "
        "connect directly")
    assert_all_ok(behind.play(RAW, limit="host2", variables={"ansible_knockwork_jump": "host1"}))


def test_no_bastion(behind: Gated) -> None:
    for jump in ("'host1 -o X=y'", "-oProxyCommand=x", "'$(reboot)'"):
        message = behind.fails(RAW, limit="host2", variables={"ansible_knockwork_jump": jump})
        assert "is not a bastion: write [user@]host[:port]" in message


def test_ssh_config(behind: Gated) -> None:
    """What knows nothing of Ansible's connection comes in by the stanza that the module writes."""
    task = "- knockwork.nft.ssh_config:\n"
    by_way = {"ansible_knockwork_jump": "host1"}
    check = behind.changes(task, "--check", "--diff", limit="host1,host2", variables=by_way)
    assert "knockwork" not in behind.bed.controller.read(CONFIG)
    assert check.result()["path"] == CONFIG
    new = task + "    path: /root/new/config\n"
    planned, made = (behind.changes(new, *options, limit="host1").result() for options in (("--check",), ()))
    assert planned["changes"] == made["changes"] and made["changes"][0]["name"] == "/root/new/config"
    behind.bed.controller.run(["rm", "-r", "/root/new"], check=True)  # the next version finds none
    behind.play(task, limit="host1")
    behind.play(task, limit="host2", variables=by_way)
    behind.unchanged(task, limit="host1")
    for name in ("host1", "host2"):
        done = behind.bed.controller.run(["ssh", name, "true"], timeout=60)
        assert done.returncode == 0, done.stderr
        assert behind.bed.controller.run(["ssh", behind.bed.address(name), "true"], timeout=60).returncode == 0
    assert behind.counted()["host1"].connections == 4
    assert_all_ok(behind.play(RAW, limit="host1"))  # the connection is not misled by it
    behind.changes("- knockwork.nft.ssh_config: {state: absent}\n", limit="host1,host2")
    assert "knockwork" not in behind.bed.controller.read(CONFIG)
    for jump in ("none", "''"):  # no bastion: the section knocks
        behind.changes(task, limit="host3", variables={"ansible_knockwork_jump": jump})
        written = behind.bed.controller.read(CONFIG)
        assert "ProxyCommand knockwork connect " in written and "ProxyJump" not in written
        behind.changes("- knockwork.nft.ssh_config: {state: absent}\n", limit="host3")
    assert "is not a bastion" in behind.fails("- knockwork.nft.ssh_config: {jump: -x}\n", limit="host3")
    assert "knockwork" not in behind.bed.controller.read(CONFIG)
