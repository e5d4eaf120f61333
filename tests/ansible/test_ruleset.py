"""knockwork.nft.ruleset on three hosts over SSH."""

import shutil
from pathlib import Path

from bed.cli import Knockwork
from bed.secrecy import told
from controller import ROOT, Controller, Outcome, table, traces

MAIN = "/etc/knockwork/knockwork.yml"


def gate(controller: Controller, **keys: str) -> str:
    """A task that protects SSH; keys of its sequence may be added or replaced."""
    said = {"name": "ssh", "knock": "[47011/udp, 48123/tcp, 49377]", "opens": "[22/tcp, 50022/tcp]", **keys}
    sequence = ", ".join(f"{key}: {value}" for key, value in said.items())
    return (f"- knockwork.nft.ruleset:\n    always_allow: {controller.way_back_in}\n"
            f"    sequences:\n      - {{{sequence}}}\n")


def named(outcome: Outcome) -> list[tuple[str, str, str]]:
    """What was changed, without how."""
    return [(each["kind"], each["object"], each["name"]) for each in outcome.result()["changes"]]


ABSENT = "- knockwork.nft.ruleset:\n    state: absent\n"


def test_from_nothing_and_back(everywhere: Controller) -> None:
    """Check mode on a virgin host touches nothing; then changed, unchanged, removed, unchanged."""
    task = gate(everywhere)
    before = traces(everywhere.host)
    check = everywhere.changes(task, "--check", "--diff")
    assert traces(everywhere.host) == before == ""
    applied = everywhere.changes(task, "--diff")
    # Fingerprints differ: their key is made by the first apply, and check mode writes none.
    assert named(applied) == named(check) == [
        ("add", "table", "inet knockwork"), ("add", "sequence", "ssh"), ("add", "file", MAIN)]
    everywhere.unchanged(task)
    everywhere.unchanged(task, "--check", "--diff")
    live = traces(everywhere.host)
    everywhere.changes(ABSENT, "--check")
    assert traces(everywhere.host) == live
    everywhere.changes(ABSENT)
    assert table(everywhere.host) == "" and MAIN not in traces(everywhere.host)
    everywhere.unchanged(ABSENT)
    everywhere.unchanged(ABSENT, "--check")


def test_absent_on_a_virgin_host_touches_nothing(controller: Controller) -> None:
    controller.unchanged(ABSENT)
    assert "/etc" not in traces(controller.host) and "/var" not in traces(controller.host)


def test_the_way_back_in_is_open(controller: Controller) -> None:
    """SSH is shut for everyone but the controller, which goes on working."""
    controller.changes(gate(controller))
    for number in ("2", "3"):
        stranger, target = controller.hosts[f"host{number}"], controller.bed.address("host1")
        done = stranger.run(["/bin/bash", "-c", f"exec 3<>/dev/tcp/{target}/22"])
        assert done.returncode != 0
    controller.unchanged("- knockwork.nft.ruleset_info:\n")


def test_a_change_is_told_by_name(everywhere: Controller) -> None:
    everywhere.changes(gate(everywhere))
    outcome = everywhere.changes(gate(everywhere, step_timeout="2s"), "--diff")
    # The lockout lasts as long as the longest step, so it changes too.
    assert named(outcome) == [("change", "setting", "wrong_knock"), ("change", "sequence", "ssh"),
                              ("change", "file", MAIN)]
    _, sequence, file = outcome.result()["changes"]
    assert "5s → 2s" in sequence["why"] and file["why"] == "content"
    assert "-sequence ssh: " in outcome.output and "+sequence ssh: " in outcome.output


def test_what_is_saved_is_what_was_said(controller: Controller) -> None:
    """The file is for root alone, holds no defaults, and the command finds nothing to do with it."""
    controller.changes(gate(controller, once="false", open_for="1m"))
    assert f"-rw------- {MAIN}\n" in traces(controller.host)
    text = controller.host.read(MAIN)
    assert "once" not in text and 'open_for: "1m"' in text and "mode" not in text
    assert not Knockwork(controller.host).differs()


def test_every_key_reaches_the_core(controller: Controller) -> None:
    """Values of every type go through the options, the saved file and the core to the kernel and back."""
    task = gate(controller, sequence_timeout="4s", **{"from": '[10.77.0.0/16, "fd77::/64"]'}) + (
        "    refuse: drop\n    lockout: 10s\n    guards: [46999/udp, 46998]\n    interfaces: [eth0]\n"
        "    sources: 1024\n")
    controller.changes(task)
    controller.unchanged(task)
    assert not Knockwork(controller.host).differs()
    for key, value in (("refuse", '"drop"'), ("lockout", '"10s"'), ("interfaces", '["eth0"]'),
                       ("sources", "1024"), ("sequence_timeout", '"4s"'),
                       ("from", '["10.77.0.0/16", "fd77::/64"]')):
        assert f"{key}: {value}\n" in controller.host.read(MAIN)


def test_a_file_open_to_others_is_closed(controller: Controller) -> None:
    task = gate(controller)
    controller.changes(task)
    controller.host.run(["chmod", "0644", MAIN], check=True)
    outcome = controller.play(task)
    assert outcome.changed == {"host1": 1, "host2": 0, "host3": 0}
    assert [each["why"] for each in outcome.result()["changes"]] == ["mode"]
    assert f"-rw------- {MAIN}\n" in traces(controller.host)


def test_without_saving(controller: Controller) -> None:
    task = gate(controller) + "    save: false\n"
    controller.changes(task)
    assert MAIN not in traces(controller.host)
    controller.unchanged(task)
    controller.changes(ABSENT)


def test_drift_is_found_and_mended(everywhere: Controller) -> None:
    task = gate(everywhere)
    everywhere.changes(task)
    good = table(everywhere.host)
    everywhere.host.nft("flush chain inet knockwork gate")
    check = everywhere.play(task, "--check")
    assert check.changed == {"host1": 1, "host2": 0, "host3": 0}
    mended = everywhere.play(task)
    assert mended.changed == check.changed and mended.result()["changes"] == check.result()["changes"]
    assert table(everywhere.host) == good


def test_a_file_on_the_host(controller: Controller) -> None:
    """A main file anywhere with its conf.d; nothing is saved elsewhere."""
    for host in controller.hosts.values():
        host.write("/root/gate/main.yml", f"knockwork: 1\nalways_allow: {controller.way_back_in}\n", 0o600)
        host.write("/root/gate/conf.d/10-ssh.yml",
                   "- {name: ssh, knock: [47011, 48123], opens: [22/tcp]}\n", 0o600)
    task = "- knockwork.nft.ruleset:\n    declaration: /root/gate/main.yml\n"
    outcome = controller.changes(task)
    assert "ssh" in [each["name"] for each in outcome.result()["changes"]]
    controller.unchanged(task)
    assert MAIN not in traces(controller.host)


def test_the_hosts_own_declaration(controller: Controller) -> None:
    """Neither keys nor a file: what the host declares itself; absent leaves what it did not write."""
    for host in controller.hosts.values():
        host.write(MAIN, f"knockwork: 1\nalways_allow: {controller.way_back_in}\nsequences:\n"
                         "  - {name: ssh, knock: [47011, 48123], opens: [22/tcp]}\n", 0o600)
    controller.changes("- knockwork.nft.ruleset:\n")
    controller.unchanged("- knockwork.nft.ruleset:\n")
    outcome = controller.changes(ABSENT)
    assert any("next boot" in warning for warning in outcome.result()["warnings"])
    assert MAIN in traces(controller.host) and table(controller.host) == ""


def test_drop_ins_belong_to_the_options(controller: Controller) -> None:
    for host in controller.hosts.values():
        host.write("/etc/knockwork/conf.d/web.yml",
                   "- {name: web, knock: [47555, 48555], opens: [443/tcp]}\n", 0o600)
    names = [each["name"] for each in controller.changes(gate(controller)).result()["changes"]]
    assert "ssh" in names and "web" in names


def test_file_and_keys_exclude_each_other(everywhere: Controller) -> None:
    message = everywhere.fails(gate(everywhere) + "    declaration: /root/main.yml\n")
    assert message == "declaration and always_allow, sequences are mutually exclusive: use the file or the options"


def test_a_missing_declaration(everywhere: Controller) -> None:
    assert everywhere.fails("- knockwork.nft.ruleset:\n    declaration: /root/none.yml\n") == (
        "the declaration /root/none.yml does not exist on this host: write it, or set its keys as options")


def test_every_fault_at_once_and_nothing_touched(everywhere: Controller) -> None:
    """Faults of options are known by their paths, those of drop-ins by their lines; no port among them."""
    everywhere.changes(gate(everywhere))
    for host in everywhere.hosts.values():
        host.write("/etc/knockwork/conf.d/bad.yml",
                   "- name: bad\n  knock: [70000]\n  opens: [50443]\n", 0o600)
    live = traces(everywhere.host)
    message = everywhere.fails(gate(everywhere, open_for="150ms", opens="[50022]", knock="[47011/sctp]"))
    faults = message.splitlines()[1:]
    assert [fault.split(": ")[0].strip() for fault in faults] == [
        "sequences[0].knock[0]", "sequences[0].opens[0]", "sequences[0].open_for",
        "/etc/knockwork/conf.d/bad.yml:2:11", "/etc/knockwork/conf.d/bad.yml:3:11"]
    assert not told(message, "50022", "50443", "47011", "70000")
    assert traces(everywhere.host) == live


def test_anothers_table_is_left_alone(everywhere: Controller) -> None:
    for host in everywhere.hosts.values():
        host.nft("table inet knockwork { chain theirs { counter; }; }")
    live = table(everywhere.host)
    message = everywhere.fails(gate(everywhere))
    assert "knockwork" in message and table(everywhere.host) == live
    assert MAIN not in traces(everywhere.host)


def test_another_version_of_the_core(controller: Controller, tmp_path: Path) -> None:
    """A collection that is not of the core's version says so and does nothing, by either backend."""
    place = tmp_path / "ansible_collections/knockwork/nft"
    shutil.copytree(ROOT / "ansible_collection", place)
    core = place / "plugins/module_utils/core.py"
    core.write_text(core.read_text().replace("VERSION = '", "VERSION = '9"))
    for backend in ("python", "cli"):
        message = controller.fails(gate(controller) + f"    backend: {backend}\n", collections=tmp_path)
        assert "install the same minor version of both" in message
    assert table(controller.host) == ""


def test_examples_of_the_repository(controller: Controller) -> None:
    """The playbooks that the documentation shows pass a syntax check."""
    for book in sorted((ROOT / "docs/examples").glob("*.yml")):
        if "hosts:" in book.read_text():
            done = controller.bed.controller.run(
                [controller.ansible.playbook, "--syntax-check", "-i", "localhost,", str(book)],
                env={"ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build/ansible-collections")})
            assert done.returncode == 0, done.stdout + done.stderr
