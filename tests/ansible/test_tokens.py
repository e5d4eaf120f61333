"""Sequences with tokens in playbooks: declared, written into the profile, knocked, and connected through."""

from bed import packets
from bed.cli import Knockwork
from controller import Controller
from gated import PROFILE, Gated

PORT = 50444
SECRET = "master:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"
SEQUENCE = (f"{{name: alice, opens: [{PORT}/tcp], token: "
            "{port: 41873/udp, secret_file: /etc/knockwork/secret, host: web1}}")


def test_declared_and_knocked(controller: Controller) -> None:
    """One list of sequences for the host and for the profile; neither its port nor a key is shown."""
    bed = controller.bed
    for host in (controller.host, bed.controller):
        host.run(["mkdir", "-p", "/etc/knockwork"], check=True)
        host.write("/etc/knockwork/secret", SECRET, 0o600)
    if controller.host.call(packets.probe_tcp, "127.0.0.1", PORT) != packets.Answer.OPEN:
        controller.host.call("listen_tcp", PORT)
    bed.controller.run(["rm", "-rf", "/root/.config/knockwork", "/root/.local/state/knockwork"], check=True)
    try:
        entry = f"{{host: [host1], address: {bed.address('host1')}, sequences: [{SEQUENCE}]}}"
        tasks = f"- knockwork.nft.ruleset: {{sequences: [{SEQUENCE}]}}\n- knockwork.nft.profile: {entry}\n"
        done = controller.play(tasks, "--diff", "-vvv", limit="host1")
        assert not any(done.failed.values()), done.output
        knocked = controller.play(tasks + "- knockwork.nft.knock: {host: host1}\n", "-vvv", limit="host1")
        assert knocked.result()["outcome"] == "open" and knocked.result()["rounds"] == 1, knocked.output
        lookup = "{{ lookup('knockwork.nft.sequence', 'host1') }}"
        looked = controller.play(f"- ansible.builtin.debug: {{msg: \"{lookup}\"}}\n", limit="host1")
        assert looked.result()["msg"]["knocks"] == 0 and "token" not in looked.result()["msg"]
        for output in (done.output, knocked.output, looked.output):
            assert "41873" not in output
        controller.host.run(["nft", "flush", "map", "inet", "knockwork", "tokens"], check=True)
        controller.host.run(["knockwork", "revoke", "--all"], check=True)
        failed = controller.try_play("- knockwork.nft.knock: {host: host1, retries: 1}\n", limit="host1")
        assert failed.result()["msg"] == (
            f"host1 ({bed.address('host1')}) was knocked on 2 times: it still refuses connections: the clocks of both "
            "hosts probably differ; otherwise UDP does not reach it, no unused token is currently valid (wait a "
            "few minutes), the key or the sequence was replaced, `from` excludes this address, or the service is not "
            "listening")
    finally:
        bed.controller.run(["rm", "-rf", "/etc/knockwork/secret", "/root/.config/knockwork"], check=True)


def test_through_the_connection_plugin(gated: Gated) -> None:
    """SSH behind tokens: a play's connection takes one, a second connection within the period the next."""
    server, target = Knockwork(gated.host), gated.bed.address("host1")
    gated.host.write("/etc/knockwork/secret", SECRET, 0o600)
    server.apply("knockwork: 1\nsequences:\n  - name: ssh\n    opens: [22/tcp]\n    open_for: 5s\n"
                 "    token: {port: 41873, secret_file: /etc/knockwork/secret, host: web1}\n")
    profile = gated.host.output(server.command("export", "--for", "ssh", "--host", target))
    gated.bed.controller.write(PROFILE, profile, 0o600)
    gated.bed.controller.run(["rm", "-rf", "/root/.local/state/knockwork"], check=True)
    for _ in range(2):
        outcome = gated.play("- ansible.builtin.ping:\n- ansible.builtin.meta: reset_connection\n"
                             "- ansible.builtin.command: hostname\n", "-vvv", limit="host1",
                             variables={"ansible_knockwork_retries": "0"})
        assert not any(outcome.failed.values()), outcome.output
        assert outcome.result()["stdout"] == "host1" and "41873" not in outcome.output
        gated.host.run(["knockwork", "revoke", "--all"], check=True)
