"""What the enumeration of faults has found, each where it is sure to be met whatever the numbers of the calls."""
from __future__ import annotations

import base64
import subprocess

import pytest

from bed import Lab, derivation, tokens
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
    assert error.startswith("knockwork: error: another program changed nf_tables at the same time: ")
    assert error.endswith(". Run again\n") and error.count("\n") == 1
    assert knockwork.apply().startswith("Unchanged")


def test_refused_while_another_program_commits(lab: Lab, knockwork: Knockwork) -> None:
    """The kernel has judged it, so nothing waits to be rolled back, and nobody doubts what is there."""
    knockwork.apply(PLAIN)
    lab.server.nft("add chain inet knockwork strange")
    slow = ["/usr/bin/strace", "-f", "-qqq", "-o", "/dev/null", "-e", "inject=renameat:delay_enter=3000000:when=2"]
    process = lab.server.popen([*slow, *knockwork.command("apply", "--confirm-within", "1h")],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: any(name.startswith(".knockwork.") for name in _names(lab)), "the note of what waits")
    lab.server.nft("delete chain inet knockwork strange")
    _, error = process.communicate(timeout=60)
    assert process.returncode == 1 and "another program changed nf_tables at the same time: " in error
    assert "no apply waits" in knockwork.refused("confirm")
    assert "in_doubt" not in lab.server.output(["ls", "-A", "/run/knockwork"]).split()
    lab.server.nft("flush chain inet knockwork gate")
    assert knockwork.run("drift", "--repair").returncode == 0
    assert knockwork.apply().startswith("Unchanged")


def test_an_interrupted_apply_that_is_rolled_back(lab: Lab, knockwork: Knockwork) -> None:
    """Then what was there before is known again, and repaired."""
    knockwork.apply(PLAIN)
    knockwork.declare(CHANGED)
    # Without -f: strace would wait for the process that rolls back.
    lab.server.run(["/usr/bin/strace", "-qqq", "-o", "/dev/null", "-e", "inject=fsync:signal=SIGKILL:when=4",
                    *knockwork.command("apply", "--confirm-within", "1h")])
    assert knockwork.run("rollback").returncode == 0
    lab.server.nft("flush chain inet knockwork gate")
    repaired = knockwork.run("drift", "--repair")
    assert (repaired.returncode, repaired.stderr) == (0, ""), repaired
    knockwork.declare(PLAIN)
    assert knockwork.apply().startswith("Unchanged")


def test_a_revocation_that_cannot_be_recorded(lab: Lab, knockwork: Knockwork) -> None:
    """It is not made either: a record that says otherwise would bring the grant back."""
    knockwork.apply(PLAIN)
    assert knockwork.run("grant", "10.200.0.9", "--sequence", "ssh").returncode == 0
    before = lab.generation()
    done = faulty(knockwork, "revoke", "--source", "10.200.0.9", inject=["fsync:error=ENOSPC:when=1+"])
    assert done.returncode == 1 and "nothing was changed" in done.stderr, done
    assert lab.generation() == before and knockwork.table().live("holders4")
    assert knockwork.run("revoke", "--source", "10.200.0.9").returncode == 0
    lab.server.nft("flush ruleset")
    knockwork.apply()
    assert not knockwork.table().live("holders4")


@pytest.mark.parametrize("number", range(1, 7))
def test_killed_while_tokens_are_replaced(lab: Lab, knockwork: Knockwork, number: int) -> None:
    """Wherever that was: the next apply replaces them."""
    keys = []
    for master in (bytes(range(32)), bytes(32)):
        lab.server.write("/etc/knockwork/secret", f"master:{base64.b64encode(master).decode()}\n", 0o600)
        keys.append(tokens.sequence_key(derivation.host_key(master, "web1"), "alice"))
        if len(keys) == 1:
            knockwork.apply("knockwork: 1\nsequences:\n  - name: alice\n    opens: [22/tcp]\n    open_for: 1s\n"
                            "    token: {port: 41873/udp, secret_file: /etc/knockwork/secret, host: web1}\n")
    faulty(knockwork, "apply", inject=[f"fsync:signal=SIGKILL:when={number}"])
    knockwork.apply()
    window = tokens.window()
    for losses in range(6):
        lab.stranger.send(41873, tokens.token(keys[0], window, losses))
    assert lab.stranger.tcp(22) == "refused"
    for losses in range(6):
        lab.client.send(41873, tokens.token(keys[1], window + 1, losses))
    assert lab.client.tcp(22) == "open"
