"""The roles install and gate, on hosts that have nothing of knockwork."""

import hashlib
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import]

from bed.waiting import wait_for
from controller import ROOT, Controller, table
from gated import KNOCKS, PROFILE, Gated, assert_silent
from test_deliver import AS_NOBODY, BIN, LINK, bare, bare_everywhere, with_command

__all__ = ["bare", "bare_everywhere"]  # fixtures

ROLES = ROOT / "ansible_collection/roles"
GATE = f"""\
- ansible.builtin.import_role: {{name: knockwork.nft.gate}}
  vars:
    knockwork_gate_boot: false
    knockwork_gate_declaration:
      sequences:
        - {{name: ssh, knock: [{', '.join(KNOCKS)}], opens: [22/tcp], step_timeout: 1s, open_for: 5s}}
"""
BACKUP = """\
- ansible.builtin.include_role: {name: knockwork.nft.gate}
  vars:
    knockwork_gate_sequence: {name: backup, knock: [47555/udp, 48555/udp], opens: [50873/tcp]}
"""
INSTALL = "- ansible.builtin.import_role: {name: knockwork.nft.install}\n"


@pytest.mark.parametrize("name", ["declaration", "sequence"])
def test_gate_hands_every_key_on(name: str) -> None:
    """A key of the declaration that the role forgets would be lost without a word."""
    keys: dict[str, Any] = {}
    source = (ROOT / "ansible_collection/plugins/module_utils/options.py").read_text(encoding="utf-8")
    exec(compile(source, "options.py", "exec"), keys)  # pylint: disable=exec-used
    wanted = set(keys["DECLARATION" if name == "declaration" else "SEQUENCE"])
    tasks = yaml.safe_load((ROLES / f"gate/tasks/{name}.yml").read_text(encoding="utf-8"))
    given = tasks[-1][f"knockwork.nft.{'ruleset' if name == 'declaration' else 'sequence'}"]
    assert set(given) - {"confirm_within", "boot", "repair"} == wanted


def test_what_the_controller_does_needs_no_become() -> None:
    """With `become: true` on the play, a delegated task would ask for sudo on the controller."""
    for path in sorted(ROLES.glob("*/tasks/*.yml")):
        for task in yaml.safe_load(path.read_text(encoding="utf-8")):
            assert task.get("delegate_to") is None or task["become"] is False, f"{path}: {task['name']}"


def test_gate(gated_everywhere: Gated) -> None:
    """From nothing to a gate that a fresh knock has confirmed; the second run changes nothing, a new sequence two.

    A role that opens its own service takes no other sequence away, neither from the host nor from the profile.
    """
    gated = gated_everywhere
    for host in gated.hosts.values():
        host.run(["nft", "delete", "table", "inet", "knockwork"])
        host.run(["rm", "-rf", "/etc/knockwork", "/var/lib/knockwork"])
        host.write("/run/bare/python", "#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin; export PATH\n"
                                       'unset PYTHONPATH\nexec /usr/bin/python3 "$@"\n', 0o755)
    gated.bed.controller.run(["rm", "-f", PROFILE], check=True)
    first = gated.play(GATE, variables=with_command())
    assert set(first.failed.values()) == {0} and set(first.changed.values()) == {2}, first.output
    assert first.result()["confirmed"] is True
    assert_silent(first)
    for host in gated.hosts.values():
        assert table(host) and host.run(["find", BIN, "-type", "f"]).stdout.count("\n") == 1
    for play, changed in ((GATE + BACKUP, 2), (GATE + BACKUP, 0), (GATE.replace("48123/tcp", "48124/tcp"), 2)):
        done = gated.play(play, variables=with_command())
        assert set(done.failed.values()) == {0} and set(done.changed.values()) == {changed}, done.output
        assert changed == 0 or done.result()["confirmed"] is True
    assert re.findall('- name: "(.*)"', gated.bed.controller.read(PROFILE)) == ["ssh", "backup"] * len(gated.hosts)


def test_gate_that_nobody_could_pass_is_rolled_back(gated: Gated) -> None:
    """The profile has a sequence that the host, by its declaration, does not have."""
    for host in gated.hosts.values():
        host.run(["nft", "delete", "table", "inet", "knockwork"])
    wrong = GATE.replace("    knockwork_gate_boot: false\n", """\
    knockwork_gate_boot: false
    knockwork_gate_uses_profile: false
    knockwork_gate_confirm_within: 4s
""")
    gated.write_profile(("47001/udp", "48001/udp"))
    done = gated.try_play(wrong)
    assert set(done.failed.values()) | set(done.unreachable.values()) >= {1}, done.output
    assert re.search("apply [0-9a-f]+ (is|was) not confirmed", done.output), done.output
    assert_silent(done)
    wait_for(lambda: not any(map(table, gated.hosts.values())), "the hosts take their gates back")


def test_install_from_the_controller(bare_everywhere: Controller) -> None:
    """The command is for all users."""
    bare = bare_everywhere
    bare.changes(INSTALL, "--check", variables=with_command())
    assert bare.host.run(["ls", LINK]).returncode
    bare.changes(INSTALL, variables=with_command())
    assert re.match(r"knockwork \d", bare.host.run([*AS_NOBODY, LINK, "--version"]).stdout)
    bare.unchanged(INSTALL, variables=with_command())


def test_install_refuses_another_digest(bare_everywhere: Controller) -> None:
    """Of a file that is searched as copy does."""
    bare_everywhere.bed.controller.write("/run/play/files/refused.deb", "not a package")
    for file, words in (("refused.deb", "does not have the digest in knockwork_install_checksum"),
                        ("files/none.deb", "is not on the controller")):
        variables = {**with_command(), "knockwork_install_from": "package", "knockwork_install_file": file,
                     "knockwork_install_checksum": "f" * 64}
        assert bare_everywhere.fails(INSTALL, variables=variables, limit="host1") == f"{file} {words}"
        assert not Path(f"/var/cache/{Path(file).name}").exists()


def wheel(path: Path) -> Path:
    """One that has a command, and needs nothing."""
    about = "knockwork-0.1.0.dist-info"
    with zipfile.ZipFile(path / "knockwork-0.1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("knockwork.py", "def main() -> None:\n    print('knockwork 0.1.0')\n")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: knockwork\nVersion: 0.1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/entry_points.txt", "[console_scripts]\nknockwork = knockwork:main\n")
        archive.writestr(f"{about}/RECORD", "")
    return path / "knockwork-0.1.0-py3-none-any.whl"


@pytest.fixture
def caching(bare: Controller) -> Iterator[Controller]:
    """A host with a /var/cache of its own."""
    bare.host.run(["mount", "-t", "tmpfs", "cache", "/var/cache"], check=True)
    yield bare
    bare.host.run(["umount", "/var/cache"], check=True)
    bare.host.run(["rm", "-rf", "/usr/local/knockwork"], check=True)


def test_install_a_wheel(caching: Controller, tmp_path: Path) -> None:
    """From the playbook's files/. Check mode says what the run says: on a new host, and on one that has it."""
    file = wheel(tmp_path)
    caching.bed.controller.run(["mkdir", "-p", "/run/play/files"], check=True)
    caching.bed.controller.run(["cp", str(file), "/run/play/files"], check=True)
    variables = {**with_command(), "knockwork_install_from": "wheel",
                 "knockwork_install_folder": "/usr/local/knockwork",
                 "knockwork_install_checksum": hashlib.sha256(file.read_bytes()).hexdigest()}
    for options, folder, changed in ((("--check",), "", 1), ((), "", 3), (("--check",), "files/", 0)):
        given = {**variables, "knockwork_install_file": folder + file.name}
        done = caching.play(INSTALL, *options, variables=given, limit="host1")
        assert done.failed == {"host1": 0} and done.changed == {"host1": changed}, done.output
    assert caching.host.output([*AS_NOBODY, LINK], env={"PYTHONPATH": ""}) == "knockwork 0.1.0\n"
