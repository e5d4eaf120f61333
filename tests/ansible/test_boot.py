"""What a reboot does to a gate, and who sees to it. systemd's part is played by a stand-in that records."""

import json
from collections.abc import Iterator

import pytest

from bed.cli import binary
from controller import Controller, table

UNIT = "/etc/systemd/system/knockwork.service"
# Links as systemd's own, in the folder of the target that each unit names.
SYSTEMCTL = """\
#!/bin/sh
for unit; do :; done
unit=${unit%.service}
case $unit in *.timer) target=timers ;; *drift) target=multi-user ;; *) target=sysinit ;; esac
case $unit in *.timer) ;; *) unit=$unit.service ;; esac
link=/etc/systemd/system/$target.target.wants/$unit
[ "$1" = is-enabled ] && exec test -L "$link"
[ "$1" = is-active ] && exec test -e "/run/active.$unit"
echo "$@" >> /run/systemctl.said
# Whoever starts the gate reads files that nobody is writing.
case $1-$unit in start-knockwork.service|enable-knockwork.service)
  flock -n /etc/knockwork true || echo locked >> /run/systemctl.said ;;
esac
case $1 in
  enable)
    [ "$2" != --now ] || touch "/run/active.$unit"
    mkdir -p "${link%/*}" && ln -sf "/etc/systemd/system/$unit" "$link" ;;
  disable) rm -f "$link" "/run/active.$unit" ;;
  start) touch "/run/active.$unit" ;;
esac
"""
RULESET = "- knockwork.nft.ruleset:\n    sequences:\n      - {name: ssh, knock: [47011, 48123], opens: [50443/tcp]}\n"
RULESET += "    lint: false\n"
WEB = "- knockwork.nft.sequence:\n    name: web\n    knock: [47555, 48555]\n    opens: [50444/tcp]\n    lint: false\n"
TOKEN = """\
- knockwork.nft.ruleset:
    sequences:
      - name: alice
        opens: [50443/tcp]
        token: {port: 41873/udp, secret_file: /etc/knockwork/secret}
"""
DROP_IN = """\
- knockwork.nft.sequence:
    name: alice
    opens: [50444/tcp]
    token: {port: 41873/udp, secret_file: /etc/knockwork/secret}
    lint: false
"""
PURGE = "- knockwork.nft.ruleset: {state: absent, purge: true}\n"
LEFT = "find /etc/systemd/system -name 'knockwork*'"
GONE = f"{LEFT} -delete"
NO_GATE = "no gate will be loaded after a reboot, and its ports will be open to everyone: "


@pytest.fixture
def booted(controller: Controller) -> Iterator[Controller]:
    """Hosts on which systemd seems to run, and has the unit that nobody enabled."""
    interpreter = '#!/bin/sh\nPATH=/run/bin:$PATH; export PATH\nexec /usr/bin/python3 "$@"\n'
    for host in controller.hosts.values():
        host.run(["mkdir", "-p", "/run/systemd/system", "/run/bin"], check=True)
        host.run(["sh", "-ec", f"{GONE}; rm -f /run/systemctl.said /run/active.*"], check=True)
        host.write(UNIT, "[Service]\nExecStart=/bin/true apply --unattended\n")
        host.write("/run/bin/systemctl", SYSTEMCTL, 0o755)
        host.write("/root/booted", interpreter, 0o755)
    yield controller
    for host in controller.hosts.values():
        host.run(["sh", "-ec", f"{GONE}; rm -rf /run/systemd /run/bin /run/systemctl.said /run/active.*"], check=True)


VARIABLES = {"ansible_python_interpreter": "/root/booted"}


def said(controller: Controller) -> str:
    """What the stand-in was asked for."""
    return controller.host.run(["cat", "/run/systemctl.said"]).stdout


@pytest.mark.parametrize("backend", ["python", "cli"])
def test_ruleset_enables_the_unit(booted: Controller, backend: str) -> None:
    task = f"{RULESET}    backend: {backend}\n"
    unit = {"kind": "change", "object": "unit", "name": "knockwork.service", "before": "not enabled",
            "after": "enabled", "why": "boot"}
    check = booted.changes(task, "--check", "--diff", variables=VARIABLES)
    assert check.result()["changes"][-1] == unit and said(booted) == ""
    done = booted.changes(task, "--diff", variables=VARIABLES)
    assert done.result()["changes"][-1] == unit and said(booted) == "enable --now knockwork.service\n"
    assert "+unit knockwork.service: enabled  # boot" in done.diff
    booted.unchanged(task, variables=VARIABLES)
    assert said(booted) == "enable --now knockwork.service\n"
    booted.host.run(["rm", "/run/active.knockwork.service"], check=True)  # as a package leaves it
    done = booted.changes(task, limit="host1", variables=VARIABLES)
    assert done.result()["changes"] == [{**unit, "before": "not active", "after": "active", "why": "nftables.service"}]
    assert said(booted).endswith("\nstart knockwork.service\n")
    info = booted.unchanged(f"- knockwork.nft.ruleset_info:\n    backend: {backend}\n", variables=VARIABLES)
    assert info.result()["status"]["boot"] == {
        "stands": "yes", "installed": True, "enabled": True, "why": "", "timer": False}


def test_what_changes_with_time_starts_the_timer(booted: Controller) -> None:
    """Tokens run out and periods end: the module sees to it that the host applies them again."""
    give_secrets(booted)
    done = booted.changes(TOKEN, variables=VARIABLES)
    assert done.result()["changes"][-1] == TIMER
    assert said(booted) == "enable --now knockwork.service\nenable --now knockwork-rotate.timer\n"


def test_a_drop_in_starts_the_timer(booted: Controller) -> None:
    """What changes with time may come as a part of a declaration; without the unit, nothing can renew it."""
    give_secrets(booted)
    for host in booted.hosts.values():
        host.write(UNIT.replace("knockwork.service", "knockwork-rotate.timer"), "[Timer]\nOnCalendar=minutely\n")
    booted.changes(RULESET, variables=VARIABLES)
    check = booted.changes(DROP_IN, "--check", variables=VARIABLES)
    done = booted.changes(DROP_IN, variables=VARIABLES)
    assert done.result()["changes"][-1] == check.result()["changes"][-1] == TIMER
    assert said(booted) == "enable --now knockwork.service\nenable --now knockwork-rotate.timer\n"
    booted.unchanged(DROP_IN, variables=VARIABLES)
    booted.host.run(["sh", "-c", GONE], check=True)
    warnings = booted.unchanged(DROP_IN, limit="host1", variables=VARIABLES).result()["warnings"]
    assert any("nothing applies them again: they will stop opening anything" in each for each in warnings), warnings


TIMER = {"kind": "change", "object": "unit", "name": "knockwork-rotate.timer", "before": "not enabled",
         "after": "enabled", "why": "tokens or periods"}


def give_secrets(controller: Controller) -> None:
    """What tokens are derived from."""
    for host in controller.hosts.values():
        host.write("/etc/knockwork/secret", "master:MDEyMzQ1Njc4OWFiY2RlZg==\n", 0o600)


def test_purge_leaves_no_unit(booted: Controller) -> None:
    """Neither a file nor a link to one: the next gate starts its timer as the first did."""
    for host in booted.hosts.values():
        host.run(["rm", UNIT], check=True)
    give_secrets(booted)
    assert booted.changes(TOKEN, variables=VARIABLES).result()["changes"][-1] == TIMER
    checked = booted.changes(PURGE, "--check", variables=VARIABLES)
    done = booted.changes(PURGE, variables=VARIABLES)
    units = [each for each in done.result()["changes"] if each["object"] == "unit"]
    disabled = [each["name"] for each in units if each["kind"] == "change"]
    assert disabled == ["knockwork-rotate.timer", "knockwork.service"]
    assert units == [each for each in checked.result()["changes"] if each["object"] == "unit"]
    assert said(booted).endswith("disable --now knockwork-rotate.timer\ndisable --now knockwork.service\n"
                                 "daemon-reload\n")
    assert booted.host.output(["sh", "-c", LEFT]) == ""
    give_secrets(booted)
    assert booted.changes(TOKEN, variables=VARIABLES).result()["changes"][-1] == TIMER


def test_what_the_timer_runs_leaves_a_removed_gate(booted: Controller) -> None:
    """A drop-in is kept, and so the next boot loads it, but nothing before."""
    booted.changes(WEB, limit="host1", variables=VARIABLES)
    done = booted.changes("- knockwork.nft.ruleset: {state: absent}\n", limit="host1", variables=VARIABLES)
    assert any("the next boot would apply it again" in each for each in done.result()["warnings"])
    booted.host.run(["knockwork", "apply", "--quiet", "--unattended"], check=True)
    assert table(booted.host) == ""
    booted.host.run(["rm", "-r", "/run/knockwork"], check=True)
    booted.host.run(["knockwork", "apply", "--unattended"], check=True)
    assert table(booted.host)


def test_repair_starts_its_unit(booted: Controller) -> None:
    """Once; it is told in a check."""
    task = f"{RULESET}    repair: true\n"
    unit = {"kind": "change", "object": "unit", "name": "knockwork-drift.service", "before": "not enabled",
            "after": "enabled", "why": "repair"}
    check = booted.changes(task, "--check", variables=VARIABLES)
    assert check.result()["changes"][-1] == unit and said(booted) == ""
    done = booted.changes(task, variables=VARIABLES)
    assert done.result()["changes"][-1] == unit
    assert said(booted) == "enable --now knockwork.service\nenable --now knockwork-drift.service\n"
    booted.unchanged(task, variables=VARIABLES)


def test_boot_false_leaves_it_alone(booted: Controller) -> None:
    done = booted.changes(RULESET + "    boot: false\n", variables=VARIABLES)
    assert said(booted) == "" and not done.result().get("warnings")
    info = booted.unchanged("- knockwork.nft.ruleset_info:\n", variables=VARIABLES)
    assert info.result()["status"]["boot"] == {
        "stands": "no", "installed": True, "enabled": False, "why": "knockwork.service is not enabled",
        "timer": False}


def test_what_a_boot_cannot_bring_back(booted: Controller) -> None:
    """Options that are not saved; a part of a declaration that nobody loads."""
    done = booted.changes(RULESET + "    save: false\n", variables=VARIABLES)
    assert done.result()["warnings"] == [
        "a reboot does not load what this task applied: it applies /etc/knockwork/knockwork.yml"]
    done = booted.changes(WEB, variables=VARIABLES)
    assert (f"{NO_GATE}knockwork.service is not enabled; a task with knockwork.nft.ruleset enables it"
            in done.result()["warnings"])


def test_a_host_without_the_unit(booted: Controller) -> None:
    """The module brings what no package brought, and keeps it as its version has it."""
    for host in booted.hosts.values():
        host.run(["rm", UNIT], check=True)
    done = booted.changes(RULESET, variables=VARIABLES)
    assert [each["kind"] for each in done.result()["changes"] if each["object"] == "unit"] == ["add"] * 4 + ["change"]
    assert said(booted) == "daemon-reload\nenable --now knockwork.service\n"
    assert f"ExecStart={binary()} apply --unattended\n" in booted.host.read(UNIT)
    booted.unchanged(RULESET, variables=VARIABLES)
    for host in booted.hosts.values():
        host.write(UNIT, booted.host.read(UNIT) + "# of an older version\n", 0o644)
    done = booted.changes(RULESET, variables=VARIABLES)
    assert [each["name"] for each in done.result()["changes"]] == ["knockwork.service"]


def test_a_unit_that_cannot_be_enabled(booted: Controller) -> None:
    for host in booted.hosts.values():
        host.write("/run/bin/systemctl", "#!/bin/sh\necho no way >&2\nexit 1\n", 0o755)
    assert booted.fails(RULESET, variables=VARIABLES) == (
        "the gate is loaded, but it will not be loaded after a reboot: systemctl enable --now knockwork.service: "
        "no way")
    assert table(booted.host)


@pytest.mark.parametrize("fails, message", [
    ("enable --now knockwork.service", "the gate is loaded, but it will not be loaded after a reboot: systemctl enable "
     "--now knockwork.service: no way"),
    ("enable --now knockwork-drift.service", "the gate is loaded, but its drift will not be repaired: systemctl enable "
     "--now knockwork-drift.service: no way")])
def test_a_unit_is_no_reason_to_roll_back(booted: Controller, fails: str, message: str) -> None:
    """The gate stands, and is confirmed: the task fails, and tells what it did."""
    booted.host.write("/run/bin/systemctl", f'#!/bin/sh\n[ "$*" = "{fails}" ] && {{ echo no way >&2; exit 1; }}\n'
                      "[ $1 != is-enabled ]\n", 0o755)
    more = f"    repair: true\n    confirm_within: 60s\n    always_allow: {booted.way_back_in}\n"
    outcome = booted.play(RULESET + more, limit="host1", variables=VARIABLES)
    result = outcome.result()
    assert outcome.failed == {"host1": 1} and result["msg"] == message, outcome.output
    assert result["confirmed"] is True and "pending" not in result and result["changed"] is True
    changed = [each["object"] for each in result["changes"]]
    assert "sequence" in changed and "file" in changed and ("drift" in fails) == ("unit" in changed)
    assert booted.host.run(["test", "-e", "/var/lib/knockwork/pending.json"]).returncode != 0


def test_a_unit_that_fails_is_told_with_the_lockout(booted: Controller) -> None:
    """What locks out is rolled back, whatever else went wrong."""
    booted.host.write("/run/bin/systemctl", "#!/bin/sh\necho no way >&2\nexit 1\n", 0o755)
    task = "- knockwork.nft.ruleset: {mode: stealth, confirm_within: 2s}\n"
    outcome = booted.play(task, limit="host1", variables=VARIABLES)
    assert "systemctl enable --now knockwork.service: no way; apply " in outcome.result()["msg"], outcome.output
    assert outcome.result()["confirmed"] is False and outcome.result()["pending"]


def test_where_systemd_does_not_run(everywhere: Controller) -> None:
    """The task says that nothing loads the gate at boot, until it is told that this is meant."""
    warning = "systemd is not running, so this module cannot tell what loads the gate at boot"
    assert warning in _words(everywhere.changes(RULESET).output)
    assert warning not in _words(everywhere.unchanged(RULESET + "    boot: false\n").output)


def _words(output: str) -> str:
    """Without the line breaks of whatever width."""
    return " ".join(output.split())


def test_the_command(booted: Controller) -> None:
    """apply warns once and says what to do; status says it as text and as JSON."""
    booted.host.write("/etc/knockwork/knockwork.yml", "knockwork: 1\n", 0o600)
    enable = f"warning: {NO_GATE}knockwork.service is not enabled; run `systemctl enable --now knockwork`\n"
    assert booted.host.run(["knockwork", "apply"]).stderr == enable
    assert "No gate will be loaded after a reboot: knockwork.service is not enabled.\n" in booted.host.run(
        ["knockwork", "status"]).stdout
    assert booted.host.run(["knockwork", "apply", "--unattended"]).stderr == ""
    booted.host.run(["/run/bin/systemctl", "enable", "knockwork"], check=True)
    assert booted.host.run(["knockwork", "apply"]).stderr == ""
    assert json.loads(booted.host.run(["knockwork", "status", "--json"]).stdout)["boot"]["stands"] == "yes"
    booted.host.write("/root/other.yml", "knockwork: 1\n", 0o600)
    assert "a reboot applies /etc/knockwork/knockwork.yml, not what was applied now" in booted.host.run(
        ["knockwork", "apply", "/root/other.yml"]).stderr
