"""What the system refuses: a clear error, exit status 1, nothing half done."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bed import Lab, crippled
from bed.cli import Knockwork, binary

CLASSIC = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
"""
COMMANDS = [["apply"], ["apply", "--check"], ["plan"], ["remove"], ["status"]]
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
POWERLESS = ["setpriv", "--bounding-set=-net_admin"]
CRIPPLED = ["/usr/bin/python3", "-B", crippled.__file__]
NOT_PERMITTED = ("no permission to read nf_tables: run as root (sudo), or with the capability CAP_NET_ADMIN")


def failure(lab: Lab, prefix: list[str], command: list[str]) -> str:
    """The error of the command run under `prefix`, which must fail and change nothing."""
    before = (lab.generation(), lab.server.output(["nft", "list", "ruleset"]))
    done = lab.server.run([*prefix, *command])
    assert (done.returncode, done.stdout) == (1, ""), done
    assert (lab.generation(), lab.server.output(["nft", "list", "ruleset"])) == before
    return done.stderr


@pytest.fixture
def everyones(lab: Lab) -> str:
    """The command where any user may run it."""
    lab.server.run(["install", "-D", "-m", "755", str(binary()), "/run/bin/knockwork"], check=True)
    return "/run/bin/knockwork"


@pytest.mark.parametrize("command, error", [
    ("apply", "cannot take the lock /run/knockwork/lock: Permission denied: run as root (sudo); "
              "nothing was changed"),
    ("remove", "cannot take the lock /run/knockwork/lock: Permission denied: run as root (sudo); "
               "nothing was changed"),
    ("plan", NOT_PERMITTED), ("apply --check", NOT_PERMITTED), ("status", NOT_PERMITTED),
])
def test_not_root(lab: Lab, everyones: str, command: str, error: str) -> None:
    """A user who is not root is told so."""
    lab.server.write("/etc/knockwork/knockwork.yml", CLASSIC, 0o644)
    said = failure(lab, NOBODY, [everyones, *command.split()]).splitlines()
    assert said[-1] == f"knockwork: error: {error}"
    assert all(line.startswith("warning: others can read the declaration") for line in said[:-1]), said


def test_a_secret_declaration_is_not_readable(lab: Lab, everyones: str) -> None:
    """A declaration that only root may read: the error names the file."""
    lab.server.write("/etc/knockwork/knockwork.yml", CLASSIC, 0o600)
    assert failure(lab, NOBODY, [everyones, "plan"]) == (
        "knockwork: error: cannot read /etc/knockwork/knockwork.yml: Permission denied: run as root (sudo)\n")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_the_capability(lab: Lab, knockwork: Knockwork, command: list[str]) -> None:
    """Root without CAP_NET_ADMIN, as in a container: told which capability is missing."""
    knockwork.declare(CLASSIC)
    assert failure(lab, POWERLESS, knockwork.command(*command)) == f"knockwork: error: {NOT_PERMITTED}\n"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_nf_tables(lab: Lab, knockwork: Knockwork, command: list[str]) -> None:
    """A kernel without nf_tables, played by seccomp: told what to load."""
    knockwork.declare(CLASSIC)
    assert failure(lab, [*CRIPPLED, "no-netfilter"], knockwork.command(*command)) == (
        "knockwork: error: this kernel has no nf_tables: load the module (modprobe nf_tables) or boot a "
        "kernel that has it\n")


def test_no_declaration(lab: Lab, knockwork: Knockwork) -> None:
    """No file and no drop-ins: told what the smallest is."""
    assert failure(lab, [], knockwork.command("apply")) == (
        "knockwork: error: the declaration /etc/knockwork/knockwork.yml does not exist: write one (the smallest is "
        "`knockwork: 1`), or name another file\n")


@contextmanager
def held_lock(lab: Lab) -> Iterator[int]:
    """Another process has the lock; its pid as the host sees it."""
    lab.server.write("/run/knockwork/lock", "")
    script = "exec 9<>/run/knockwork/lock; flock 9; printf $$ >&9; echo $$; exec sleep 600"
    holder = lab.server.popen(["bash", "-c", script], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    try:
        yield int(holder.stdout.readline())
    finally:
        holder.kill()
        holder.communicate()


@pytest.mark.parametrize("command", ["apply", "remove"])
def test_lock_held(lab: Lab, knockwork: Knockwork, command: str) -> None:
    """While another run holds the lock: waits as long as it was told, then names the holder."""
    knockwork.apply(CLASSIC)
    knockwork.declare(CLASSIC.replace("9000", "9005"))  # else there is nothing to wait for
    with held_lock(lab) as pid:
        began = time.monotonic()
        error = failure(lab, [], knockwork.command(command, "--lock-timeout", "1s"))
        assert 0.9 < time.monotonic() - began < 10
    assert error == (f"knockwork: error: another knockwork process (process {pid}) holds /run/knockwork/lock: wait "
                     f"until it finishes, or increase --lock-timeout; nothing was changed\n")


@pytest.mark.parametrize("command", [
    "plan", "status", "render", "validate", "apply --check", "remove --check", "revoke --all --check",
    "grant 10.0.0.9 --sequence ssh --check", "renew ssh --check", "epoch publish 1 --check"])
def test_reading_needs_no_lock(lab: Lab, knockwork: Knockwork, command: str) -> None:
    """Commands that only read do not wait for the lock, and no check does."""
    knockwork.apply(CLASSIC.replace("    knock:", "    once: true\n    knock:", 1))
    with held_lock(lab):
        assert knockwork.run(*command.split(), timeout=10).returncode == 0


def test_applies_serialise(lab: Lab, knockwork: Knockwork) -> None:
    """Applies at the same time run one after the other: all succeed, one of them changed anything."""
    knockwork.declare(CLASSIC)
    runs = [lab.server.popen(knockwork.command("apply"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(6)]
    outcomes = [(*run.communicate(), run.returncode) for run in runs]
    assert [(error, status) for _, error, status in outcomes] == [("", 0)] * 6
    assert sorted(out.partition(":")[0] for out, _, _ in outcomes).count("Unchanged") == 5
    assert not knockwork.differs()


def test_different_applies_at_once(lab: Lab, knockwork: Knockwork) -> None:
    """Different declarations applied at the same time: the table is one of them, whole."""
    wanted = set()
    for number in range(4):
        lab.server.write(f"/etc/k{number}/knockwork.yml", CLASSIC.replace("8000", str(8100 + 10 * number)),
                         0o600)
        knockwork.apply(None, f"/etc/k{number}/knockwork.yml")
        wanted.add(knockwork.table().configuration())
    runs = [lab.server.popen(knockwork.command("apply", f"/etc/k{number % 4}/knockwork.yml"),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE) for number in range(8)]
    assert [(run.communicate()[1], run.returncode) for run in runs] == [("", 0)] * 8
    assert knockwork.table().configuration() in wanted and len(wanted) == 4


def fill_up(lab: Lab, folder: str) -> None:
    """Mount a file system of one page on a folder, and fill it."""
    lab.server.run(["mkdir", "-p", folder], check=True)
    lab.server.run(["mount", "-t", "tmpfs", "-o", "size=4k", "full", folder], check=True)
    assert lab.server.run(["cp", "/dev/zero", folder + "/filler"]).returncode == 1


def test_disk_full(lab: Lab, knockwork: Knockwork) -> None:
    """No room in /var/lib/knockwork: nothing is applied; with room it is."""
    knockwork.declare(CLASSIC)
    fill_up(lab, "/var/lib/knockwork")
    assert failure(lab, [], knockwork.command("apply")) == (
        "knockwork: error: cannot write /var/lib/knockwork/fingerprint.key: No space left on device: free some space "
        "there and run again; nothing was changed\n")
    lab.server.run(["rm", "/var/lib/knockwork/filler"], check=True)
    assert lab.server.output(["ls", "/var/lib/knockwork"]) == ""
    knockwork.apply()
    assert not knockwork.differs()


def test_run_full(lab: Lab, knockwork: Knockwork) -> None:
    """No room in /run/knockwork: the stamp is a luxury, applies work without it."""
    knockwork.declare(CLASSIC)
    fill_up(lab, "/run/knockwork")
    knockwork.apply()
    assert not knockwork.differs()
    before = lab.generation()
    assert knockwork.apply().startswith("Unchanged")
    assert lab.generation() == before


def test_the_kernel_refuses(lab: Lab, knockwork: Knockwork) -> None:
    """A transaction that the kernel does not take: its reason is told, without our script."""
    knockwork.apply(CLASSIC)
    knockwork.declare(CLASSIC.replace("9000", "9005"))
    error = failure(lab, [*CRIPPLED, "no-memory"], knockwork.command("apply"))
    assert error == ("knockwork: error: the kernel refused to change nf_tables: Could not process rule: "
                     "Cannot allocate memory\n")
