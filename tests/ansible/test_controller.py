"""What the controller does by itself: knock, profile and the lookup. No port in what they say."""

import json
import re
from typing import Any

import pytest

from bed.cli import binary
from bed.host import SYSTEM_PATH
from controller import Outcome
from gated import KNOCKS, PROFILE, Counted, Gated, assert_silent, once

KNOCK = "- knockwork.nft.knock:\n    wait_open: 22/tcp\n"
SEQUENCES = "[{name: ssh, knock: [47011/udp, 48123/tcp, 49377/udp], opens: [22/tcp], step_timeout: 1s}]"
WRITE = f"- knockwork.nft.profile:\n    sequences: {SEQUENCES}\n"


def told(outcome: Outcome, host: str = "host1") -> dict[str, Any]:
    """What a knock's result says, but for how it was called."""
    return {key: value for key, value in outcome.result(host).items()
            if key in ("outcome", "host", "address", "sequence", "rounds", "changed", "msg")}


@pytest.mark.parametrize("backend", ["python", "cli"])
def test_it_opens(ten_gated_everywhere: Gated, backend: str) -> None:
    """On every host at once, with one sequence each."""
    outcome = ten_gated_everywhere.changes(f"{KNOCK}    backend: {backend}\n", "-vvv")
    assert told(outcome) == {"outcome": "open", "host": "10.77.0.11", "address": "10.77.0.11", "sequence": "ssh",
                             "rounds": 1, "changed": True, "msg": ""}
    assert {counted.knocks for counted in ten_gated_everywhere.counted().values()} == {len(KNOCKS)}
    assert_silent(outcome)
    assert outcome.result()["invocation"]["module_args"]["wait_open"] == "(hidden)"


def test_check_mode_sends_nothing(gated_everywhere: Gated) -> None:
    outcome = gated_everywhere.changes(KNOCK, "--check", "-vvv")
    assert told(outcome) == {"outcome": None, "host": "10.77.0.11", "address": "10.77.0.11", "sequence": "ssh",
                             "rounds": 0, "changed": True}
    assert set(gated_everywhere.counted().values()) == {Counted(0, 0)}
    assert_silent(outcome)


def test_it_says_that_it_did_not_open(gated_everywhere: Gated) -> None:
    """By its answer; the host stays in the play."""
    wrong = KNOCK + "    knock: [47012, 48124/tcp]\n    retries: 0\n    timeout: 1s\n"
    outcome = gated_everywhere.play(wrong, "-vvv", limit="host1")
    assert told(outcome) == {
        "outcome": "refused", "host": "10.77.0.11", "address": "10.77.0.11", "sequence": None, "rounds": 1,
        "changed": True, "msg": "10.77.0.11 was knocked on 1 time: it still refuses connections"}
    assert outcome.failed == {"host1": 1}
    assert not re.search("4701[12]|48124", str(outcome.results))  # 2.19 shows lines of the playbook


@pytest.mark.parametrize("host, address", [("10.77.9.9", "10.77.9.9"), ("no-such-host.invalid", None)])
def test_it_says_that_nobody_answers(gated: Gated, host: str, address: str | None) -> None:
    outcome = gated.play(f"- knockwork.nft.knock: {{host: {host}, knock: [47012], wait_open: 22/tcp, retries: 0, "
                         "timeout: 1s}\n", limit="host1")
    assert outcome.failed == {"host1": 1} and told(outcome)["outcome"] == "unreachable"
    assert told(outcome)["address"] == address and host in told(outcome)["msg"]


def test_only_where_it_is_shut(gated: Gated) -> None:
    """With try_first the second task sends nothing, and says so."""
    gated.changes(KNOCK + "    try_first: true\n", limit="host1")
    outcome = gated.unchanged(KNOCK + "    try_first: true\n", limit="host1")
    assert told(outcome)["rounds"] == 0 and told(outcome)["outcome"] == "open"
    assert gated.counted()["host1"].knocks == len(KNOCKS)


def test_without_a_proof(gated: Gated) -> None:
    outcome = gated.changes("- knockwork.nft.knock: {prove: false}\n", limit="host1")
    assert told(outcome)["outcome"] == "sent" and told(outcome)["rounds"] == 1
    assert gated.counted()["host1"] == Counted(len(KNOCKS), 0)


def test_what_the_sequence_opens_is_proved(gated: Gated) -> None:
    """Without being named; and at both addresses, as far as there are two."""
    task = "- knockwork.nft.knock: {both: true, within: 1m30s, jitter: 0s, timeout: 1m500ms}\n"
    outcome = gated.changes(task, limit="host1")
    assert told(outcome)["outcome"] == "open" and outcome.result()["addresses"] == ["10.77.0.11"]


@pytest.mark.parametrize("options, message", [
    ("host: stranger", f"the profile {PROFILE} has no host stranger: write its entry with "
     "knockwork.nft.profile"),
    ("sequence: mail", f"the profile {PROFILE} has no sequence mail for 10.77.0.11: it has ssh"),
    ("{sequence: ssh, knock: [47011]}",
     "sequence and knock are mutually exclusive: name a sequence of the profile, or list the knocks"),
    ("try_first: true", "try_first requires wait_open: name the port that may already be open"),
    ("delay: 47011", "delay: a duration without a unit; add one: s for seconds, m for minutes"),
    ("{executable: knokwork, backend: cli}", "cannot find the command knokwork: install knockwork on the controller"),
    ("profile: /run/none.yml", "the profile /run/none.yml does not exist: write it with knockwork.nft.profile, or "
     "name another in ansible_knockwork_profile"),
])
def test_what_is_wrong(gated: Gated, options: str, message: str) -> None:
    assert gated.fails(f"- knockwork.nft.knock: {options if options[0] == '{' else '{' + options + '}'}\n",
                       limit="host1") == message
    assert gated.counted()["host1"] == Counted(0, 0)


@pytest.mark.parametrize("options", ["{knock: [47011/sctp, 48123]}", "{knock: {47011: 48123}}", "{47011/udp: 1}",
                                     "{retries: 47011/udp}", "{wait_open: 47011/udp}", "{knock: [[47011, 48123]]}"])
def test_wrong_input_is_not_quoted(gated: Gated, options: str) -> None:
    outcome = gated.play(f"- knockwork.nft.knock: {options}\n", "-vvv", limit="host1")
    assert outcome.failed == {"host1": 1}
    assert_silent(outcome)


def test_ten_hosts_write_one_profile(ten_gated: Gated) -> None:
    """At the same time; then it is as it should be, for its owner alone, and lets the controller in."""
    controller = ten_gated.bed.controller
    controller.run(["rm", "-rf", "/root/.config/knockwork"], check=True)
    check = ten_gated.changes(WRITE, "--check", "--diff", "-vvv", limit="host1")
    assert controller.run(["test", "-e", "/root/.config/knockwork"]).returncode == 1
    written = ten_gated.changes(WRITE, "--diff", "-vvv")
    assert written.result()["changes"] == check.result()["changes"] == [
        {"kind": "add", "object": "host", "name": "host1", "before": "", "after": "sequences ssh (hidden)", "why": ""}]
    listing = controller.output(["find", "/root/.config/knockwork", "-printf", "%M %P\n"])
    assert sorted(listing.splitlines()) == ["-rw------- hosts.yml", "drwx------ "]
    assert controller.read(PROFILE).count("- host: ") == 10
    ten_gated.unchanged(WRITE + "- ansible.builtin.raw: 'true'\n  changed_when: false\n")
    assert set(ten_gated.counted().values()) == {once()}
    for outcome in (check, written):
        assert_silent(outcome)


def test_the_last_entry_takes_the_file_with_it(gated: Gated) -> None:
    controller = gated.bed.controller
    controller.run(["rm", "-f", PROFILE], check=True)
    gated.changes(WRITE, limit="host1,host2")
    gated.unchanged(WRITE, "--check", limit="host1")
    for host, left in (("host1", "10.77.0.12"), ("host2", "")):
        gated.changes("- knockwork.nft.profile: {state: absent}\n", limit=host)
        assert re.findall("(?<=address: \").*(?=\")", controller.run(["cat", PROFILE]).stdout) == left.split()
    assert controller.run(["test", "-e", PROFILE]).returncode == 1
    gated.unchanged("- knockwork.nft.profile: {state: absent}\n", limit="host1")


def test_an_entry_is_changed_in_its_place(gated: Gated) -> None:
    """New ones come before patterns, which would take their hosts."""
    controller = gated.bed.controller
    controller.run(["rm", "-f", PROFILE], check=True)
    for options in ("host: ['*.example'], address: 10.77.0.12", "host: [web, web.example], lockout: 9s", ""):
        gated.changes(f"- knockwork.nft.profile: {{sequences: {SEQUENCES}, {options}}}\n", limit="host1")
    names = re.findall("- host: (.*)", controller.read(PROFILE))
    assert names == ['["web", "web.example"]', '["host1", "10.77.0.11"]', '["*.example"]']
    outcome = gated.changes(f"- knockwork.nft.profile: {{sequences: {SEQUENCES}, host: [WEB], lockout: 8s}}\n",
                            limit="host1")
    assert outcome.result()["changes"][0]["kind"] == "change"
    assert re.findall("- host: (.*)", controller.read(PROFILE))[0] == '["WEB"]'
    controller.run(["chmod", "0644", PROFILE], check=True)
    outcome = gated.changes(WRITE, limit="host1")
    assert [each["why"] for each in outcome.result()["changes"]] == ["mode"]


def test_drop_ins_of_an_entry(gated: Gated) -> None:
    """Two roles write the sequences of one host: neither takes the other's away, whoever comes last."""
    controller = gated.bed.controller
    controller.run(["rm", "-f", PROFILE], check=True)
    backup = "{name: backup, knock: [47012/udp], opens: [873/tcp]}"
    whole = WRITE + "    lockout: 9s\n"
    drop_in = f"- knockwork.nft.profile:\n    drop_in: true\n    sequences: [{backup}]\n"
    for task, names in ((drop_in, ["backup"]), (whole, ["ssh", "backup"]), (drop_in.replace("47012", "47013"), None)):
        outcome = gated.changes(task, "-vvv", limit="host1")
        assert names is None or sequences(gated) == names
        assert_silent(outcome)
    assert "47013" in controller.read(PROFILE) and "lockout: \"9s\"" in controller.read(PROFILE)
    for task in (whole, drop_in.replace("47012", "47013")):
        gated.unchanged(task, limit="host1")
    gated.changes(whole.replace("name: ssh", "name: admin"), limit="host1")
    assert sequences(gated) == ["admin", "backup"]
    gone = drop_in.replace(backup, "{name: backup}") + "    state: absent\n"
    gated.changes(gone, limit="host1")
    gated.unchanged(gone, limit="host1")
    assert sequences(gated) == ["admin"] and "drop_ins" not in controller.read(PROFILE)


def sequences(gated: Gated) -> list[str]:
    """The names in the profile."""
    return re.findall('- name: "(.*)"', gated.bed.controller.read(PROFILE))


def test_the_role(gated_everywhere: Gated) -> None:
    """It needs no connection, since it is what makes one possible."""
    gated_everywhere.bed.controller.run(["rm", PROFILE], check=True)
    role = ("- ansible.builtin.include_role: {name: knockwork.nft.profile}\n"
            f"  vars: {{profile_sequences: {SEQUENCES}}}\n")
    written = gated_everywhere.changes(role, "-vvv", "--diff", limit="host1")
    gated_everywhere.unchanged(role, limit="host1")
    assert set(gated_everywhere.counted().values()) == {Counted(0, 0)}
    assert_silent(written)
    gated_everywhere.unchanged("- ansible.builtin.raw: 'true'\n  changed_when: false\n", limit="host1")


@pytest.mark.parametrize("text, words", [
    ("knockwork: 1\nhosts: []\n", "was not written by this module"),
    ("# Written by knockwork.nft.profile: comments are lost with its next run.\nhosts: [47011", "not YAML at line "),
    ("# Written by knockwork.nft.profile: comments are lost with its next run.\nhosts: 47011\n", "no list `hosts`"),
])
def test_a_file_that_is_not_its_own_is_left_alone(gated: Gated, text: str, words: str) -> None:
    gated.bed.controller.write(PROFILE, text, 0o600)
    message = gated.fails(WRITE, limit="host1")
    assert message.startswith(f"the profile {PROFILE} ") and words in message and "47011" not in message
    assert gated.bed.controller.read(PROFILE) == text


@pytest.mark.parametrize("sequences", [
    "[{name: ssh, knock: [47011/sctp], opens: [22/tcp]}]", "[{name: ssh, 47011: 1, opens: [22/tcp]}]", "[47011/udp]",
])
def test_a_wrong_entry_is_not_written(gated: Gated, sequences: str) -> None:
    gated.bed.controller.run(["rm", PROFILE], check=True)
    outcome = gated.play(f"- knockwork.nft.profile:\n    sequences: {sequences}\n", "-vvv", limit="host1")
    assert outcome.failed == {"host1": 1}
    assert_silent(outcome)
    assert gated.bed.controller.run(["test", "-e", PROFILE]).returncode == 1


def test_a_command_elsewhere(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable names it for rotation as well: the controller has neither another one nor the package."""
    for name, value in (("PATH", SYSTEM_PATH), ("PYTHONPATH", "")):
        monkeypatch.setitem(gated.bed.controller.environment, name, value)
    gated.host.run(["knockwork", "remove"], check=True)
    gated.host.run(["rm", "-r", "/etc/knockwork"], check=True)
    own = "profile: /root/own/hosts.yml"
    tasks = ("- knockwork.nft.profile:\n    sequences: [{name: ssh, opens: [22/tcp], derive: {secret_file: /nowhere, "
             f"length: 3, epoch: 0}}}}]\n    {own}\n"
             f"- knockwork.nft.epoch: {{state: used, epoch: 1, {own}}}\n"
             f"- knockwork.nft.epoch: {{state: published, epoch: 1, master_secret: 'master:{'QUJD' * 8}'}}\n")
    outcome = gated.play(tasks, limit="host1", variables={"ansible_connection": "ssh",
                                                          "ansible_knockwork_executable": str(binary())})
    assert outcome.failed == {"host1": 0} and outcome.changed == {"host1": 2}, outcome.output


@pytest.mark.parametrize("where", ["variable", "environment", "ini"])
def test_one_profile_for_all(gated: Gated, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Wherever it is named: what the module writes, the connection, the modules and the lookup read."""
    controller = gated.bed.controller
    controller.run(["rm", "-f", PROFILE, "/run/play/own.yml"], check=True)
    variables = {}
    if where == "variable":
        variables = {"ansible_knockwork_profile": '"{{ inventory_dir }}/own.yml"'}
    elif where == "environment":
        monkeypatch.setitem(controller.environment, "ANSIBLE_KNOCKWORK_PROFILE", "/run/play/own.yml")
    else:
        controller.write("/run/play/ansible.cfg", "[knockwork]\nprofile = own.yml\n")
    tasks = (WRITE + "- ansible.builtin.raw: 'true'\n  changed_when: false\n"
             "- knockwork.nft.knock: {try_first: true, wait_open: 22/tcp}\n"
             f"- ansible.builtin.debug: {{msg: \"{{{{ {LOOKUP.format('')}.name }}}}\"}}\n")
    try:
        outcome = gated.play(tasks, limit="host1", variables=variables)
    finally:
        controller.run(["rm", "-f", "/run/play/ansible.cfg"], check=True)
    assert outcome.failed == {"host1": 0} and outcome.result()["msg"] == "ssh", outcome.output
    assert "47011" in controller.read("/run/play/own.yml")
    assert controller.run(["test", "-e", PROFILE]).returncode == 1


def test_content_of_a_template(gated_everywhere: Gated) -> None:
    """The lookup fills it in, as Ansible does for the connection."""
    controller = gated_everywhere.bed.controller
    controller.run(["mv", PROFILE, "/run/play/content.yml"], check=True)
    content = "{{ lookup('ansible.builtin.file', inventory_dir + '/content.yml') }}"
    task = f"- ansible.builtin.debug: {{msg: \"{{{{ {LOOKUP.format('')}.name }}}}\"}}\n"
    outcome = gated_everywhere.unchanged(task, limit="host1", variables={
        "ansible_knockwork_profile_content": json.dumps(content)})
    assert outcome.result()["msg"] == "ssh"


LOOKUP = "lookup('knockwork.nft.sequence', inventory_hostname{})"


def test_the_lookup_hides_and_reveals(gated_everywhere: Gated) -> None:
    def said(*options: str) -> list[dict[str, Any]]:
        lookups = ", ".join(map(LOOKUP.format, options))
        outcome = gated_everywhere.unchanged(f"- ansible.builtin.debug: {{msg: \"{{{{ [{lookups}] }}}}\"}}\n",
                                             limit="host1")
        if not any("reveal" in each for each in options):
            assert_silent(outcome)
        results: list[dict[str, Any]] = outcome.result()["msg"]
        return results

    hidden, by_command = said("", ", backend='cli', opens='22/tcp'")
    assert hidden == by_command
    assert set(hidden) == {"host", "address", "name", "knocks", "services", "fingerprint"}
    assert (hidden["host"], hidden["name"], hidden["knocks"], hidden["services"]) == ("host1", "ssh", 3, 1)
    assert re.fullmatch("[0-9a-f]{8}", str(hidden["fingerprint"]))
    assert said(", sequence='ssh', reveal=true") == [{**hidden, "knock": list(KNOCKS), "opens": ["22/tcp"]}]
    gated_everywhere.write_profile((*KNOCKS[:2], "49378/udp"))
    assert said("")[0]["fingerprint"] != hidden["fingerprint"]
    key = gated_everywhere.bed.controller.output(["stat", "-c", "%a %s", "/root/.config/knockwork/fingerprint.key"])
    assert key == "600 32\n"


def test_the_lookup_knows_no_stranger(gated: Gated) -> None:
    task = f"- ansible.builtin.debug: {{msg: \"{{{{ {LOOKUP.format(', sequence=0')} }}}}\"}}\n"
    message = gated.fails(task, limit="host1")
    assert f"the profile {PROFILE} has no sequence 0 for host1: it has ssh" in message
