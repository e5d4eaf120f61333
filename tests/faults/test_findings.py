"""What the enumeration of faults has found, each where it is sure to be met whatever the numbers of the calls."""
from __future__ import annotations

import subprocess

import pytest

from bed import Lab
from bed.cli import Knockwork
from bed.waiting import wait_for
from commands import CHANGED, PLAIN

FOLDER = "/var/lib/knockwork"


def faulty(gate: Knockwork, *arguments: str, inject: list[str]) -> "subprocess.CompletedProcess[str]":
    """The command with faults in its system calls."""
    faults = [word for each in inject for word in ("-e", f"inject={each}")]
    return gate.host.run(["/usr/bin/strace", "-f", "-qqq", "-o", "/dev/null", "-e", "signal=none", *faults,
                          *gate.command(*arguments)], timeout=250)


def _names(lab: Lab) -> list[str]:
    return lab.server.output(["ls", "-A", FOLDER]).split()


def test_what_a_killed_writer_left(lab: Lab, knockwork: Knockwork) -> None:
    """The next one removes it, and nothing else, even if it changes nothing."""
    knockwork.apply(PLAIN)
    before = _names(lab)
    lab.server.write(f"{FOLDER}/.knockwork.own", "somebody's")
    faulty(knockwork, "save", inject=["fsync:signal=SIGKILL:when=1"])
    assert len(_names(lab)) == len(before) + 2
    assert knockwork.apply().startswith("Unchanged")
    assert _names(lab) == sorted([".knockwork.own", *before])


def test_what_somebody_writes_is_left_alone(lab: Lab, knockwork: Knockwork) -> None:
    """A file that is being written is locked."""
    knockwork.apply(PLAIN)
    path = f"{FOLDER}/.knockwork.0123456789abcdef"
    lab.server.write(path, "half")
    script = "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, 2); print(flush=True); time.sleep(600)"
    holder = lab.server.popen(["/usr/bin/python3", "-c", script, path], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    knockwork.apply()
    assert path.rpartition("/")[2] in _names(lab)
    holder.kill()
    holder.communicate()


@pytest.mark.parametrize("fault", ["fcntl:error=ENOMEM", "recvmsg:error=EIO:when=9+"])
def test_libnftables_ends_its_process(lab: Lab, knockwork: Knockwork, fault: str) -> None:
    """It prints and exits, or aborts, over what it does not expect: the command says so in its own words."""
    knockwork.apply(PLAIN)
    knockwork.declare(CHANGED)
    before = (lab.generation(), knockwork.table().configuration())
    done = faulty(knockwork, "apply", inject=[fault])
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr.startswith("knockwork: error: ") and "read nf_tables: " in done.stderr
    assert done.stderr.count("\n") == 1
    assert (lab.generation(), knockwork.table().configuration()) == before


def test_no_end_of_commits(lab: Lab, knockwork: Knockwork) -> None:
    """libnftables begins anew whenever something commits while it reads: half a minute, and the lock is free."""
    knockwork.apply(PLAIN)
    knockwork.declare(CHANGED)
    done = faulty(knockwork, "apply", inject=["recvmsg:error=EINTR:when=9+"])
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr == "knockwork: error: cannot read nf_tables in 30s: another program keeps changing it\n"


def test_elements_that_cannot_be_read(lab: Lab, knockwork: Knockwork) -> None:
    """libnftables shows such a set empty; nobody's grant is lost by that."""
    knockwork.apply(PLAIN)
    lab.client.knock(7000, 8000, 9000)
    knockwork.declare(CHANGED)
    before = (lab.generation(), knockwork.table().live("granted4").keys())
    done = faulty(knockwork, "apply", inject=["sendto:error=EMSGSIZE:when=15+"])
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("knockwork: error: "), done.stderr
    assert (lab.generation(), knockwork.table().live("granted4").keys()) == before


@pytest.mark.parametrize("error", ["ENOBUFS", "EINTR", "EIO"])
def test_a_lost_answer(lab: Lab, knockwork: Knockwork, error: str) -> None:
    """The kernel took the change, and what it said of it did not get through: it is done, and once."""
    knockwork.apply(PLAIN)
    before = lab.generation()
    knockwork.declare(CHANGED)
    done = faulty(knockwork, "apply", inject=[f"pselect6:error={error}:when=1"])
    assert (done.returncode, done.stderr) == (0, ""), done
    assert lab.generation() == before + 1
    assert knockwork.apply().startswith("Unchanged")


def test_interrupted(lab: Lab, knockwork: Knockwork) -> None:
    """Whatever is interrupted is done again."""
    knockwork.declare(PLAIN)
    calls = ("mkdir", "fsync", "renameat", "unlink", "flock", "ftruncate", "pwrite64", "pipe2", "unshare")
    done = faulty(knockwork, "apply", inject=[f"{call}:error=EINTR:when=1+2" for call in calls])
    assert (done.returncode, done.stderr) == (0, ""), done
    assert knockwork.apply().startswith("Unchanged")


def test_no_grant_for_good(lab: Lab, knockwork: Knockwork) -> None:
    """Where the rules that open have gone, a grant by hand would have no end."""
    knockwork.apply(PLAIN)
    chain = next(block.name for block in knockwork.table().blocks if block.name.startswith("open_1h"))
    lab.server.nft(f"flush chain inet knockwork {chain}")
    assert knockwork.refused("grant", "10.200.0.9", "--sequence", "ssh") == (
        "knockwork: error: the table does not say what ssh opens, since another program changed it: run `knockwork "
        "apply` first\n")
    assert not knockwork.table().live("holders4")
    knockwork.apply()
    assert knockwork.run("grant", "10.200.0.9", "--sequence", "ssh").returncode == 0


def test_rules_that_cannot_be_read(lab: Lab, knockwork: Knockwork) -> None:
    """Where an answer before them got lost, libnftables shows the chains empty."""
    knockwork.apply(PLAIN)
    before = knockwork.table().configuration()
    for number in range(56, 72):
        done = faulty(knockwork, "grant", "10.200.0.9", "--sequence", "ssh",
                      inject=[f"recvmsg:error=ENOMEM:when={number}"])
        assert done.returncode == ("knockwork: error: " in done.stderr), done
        assert " for 0s" not in done.stdout
        assert knockwork.table().configuration() == before


def test_what_a_plan_removes_is_gone_already(lab: Lab, knockwork: Knockwork) -> None:
    """Another program was faster: the error says so, instead of which object the kernel does not find."""
    knockwork.apply(PLAIN)
    lab.server.nft("add chain inet knockwork strange")
    before = lab.generation()
    slow = ["/usr/bin/strace", "-f", "-qqq", "-o", "/dev/null", "-e", "inject=renameat:delay_enter=3000000:when=1"]
    process = lab.server.popen([*slow, *knockwork.command("apply")], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: any(name.startswith(".knockwork.") for name in
                         lab.server.output(["ls", "-A", "/run/knockwork"]).split()), "the note before the commit")
    lab.server.nft("delete chain inet knockwork strange")
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out, lab.generation()) == (1, "", before + 1)
    assert error.startswith("knockwork: error: another program changed the table inet knockwork at the same time: ")
    assert error.endswith(". Run again\n") and error.count("\n") == 1
    assert knockwork.apply().startswith("Unchanged")
