"""The two ways to the core: the same answers, and a way from one to the other."""

import json

from controller import Controller, Outcome, table

OTHER_PYTHON = "/root/venv/bin/python"
TASKS = (
    "- knockwork.nft.ruleset:\n    always_allow: {way}\n    sequences:\n"
    "      - {{name: ssh, knock: [47011, 48123], opens: [22/tcp]}}\n",
    "- knockwork.nft.sequence:\n    name: web\n    knock: [47555, 48555]\n    opens: [50443/tcp]\n",
    "- knockwork.nft.sequence:\n    name: web\n    knock: [47555/sctp]\n    opens: [50443]\n",
    "- knockwork.nft.ruleset:\n    declaration: /root/none.yml\n",
    "- knockwork.nft.ruleset_info:\n",
    "- knockwork.nft.ruleset:\n    state: absent\n",
)


def told(outcome: Outcome) -> str:
    """A host's result, byte for byte, and the printed diff."""
    return json.dumps([outcome.result("host1"), outcome.diff], sort_keys=True)


def test_both_give_the_same(controller: Controller) -> None:
    """In check mode, applied and refused: equal results, byte for byte."""
    # The fingerprints' key stays, so that they can be compared.
    controller.changes(TASKS[0].format(way=controller.way_back_in), limit="host1")
    controller.changes(TASKS[-1], limit="host1")
    seen = []
    for backend in ("python", "cli"):
        answers = []
        for task in TASKS:
            text = f"{task.format(way=controller.way_back_in)}    backend: {backend}\n"
            answers += [told(controller.play(text, *options, limit="host1"))
                        for options in (("--check", "--diff"), ("--diff",))]
        controller.host.run(["rm", "-rf", "/etc/knockwork/conf.d"], check=True)
        seen.append(answers)
    assert seen[0] == seen[1]


def test_another_python_gives_way_to_the_systems(everywhere: Controller) -> None:
    """The module starts anew under /usr/bin/python3 where its own interpreter has no extension."""
    other = _other_python(everywhere)
    task = TASKS[0].format(way=everywhere.way_back_in) + "    backend: python\n"
    assert everywhere.changes(task, limit="host1", variables=other)
    everywhere.unchanged(task, limit="host1", variables=other)


def test_a_long_declaration_goes_to_the_command(controller: Controller) -> None:
    """Ansible's respawn hangs on arguments beyond a pipe's room; these take the command instead."""
    other = _other_python(controller)
    many = [{"name": f"s{number}", "knock": [f"{20000 + number}/udp", f"{30000 + number}/udp"], "opens": ["50022/tcp"]}
            for number in range(1200)]
    task = f"- knockwork.nft.ruleset:\n    sequences: {json.dumps(many)}\n"
    controller.changes(task, limit="host1", variables=other)
    controller.unchanged(task, limit="host1", variables=other)


def test_nothing_there(everywhere: Controller) -> None:
    """A host without knockwork says what to do."""
    nowhere = {"ansible_python_interpreter": _wrapper(everywhere, "unset PYTHONPATH; PATH=/usr/bin:/bin"),
               "knockwork_deliver": "never"}
    package = "the Python package knockwork for /usr/bin/python3"
    for backend, what in (("auto", f"the command knockwork or {package}"), ("python", package),
                          ("cli", "the command knockwork")):
        message = everywhere.fails(f"- knockwork.nft.ruleset_info:\n    backend: {backend}\n", limit="host1",
                                   variables=nowhere)
        assert message == f"cannot find {what}: install knockwork on this host"
    assert table(everywhere.host) == ""


def test_only_the_command(controller: Controller) -> None:
    """Without the extension anywhere, `auto` takes the command."""
    bare = {"ansible_python_interpreter": _wrapper(controller, "unset PYTHONPATH")}
    task = TASKS[0].format(way=controller.way_back_in)
    controller.changes(task, limit="host1", variables=bare)
    controller.unchanged(task, limit="host1", variables=bare)


def _wrapper(controller: Controller, settings: str) -> str:
    script = f'#!/bin/sh\n{settings}; export PATH\nexec /usr/bin/python3 "$@"\n'
    controller.host.write("/root/python3", script, 0o755)
    return "/root/python3"


def _other_python(controller: Controller) -> dict[str, str]:
    """An interpreter that does not see the extension, while /usr/bin/python3 on its host does."""
    controller.host.run(["/usr/bin/python3", "-m", "venv", "--without-pip", "/root/venv"], check=True)
    controller.host.write("/root/other", f'#!/bin/sh\nexec {OTHER_PYTHON} -E "$@"\n', 0o755)
    return {"ansible_python_interpreter": "/root/other"}
