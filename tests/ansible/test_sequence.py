"""knockwork.nft.sequence: one drop-in of a declaration, so that two roles do not overwrite each other."""

import pytest

from controller import Controller, table, traces

WEB = "/etc/knockwork/conf.d/web.yml"


def gate(controller: Controller) -> str:
    """The part of the base role: the way back in."""
    return f"- knockwork.nft.ruleset:\n    always_allow: {controller.way_back_in}\n"


def sequence(name: str, knock: str = "[47011, 48123]", opens: str = "[50443/tcp]", **more: str) -> str:
    """A task with one sequence."""
    keys = {"name": name, "knock": knock, "opens": opens, **more}
    return "- knockwork.nft.sequence:\n" + "".join(f"    {key}: {value}\n" for key, value in keys.items())


def absent(name: str) -> str:
    """A task that wants a sequence gone."""
    return f"- knockwork.nft.sequence:\n    name: {name}\n    state: absent\n"


def test_two_roles(everywhere: Controller) -> None:
    """Each owns a part; neither undoes the other's, and the order does not matter."""
    mail = sequence("mail", "[47555/tcp, 48555]", "[50025/tcp]")
    everywhere.changes(sequence("web"))
    everywhere.changes(mail)
    everywhere.changes(gate(everywhere))
    for task in (gate(everywhere), sequence("web"), mail, sequence("web")):
        everywhere.unchanged(task)
    outcome = everywhere.unchanged("- knockwork.nft.ruleset_info:\n")
    assert {each["name"] for each in outcome.result()["status"]["sequences"]} == {"web", "mail"}
    found = traces(everywhere.host)
    assert f"-rw------- {WEB}\n" in found and "drwx------ /etc/knockwork\n" in found
    everywhere.changes(absent("web"))
    everywhere.unchanged(absent("web"))
    outcome = everywhere.unchanged("- knockwork.nft.ruleset_info:\n")
    assert [each["name"] for each in outcome.result()["status"]["sequences"]] == ["mail"]


def test_the_last_part_takes_the_table_with_it(controller: Controller) -> None:
    controller.changes(sequence("web"))
    assert table(controller.host)
    controller.changes(absent("web"))
    assert table(controller.host) == ""
    controller.unchanged(absent("web"))


def test_absent_where_nothing_is_declared_leaves_the_kernel_alone(controller: Controller) -> None:
    """A table that was applied without saving is not this module's to remove."""
    controller.changes(gate(controller) + "    save: false\n")
    live = table(controller.host)
    controller.unchanged(absent("web"))
    assert table(controller.host) == live


def test_check_mode_is_honest_and_touches_nothing(everywhere: Controller) -> None:
    before = traces(everywhere.host)
    check = everywhere.changes(sequence("web"), "--check", "--diff")
    assert traces(everywhere.host) == before == ""
    applied = everywhere.changes(sequence("web"), "--diff")
    assert "+sequence web: " in applied.output
    assert [each["name"] for each in applied.result()["changes"]] == [
        each["name"] for each in check.result()["changes"]]
    live = traces(everywhere.host)
    changed = sequence("web", open_for="1m")
    check = everywhere.changes(changed, "--check", "--diff")
    everywhere.changes(absent("web"), "--check", "--diff")
    assert traces(everywhere.host) == live
    applied = everywhere.changes(changed, "--diff")
    assert applied.result()["changes"] == check.result()["changes"]
    assert applied.diff and applied.diff == check.diff
    everywhere.unchanged(changed, "--check", "--diff")


def test_written_now_and_applied_later(controller: Controller) -> None:
    later = sequence("web", apply="false")
    controller.changes(later)
    assert table(controller.host) == ""
    controller.unchanged(later)
    controller.changes("- knockwork.nft.ruleset:\n")
    controller.unchanged(sequence("web"))


def test_a_part_that_does_not_fit_is_not_written(everywhere: Controller) -> None:
    """The whole declaration is validated: two sequences may not fight over a port."""
    everywhere.changes(sequence("web"))
    live, text = traces(everywhere.host), everywhere.host.read(WEB)
    message = everywhere.fails(sequence("mail", knock="[50443/tcp, 48555]", opens="[50025/tcp]"))
    assert "mail" in message and "50443" not in message and "48555" not in message
    everywhere.fails(sequence("mail", knock="[50443/tcp, 48555]", opens="[50025/tcp]", apply="false"))
    everywhere.fails(sequence("web", step_timeout="150ms"))
    assert traces(everywhere.host) == live and everywhere.host.read(WEB) == text


def test_a_kernel_that_refuses_leaves_the_old_file(controller: Controller) -> None:
    controller.changes(sequence("web"))
    text = controller.host.read(WEB)
    for host in controller.hosts.values():
        host.nft("delete table inet knockwork; add table inet knockwork; add chain inet knockwork theirs")
    controller.fails(sequence("web", open_for="1m"))
    controller.fails(absent("web"))
    assert controller.host.read(WEB) == text
    assert not [line for line in traces(controller.host).splitlines() if ".new" in line]


@pytest.mark.parametrize("name", ["../web", "/root/web", ".web", "''"])
def test_a_name_that_would_lead_elsewhere(controller: Controller, name: str) -> None:
    assert controller.fails(sequence(name)).startswith("name: not a name for a sequence")
    assert controller.fails(absent(name)).startswith("name: not a name for a sequence")
    assert traces(controller.host) == ""


def test_a_link_to_nowhere(controller: Controller) -> None:
    """Not as if nothing were declared there: what it led to would be open to everyone."""
    controller.changes(gate(controller))
    controller.changes(sequence("web"))
    live = table(controller.host)
    for host in controller.hosts.values():
        host.run(["ln", "-sf", "/etc/knockwork/elsewhere", WEB], check=True)
    assert controller.fails(sequence("mail", "[47555/tcp, 48555]", "[50025/tcp]")) == (
        f"{WEB} is a symbolic link to a file that does not exist: correct or remove it")
    assert table(controller.host) == live


def test_many_at_once(controller: Controller) -> None:
    """Tasks that run at the same time wait for each other, so none is applied without another's part."""
    controller.play("- knockwork.nft.sequence:\n    name: part{{ item }}\n"
                    "    knock: [47011, \"{{ 48000 + item }}\"]\n    opens: [50443/tcp]\n"
                    "  loop: \"{{ range(8) }}\"\n  async: 60\n  poll: 0\n"
                    "  register: jobs\n"
                    "- ansible.builtin.async_status:\n    jid: \"{{ item.ansible_job_id }}\"\n"
                    "  loop: \"{{ jobs.results }}\"\n  loop_control: {label: job}\n"
                    "  register: job\n  until: job.finished\n  delay: 1\n  retries: 60\n", limit="host1")
    status = controller.unchanged("- knockwork.nft.ruleset_info:\n", limit="host1").result()["status"]
    assert [each["name"] for each in status["sequences"]] == [f"part{number}" for number in range(8)]


MAIN = "/etc/knockwork/knockwork.yml"
OTHER = "/etc/knockwork/conf.d/other.yml"
ITEM = "- {{name: {}, knock: [{}, {}], opens: [{}/tcp]}}\n"
WEB_ITEM, MAIL_ITEM = ITEM.format("web", 47011, 48123, 50443), ITEM.format("mail", 47555, 48555, 50025)


def everywhere_write(controller: Controller, path: str, text: str) -> None:
    """The same file on every host, for root alone."""
    for host in controller.hosts.values():
        host.write(path, text, 0o600)


def test_absent_names_the_other_file(everywhere: Controller) -> None:
    """A sequence that stands in the main file or in another drop-in is never said to be gone, nor added."""
    everywhere_write(everywhere, MAIN, "knockwork: 1\nsequences:\n  " + WEB_ITEM)
    everywhere_write(everywhere, OTHER, MAIL_ITEM)
    for apply in ("", "    apply: false\n"):
        for options in ((), ("--check",)):
            message = everywhere.fails(absent("web") + apply, *options)
            assert message == (f"sequence web is already declared in {MAIN}, line 3, which is not this task's file: "
                               "remove it there")
            message = everywhere.fails(absent("mail") + apply, *options)
            assert message == (f"sequence mail is already declared in {OTHER}, line 1, which is not this task's file: "
                               "remove it there")
    assert table(everywhere.host) == ""
    message = everywhere.fails(sequence("mail", knock="[47555, 48556]"))
    assert message.startswith(f"sequence mail is already declared in {OTHER}, line 1") and "48556" not in message
    assert everywhere.host.read(OTHER) == MAIL_ITEM


def test_absent_names_the_task_that_declares_it(controller: Controller) -> None:
    task = f"- knockwork.nft.ruleset:\n    boot: false\n    sequences:\n      {WEB_ITEM}"
    controller.changes(task)
    live = table(controller.host)
    for backend in ("python", "cli"):
        assert controller.fails(absent("web") + f"    backend: {backend}\n") == (
            f"sequence web is already declared in {MAIN}, line 4, which is not this task's file: remove it from the "
            "task of knockwork.nft.ruleset that writes that file")
    assert table(controller.host) == live


def test_a_drop_in_that_holds_more_than_its_name_says(controller: Controller) -> None:
    """Neither removing nor writing one sequence opens what another one protects."""
    for text in (WEB_ITEM + MAIL_ITEM, MAIL_ITEM):
        everywhere_write(controller, WEB, text)
        for task in (absent("web"), sequence("web")):
            for options in ((), ("--check",)):
                assert controller.fails(task, *options) == (
                    f"{WEB} contains sequences that this task does not manage and that would be lost: mail; move each "
                    "to its own file")
        assert controller.host.read(WEB) == text


def test_a_damaged_drop_in_is_replaced_or_removed(controller: Controller) -> None:
    everywhere_write(controller, WEB, "- {name: web\n")
    controller.changes(sequence("web"))
    everywhere_write(controller, WEB, "- {name: web\n")
    controller.changes(absent("web"))
    assert table(controller.host) == ""


def test_absent_applies_where_only_the_table_has_it(controller: Controller) -> None:
    controller.changes(sequence("web"))
    controller.changes(absent("web") + "    apply: false\n")
    assert table(controller.host)
    controller.changes(absent("web"), "--check")
    controller.changes(absent("web"))
    assert table(controller.host) == ""
    controller.unchanged(absent("web"))


def test_absent_where_a_table_without_files_has_more(controller: Controller) -> None:
    items = "".join(f"      {item}" for item in (WEB_ITEM, MAIL_ITEM))
    controller.changes(f"- knockwork.nft.ruleset:\n    save: false\n    sequences:\n{items}")
    live = table(controller.host)
    assert controller.fails(absent("web")).startswith("sequence web is in the live table, but no file ")
    assert table(controller.host) == live
