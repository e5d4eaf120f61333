"""No port leaves a host: not in results, diffs, errors or invocations at -vvv, nor in the host's journal."""

import re

import pytest

from controller import JOURNAL, Controller, Outcome, begin_journal

PORTS = ("47011", "48123", "49377", "50022", "51022", "52001", "58443", "22/tcp")
SEQUENCE = "{name: ssh, knock: [47011/udp, 48123/tcp, 49377], opens: [22/tcp, 50022-51022/tcp]}"


def task(controller: Controller, *lines: str, sequence: str = SEQUENCE) -> str:
    """Everything in a declaration that names a port."""
    return "\n".join(["- knockwork.nft.ruleset:", "    mode: stealth", "    public: [58443/tcp]",
                      "    guards: [52001/udp]", f"    always_allow: {controller.way_back_in}",
                      "    sequences:", f"      - {sequence}", *(f"    {line}" for line in lines), ""])


def assert_silent(text: str) -> None:
    """No port as a number of its own; the example of every remedy for a service is none of a declaration."""
    text = text.replace("as in 22/tcp", "").replace("add `opens: [22/tcp]`", "")
    for port in PORTS:
        found = re.search(rf"(?<![\d.]){port}(?![\d.])", text)
        assert found is None, text[max(0, found.start() - 300):found.end() + 300]


def assert_secret(outcome: Outcome) -> None:
    """Neither what was printed nor what was returned holds a port."""
    assert_silent(outcome.output)
    assert_silent(str(outcome.results))


@pytest.mark.parametrize("backend", ["python", "cli"])
def test_success(everywhere: Controller, backend: str) -> None:
    said = task(everywhere, f"backend: {backend}")
    assert_secret(everywhere.changes(said, "-vvv", "--diff", "--check"))
    applied = everywhere.changes(said, "-vvv", "--diff")
    assert_secret(applied)
    assert_secret(everywhere.unchanged(said, "-vvv", "--diff"))
    assert_secret(everywhere.changes(task(everywhere, sequence=SEQUENCE.replace("49377", "49377, 52777")),
                                     "-vvv", "--diff"))
    assert_secret(everywhere.unchanged("- knockwork.nft.ruleset_info:\n", "-vvv"))
    arguments = applied.result()["invocation"]["module_args"]
    assert arguments["mode"] == "stealth" and arguments["public"] == "1 service (hidden)"
    assert arguments["guards"] == "1 port (hidden)"
    assert arguments["sequences"][0]["name"] == "ssh"
    assert arguments["sequences"][0]["knock"] == "3 knocks (hidden)"
    assert arguments["sequences"][0]["opens"] == "2 services (hidden)"


def test_a_drop_in(everywhere: Controller) -> None:
    said = ("- knockwork.nft.sequence:\n    name: ssh\n    knock: [47011/udp, 48123/tcp, 49377]\n"
            "    opens: [50022/tcp]\n")
    assert_secret(everywhere.changes(said, "-vvv", "--diff"))
    assert_secret(everywhere.unchanged(said, "-vvv", "--diff"))
    gone = "- knockwork.nft.sequence: {name: ssh, state: absent}\n"
    assert_secret(everywhere.changes(gone, "-vvv", "--diff"))


WRONG = [
    "{name: ssh, knock: [47011/udp, 48123/sctp], opens: [50022]}",
    "{name: ssh, knock: [47011/udp], opens: [51022-50022/tcp, 50022/tcp, 50022/tcp]}",
    "{name: ssh, knock: [58443/tcp, 52001/udp], opens: [58443/tcp]}",
    "{name: ssh, knock: {47011/udp: 48123}, opens: [50022/tcp]}",
    "{name: ssh, 47011/udp: true, opens: [50022/tcp]}",
    "{name: ssh, knock: [[47011, 48123]], opens: [50022/tcp]}",
    "{name: ssh, knock: [47011/udp], opens: [50022/tcp], once: 48123}",
    "{name: ssh, knock: [47011/udp], opens: [50022/tcp], on_expiry: 48123/udp}",
    "{name: ssh, knock: [47011/udp], opens: [50022/tcp], derive: [48123/udp]}",
    "{name: ssh, knock: [47011/udp], opens: [50022/tcp], derive: {length: 48123/udp}}",
    "{name: ssh, knock: [47011/udp]}",
    "47011/udp",
    "[47011/udp, 48123/udp]",
]


@pytest.mark.parametrize("sequence", WRONG)
def test_wrong_input(controller: Controller, sequence: str) -> None:
    """Whatever is wrong, by the argument specification or by the core."""
    outcome = controller.play(task(controller, sequence=sequence), "-vvv", "--diff", limit="host1")
    assert outcome.failed == {"host1": 1}
    assert_secret(outcome)


def test_wrong_input_with_each_ansible(everywhere: Controller) -> None:
    for sequence in (WRONG[0], WRONG[4], WRONG[6], WRONG[11]):
        outcome = everywhere.play(task(everywhere, sequence=sequence), "-vvv", limit="host1")
        assert outcome.failed == {"host1": 1}
        # 2.19 shows lines of the playbook above a task that failed; what the module says is its own.
        assert_silent(str(outcome.results))
        if everywhere.ansible.name == "debian":
            assert_silent(outcome.output)


def test_a_wrong_file(controller: Controller) -> None:
    controller.host.write("/root/gate.yml", "knockwork: 1\n47011/udp: 1\nsequences:\n"
                          "  - {name: ssh, knock: [47011/udp, 48123/sctp], opens: [50022, 50022-1/tcp]}\n")
    for backend in ("python", "cli"):
        outcome = controller.play("- knockwork.nft.ruleset:\n    declaration: /root/gate.yml\n"
                                  f"    backend: {backend}\n", "-vvv", limit="host1")
        assert outcome.failed == {"host1": 1}
        assert_secret(outcome)


def test_the_journal(everywhere: Controller) -> None:
    host = everywhere.hosts["host2"]
    begin_journal(host)
    everywhere.changes(task(everywhere), limit="host2")
    everywhere.play(task(everywhere, sequence=WRONG[4]), limit="host2")
    part = "- knockwork.nft.sequence: {name: web, knock: [47011/udp, 48123], opens: [50022/tcp]}\n"
    everywhere.changes(part, limit="host2")
    journal = host.read(JOURNAL)
    assert "Invoked with" in journal and "name=web" in journal and "'name': 'ssh'" in journal
    assert_silent(journal)
