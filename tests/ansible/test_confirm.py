"""confirm_within: what shuts the controller out comes back by itself; the rest is confirmed over a new connection."""

import json
import re

import pytest

from bed import packets
from bed.table import parse
from bed.waiting import wait_for
from controller import Controller, table

MAIN = "/etc/knockwork/knockwork.yml"
DROP_IN = "/etc/knockwork/conf.d/ssh.yml"
KNOCKS = (47011, 48123)


def _gate(controller: Controller, *more: str) -> str:
    """A task that lets the controller in."""
    return "\n    ".join(["- knockwork.nft.ruleset:", f"always_allow: {controller.way_back_in}", *more]) + "\n"


def _ssh(within: str, knocks: tuple[int, ...] = KNOCKS, **more: str) -> str:
    """A task that shuts sshd's port to all who do not knock."""
    keys = {"name": "ssh", "knock": str(list(knocks)), "opens": "[22/tcp]", "open_for": "5m",
            "confirm_within": within, **more}
    return "- knockwork.nft.sequence:\n" + "".join(f"    {key}: {value}\n" for key, value in keys.items())


def _knock(controller: Controller, knocks: tuple[int, ...] = KNOCKS) -> None:
    controller.bed.controller.call(packets.udp, controller.bed.address("host1"), list(knocks), None)


def _pending(controller: Controller) -> bool:
    return controller.host.run(["test", "-e", "/var/lib/knockwork/pending.json"]).returncode == 0


def _configuration(controller: Controller) -> str:
    return parse(table(controller.host)).configuration()


def _temporary(controller: Controller) -> str:
    """What a task left on the host."""
    return controller.host.run(["sh", "-c", "ls /root/.ansible/tmp"]).stdout


def _words(output: str) -> str:
    """Without the line breaks of whatever width."""
    return " ".join(output.split())


def _files(controller: Controller) -> str:
    return controller.host.run(["sh", "-c", "tail -n +1 /etc/knockwork/*.yml /etc/knockwork/conf.d/*"]).stdout


def test_kept(everywhere: Controller) -> None:
    """Where the controller can come in anew the change stays; once more changes nothing and waits for nothing."""
    everywhere.changes(_gate(everywhere))
    outcome = everywhere.changes(_ssh("60s"))
    assert {host: result["confirmed"] for host, result in outcome.results.items()} == dict.fromkeys(
        everywhere.hosts, True)
    assert "pending" not in outcome.result() and not _pending(everywhere)
    assert "confirmed" not in everywhere.unchanged(_ssh("60s"), limit="host1").result()


def test_shut_out(everywhere: Controller) -> None:
    """The task fails, and the host is what it was: table, main file and drop-ins."""
    everywhere.changes(_gate(everywhere), limit="host1")
    live, files = _configuration(everywhere), _files(everywhere)
    everywhere.changes(_ssh("60s", apply="false"), limit="host1")
    drop_in = everywhere.host.read(DROP_IN)
    outcome = everywhere.play("- knockwork.nft.ruleset:\n    mode: stealth\n    confirm_within: 10s\n", limit="host1")
    assert outcome.failed == {"host1": 1}, outcome.output
    result = outcome.result()
    assert re.fullmatch(
        r"apply [0-9a-f]{8} (is not confirmed, and the host will roll it back within \d+\w+|was not confirmed in "
        r"time, and the host has rolled it back): a new connection failed: (.|\n)*",
        result["msg"]), outcome.output
    assert result["confirmed"] is False
    assert result["pending"]["id"] in result["msg"] and result["changes"]
    source = everywhere.bed.address("controller")
    assert (f"host1: with this declaration, new connections from {source}, the source of this task, have to knock "
            f"first; put {source} into always_allow, or connect with knockwork.nft.ssh") in _words(outcome.output)
    assert "With confirm_within" not in _words(outcome.output)  # it is set
    assert _temporary(everywhere) == ""
    wait_for(lambda: not _pending(everywhere), "it comes back by itself", 60)
    assert _configuration(everywhere) == live
    everywhere.host.run(["rm", DROP_IN])
    assert _files(everywhere) == files and drop_in
    everywhere.unchanged(_gate(everywhere), limit="host1")


def test_an_old_grant_proves_nothing(controller: Controller) -> None:
    """The controller is in by a knock of before: it can connect, but nobody knows whether it could knock."""
    controller.play(_ssh("60s", apply="false") + "- knockwork.nft.ruleset:\n", limit="host1")
    _knock(controller)
    controller.unchanged("- knockwork.nft.ruleset_info:\n", limit="host1")
    live, files = _configuration(controller), _files(controller)
    outcome = controller.play(_ssh("60s", (47012, 48123)), limit="host1")
    source = controller.bed.address("controller")
    assert re.fullmatch(
        r"apply ([0-9a-f]{8}) is not confirmed, and the host will roll it back within \d+\w+: apply \1 is not "
        rf"confirmed, and will be rolled back in \d+\w+: {source} has not connected since then: an old grant proves "
        r"nothing. Knock, reconnect and confirm over the new connection", outcome.result()["msg"]), outcome.output
    assert _pending(controller)
    assert "47012" in controller.host.read(DROP_IN)
    outcome = controller.play("- knockwork.nft.pending:\n    state: rolled_back\n", limit="host1")
    assert outcome.changed == {"host1": 1}, outcome.output
    assert _files(controller) == files
    assert _configuration(controller) == live
    assert not _pending(controller)
    _knock(controller)
    outcome = controller.play(_ssh("60s", open_for="6m"), limit="host1")
    assert "an old grant proves nothing" in outcome.result()["msg"]


def test_module_pending(controller: Controller) -> None:
    """Keeps and takes back what the command made; check mode says it and does nothing."""
    binary = "knockwork apply --confirm-within 60s --json"
    controller.changes(_gate(controller), limit="host1")
    controller.unchanged("- knockwork.nft.pending:\n", limit="host1")
    assert "no apply waits" in controller.fails("- knockwork.nft.pending:\n    id: 0badf00d\n", limit="host1")
    for state, after in (("rolled_back", "rolled back"), ("confirmed", "kept")):
        controller.changes(_ssh("60s", apply="false", always_allow="[]").replace("    always_allow: []\n", ""),
                           limit="host1") if state == "rolled_back" else None
        report = json.loads(controller.host.output(["sh", "-c", binary]))
        identity = report["pending"]["id"]
        task = f"- knockwork.nft.pending:\n    state: {state}\n    id: {identity}\n"
        check = controller.changes(task, "--check", limit="host1").result()["changes"]
        assert check == [{"kind": "change", "object": "apply", "name": identity, "before": "waits", "after": after,
                          "why": ""}]
        assert _pending(controller)
        controller.changes(task, limit="host1")
        assert not _pending(controller)


@pytest.mark.parametrize("options, why", [
    ("  async: 10\n  poll: 0\n", "confirm_within does not work with async: the task could not confirm"),
    ("", 'confirm_within: `soon` is not a duration; write it as 5s, 500ms, 1m30s, 2h or 1d'),
])
def test_refused(controller: Controller, options: str, why: str) -> None:
    within = "60s" if options else "soon"
    message = controller.fails(_gate(controller, f"confirm_within: {within}") + options, limit="host1")
    assert message.startswith(why)
    assert table(controller.host) == ""


@pytest.mark.parametrize("sharing", ["", "'-o ControlMaster=no'"])
def test_without_pipelining(controller: Controller, sharing: str) -> None:
    """Modules come as files. The new connection finds what it needs; without one the result is still the module's."""
    variables = {"ansible_pipelining": "false", **({"ansible_ssh_args": sharing} if sharing else {})}
    outcome = controller.changes(_gate(controller, "confirm_within: 60s"), limit="host1", variables=variables)
    assert outcome.result()["confirmed"] is True and _temporary(controller) == ""
    outcome = controller.try_play("- knockwork.nft.ruleset:\n    mode: stealth\n    confirm_within: 10s\n",
                                  limit="host1", variables=variables)
    assert outcome.failed == {"host1": 1}, outcome.output
    assert "a new connection failed" in outcome.result()["msg"]
    assert outcome.result()["changes"] and outcome.result()["pending"]
    wait_for(lambda: not _pending(controller), "it comes back by itself", 60)
    if sharing:  # each of its steps is a connection, and none can be made any more
        assert "temporary files of this task are left on the host, in /root/.ansible/tmp/" in _words(outcome.output)
    else:
        assert _temporary(controller) == ""


def test_without_pipelining_and_confirmation(controller: Controller) -> None:
    """A change that shuts the controller out is told as it is, not as a connection that failed."""
    task = "- knockwork.nft.ruleset:\n    mode: stealth\n"
    outcome = controller.changes(task, limit="host1", variables={
        "ansible_pipelining": "false", "ansible_ssh_args": "'-o ControlMaster=no -o ConnectTimeout=2'"})
    assert [each["name"] for each in outcome.result()["changes"]][0] == "inet knockwork"
    assert any("have to knock first" in each for each in outcome.result()["warnings"])


def test_who_has_to_knock_is_told_only_where_it_is_true(controller: Controller) -> None:
    """Not where a new connection was made since, nor where the way back in is open."""
    said = "have to knock first"
    assert said not in controller.changes(_gate(controller), limit="host1").output
    assert said not in controller.changes(_ssh("60s"), limit="host1").output
    controller.changes("- knockwork.nft.ruleset: {state: absent}\n", limit="host1")
    opened = controller.play(_gate(controller, "sequences: [{name: web, knock: [47013], opens: [50443/tcp]}]"),
                             "--check", limit="host1")
    assert said not in opened.output
    shut = controller.play(_ssh("60s"), "--check", limit="host1")
    assert said in _words(shut.output) and "always_allow" in _words(shut.output)
    assert "confirm_within" not in _words(shut.output)  # it is set
    shut = controller.play(_gate(controller, "always_allow: []"), "--check", limit="host1")
    assert "With confirm_within, the host rolls back" in _words(shut.output)


def test_backends(controller: Controller) -> None:
    """Both arm and confirm."""
    for backend in ("python", "cli"):
        controller.host.run(["nft", "delete table inet knockwork"])
        outcome = controller.changes(_gate(controller, "confirm_within: 60s", f"backend: {backend}"), limit="host1")
        assert outcome.result()["confirmed"] is True, backend
