"""knockwork.nft.ssh: plays on ten hosts whose SSH opens only to those who knock."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from controller import JOURNAL, Outcome, begin_journal
from gated import KNOCKS, PROFILE, Counted, Gated, assert_silent, once

# Ten tasks, one of them a copy, which is two modules and a file; raw ones cost the least.
TASKS = ("- ansible.builtin.copy: {src: /etc/services, dest: /run/copied, mode: '0600'}\n"
         "- ansible.builtin.raw: cmp /etc/services /run/copied\n"
         + "- ansible.builtin.raw: test -s /run/copied\n" * 8)
RAW = "- ansible.builtin.raw: 'true'\n"
PING = "- ansible.builtin.ping:\n"
RESET = "- ansible.builtin.meta: reset_connection\n"
# Remembers every process it sees, by arguments and environment, until its input ends.
WATCHER = """
import json, os, select, sys
seen = set()
while not select.select([sys.stdin], [], [], 0.003)[0]:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as arguments, open(f"/proc/{pid}/environ") as environment:
                seen.add((arguments.read(), environment.read()))
        except (OSError, UnicodeDecodeError):
            pass
json.dump(sorted(seen), sys.stdout)
"""


def assert_all_ok(outcome: Outcome) -> None:
    assert set(outcome.failed.values()) == {0} and set(outcome.unreachable.values()) == {0}, outcome.output


@contextmanager
def watched(gated: Gated) -> Iterator[list[tuple[str, str]]]:
    """Fills the list with what ran on the controller meanwhile."""
    seen: list[tuple[str, str]] = []
    with gated.bed.controller.popen(["/usr/bin/python3", "-c", WATCHER], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE) as watcher:
        try:
            yield seen
        finally:
            printed, _ = watcher.communicate("enough", timeout=30)
        seen.extend((arguments, environment) for arguments, environment in json.loads(printed))


@pytest.mark.parametrize("pipelining", ["true", "false"])
def test_ten_tasks_on_ten_hosts(ten_gated_everywhere: Gated, pipelining: str) -> None:
    """Every host ok, with one sequence of knocks and one TCP connection each, by the kernel's counters."""
    outcome = ten_gated_everywhere.play(TASKS, variables={"ansible_pipelining": pipelining})
    assert_all_ok(outcome)
    assert len(outcome.changed) == 10
    assert ten_gated_everywhere.counted() == {name: once() for name in ten_gated_everywhere.hosts}


def test_a_reset_knocks_anew(gated_everywhere: Gated) -> None:
    assert_all_ok(gated_everywhere.play(RAW + RAW + RESET + RAW + RAW, limit="host1,host2"))
    counted = gated_everywhere.counted()
    assert counted["host1"] == counted["host2"] == once(2)


def test_without_a_knock_nobody_comes_in(gated: Gated) -> None:
    """The same hosts by core's plugin: the gate is shut indeed."""
    outcome = gated.try_play(RAW, limit="host1", variables={"ansible_connection": "ssh"})
    assert outcome.unreachable == {"host1": 1}


def test_a_lost_knock_is_sent_again(gated_everywhere: Gated) -> None:
    """Nothing answered it: only this knock, and before the host takes the next for a wrong one."""
    gated_everywhere.lose(gated_everywhere.hosts["host2"], 48123)
    gated_everywhere.lose(gated_everywhere.hosts["host3"], 49377)
    assert_all_ok(gated_everywhere.play(RAW, limit="host1,host2,host3",
                                        variables={"ansible_knockwork_retries": "2"}))
    counted = gated_everywhere.counted()
    assert counted["host1"] == once()
    assert counted["host2"] == counted["host3"] == Counted(len(KNOCKS) + 1, 1)


def test_core_tries_again(gated: Gated) -> None:
    """Each attempt of ansible_ssh_retries is another knock; they are further and further apart."""
    gated.lose_often(gated.host, 48123)
    once_each = {"ansible_knockwork_retries": "0", "ansible_ssh_retries": "5"}
    assert_all_ok(gated.play(RAW, limit="host1", variables=once_each))
    counted = gated.counted()["host1"]
    assert counted.knocks > len(KNOCKS) and counted.connections > 1, counted


def test_a_core_with_an_option_more(gated_everywhere: Gated, tmp_path: Path) -> None:
    """Copied options would lack it, and the plugin would die of it."""
    own = gated_everywhere.ansible
    package = gated_everywhere.bed.controller.output(
        [own.python, "-c", "import ansible; print(ansible.__path__[0], end='')"])
    source = _with_own_copy(Path(package), tmp_path / "ansible", "plugins/connection/ssh.py")
    for pattern, line in (("ssh_executable:", "brand_new: {default: '-4', type: string, description: a new one, "
                                              "vars: [{name: ansible_brand_new}]}"),
                          (r"ssh_args = self.get_option\('ssh_args'\)",
                           "b_command.append(to_bytes(self.get_option('brand_new')))")):
        source, number = re.subn(rf"^( +)({pattern})$", rf"\1{line}\n\1\2", source, count=1, flags=re.MULTILINE)
        assert number == 1
    (tmp_path / "ansible/plugins/connection/ssh.py").write_text(source)
    gated_everywhere.ansible = replace(own, packages=str(tmp_path))
    outcome = gated_everywhere.play(RAW, "-vvv", limit="host1")
    assert_all_ok(outcome)
    assert "SSH: EXEC ssh -4 " in outcome.output
    outcome = gated_everywhere.try_play(RAW, "-vvv", limit="host1", variables={"ansible_brand_new": "-6"})
    assert "SSH: EXEC ssh -6 " in outcome.output


def _with_own_copy(package: Path, copy: Path, name: str) -> str:
    """A package whose files are all links, but for one; that one's text."""
    copy.mkdir()
    first, _, rest = name.partition("/")
    for each in package.iterdir():
        if each.name not in (first, "__pycache__"):
            (copy / each.name).symlink_to(each)
    return _with_own_copy(package / first, copy / first, rest) if rest else (package / first).read_text()


def test_no_knock_is_seen(gated_everywhere: Gated) -> None:
    """Neither in arguments and environments on the controller, nor in what -vvv prints, nor in a log."""
    host = gated_everywhere.hosts["host2"]
    gated_everywhere.lose(host, 48123)
    for each in (host, gated_everywhere.bed.controller):
        begin_journal(each)
    with watched(gated_everywhere) as seen:
        outcome = gated_everywhere.play(RAW + RESET + PING, "-vvv", limit="host1,host2")
    assert_all_ok(outcome)
    assert any("connect\0" in arguments for arguments, _ in seen)
    assert "ProxyCommand" in outcome.output
    assert_silent("\n".join(arguments + environment for arguments, environment in seen))
    assert_silent(outcome)
    journal = host.read(JOURNAL)
    assert "Invoked with" in journal
    assert_silent(journal + host.read("/run/sshd.log") + gated_everywhere.bed.controller.read(JOURNAL))


@pytest.mark.parametrize("option, value", [("ssh_args", "-o ProxyJump=bastion"),
                                           ("ssh_common_args", "-o proxycommand='nc %h %p'"),
                                           ("ssh_extra_args", "-J bastion")])
def test_another_proxy_is_refused(gated: Gated, option: str, value: str) -> None:
    """ssh would take the first of two and pass over ours without a word."""
    message = gated.fails(RAW, limit="host1", variables={f"ansible_{option}": f'"{value}"'})
    assert message.endswith(
        f"{option} sets a proxy, but the connection plugin knockwork.nft.ssh uses ssh's ProxyCommand itself: remove "
        "the proxy, and set ansible_knockwork_jump for a bastion")


def test_what_is_wrong_is_said(gated: Gated) -> None:
    """By the plugin, and by the command it starts."""
    message = gated.fails(RAW, limit="host1", variables={"ansible_knockwork_executable": "knokwork"})
    assert message.endswith(  # a newer core begins with "Task failed: "
        "cannot find the command knokwork: install knockwork on the controller, or set ansible_knockwork_executable to "
        "its path")
    message = gated.fails(RAW, limit="host1",
                                     variables={"ansible_knockwork_profile": "/run/ControlPath.yml"})
    assert "must not contain ControlPath or ControlPersist" in message
    assert set(gated.counted().values()) == {once(0)}
    for name, value, said in (
            ("host", "stranger", f"the profile {PROFILE} has no host stranger: write its entry with "
             "knockwork.nft.profile"),
            ("profile", "/run/none.yml", "the profile /run/none.yml does not exist: write it with "
             "knockwork.nft.profile, or name another in ansible_knockwork_profile"),
            ("sequence", "mail", f"the profile {PROFILE} has no sequence mail for 10.77.0.11: it has ssh")):
        outcome = gated.try_play(RAW, limit="host1", variables={f"ansible_knockwork_{name}": value})
        assert outcome.unreachable == {"host1": 1}
        assert f"knockwork: error: {said}" in outcome.result()["msg"]


def test_a_shut_door_is_said(gated: Gated) -> None:
    """Knocks that are none of the host's: it refuses, and no port is told."""
    gated.write_profile(("47012", "47013"))
    outcome = gated.try_play(RAW, limit="host1", variables={"ansible_knockwork_retries": "0"})
    assert outcome.unreachable == {"host1": 1}
    assert outcome.result()["msg"] == (
        "knockwork: error: (hidden)/tcp of 10.77.0.11 is still closed after knocking once: check that the knocks match "
        "its declaration, and that the service is listening")
    assert not re.search("4701[23]", outcome.output)


def test_a_faulty_profile_is_not_quoted(gated_everywhere: Gated) -> None:
    """knockwork shows the line in question to who calls it; Ansible's output is read by more."""
    gated_everywhere.bed.controller.write(PROFILE, (
        "knockwork: 1\nhosts:\n  - host: host1\n    sequences:\n      - {name: ssh, knock: [47011, 48123/sctp, "
        "49377/udp], opens: [22/tcp]}\n"), 0o600)
    outcome = gated_everywhere.try_play(RAW, "-vvv", limit="host1")
    assert outcome.unreachable == {"host1": 1}
    assert f"{PROFILE}:5:36: error: " in outcome.result()["msg"]
    assert_silent(outcome)


def test_a_profile_of_ones_own(gated: Gated) -> None:
    """Its path may hold what a shell or ssh would replace; the host may have a name of its own in it."""
    profile = "/run/it's a %h & more/hosts.yml"
    entry = json.loads(gated.bed.controller.read(PROFILE))["hosts"][0]
    gated.bed.controller.write(PROFILE, json.dumps({"knockwork": 1, "hosts": [{**entry, "host": "nobody"}]}), 0o600)
    gated.bed.controller.write(profile, json.dumps({"knockwork": 1, "hosts": [{**entry, "host": "the-first"}]}), 0o600)
    assert_all_ok(gated.play(RAW, limit="host1", variables={
        "ansible_knockwork_profile": f'"{profile}"', "ansible_knockwork_host": "the-first",
        "ansible_knockwork_sequence": "ssh", "ansible_knockwork_timeout": "10"}))
    assert gated.counted()["host1"] == once()


def test_every_connection_knocks(gated_everywhere: Gated) -> None:
    """Without ControlPersist each ssh and sftp of a task does, over IPv6 as well."""
    address = gated_everywhere.bed.address6("host1")
    entry = json.loads(gated_everywhere.bed.controller.read(PROFILE))["hosts"][0]
    entry = {**entry, "host": address, "address": address}
    gated_everywhere.bed.controller.write(PROFILE, json.dumps({"knockwork": 1, "hosts": [entry]}), 0o600)
    copy = "- ansible.builtin.copy: {src: /etc/services, dest: /run/copied, mode: '0600'}\n"
    assert_all_ok(gated_everywhere.play(copy, "-e", f"ansible_host={address}", limit="host1", variables={
        "ansible_pipelining": "false", "ansible_ssh_args": "'-o ControlMaster=no'"}))
    counted = gated_everywhere.counted()["host1"]
    assert counted == once(counted.connections) and counted.connections > 2


def test_at_first_without_a_knock(gated: Gated) -> None:
    """Where a grant is there already, none is needed."""
    gated.grant(gated.host)
    assert_all_ok(gated.play(RAW, limit="host1,host2", variables={"ansible_knockwork_try_first": "true"}))
    counted = gated.counted()
    assert counted["host1"] == Counted(knocks=0, connections=1)
    assert counted["host2"] == Counted(knocks=len(KNOCKS), connections=2)
