"""Secrets that come out of Ansible Vault, as files and as values: no plain text on the controller's disk."""

import json

import pytest

from gated import KNOCKS, PROFILE, Gated, assert_silent, once

PASSWORD = "/root/vault-password"
MASTER = "/root/fleet/secret"
RAW = "- ansible.builtin.raw: 'true'\n"
LOOKUP = "{{ lookup('knockwork.nft.sequence', 'host1', sequence='ssh').knocks }}"


def encrypt(gated: Gated, path: str) -> None:
    """As an operator does it."""
    controller = gated.bed.controller
    controller.write(PASSWORD, "open sesame\n", 0o600)
    vault = gated.ansible.playbook.replace("ansible-playbook", "ansible-vault")
    controller.run([vault, "encrypt", "--vault-password-file", PASSWORD, path], check=True)
    assert controller.read(path).startswith("$ANSIBLE_VAULT;")


def test_a_profile(gated_everywhere: Gated) -> None:
    """Encrypted as a file: modules and the lookup read it, and the connection is given its content."""
    gated = gated_everywhere
    encrypt(gated, PROFILE)
    unlocked = ("--vault-password-file", PASSWORD)
    task = f"- knockwork.nft.knock:\n- ansible.builtin.debug: {{msg: \"{LOOKUP}\"}}\n"
    outcome = gated.play(task, *unlocked, limit="host1")
    assert outcome.failed == {"host1": 0} and str(outcome.result()["msg"]) == "3", outcome.output
    message = gated.fails(RAW, *unlocked, limit="host1")
    content = f"{{{{ lookup('ansible.builtin.file', '{PROFILE}') }}}}"
    said = f"{PROFILE} is encrypted with ansible-vault: pass its content as ansible_knockwork_profile_content"
    assert said in message
    outcome = gated.play(RAW + "- ansible.builtin.ping:\n", "-vvv", *unlocked, limit="host1,host2",
                         variables={"ansible_knockwork_profile_content": json.dumps(content)})
    assert not any(outcome.failed.values()), outcome.output
    assert gated.counted()["host2"] == once()
    assert_silent(outcome)


def vaulted(gated: Gated, text: str, indent: str) -> str:
    """A value as `ansible-vault encrypt_string` prints it, for a place in YAML."""
    controller = gated.bed.controller
    controller.write(PASSWORD, "open sesame\n", 0o600)
    vault = gated.ansible.playbook.replace("ansible-playbook", "ansible-vault")
    printed = controller.output([vault, "encrypt_string", "--vault-password-file", PASSWORD, text])
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return f"!vault |\n{indent}" + f"\n{indent}".join(lines[1:]) + "\n"


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "parts"])
def test_inline(gated_everywhere: Gated, whole: bool) -> None:
    """`!vault` values, whole or inside a mapping: for the connection, the modules and the lookup."""
    gated, controller = gated_everywhere, gated_everywhere.bed.controller
    knocks = "".join("      - " + vaulted(gated, knock, " " * 10) for knock in KNOCKS)
    sequences = f"  - name: ssh\n    opens: [22/tcp]\n    step_timeout: 1s\n    open_for: 5s\n    knock:\n{knocks}"
    content = vaulted(gated, controller.read(PROFILE), "  ")
    if not whole:
        content = ("{knockwork: 1, hosts: [{host: [host1, 10.77.0.11], address: 10.77.0.11, lockout: 1s, "
                   "sequences: \"{{ sequences }}\"}]}\n")
    controller.write("/run/play/vaulted.yml", f"ansible_knockwork_profile_content: {content}sequences:\n{sequences}")
    controller.run(["rm", PROFILE], check=True)
    tasks = (f"{RAW}- knockwork.nft.knock:\n- ansible.builtin.debug: {{msg: \"{LOOKUP}\"}}\n"
             "- knockwork.nft.profile: {profile: /run/play/written.yml, sequences: \"{{ sequences }}\"}\n"
             "- knockwork.nft.ruleset: {boot: false, sequences: \"{{ sequences }}\"}\n")
    outcome = gated.play(tasks, "-vvv", "-e", "@vaulted.yml", "--vault-password-file", PASSWORD, limit="host1")
    assert not any(outcome.failed.values()), outcome.output
    assert_silent(outcome)
    assert all(knock in controller.read("/run/play/written.yml") for knock in KNOCKS)
    assert all(knock in gated.host.read("/etc/knockwork/knockwork.yml") for knock in KNOCKS)


def test_a_faulty_value(gated: Gated) -> None:
    """It is named by its variable, and not quoted."""
    content = {"knockwork": 1, "hosts": [{"host": "10.77.0.11", "sequences": [
        {"name": "ssh", "knock": [*KNOCKS, "47011/sctp"], "opens": ["22/tcp"]}]}]}
    variables = {"ansible_knockwork_profile_content": json.dumps(json.dumps(content))}
    outcome = gated.try_play(RAW, "-vvv", limit="host1", variables=variables)
    assert outcome.unreachable == {"host1": 1}
    assert "ansible_knockwork_profile_content" in outcome.result()["msg"] and "/proc/" not in outcome.result()["msg"]
    assert_silent(str(outcome.results))


@pytest.mark.parametrize("as_value", [True, False], ids=["value", "file"])
def test_a_master_secret(gated_everywhere: Gated, as_value: bool) -> None:
    """Hosts get their keys from it, and the controller knocks by it."""
    gated, controller = gated_everywhere, gated_everywhere.bed.controller
    controller.run(["rm", "-rf", "/root/fleet"], check=True)
    controller.run(["mkdir", "-p", "-m", "700", "/root/fleet"], check=True)
    controller.run(["knockwork", "derive", "new-secret", MASTER], check=True)
    master = controller.read(MASTER)
    derive = "{secret_file: /etc/knockwork/secret, host: host1, length: 3}"
    gate = ("- knockwork.nft.ruleset:\n    sequences:\n"
            f"      - {{name: ssh, derive: {derive}, opens: [22/tcp], step_timeout: 1s}}\n")
    entry = {"host": ["host1", gated.bed.address("host1")], "address": gated.bed.address("host1"), "sequences": [
        {"name": "ssh", "opens": ["22/tcp"], "step_timeout": "1s",
         "derive": {"secret_file": "/from/vault", "host": "host1", "length": 3, "epoch": 1}}]}
    encrypt(gated, MASTER)
    if as_value:
        controller.run(["rm", MASTER], check=True)
        option = f"master_secret: {json.dumps(master)}"
    else:
        option = f"master_secret_file: {MASTER}"
    controller.write("/root/own.yml", json.dumps({"knockwork": 1, "hosts": [entry]}), 0o600)
    unlocked = ("--vault-password-file", PASSWORD)
    keys = controller.output(["sh", "-c", f"umask 077; echo '{master.strip()}' > /run/plain; "
                              "knockwork derive host-key host1 --secret-file /run/plain; rm /run/plain"])
    gated.host.write("/etc/knockwork/secret", keys, 0o600)
    gated.play(gate, limit="host1")
    gated.host.run(["rm", "/etc/knockwork/secret"], check=True)
    published = gated.changes(f"- knockwork.nft.epoch:\n    state: published\n    epoch: 1\n    {option}\n", "-vvv",
                              *unlocked, limit="host1")
    assert gated.host.read("/etc/knockwork/secret") == keys
    assert master.strip() not in published.output.replace(option, "")
    outcome = gated.play("- meta: reset_connection\n" + RAW, "-vvv", limit="host1", variables={
        "ansible_knockwork_profile": "/root/own.yml", "ansible_knockwork_secret": f"'{master.strip()}'"})
    assert not any(outcome.failed.values()), outcome.output
