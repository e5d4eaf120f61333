"""What the command says: the nearest command, an option's own limits, times for people, one order of names."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from bed import Lab
from bed.cli import CLASSIC, ON_TERMINAL, Knockwork

KEY = "/var/lib/knockwork/fingerprint.key"


@pytest.mark.parametrize("words,said,page", [
    ("aply", "`knockwork` has no command `aply`; did you mean `apply`?", ""),
    ("aply --check", "`knockwork` has no command `aply`; did you mean `apply`?", ""),
    ("import knokd f", "`knockwork import` has no command `knokd`; did you mean `knockd`?", " import"),
    ("derive shw", "`knockwork derive` has no command `shw`; did you mean `show`?", " derive"),
    ("epoch publsh 1", "`knockwork epoch` has no command `publsh`; did you mean `publish`?", " epoch"),
    ("apply --chek", "`knockwork apply` has no option `--chek`; did you mean `--check`?", " apply"),
    ("apply --xyzzy=5", "`knockwork apply` has no option `--xyzzy`", " apply"),
    ("apply a b", "`knockwork apply` does not take the argument `b`", " apply"),
    ("graph a --at now --svg", "`knockwork graph` has no option `--at`", " graph"),
    ("log -n foo", "`knockwork log` has no option `-n`", " log"),
    ("epoch publish 1 -x", "`knockwork epoch publish` has no option `-x`", " epoch publish"),
    ("apply --confirm-within", "--confirm-within needs a value", " apply"),
    ("apply --lock-timeout 1s --lock-timeout=2s", "--lock-timeout is given more than once", " apply"),
    ("knock ::1 7000 --delay=1ms --delay=2ms", "--delay is given more than once", " knock"),
    ("knock ::1 7000 --delay=bad --sequence", "--sequence needs a value", " knock"),
    ("--nope", "`knockwork` has no option `--nope`", ""),
    ("epoch remove-all", "`knockwork epoch` has no command `remove-all`; it has show, publish, retire", " epoch"),
    ("epoch", "`knockwork epoch` needs a command: show, publish, retire", " epoch"),
    ("epoch publish", "EPOCH is required", " epoch publish")])
def test_unknown_commands(knockwork: Knockwork, words: str, said: str, page: str) -> None:
    """The word that names none, the nearest that does, and whose --help tells more."""
    assert knockwork.refused(*words.split()) == f"knockwork: error: {said}\nSee knockwork{page} --help.\n"


@pytest.mark.parametrize("command,limits", [
    ("apply --check --confirm-within", "1s to 1h"), ("grant 192.0.2.7 --sequence ssh --for", "100ms to 30d"),
    ("apply --check --lock-timeout", "0s to 30d"), ("knock ::1 47000 --no-prove --delay", "0s to 30d")])
def test_each_time_has_limits_of_its_own(knockwork: Knockwork, command: str, limits: str) -> None:
    knockwork.apply(CLASSIC)
    option = command.split()[-1]
    for time_ in ("40d", "99999999999d"):
        assert knockwork.refused(*command.split(), time_) == (
            f"knockwork: error: {option}: {time_} is too long; use {limits}\n")
    if not limits.startswith("0s"):
        assert knockwork.refused(*command.split(), "0s") == (
            f"knockwork: error: {option}: 0s is too short; use {limits}\n")


@pytest.mark.parametrize("command", ["grant 192.0.2.1/24 --sequence ssh", "revoke --source 192.0.2.1/24"])
def test_host_bits(knockwork: Knockwork, command: str) -> None:
    """Why the network is refused, and which one is meant."""
    knockwork.apply(CLASSIC)
    assert knockwork.refused(*command.split()) == (
        "knockwork: error: `192.0.2.1/24` has host bits set: write 192.0.2.0/24 for the network, or 192.0.2.1 for the "
        "single address\n")


@pytest.mark.parametrize("line", ["192.0.2.7 47000/udp", "nonsense", "192.0.2.7", "47000/udp", "47000 192.0.2.7 ack"])
def test_a_packet_without_a_time(knockwork: Knockwork, line: str) -> None:
    """One error, with a line to copy."""
    knockwork.declare(CLASSIC)
    said = knockwork.refused("trace", input=line + "\n")
    assert said.count(": error: ") == 1 and "as in: +1s 192.0.2.7 7000/udp" in said, said


def test_standard_input_has_one_name(knockwork: Knockwork) -> None:
    assert knockwork.run("validate", "-", input=CLASSIC).stdout == "<stdin>: valid, 1 sequence\n"
    assert knockwork.refused("validate", "-", input=CLASSIC.replace("opens", "open")).startswith("<stdin>:5:5: error: ")
    assert "<stdin> has no derived sequence named x" in knockwork.refused(
        "derive", "show", "-", "--sequence", "x", input=CLASSIC)


def test_times_as_people_write_them(knockwork: Knockwork) -> None:
    """Seconds stay in JSON."""
    said = knockwork.apply(CLASSIC, "--confirm-within", "90s")
    assert re.search(r"^Rolled back in 1m(30|2\d)s unless ", said, re.MULTILINE), said
    assert re.search(r"^and will be rolled back in (1m\d*s?|5\ds)\.$", knockwork.run("status").stdout, re.MULTILINE)
    assert "will be rolled back in 1m" in knockwork.run("apply").stderr
    knockwork.run("confirm")


def test_fingerprints_before_the_first_apply(knockwork: Knockwork) -> None:
    """There is no key yet: what the apply will print cannot be known, so nothing is shown."""
    knockwork.host.run(["rm", "-f", KEY])
    knockwork.declare(CLASSIC)
    planned = knockwork.run("apply", "--check").stdout
    assert "  + sequence ssh: 3 knocks, opens 1 service for 30s, step_timeout 5s\n" in planned
    applied = knockwork.apply()
    assert re.search(r"3 knocks [0-9a-f]{8}, opens 1 service [0-9a-f]{8} for 30s", applied)
    changed = CLASSIC.replace("48000", "48001")
    knockwork.declare(changed)
    assert knockwork.run("plan").stdout.split("\n")[0] == knockwork.apply().split("\n")[0]
    knockwork.host.run(["rm", "-f", KEY])
    knockwork.declare(CLASSIC)
    assert "  ~ sequence ssh: knock differs\n" in knockwork.run("plan").stdout
    assert json.loads(knockwork.run("status", "--json").stdout)["sequences"][0]["fingerprint"] == ""


ORDER = """\
knockwork: 1
always_allow: [10.9.8.10, 10.9.8.2, "fd00::1", 10.9.7.0/24]
sequences:
""" + "".join(f"  - {{name: door{number}, knock: [{47000 + number}, 48000], opens: [4022/tcp]}}\n"
              for number in (10, 9, 2))


def test_one_order(knockwork: Knockwork) -> None:
    """Addresses by value, IPv4 before IPv6; names as people count."""
    names = ["door2", "door9", "door10"]
    assert re.findall(r"sequence (door\d+)", knockwork.apply(ORDER)) == names
    sources = ["10.9.8.2", "10.9.8.10", "192.0.2.7", "fd00::9", "fd00::a"]
    for source in reversed(sources):
        for name in reversed(names):
            assert knockwork.run("grant", source, "--sequence", name).returncode == 0
    status = json.loads(knockwork.run("status", "--json").stdout)
    assert [each["name"] for each in status["sequences"]] == names
    assert [(each["source"], each["sequence"]) for each in status["grants"]] == [
        (source, name) for source in sources for name in names]
    assert status["always_allow"] == ["10.9.7.0/24", "10.9.8.2", "10.9.8.10", "fd00::1"]
    assert re.findall(r"^(door\d+) ", knockwork.run("status").stdout, re.MULTILINE) == names
    assert re.findall(r"^(door\d+) ", knockwork.run("lint").stdout, re.MULTILINE) == names
    assert re.findall(r'grants_total.sequence="(door\d+)"', knockwork.run("metrics").stdout) == names
    revoked = knockwork.run("revoke", "--all", "--check").stdout
    assert re.findall(r"grant (\S+): ", revoked)[::3] == sources
    said = knockwork.run("remove", "--check")
    assert re.findall(r"sequence (door\d+)", said.stdout) == names and ", ".join(names[:1] + names[1:]) in said.stderr


def test_drift_is_no_plan(lab: Lab, knockwork: Knockwork) -> None:
    knockwork.apply(CLASSIC)
    assert knockwork.run("drift").stdout == "No drift: the table has not changed since the last apply.\n"
    lab.server.nft("flush chain inet knockwork refuse")
    assert knockwork.run("drift").stdout.endswith(
        "\n\nDrift: the table has changed since the last apply.\n"
        "`knockwork drift --repair` puts it back, as shown.\n")
    assert knockwork.run("drift", "--repair").stdout.endswith("\n\nDrift repaired: 0 added, 1 changed, 0 removed.\n")


EPOCHS = """\
knockwork: 1
sequences:
  - name: ssh
    derive: {secret_file: /etc/knockwork/secret, host: web1, length: 5}
    opens: [4022/tcp]
"""


def test_a_removed_gate_stays_removed(lab: Lab, knockwork: Knockwork) -> None:
    """Publishing an epoch records it, and says that no gate stands. A lost table comes back with it."""
    lab.server.write("/etc/knockwork/secret", "master:" + "A" * 43 + "=\n", 0o600)
    knockwork.apply(EPOCHS)
    lab.server.nft("delete table inet knockwork")
    assert knockwork.run("epoch", "publish", "1").returncode == 0
    assert json.loads(knockwork.run("status", "--json").stdout)["epochs"] == [0, 1]
    knockwork.remove()
    for options in ("--check", ""):
        done = knockwork.run("epoch", "publish", "2", *options.split())
        assert done.returncode == 0 and "only the record of epochs changes" in done.stderr, done
        assert "epochs accepted" in done.stdout and "sequence" not in done.stdout
        assert not json.loads(knockwork.run("status", "--json").stdout)["present"]
    assert json.loads(knockwork.run("epoch", "show", "--json").stdout)["accepts"] == [0, 1, 2]
    knockwork.apply()
    assert json.loads(knockwork.run("status", "--json").stdout)["epochs"] == [0, 1, 2]
    lab.server.run(["rm", "/var/lib/knockwork/epochs.json"], check=True)


@pytest.mark.parametrize("command", ["watch --json", "watch", "drift --repair --watch"])
def test_it_ends_with_its_reader(knockwork: Knockwork, command: str) -> None:
    """Soon, and not with the next line."""
    knockwork.apply(CLASSIC + "log: all\n")
    process = knockwork.host.popen(knockwork.command(*command.split()), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.5)
    assert process.poll() is None
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=20) == 0


def test_the_live_screen_ends_with_its_terminal(knockwork: Knockwork) -> None:
    """Where no signal tells that it is gone."""
    knockwork.apply(CLASSIC)
    control, terminal = os.openpty()
    process = knockwork.host.popen(knockwork.command("status", "--watch"), stdin=subprocess.DEVNULL, stdout=terminal)
    os.close(terminal)
    assert os.read(control, 10)
    os.close(control)
    try:
        assert process.wait(timeout=20) == 0
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)


def test_one_style_of_tables(knockwork: Knockwork) -> None:
    """Heads in capitals; colours on a terminal that did not refuse them."""
    knockwork.declare(CLASSIC)
    assert knockwork.run("lint").stdout.startswith("SEQUENCE  KNOCKS   BITS ")
    for words, colour in (("lint", "\033[1mSEQUENCE"), ("explain", "\033[32m+ ")):
        assert "\033" not in knockwork.run(words).stdout
        terminal = [*ON_TERMINAL, *knockwork.command(words)]
        assert colour in knockwork.host.run(terminal).stdout
        assert "\033" not in knockwork.host.run(terminal, env={"NO_COLOR": "1"}).stdout


def test_one_strength(lab: Lab, knockwork: Knockwork) -> None:
    """lint and derive show count the bits of a derived sequence alike."""
    lab.server.write("/etc/knockwork/secret", "master:" + "A" * 43 + "=\n", 0o600)
    knockwork.declare(EPOCHS)
    [linted] = json.loads(knockwork.run("lint", "--json").stdout)["sequences"]
    [drawn] = json.loads(knockwork.run("derive", "show", "--json").stdout)["drawn"]
    assert linted["bits"] == drawn["bits"] and linted["guess"] == pytest.approx(2 ** -linted["bits"], rel=0.1)
    assert f" {linted['bits']} " in knockwork.run("lint").stdout


@pytest.mark.parametrize("interfaces", ['["!eth*"]', '["eth*", "x*"]'])
def test_what_a_pattern_leaves_open(lab: Lab, knockwork: Knockwork, interfaces: str) -> None:
    """Names what is open now, where somebody writes the declaration; the timer's apply does not repeat it."""
    lab.server.ip("link add extra2 type veth peer name extra10")
    try:
        knockwork.declare(CLASSIC + f"interfaces: {interfaces}\n")
        open_ = "`eth0`" if "!" in interfaces else "`extra2`, `extra10`"
        said = f"leaves th{'is interface' if '!' in interfaces else 'ese interfaces'} open now: {open_}. "
        for command in ("validate", "lint", "plan"):
            assert said in knockwork.run(command).stderr, command
        assert "open now" not in knockwork.run("apply", "--unattended", "--allow-absent").stderr
        knockwork.declare(CLASSIC + "interfaces: [eth0]\n")
        assert "open now" not in knockwork.run("plan").stderr
    finally:
        lab.server.ip("link del extra2")
