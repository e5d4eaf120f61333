"""A fleet changes its sequences, and nobody who is entitled is shut out, whatever goes wrong.

$KNOCKWORK_FLEET: how many hosts; 3 without it. The long run: KNOCKWORK_FLEET=20 tests/run rotation
"""

import json
import time
from dataclasses import replace

import pytest
import yaml  # type: ignore[import]

from bed.cli import Knockwork
from bed.packets import Answer
from rotation.fleet import DECLARATION, LENGTH, MASTER, PROFILE, Fleet
from rotation.probing import Prober
from rotation.sabotage import sabotage

EPOCHS = 5
# The tasks of the playbook in their order, and what of it runs where.
TASKS = ("publish", "switch", "retire", "report")


def assert_stands(fleet: Fleet, epoch: int) -> None:
    """Every host accepts this epoch and no other, and the controller comes in."""
    assert {name: fleet.accepted(name) for name in fleet.hosts} == dict.fromkeys(fleet.hosts, {epoch})
    assert all(fleet.reachable(name) for name in fleet.hosts)


def assert_finishes(fleet: Fleet, epoch: int) -> None:
    """The same command ends what was begun, and once more changes nothing."""
    run = fleet.rotate(epoch, epoch - 1)
    assert run.fine, run.output
    assert_stands(fleet, epoch)
    run = fleet.rotate(epoch, epoch - 1)
    assert run.fine and not any(run.changed.values()), run.output


def test_five_epochs(fleet: Fleet) -> None:
    """Somebody who knocks by whatever is accepted is never refused; what is retired opens nothing."""
    with Prober(fleet) as prober:
        for epoch in range(1, EPOCHS + 1):
            run = fleet.rotate(epoch, epoch - 1, serial=["100%", "1"][epoch == 1])
            assert run.fine and all(run.changed.values()), run.output
    assert not prober.refused
    assert prober.epochs >= set(range(EPOCHS + 1)) and prober.tried > 10 * EPOCHS, prober.tried
    assert_stands(fleet, EPOCHS)
    for name in fleet.hosts:
        for epoch in range(EPOCHS):
            assert fleet.attempt(name, epoch) == Answer.REFUSED, (name, epoch)
        assert fleet.attempt(name, EPOCHS) == Answer.OPEN


def test_check_mode_and_again(fleet: Fleet) -> None:
    run = fleet.rotate(1, 0, "--check", "--diff")
    assert run.fine and all(run.changed.values()), run.output
    assert "host1 would accept epoch 1" in run.output
    assert all(fleet.accepted(name) == {0} for name in fleet.hosts), run.output
    assert_finishes(fleet, 1)


# A task's end is the next one's beginning.
@pytest.mark.parametrize("task, moment", [*((task, when) for task in TASKS for when in ("begin", "during")),
                                          (TASKS[-1], "end")])
def test_controller_killed(fleet: Fleet, task: str, moment: str) -> None:
    """At every step: whoever was entitled still is, and the same command finishes."""
    with Prober(fleet) as prober:
        run = fleet.rotate(1, 0, env=sabotage(TASKS.index(task) + 1, moment, "kill"))
        assert run.status != 0 or task == "report", run.output  # which is soon over
        assert all(fleet.reachable(name) for name in fleet.hosts)
        assert_finishes(fleet, 1)
    assert not prober.refused


@pytest.mark.parametrize("variables, said", [
    ({}, "missing required arguments: knockwork_rotate_epoch"),
    ({"knockwork_rotate_epoch": "next"}, "argument 'knockwork_rotate_epoch' is of type"),
    ({"knockwork_rotate_epoch": 1, "knockwork_rotate_revoke": "perhaps"},
     "argument 'knockwork_rotate_revoke' is of type"),
    ({"knockwork_rotate_epoch": -1}, "epoch: not the number of an epoch: write a whole number, 0 or greater"),
    ({"knockwork_rotate_epoch": 2147483648}, "epoch: too large: the last epoch is 2147483647")])
def test_a_wrong_epoch(fleet: Fleet, variables: dict[str, object], said: str) -> None:
    """Is told by its name, before anything happens."""
    run = fleet.run(["knockwork.nft.rotate", "-e", json.dumps(variables)])
    assert not run.fine and said in " ".join(run.output.split()), run.output
    assert all(fleet.accepted(name) == {0} for name in fleet.hosts)


def test_a_host_that_declares_nothing(fleet: Fleet) -> None:
    """Hosts are all of the inventory without a word: one that has no gate gets none."""
    host = fleet.hosts["host2"]
    host.run(["knockwork", "remove"], check=True)
    host.run(["rm", "-r", "/etc/knockwork", "/var/lib/knockwork"], check=True)
    run = fleet.rotate(1, 0)
    assert run.fine and run.changed["host2"] == 0, run.output
    assert "host2 has no declaration" in run.output and "host1 accepts epoch 1" in run.output
    assert host.run(["nft", "list", "table", "inet", "knockwork"]).returncode != 0


def test_a_host_installed_anew(fleet: Fleet) -> None:
    """Its record is at epoch 0, the fleet is further: the next rotation brings it along."""
    for epoch in (1, 2):
        assert fleet.rotate(epoch, epoch - 1).fine
    host = fleet.hosts["host2"]
    host.run(["rm", "/var/lib/knockwork/epochs.json"], check=True)
    host.run(["knockwork", "apply"], check=True)
    assert fleet.accepted("host2") == {0}
    host.run(["knockwork", "grant", fleet.bed.address("controller"), "--sequence", "ssh", "--for", "5m"], check=True)
    assert_finishes(fleet, 3)


@pytest.mark.parametrize("task", TASKS[:-1])
def test_a_host_unreachable(fleet: Fleet, task: str) -> None:
    """From one phase on: it keeps what it had, the others are reachable, and the next run finishes."""
    away = f"blackhole {fleet.bed.address('host2')}/32"
    close = "for each in /root/.config/knockwork/hosts.yml.cp/*; do ssh -o ControlPath=$each -O exit x; done || :"
    run = fleet.rotate(1, 0, env=sabotage(TASKS.index(task) + 1, "begin", f"ip route add {away}; {close}"))
    assert not run.fine, run.output
    said = "Run the same command again when host2 is back: it continues from here."
    assert said in " ".join(run.output.split()), run.output
    # No other host goes on to the next phase without it.
    others = [fleet.accepted(name) for name in fleet.hosts if name != "host2"]
    assert task == "retire" or all(0 in accepted for accepted in others), others
    fleet.controller.run(["ip", "route", "del", *away.split()], check=True)
    assert all(fleet.reachable(name) for name in fleet.hosts)
    assert_finishes(fleet, 1)


@pytest.mark.parametrize("task", TASKS[:-1])
def test_a_host_unreachable_in_a_batch(fleet: Fleet, task: str) -> None:
    """The run ends after it: no host of a later batch is touched in that phase."""
    away = f"blackhole {fleet.bed.address('host2')}/32"
    close = "for each in /root/.config/knockwork/hosts.yml.cp/*; do ssh -o ControlPath=$each -O exit x; done || :"
    task_of_second_batch = TASKS.index(task) * len(fleet.hosts) + 2
    run = fleet.rotate(1, 0, env=sabotage(task_of_second_batch, "begin", f"ip route add {away}; {close}"), serial="1")
    assert not run.fine and run.failed["host2"] == 1 and not any(run.unreachable.values()), run.output
    fleet.controller.run(["ip", "route", "del", *away.split()], check=True)
    accepted = [fleet.accepted(name) for name in fleet.hosts]
    both = {0, 1}
    assert accepted == {"publish": [both, {0}, {0}], "switch": [both] * 3, "retire": [{1}, both, both]}[task]
    assert all(fleet.reachable(name) for name in fleet.hosts)
    assert_finishes(fleet, 1)


def test_entries_of_others(fleet: Fleet) -> None:
    """Are not even read: in a fleet of thousands that would take longer than all else."""
    assert fleet.rotate(1, 0).fine
    theirs = "  - host: elsewhere  # by hand\n    address: 192.0.2.9\n    sequences: []\n"
    fleet.controller.write(PROFILE, fleet.controller.read(PROFILE) + theirs, 0o600)
    assert fleet.rotate(2, 1).fine
    assert fleet.controller.read(PROFILE).endswith(theirs)
    assert_stands(fleet, 2)


@pytest.mark.parametrize("held", [False, True])
def test_an_epoch_that_opens_nothing(fleet: Fleet, held: bool) -> None:
    """Was never published: the profile goes back to what lets the controller in.

    So it is with a secret that is a variable, for which the connection holds the profile in memory.
    """
    secret = {"ansible_knockwork_secret": fleet.controller.read(MASTER).strip()} if held else {}
    close = "for each in /root/.config/knockwork/hosts.yml.cp/*; do ssh -o ControlPath=$each -O exit x; done"
    fleet.controller.run(["/bin/sh", "-c", close])
    before = fleet.controller.read(PROFILE)
    said = fleet.play("knockwork.nft.epoch: {state: used, epoch: 9}", **secret)
    assert "the profile keeps the epoch that it had for host1" in " ".join(said.split()), said
    assert yaml.safe_load(fleet.controller.read(PROFILE)) == yaml.safe_load(before)
    assert all(fleet.reachable(name) for name in fleet.hosts)


@pytest.mark.parametrize("options", [(), ("--check",)])
@pytest.mark.parametrize("named", [True, False])
def test_a_secret_without_its_epoch(fleet: Fleet, named: bool, options: tuple[str, ...]) -> None:
    """It would change the knocks that are accepted now: no key is replaced, and everybody stays in."""
    if not named:  # by default, a host derives by its own name
        for host in fleet.hosts.values():
            Knockwork(host).apply(DECLARATION.replace("host: {host}, ", "").format(length=LENGTH))
    before = {name: host.read("/etc/knockwork/secret") for name, host in fleet.hosts.items()}
    fleet.controller.run(["knockwork", "derive", "new-secret", "/root/fleet/other"], check=True)
    run = fleet.rotate(1, 0, *options, "-e", "knockwork_rotate_master_secret_file=/root/fleet/other")
    said = " ".join(run.output.split())
    assert not run.fine and "would change the knocks of epoch 0, which this host accepts" in said, run.output
    assert "--from-epoch 1" in said and not any(run.changed.values())
    assert {name: host.read("/etc/knockwork/secret") for name, host in fleet.hosts.items()} == before
    assert_finishes(fleet, 1)


@pytest.mark.parametrize("options, said", [
    ("state: published, epoch: 8, expected_epoch: 7", "another rotation ran in the meantime; nothing was changed"),
    ("state: published, epoch: 3, host_key: abc", "not a secret"),
    ("state: published, epoch: 3, secret_file: /etc/knockwork/other",
     "no sequence of this host reads /etc/knockwork/other: set `secret_file` to the file that they read"),
    ("state: retired, epoch: 0, fresh: false, host_key: abc", "host_key: only with `state: published`")])
def test_a_refusal_leaves_the_keys(fleet: Fleet, options: str, said: str) -> None:
    for epoch in (1, 2):
        assert fleet.rotate(epoch, epoch - 1).fine
    before = {name: host.read("/etc/knockwork/secret") for name, host in fleet.hosts.items()}
    fleet.controller.run(["knockwork", "derive", "new-secret", MASTER, "--from-epoch", "8"], check=True)
    more = "" if "host_key" in options else f", master_secret_file: {MASTER}"
    output = fleet.play(f"knockwork.nft.epoch: {{{options}{more}}}")
    assert said in " ".join(output.split()), output
    assert {name: host.read("/etc/knockwork/secret") for name, host in fleet.hosts.items()} == before


@pytest.mark.parametrize("task", TASKS[1:-1])
def test_a_host_reboots(fleet: Fleet, task: str) -> None:
    """In between: namespace and table are made anew, from what lies on its disk."""
    run = fleet.rotate(1, 0, env=sabotage(TASKS.index(task) + 1, "begin", "kill"))
    assert run.status != 0
    before = fleet.accepted("host2")
    fleet.reboot("host2")
    assert fleet.accepted("host2") == before
    assert all(fleet.reachable(name) for name in fleet.hosts)
    assert_finishes(fleet, 1)


def test_two_controllers_at_once(fleet: Fleet) -> None:
    """With profiles of their own, to the same epoch: neither is shut out."""
    other = "/root/other/hosts.yml"
    fleet.write_profile(0, other)
    first, second = fleet.start(1, 0), fleet.start(1, 0, profile=other)
    outputs = [each.communicate(timeout=120)[0] for each in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), "\n".join(outputs)
    assert_finishes(fleet, 1)
    assert fleet.rotate(1, 0, profile=other).fine


def test_another_rotation_came_in_between(fleet: Fleet) -> None:
    """expected_epoch is compared on the host; nothing changes where it is another."""
    assert fleet.rotate(1, 0).fine
    run = fleet.rotate(5, 3)
    assert not run.fine
    assert ("this host accepts epoch 1, but 3 was expected: another rotation ran in the meantime; nothing was changed"
            in run.output)
    assert_stands(fleet, 1)


def test_retiring_needs_proof(fleet: Fleet) -> None:
    """A controller that did not come in by the new epoch cannot take the old one away."""
    for host in fleet.hosts.values():
        assert Knockwork(host).run("epoch", "publish", "1").returncode == 0
    done = fleet.play("knockwork.nft.epoch: {state: retired, epoch: 1}")
    assert "has not connected with epoch 1: nothing is retired until that is known to work" in done
    assert all(fleet.accepted(name) == {0, 1} for name in fleet.hosts)


def test_a_profile_of_the_hosts_own_list(fleet: Fleet) -> None:
    """Which says no epoch: the profile begins at 0, and stays where a rotation has led it."""
    fleet.controller.run(["rm", PROFILE], check=True)
    derive = f"{{secret_file: {MASTER}, host: '{{{{ inventory_hostname }}}}', length: {LENGTH}, protocols: [tcp, udp]}}"
    task = ("knockwork.nft.profile: {lockout: 2s, sequences: "
            f"[{{name: ssh, opens: [22/tcp], step_timeout: 2s, derive: {derive}}}]}}")
    fleet.play(task)
    assert all(fleet.reachable(name) for name in fleet.hosts)
    assert_finishes(fleet, 1)
    before = fleet.controller.read(PROFILE)
    fleet.play(task)
    assert fleet.controller.read(PROFILE) == before
    assert_finishes(fleet, 2)


def test_what_was_declared_meanwhile(fleet: Fleet) -> None:
    """Is applied with the epoch: a controller that had its way in without a knock is told that this ends."""
    for name, host in fleet.hosts.items():
        text = DECLARATION.format(host=name, length=LENGTH)
        Knockwork(host).apply(f"{text}always_allow: [{fleet.bed.address('controller')}]\n")
        Knockwork(host).declare(text)
    fleet.play("ansible.builtin.ping:")
    time.sleep(6)  # the connection outlives whatever grant it came in by
    first = fleet.play("knockwork.nft.epoch: {state: published, epoch: 1}")
    assert "the source of this task, have to knock first" in " ".join(first.split()), first
    second = fleet.play("knockwork.nft.epoch: {state: published, epoch: 2}")
    assert all(fleet.accepted(name) == {0, 1, 2} for name in fleet.hosts), second
    assert "knock first" not in " ".join(second.split()), second


@pytest.mark.parametrize("pipelining", ["true", "false"])
def test_a_lagging_profile_comes_in(fleet: Fleet, pipelining: str) -> None:
    """The controller's profile was restored from a backup: one epoch behind, it still knocks its way in."""
    fleet.ansible = replace(fleet.ansible, pipelining=pipelining)
    assert fleet.rotate(1, 0).fine
    fleet.write_profile(0)
    assert_finishes(fleet, 1)


@pytest.mark.parametrize("periods", [-2, 2])
def test_a_clock_off_by_two_periods(fleet: Fleet, periods: int) -> None:
    """By the clock, without a controller: the host accepts what both times say, and names what is wrong."""
    for name, host in fleet.hosts.items():
        Knockwork(host).apply(DECLARATION.format(host=name, length=LENGTH).replace(
            "protocols:", "period: 1h, overlap: 2s, protocols:"))
    fleet.write_profile(0, period="1h")
    host = fleet.hosts["host2"]
    record = json.loads(host.read("/var/lib/knockwork/clock.json"))
    record["unix_ms"] += periods * 3_600_000  # as if its clock had been set since
    host.write("/var/lib/knockwork/clock.json", json.dumps(record), 0o600)
    done = Knockwork(host).run("apply", "--unattended", "--quiet")
    assert f"this host's clock is 2h {'ahead' if periods < 0 else 'behind'}" in done.stderr, done.stderr
    assert len(fleet.accepted("host2")) >= 2  # more within an overlap
    assert all(fleet.reachable(name) for name in fleet.hosts)


def test_a_new_secret(fleet: Fleet) -> None:
    """Comes with an epoch of its own: published beside the old, used, the old one retired."""
    before = fleet.hosts["host1"].read("/etc/knockwork/secret")
    fleet.controller.run(["knockwork", "derive", "new-secret", "/root/fleet/secret", "--from-epoch", "1"], check=True)
    with Prober(fleet) as prober:
        run = fleet.rotate(1, 0, "-e", "knockwork_rotate_master_secret_file=/root/fleet/secret")
        assert run.fine, run.output
    assert not prober.refused
    after = fleet.hosts["host1"].read("/etc/knockwork/secret")
    assert after.startswith(before) and len(after.splitlines()) == 2
    assert fleet.hosts["host1"].output(["stat", "-c", "%a %U", "/etc/knockwork/secret"]) == "600 root\n"
    assert_stands(fleet, 1)


def test_keys_that_only_root_may_read(fleet: Fleet) -> None:
    """Mode 0400 is as good as 0600: what is there already is no change."""
    assert fleet.rotate(1, 0, "-e", f"knockwork_rotate_master_secret_file={MASTER}").fine
    for host in fleet.hosts.values():
        host.run(["chmod", "400", "/etc/knockwork/secret"], check=True)
    run = fleet.rotate(1, 0, "-e", f"knockwork_rotate_master_secret_file={MASTER}")
    assert run.fine and not any(run.changed.values()), run.output


def test_emergency(fleet: Fleet) -> None:
    """A secret got out: who came in by it is cut off at once, the controller is not."""
    thieves = {name: fleet.enter(name, 0) for name in fleet.hosts}
    assert all(each.works() for each in thieves.values())
    fleet.controller.run(["knockwork", "derive", "new-secret", "/root/fleet/secret", "--from-epoch", "1"], check=True)
    run = fleet.rotate(1, 0, "-e", "knockwork_rotate_master_secret_file=/root/fleet/secret",
                       "-e", "knockwork_rotate_revoke=true")
    assert run.fine, run.output
    assert not any(each.works(1) for each in thieves.values())
    for name in fleet.hosts:
        assert fleet.attempt(name, 0) == Answer.REFUSED
    assert_stands(fleet, 1)


def test_nothing_secret_is_said(fleet: Fleet) -> None:
    """Neither ports nor keys, at any verbosity."""
    run = fleet.rotate(1, 0, "-vvvv", "--diff", "-e", "knockwork_rotate_master_secret_file=/root/fleet/secret")
    assert run.fine, run.output
    keys = [line.rpartition(":")[2] for name in fleet.hosts
            for line in fleet.hosts[name].read("/etc/knockwork/secret").splitlines()]
    assert keys and not [key for key in keys if key in run.output]
    words = {word.strip("\"'(),.:;") for word in run.output.replace(":", " ").replace("/", " ").split()}
    for name in fleet.hosts:
        for epoch in (0, 1):
            found = {str(port) for port, _ in fleet.ports(name, epoch)} & words
            assert not found, found
    assert fleet.controller.output(["stat", "-c", "%a", PROFILE]) == "600\n"
