"""What an operator meets in the first hour: hosts that lack something, and messages in a playbook's own words."""

import json
import re
from collections.abc import Iterator

import pytest

from bed import Host, packets
from bed.cli import Knockwork
from controller import ROOT, Controller, Outcome, table, traces
from gated import KNOCKS, PROFILE, Gated, assert_silent

COLLECTION = ROOT / "ansible_collection"
RULESET = "- knockwork.nft.ruleset:\n    sequences:\n      - {name: ssh, knock: [47011, 48123], opens: [50443/tcp]}\n"
DERIVE = "{secret_file: /etc/knockwork/secret, host: host1, length: 3}"


def words(outcome: Outcome) -> str:
    """Without the line breaks of whatever width."""
    return " ".join(outcome.output.split())


def test_the_cores_words_are_known() -> None:
    """What is said differently in playbooks is still said by the core."""
    text = "".join(path.read_text() for path in sorted((ROOT / "cpp").rglob("*.cpp")))
    text = re.sub(r'"\s*\n\s*"', "", text)
    scope: dict[str, object] = {}
    exec((COLLECTION / "plugins/module_utils/words.py").read_text(), scope)  # it imports nothing of Ansible's
    said = scope["WORDS"]
    assert isinstance(said, tuple) and [phrase for phrase, _ in said if phrase not in text] == []


@pytest.fixture
def as_nobody(controller: Controller) -> Iterator[dict[str, str]]:
    """Modules run as somebody who is not root."""
    shell = '#!/bin/sh\nexec /usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups /usr/bin/python3 "$@"\n'
    controller.host.write("/run/nobody", shell, 0o755)
    yield {"ansible_python_interpreter": "/run/nobody", "ansible_remote_tmp": "/tmp/nobody"}
    controller.host.run(["rm", "-rf", "/run/nobody", "/tmp/nobody"])


@pytest.mark.parametrize("task", [
    RULESET, RULESET + "    backend: cli\n", "- knockwork.nft.ruleset_info:\n", "- knockwork.nft.grant: {source: "
    "192.0.2.7, sequence: ssh}\n", "- knockwork.nft.sequence: {name: web, knock: [47011], opens: [50443/tcp]}\n"],
    ids=["ruleset", "ruleset-cli", "info", "grant", "sequence"])
def test_without_become(controller: Controller, as_nobody: dict[str, str], task: str) -> None:
    message = controller.fails(task, limit="host1", variables=as_nobody)
    assert message.endswith("; this task did not run as root: set `become: true`"), message


def without_library(host: Host) -> None:
    """nft's library cannot be loaded there; /run/hidden names what is mounted over."""
    host.write("/run/empty", "")
    found = "ldconfig -p | awk '/libnftables.so.1/ {print $NF; exit}' | xargs readlink -nf > /run/hidden"
    host.run(["sh", "-ec", f"{found}; mount --bind /run/empty $(cat /run/hidden)"], check=True)


@pytest.fixture
def without_nftables(controller: Controller) -> Iterator[Controller]:
    """A host on which the library cannot be loaded."""
    without_library(controller.host)
    yield controller
    controller.host.run(["sh", "-ec", "umount $(cat /run/hidden)"], check=True)


@pytest.mark.parametrize("backend", ["auto", "python", "cli"])
@pytest.mark.parametrize("options", [(), ("--check",)], ids=["run", "check"])
def test_without_nftables(without_nftables: Controller, backend: str, options: tuple[str, ...]) -> None:
    """One line that names the library and the package; no file is left behind."""
    never = {"knockwork_deliver": "never"}
    message = without_nftables.fails(RULESET + f"    backend: {backend}\n", *options, limit="host1", variables=never)
    assert "libnftables.so.1" in message and "install nftables" in message, message
    assert "Traceback" not in message and not re.search("-rw.*(/etc|/var)", traces(without_nftables.host))


def test_no_gate_and_no_sequence(controller: Controller) -> None:
    grant = "- knockwork.nft.grant: {source: 192.0.2.7, sequence: ssh}\n"
    assert controller.fails(grant, limit="host1") == (
        "there is no gate in this network namespace: apply one with knockwork.nft.ruleset first")
    controller.changes(RULESET.replace("ssh", "web"), limit="host1")
    assert controller.fails(grant, limit="host1") == (
        "the live table has no sequence ssh: see knockwork.nft.ruleset_info")


def test_the_status_names_modules(controller: Controller) -> None:
    """Every sentence in it is for a playbook's reader."""
    controller.changes(RULESET, limit="host1")
    controller.host.run(["nft", "delete", "table", "inet", "knockwork"], check=True)
    controller.host.write("/etc/knockwork/conf.d/faulty.yml", "- {name: faulty}\n", 0o600)
    assert controller.host.run(["knockwork", "apply", "--unattended"]).returncode == 1
    controller.host.write("/run/knockwork/stand_in", "an internal error: run `knockwork plan`, and report it", 0o600)
    status = controller.unchanged("- knockwork.nft.ruleset_info:\n", limit="host1").result()["status"]
    assert status["degraded"] == "an internal error: run knockwork.nft.ruleset in check mode, and report it"


def test_the_controllers_tasks_need_no_connection(gated: Gated) -> None:
    """Neither does what is wrong with the connection concern them."""
    broken = {"ansible_knockwork_executable": "knokwork", "ansible_ssh_common_args": "'-o ProxyJump=bastion'"}
    task = ("- knockwork.nft.profile:\n    executable: knockwork\n    profile: /root/other/hosts.yml\n"
            f"    sequences: [{{name: ssh, knock: [{', '.join(KNOCKS)}], opens: [22/tcp], step_timeout: 1s}}]\n"
            "- knockwork.nft.knock: {executable: knockwork, wait_open: 22/tcp, profile: /root/other/hosts.yml}\n")
    outcome = gated.play(task, limit="host1", variables=broken)
    assert outcome.changed == {"host1": 2}, outcome.output


def test_no_profile_yet(gated: Gated) -> None:
    """Said with the module that writes it, by module and connection."""
    gated.bed.controller.run(["rm", PROFILE], check=True)
    said = (f"the profile {PROFILE} does not exist: write it with knockwork.nft.profile, or name another in "
            "ansible_knockwork_profile")
    assert said in gated.fails("- knockwork.nft.knock:\n", limit="host1")
    outcome = gated.try_play("- ansible.builtin.raw: 'true'\n", limit="host1")
    assert outcome.unreachable == {"host1": 1} and said in outcome.result()["msg"]
    gated.write_profile(KNOCKS)
    assert gated.fails("- knockwork.nft.knock: {host: stranger}\n", limit="host1") == (
        f"the profile {PROFILE} has no host stranger: write its entry with knockwork.nft.profile")


def test_an_unknown_key_of_a_profile(gated: Gated) -> None:
    message = gated.fails("- knockwork.nft.profile:\n    sequences: []\n    sekuences: []\n", limit="host1")
    assert message.startswith("Unsupported parameters for (knockwork.nft.profile) module: sekuences."), message


def test_check_mode_on_a_new_host(controller: Controller) -> None:
    """What earlier tasks of the play would bring is not there yet."""
    later = ("- knockwork.nft.sequence:\n    name: web\n    knock: [47011, 48123, 47999]\n    opens: [50443/tcp]\n"
             "    apply: false\n- knockwork.nft.ruleset:\n")
    outcome = controller.play(later, "--check", limit="host1")
    assert outcome.failed == {"host1": 0} and "this host has no declaration, unless" in words(outcome)
    for source in (f"derive: {DERIVE}", "token: {port: 41873/udp, secret_file: /etc/knockwork/secret}"):
        drawn = f"- knockwork.nft.sequence:\n    name: fleet\n    {source}\n    opens: [50443/tcp]\n"
        outcome = controller.changes(drawn, "--check", limit="host1")
        assert "/etc/knockwork/secret does not exist on this host yet" in words(outcome)
        assert traces(controller.host) == ""
        assert "no secret file /etc/knockwork/secret" in controller.fails(drawn, limit="host1")
        controller.host.run(["rm", "-rf", "/etc/knockwork", "/run/knockwork"], check=True)


def test_a_derived_sequence_by_its_name(controller: Controller) -> None:
    """Its epochs stand in the table, and the newest is granted."""
    secret(controller)
    controller.changes(fleet(), limit="host1")
    Knockwork(controller.host).run("epoch", "publish", "6")
    controller.changes("- knockwork.nft.grant: {source: 192.0.2.7, sequence: fleet, open_for: 5m}\n", limit="host1")
    assert grants(controller) == [("192.0.2.7", "fleet#6")]
    controller.unchanged("- knockwork.nft.grant: {source: 192.0.2.7, sequence: fleet}\n", limit="host1")
    controller.changes("- knockwork.nft.grant: {source: 192.0.2.8, sequence: 'fleet#0'}\n", limit="host1")
    controller.changes("- knockwork.nft.grant: {sequence: fleet, state: absent}\n", limit="host1")
    assert grants(controller) == []


def secret(controller: Controller) -> None:
    """A host's secret, as a role would have brought it."""
    controller.host.run(["mkdir", "-p", "/etc/knockwork"], check=True)
    controller.host.run(["knockwork", "derive", "new-secret", "/etc/knockwork/secret"], check=True)


def fleet() -> str:
    """A task with a derived sequence that goes by the host's record."""
    return f"- knockwork.nft.ruleset:\n    sequences:\n      - {{name: fleet, derive: {DERIVE}, opens: [50443/tcp]}}\n"


def grants(controller: Controller) -> list[tuple[str, str]]:
    """Who may come in by what."""
    status = json.loads(controller.host.output(["knockwork", "status", "--json"]))
    return sorted((each["source"], each["sequence"]) for each in status["grants"])


def test_a_host_that_lags(controller: Controller) -> None:
    """Installed anew it is at epoch 0, and the profile further on, wherever that is."""
    secret(controller)
    profile = {"knockwork": 1, "hosts": [{"host": "host1", "sequences": [
        {"name": "fleet", "opens": ["22/tcp"], "derive": {"secret_file": "/root/s", "length": 3, "epoch": 6}}]}]}
    header = "# Written by knockwork.nft.profile: comments are lost with its next run.\n"
    controller.bed.controller.write(PROFILE, header + json.dumps(profile), 0o600)
    said = ("host1 accepts epoch 0, as a new host does, but the profile of this controller knocks with epoch 6: "
            "run knockwork.nft.epoch with state: published and epoch: 6")
    assert said in words(controller.changes(fleet(), limit="host1"))
    controller.bed.controller.run(["mv", PROFILE, "/run/play/own.yml"], check=True)
    for name, value in (("profile", "{{ inventory_dir }}/own.yml"),
                        ("profile_content", "{{ lookup('ansible.builtin.file', inventory_dir + '/own.yml') }}")):
        outcome = controller.unchanged(fleet(), limit="host1", variables={
            f"ansible_knockwork_{name}": json.dumps(value)})
        assert said in words(outcome)


def test_not_gated_yet(gated: Gated) -> None:
    """Half of a fleet is: the other half has no entry in the profile, and is tried."""
    gated.bed.controller.write(PROFILE, json.dumps({"knockwork": 1, "hosts": []}), 0o600)
    for host in gated.hosts.values():
        host.run(["knockwork", "remove"], check=True)
    first = {"ansible_knockwork_try_first": "true"}
    outcome = gated.play("- ansible.builtin.raw: 'true'\n- knockwork.nft.knock: {wait_open: 22/tcp, try_first: true}\n",
                         limit="host1", variables=first)
    assert outcome.failed == {"host1": 0} and outcome.result()["outcome"] == "open", outcome.output
    gated.shut(gated.host)
    outcome = gated.try_play("- meta: reset_connection\n- ansible.builtin.raw: 'true'\n", limit="host1",
                             variables=first)
    assert outcome.unreachable == {"host1": 1}
    assert "has no host 10.77.0.11: write its entry with knockwork.nft.profile" in outcome.result()["msg"]


def test_drop_ins_of_roles_that_are_gone(everywhere: Controller) -> None:
    """Closed with the same change, but for those that are named."""
    for name, knock, port in (("web", 47011, 50443), ("mail", 47012, 50025)):
        everywhere.changes(f"- knockwork.nft.sequence:\n    name: {name}\n    knock: [{knock}, 48123, 47999]\n"
                           f"    opens: [{port}/tcp]\n")
    stays = "- knockwork.nft.ruleset:\n    exclusive: true\n    drop_ins: [mail]\n"
    check = everywhere.changes(stays, "--check").result()["changes"]
    outcome = everywhere.changes(stays)
    assert outcome.result()["changes"] == check
    assert {(each["kind"], each["object"], each["name"]) for each in check} == {
        ("remove", "sequence", "web"), ("remove", "file", "/etc/knockwork/conf.d/web.yml")}
    everywhere.unchanged(stays)
    status = everywhere.unchanged("- knockwork.nft.ruleset_info:\n").result()["status"]
    assert [each["name"] for each in status["sequences"]] == ["mail"]


def test_purge(controller: Controller) -> None:
    """Nothing of it stays, and once more changes nothing."""
    secret(controller)
    controller.changes(fleet(), limit="host1")
    controller.changes("- knockwork.nft.sequence: {name: web, knock: [47011, 47555], opens: [50443/tcp]}\n",
                       limit="host1")
    purge = "- knockwork.nft.ruleset: {state: absent, purge: true}\n"
    before = traces(controller.host)
    controller.changes(purge, "--check", limit="host1")
    assert traces(controller.host) == before
    controller.changes(purge, limit="host1")
    assert table(controller.host) == ""
    assert not re.search("/etc|/var", traces(controller.host)), traces(controller.host)
    controller.unchanged(purge, limit="host1")
    assert controller.fails("- knockwork.nft.ruleset: {purge: true}\n", limit="host1") == (
        "purge removes everything: it requires state: absent")


def test_what_lint_advises(controller: Controller) -> None:
    """As warnings, without ports; said once for several sequences, and not where nobody wants to hear it."""
    spaced = RULESET.replace("[47011, 48123]", "[47000, 48000, 49000]")
    outcome = controller.changes(spaced, limit="host1")
    assert re.search(r"ssh: .*equally spaced", words(outcome)) and list(outcome.result()["lint"]) == ["ssh"]
    assert not re.search(r"4[789]000", words(outcome) + str(outcome.result()["lint"]))
    assert "equally spaced" not in controller.unchanged(spaced + "    lint: false\n", limit="host1").output


def test_what_info_shows(controller: Controller) -> None:
    """What is protected, who need not knock, which epochs, and whether it is what is declared."""
    secret(controller)
    status = controller.unchanged("- knockwork.nft.ruleset_info:\n", limit="host1").result()["status"]
    assert status["drift"] is None and status["drift_unknown"] == "there is no declaration in /etc/knockwork"
    controller.changes(fleet() + "    always_allow: [192.0.2.0/28]\n    interfaces: [eth0]\n", limit="host1")
    for backend in ("python", "cli"):
        info = f"- knockwork.nft.ruleset_info: {{backend: {backend}}}\n"
        status = controller.unchanged(info, limit="host1").result()["status"]
        assert {key: status[key] for key in ("always_allow", "interfaces", "epochs", "drift")} == {
            "always_allow": ["192.0.2.0/28"], "interfaces": ["eth0"], "epochs": [0], "drift": False}
    controller.host.nft("add chain inet knockwork stranger")
    assert controller.unchanged("- knockwork.nft.ruleset_info:\n", limit="host1").result()["status"]["drift"] is True


def test_a_table_of_the_fleet(everywhere: Controller) -> None:
    """A line for each host, those that do not answer too."""
    everywhere.changes(RULESET, limit="host1")
    controller = everywhere.bed.controller
    controller.write("/run/play/hosts", everywhere.bed.inventory() + "\n[away]\nlost ansible_host=10.77.9.9\n")
    done = controller.run(
        [everywhere.ansible.playbook, "-i", "hosts", "knockwork.nft.status", "-e",
         "ansible_ssh_common_args='-o ConnectTimeout=2'"],
        env={"ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build/ansible-collections"), "ANSIBLE_NOCOLOR": "1"},
        cwd="/run/play", timeout=120)
    rows = [line.strip().strip('",').split() for line in done.stdout.splitlines() if line.startswith("        \"")]
    assert rows == [["host", "gate", "epochs", "drift", "boot", "pending", "grants"],
                    ["host1", "gate", "-", "no", "unknown", "no", "0"],
                    ["host2", "none", "-", "unknown", "unknown", "no", "0"],
                    ["host3", "none", "-", "unknown", "unknown", "no", "0"],
                    ["lost", "unreachable", "-", "-", "-", "-", "-"]], done.stdout + done.stderr


def test_fingerprints_of_a_fleet(gated: Gated) -> None:
    """With one key the same sequence has one fingerprint on every host, and the controller's profile the same."""
    key = "a key of this fleet alone"
    declared = (f"- knockwork.nft.ruleset:\n    fingerprint_key: {key}\n    sequences: [{{name: ssh, knock: "
                f"[{', '.join(KNOCKS)}], opens: [22/tcp], step_timeout: 1s}}]\n")
    assert_silent(gated.play(declared, "-vvv"))
    outcome = gated.play("- knockwork.nft.ruleset_info:\n")
    seen = {each["fingerprint"] for result in outcome.results.values() for each in result["status"]["sequences"]}
    gated.bed.controller.write("/root/.config/knockwork/fingerprint.key", key + "\n", 0o600)
    lookup = "{{ lookup('knockwork.nft.sequence', 'host1').fingerprint }}"
    assert seen == {gated.play(f"- ansible.builtin.debug: {{msg: \"{lookup}\"}}\n", limit="host1").result()["msg"]}
    assert key not in gated.play(declared, "-vvv").output.replace(f"fingerprint_key: {key}", "")
    gated.bed.controller.run(["rm", "/root/.config/knockwork/fingerprint.key"], check=True)
    assert "a fingerprint key needs at least 16 bytes" in gated.fails(declared.replace(key, "short"), limit="host1")


def test_a_connection_that_proves_nothing(controller: Controller) -> None:
    """ansible-pull and its like: nobody shows that the host can be reached."""
    message = controller.fails(RULESET + "    confirm_within: 60s\n", limit="host1",
                               variables={"ansible_connection": "local"})
    assert message.startswith("confirm_within requires proof that new connections to this host still work, but "
                              "the connection local does not pass the gate: nothing was changed.")
    assert controller.bed.controller.call(packets.probe_tcp, controller.bed.address("host1"), 50443) == "refused"
