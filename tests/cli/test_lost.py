"""What is lost on the way: a file that is not there, an input that breaks off, an output that takes no more."""

import pytest

from bed import Lab
from bed.cli import CLASSIC, DECLARATION, Knockwork, binary

DROP_IN = "- {name: web, knock: [47100/udp, 48100/udp, 49100/udp], opens: [4080/tcp]}\n"
NOWHERE = "knockwork: error: {} is a symbolic link to a file that does not exist: correct or remove it\n"


@pytest.mark.parametrize("command", ["validate", "render", "apply", "plan"])
def test_a_name_without_a_file(lab: Lab, knockwork: Knockwork, command: str) -> None:
    """A main file that somebody names is not left out because there are drop-ins beside it."""
    lab.server.write("/run/named/conf.d/web.yml", DROP_IN, 0o600)
    done = knockwork.run(command, "/run/named/typo.yml")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("knockwork: error: the declaration /run/named/typo.yml does not exist: ")
    lab.server.run(["rm", "-r", "/run/named"], check=True)


@pytest.mark.parametrize("path", [DECLARATION, "/etc/knockwork/conf.d/web.yml"])
def test_a_link_to_nowhere(lab: Lab, knockwork: Knockwork, path: str) -> None:
    """Not as if nothing were declared there."""
    knockwork.declare(CLASSIC)
    lab.server.write("/etc/knockwork/conf.d/web.yml", DROP_IN, 0o600)
    knockwork.apply()
    before = lab.generation()
    lab.server.run(["ln", "-sf", "/etc/knockwork/elsewhere", path], check=True)
    for command in ("validate", "apply", "plan"):
        done = knockwork.run(command)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", NOWHERE.format(path)), command
    assert lab.generation() == before
    lab.server.nft("delete table inet knockwork")
    done = knockwork.run("apply", "--unattended")
    assert (done.returncode, "the last good gate was loaded instead" in done.stdout + done.stderr) == (1, True), done
    lab.server.run(["rm", "-r", path, "/etc/knockwork/conf.d"], check=True)


@pytest.mark.parametrize("command", ["validate -", "apply -", "trace", "import nft -", "call", "knock ::1 -"])
@pytest.mark.parametrize("redirection, why", [("< /tmp", "Is a directory"), ("<&-", "Bad file descriptor")])
def test_an_input_that_breaks_off(knockwork: Knockwork, command: str, redirection: str, why: str) -> None:
    """What could not be read is not the end of what was."""
    knockwork.declare(CLASSIC)
    done = knockwork.host.run(["sh", "-c", f"{binary()} {command} {redirection}"])
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr.endswith(f"knockwork: error: cannot read standard input: {why}\n")


def test_an_input_without_end(knockwork: Knockwork) -> None:
    """It is read no further than anything could be; not until the memory is full."""
    done = knockwork.host.run(["sh", "-c", f"ulimit -v 2000000; {binary()} validate - < /dev/zero"])
    assert (done.returncode, done.stderr) == (
        1, "knockwork: error: standard input is larger than 256 MiB: is this the right input?\n")
    knockwork.host.run(["truncate", "-s", "3G", "/run/large"], check=True)
    done = knockwork.host.run(["sh", "-c", f"ulimit -v 2000000; {binary()} validate /run/large"])
    assert done.returncode == 1 and "larger than 64 MiB" in done.stderr
    done = knockwork.host.run(["sh", "-c", f"ulimit -v 2000000; {binary()} trace --packets /run/large"])
    assert done.returncode == 1 and "bad_alloc" not in done.stderr
    knockwork.host.run(["rm", "/run/large"], check=True)


def test_an_output_that_takes_no_more(knockwork: Knockwork) -> None:
    """Who sees no report is told whether there was something to report."""
    knockwork.declare(CLASSIC)
    lost = "knockwork: error: cannot write to standard output{}\n"
    for command, end in (("apply", ", but the change was made"), ("apply", ""),
                         ("remove", ", but the change was made")):
        done = knockwork.host.run(["sh", "-c", f"{binary()} {command} > /dev/full"])
        assert (done.returncode, done.stderr.splitlines(keepends=True)[-1]) == (1, lost.format(end)), command


def test_nothing_to_compare(lab: Lab, knockwork: Knockwork) -> None:
    """Only a table that was compared is said to be as it was."""
    nothing = "Nothing to compare: no gate was applied.\n"
    assert knockwork.run("drift").stdout == nothing
    knockwork.apply(CLASSIC)
    lab.server.write("/var/lib/knockwork/last_good", "damaged\n", 0o600)
    done = knockwork.run("drift")
    assert done.stdout == "Nothing to compare: /var/lib/knockwork/last_good is damaged and was ignored.\n"
    assert "run `knockwork apply`" in done.stderr
    knockwork.run("remove")
    assert knockwork.run("drift").stdout == nothing


def test_no_room_for_the_record(knockwork: Knockwork) -> None:
    """What says that something was changed does not say that nothing was."""
    knockwork.apply(CLASSIC)
    folder = "/var/lib/knockwork"
    knockwork.host.run(["cp", f"{folder}/fingerprint.key", "/run/key"], check=True)
    knockwork.host.run(["mount", "-t", "tmpfs", "-o", "size=8k,mode=700", "none", folder], check=True)
    try:
        knockwork.host.run(["install", "-m", "600", "/run/key", f"{folder}/fingerprint.key"], check=True)
        knockwork.host.run(["cp", "/dev/zero", f"{folder}/filler"])
        knockwork.declare(CLASSIC + "    open_for: 61s\n")
        done = knockwork.run("apply")
        assert done.returncode == 0 and done.stdout.endswith("Changed: 0 added, 1 changed, 0 removed.\n")
        assert "free some space there and run again\n" in done.stderr and "nothing was changed" not in done.stderr
    finally:
        knockwork.host.run(["umount", "-l", folder])
