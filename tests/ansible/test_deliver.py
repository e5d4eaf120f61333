"""Hosts without knockwork: the controller's command comes along, once."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bed.cli import binary
from controller import Controller, table

BIN = "/usr/local/lib/knockwork"
COMMAND = binary()
RULESET = "- knockwork.nft.ruleset:\n    sequences:\n      - {name: ssh, knock: [47011, 48123], opens: [50443/tcp]}\n"
INFO = "- knockwork.nft.ruleset_info:\n"
LINK = "/usr/local/bin/knockwork"
AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
CORE = f"- knockwork.nft.core:\n    link: {LINK}\n"
_INTERPRETER = """\
#!/bin/sh
PATH=/run/bare/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH
unset PYTHONPATH
umask 077
exec /usr/bin/python3 "$@"
"""
_SYSTEMCTL = """\
#!/bin/sh
echo "$@" >> /run/bare/systemctl.said
"""


@pytest.fixture
def bare(controller: Controller) -> Iterator[Controller]:
    """Hosts whose modules find neither the command nor the package."""
    yield from _bare(controller)


@pytest.fixture
def bare_everywhere(everywhere: Controller) -> Iterator[Controller]:
    """The same with each ansible-core."""
    yield from _bare(everywhere)


def _bare(controller: Controller) -> Iterator[Controller]:
    for host in controller.hosts.values():
        host.run(["mkdir", "-p", "/run/bare/bin"], check=True)
        host.write("/run/bare/python", _INTERPRETER, 0o755)
    yield controller
    for host in controller.hosts.values():
        host.run(["rm", "-rf", "/run/bare", LINK, "/run/systemd",
                  "/etc/systemd/system/knockwork.service", "/etc/systemd/system/knockwork-drift.service",
                  "/etc/systemd/system/knockwork-rotate.service",
                  "/etc/systemd/system/knockwork-rotate.timer"], check=True)


def with_command(path: Path | None = None, deliver: str = "auto") -> dict[str, str]:
    """The hosts' variables."""
    return {"ansible_python_interpreter": "/run/bare/python", "knockwork_deliver": deliver,
            "knockwork_deliver_file": str(path or COMMAND)}


def kept(controller: Controller) -> str:
    """What lies on the first host, with what would show that it came again."""
    return controller.host.run(["find", BIN, "-type", "f", "-printf", "%m %P %i %C@\n"]).stdout


def test_it_comes_once(bare_everywhere: Controller) -> None:
    """The first run brings it; the second sends nothing, whatever module it is for."""
    bare = bare_everywhere
    bare.changes(RULESET + "    boot: false\n", variables=with_command())
    first = kept(bare)
    digest = hashlib.sha256(COMMAND.read_bytes()).hexdigest()
    assert first.startswith(f"755 0.1.0-{digest[:16]}/knockwork ") and first.count("\n") == 1
    assert table(bare.host)
    bare.unchanged(RULESET + "    boot: false\n", variables=with_command())
    assert bare.unchanged(INFO, variables=with_command()).result()["status"]["mode"] == "gate"
    assert kept(bare) == first


def test_in_the_background(bare_everywhere: Controller) -> None:
    """With async nobody waits for the job: it has the command, and says for itself what else an action would."""
    bare, later = bare_everywhere, "  async: 60\n  poll: 1\n"
    never = bare.play(INFO + later, limit="host1", variables=with_command(deliver="never"))
    assert never.failed == {"host1": 1} and "core_missing" not in never.result()
    done = bare.changes("- knockwork.nft.ruleset: {mode: stealth, boot: false}\n" + later, limit="host1",
                        variables=with_command())
    assert kept(bare) and table(bare.host)
    assert "must_knock" not in done.result() and "core_missing" not in done.result()
    assert "have to knock first" in " ".join(done.output.split())


def test_check_mode_leaves_nothing(bare: Controller) -> None:
    """The plan is the whole one: the command runs from the task's temporary folder."""
    done = bare.changes(RULESET, "--check", variables=with_command())
    assert [each["object"] for each in done.result()["changes"]].count("sequence") == 1
    assert kept(bare) == "" and table(bare.host) == ""
    assert bare.host.run(["find", "/root/.ansible/tmp", "-name", "knockwork"]).stdout == ""


def test_never_means_never(bare: Controller) -> None:
    said = bare.fails(RULESET, variables=with_command(deliver="never"))
    assert said.startswith("cannot find the command knockwork or the Python package knockwork for ")
    assert kept(bare) == ""
    assert bare.fails(INFO, variables=with_command(deliver="always")) == (
        "knockwork_deliver is always: write auto or never")


def program(path: Path, content: bytes) -> Path:
    """A file that may be run."""
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def test_what_cannot_be_brought(bare: Controller, tmp_path: Path) -> None:
    """A script, another machine's program, and a program that does not start."""
    script = program(tmp_path / "script", b"#!/bin/sh\n")
    head = bytearray(COMMAND.read_bytes()[:4096])
    broken = program(tmp_path / "broken", bytes(head))
    head[18:20] = (183 if head[18] != 183 else 62).to_bytes(2, "little")
    foreign = program(tmp_path / "foreign", bytes(head))
    assert bare.fails(INFO, variables=with_command(script)).endswith(
        f"{script} on the controller is not a program that can be copied to a host")
    assert "does not run on" in bare.fails(INFO, variables=with_command(foreign))
    assert "the controller's command does not start on this host: " in bare.fails(INFO, variables=with_command(broken))
    assert kept(bare) == ""


def test_core_as_a_task(bare: Controller, tmp_path: Path) -> None:
    """On PATH if wanted, and away again; a copy of the same version makes room for the next."""
    digest = hashlib.sha256(COMMAND.read_bytes()).hexdigest()
    assert bare.changes(CORE, "--check", variables=with_command()).result()["path"].startswith(BIN)
    assert kept(bare) == ""
    assert "checksum: the digest of " in bare.fails(f"{CORE}    checksum: {'0' * 64}\n", variables=with_command())
    bare.changes(f"{CORE}    checksum: {digest}\n", variables=with_command())
    first = kept(bare)
    bare.unchanged(CORE, variables=with_command())
    assert kept(bare) == first
    assert bare.host.run([*AS_NOBODY, LINK, "--version"]).stdout.startswith("knockwork ")
    assert bare.fails(f"{CORE}    src: none\n", variables=with_command()) == (
        "src: cannot find none on the controller; a relative path is searched as in ansible.builtin.copy")
    bare.bed.controller.run(["mkdir", "-p", "/run/play/files"], check=True)
    bare.bed.controller.run(["cp", str(COMMAND), "/run/play/files/knockwork"], check=True)
    bare.unchanged(f"{CORE}    src: knockwork\n", variables=with_command(Path("/nowhere")))
    other = program(tmp_path / "other", COMMAND.read_bytes() + b"\0")
    bare.changes(CORE, variables=with_command(other))
    assert kept(bare).count("\n") == 1 and digest[:16] not in kept(bare)
    bare.changes(CORE + "    state: absent\n", variables=with_command())
    bare.unchanged(CORE + "    state: absent\n", variables=with_command())
    assert bare.host.run(["ls", LINK, BIN]).stdout == ""


def test_the_unit_starts_that_copy(bare: Controller) -> None:
    """Where systemd runs, the boot unit comes with it."""
    for host in bare.hosts.values():
        host.run(["mkdir", "-p", "/run/systemd/system"], check=True)
        host.write("/run/bare/bin/systemctl", _SYSTEMCTL, 0o755)
    done = bare.changes(RULESET, variables=with_command())
    units = [(each["kind"], each["name"]) for each in done.result()["changes"] if each["object"] == "unit"]
    brought = ("knockwork-drift.service", "knockwork-rotate.service", "knockwork-rotate.timer", "knockwork.service")
    assert units == [*(("add", name) for name in brought), ("change", "knockwork.service")]
    unit = bare.host.read("/etc/systemd/system/knockwork.service")
    assert f"\nExecStart={BIN}/knockwork apply --unattended\n" in unit and not re.search("@[A-Z_]+@", unit)
    assert bare.host.read("/run/bare/systemctl.said") == "daemon-reload\nenable --now knockwork.service\n"
