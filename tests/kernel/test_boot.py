"""A start that nobody watches: with faulty files, what is declared is shut, and what was removed stays so."""

import json
import subprocess

import pytest

from bed import Caller, Lab
from bed.cli import Knockwork

CONF_D = "/etc/knockwork/conf.d/other.yml"
LIB = "/var/lib/knockwork"
DECLARATION = """\
knockwork: 1
always_allow: [10.9.9.9]
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
"""
TOKEN = "  - {name: alice, token: {port: 41873, key: GUoSQDN0Z4xRoi9BS1U8pxiQcHWlXpVeFwnqU8WcGmE=}, opens: [80/tcp]}\n"
FAULTY = "- {name: x, knock: [1/udp], opens: [99999/tcp]}\n"
NO_SECRET = "- {name: d, derive: {secret_file: /none, length: 3, period: 1d}, opens: [80/tcp]}\n"


def _down(lab: Lab) -> None:
    lab.server.nft("add table inet knockwork; delete table inet knockwork")
    lab.server.run(["sh", "-c", "rm -rf /run/knockwork/*"])


def _start(knockwork: Knockwork) -> tuple[int, str]:
    done = knockwork.run("apply", "--unattended")
    return done.returncode, done.stderr


@pytest.mark.parametrize("text", [FAULTY, NO_SECRET, "- {name: x\n"])
def test_last_good(lab: Lab, knockwork: Knockwork, client: Caller, text: str) -> None:
    """It stands in for a declaration that cannot be applied, says so, and the next good apply ends that."""
    knockwork.apply(DECLARATION)
    lab.server.write(CONF_D, text, 0o600)
    before = knockwork.listing()
    assert _start(knockwork)[0] == 1 and knockwork.listing() == before
    _down(lab)
    status, error = _start(knockwork)
    assert status == 1 and "the last good gate was loaded instead" in error, error
    assert client.tcp(22) == "refused"
    client.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"
    assert knockwork.run("status").stdout.startswith("Degraded: ")
    assert "degraded" in json.loads(knockwork.run("status", "--json").stdout)
    lab.server.run(["rm", CONF_D])
    knockwork.apply()
    assert "degraded" not in json.loads(knockwork.run("status", "--json").stdout)
    assert knockwork.apply().startswith("Unchanged")


@pytest.mark.parametrize("text", ["", FAULTY], ids=["good", "faulty"])
def test_a_removed_gate(lab: Lab, knockwork: Knockwork, text: str) -> None:
    """It stays removed, whatever the timer and a reload of nftables.service run, until an apply or the next start."""
    knockwork.apply(DECLARATION)
    if text:
        lab.server.write(CONF_D, text, 0o600)
    for _ in range(2):
        knockwork.remove()
        done = knockwork.run("apply", "--unattended", "--quiet")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        done = knockwork.run("apply", "--unattended")
        assert done.stdout == "Unchanged: the gate was removed, and `knockwork apply` loads it again.\n"
        assert knockwork.run("status").stdout.startswith("No gate")
    if text:
        _down(lab)
        assert _start(knockwork)[0] == 1 and knockwork.listing()
        return
    knockwork.apply(None, "--confirm-within", "1h")
    lab.server.nft("flush ruleset")
    assert _start(knockwork)[0] == 0 and knockwork.listing()  # what waits is there
    knockwork.run("rollback")
    assert _start(knockwork)[0] == 0 and knockwork.run("status").stdout.startswith("No gate")
    knockwork.apply()
    lab.server.nft("flush ruleset")
    assert _start(knockwork)[0] == 0 and knockwork.listing()
    knockwork.remove()
    lab.server.run(["sh", "-c", "sed -i 's/$/0/' /run/knockwork/removed"], check=True)  # of another boot
    assert _start(knockwork)[0] == 0 and knockwork.listing()


@pytest.mark.parametrize("text", [FAULTY, NO_SECRET, "- {name: x\n"])
def test_what_can_be_read_is_shut(lab: Lab, knockwork: Knockwork, client: Caller, text: str) -> None:
    """Without a last good gate: sequences without a fault work, the services of the others are shut."""
    knockwork.declare(DECLARATION)
    lab.server.write(CONF_D, text, 0o600)
    status, error = _start(knockwork)
    assert status == 1 and "NO GATE" not in error, error
    assert client.tcp(22) == "refused"
    assert text != NO_SECRET or client.tcp(80) == "refused"
    client.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"


@pytest.mark.parametrize("name", ["pending.json", "rolled_back.json", "state.json", "clock.json"])
def test_damaged_state(lab: Lab, knockwork: Knockwork, client: Caller, name: str) -> None:
    """It costs what it held, and is named."""
    knockwork.apply(DECLARATION)
    lab.server.write(f"{LIB}/{name}", "{", 0o600)
    _down(lab)
    status, error = _start(knockwork)
    assert status == 0 and (name in error or name == "clock.json"), error
    assert client.tcp(22) == "refused"


def test_hostile_state(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """A key that is none is left out, and is no command."""
    knockwork.apply(DECLARATION)
    keys = ["1.2.3.4 . 0:1 }; add table inet evil; #", "no key at all", "1.2.3.4 . 0:1 . 5"]
    now = int(float(lab.server.output(["date", "+%s"])) * 1000)
    saved = {"knockwork": 1, "saved_at_ms": now, "sets": {"holders4": [[key, 60000, 50000] for key in keys]}}
    lab.server.write(f"{LIB}/state.json", json.dumps(saved), 0o600)
    _down(lab)
    status, error = _start(knockwork)
    assert status == 0 and "3 of its entries" in error, error
    assert lab.server.output(["nft", "list", "tables"]) == "table inet knockwork\n"
    assert client.tcp(22) == "refused"


def test_a_fingerprint_key_that_cannot_be_used(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """It is for reports: whoever changes something is told, but no gate and no rollback waits for it."""
    knockwork.apply(DECLARATION)
    changed = DECLARATION.replace("7000", "6000")
    knockwork.apply(changed, "--confirm-within", "60s")
    lab.server.write("/etc/knockwork/fingerprint.key", "k" * 32, 0o644)
    assert knockwork.run("rollback").returncode == 0
    assert "7000" in knockwork.listing()
    assert "fingerprint.key" in knockwork.refused("apply")
    knockwork.declare(DECLARATION)
    _down(lab)
    assert _start(knockwork) == (0, "")
    assert client.tcp(22) == "refused"


def test_no_record_of_tokens(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Where none can be written, tokens open nothing: the gate stands all the same. The next apply adds them."""
    knockwork.declare(DECLARATION + TOKEN)
    lab.server.run(["mkdir", "-p", LIB], check=True)
    lab.server.run(["mount", "-t", "tmpfs", "-o", "ro", "none", LIB], check=True)
    status, error = _start(knockwork)
    assert status == 0 and "tokens open nothing until the next apply" in error, error
    assert client.tcp(22) == "refused"
    assert "tokens" not in json.loads(knockwork.run("status", "--json").stdout)
    client.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"
    assert "tokens.json: Read-only" in knockwork.refused("apply")
    lab.server.run(["umount", LIB], check=True)
    knockwork.apply()
    assert json.loads(knockwork.run("status", "--json").stdout)["tokens"]["until"]
    assert knockwork.apply().startswith("Unchanged")


@pytest.mark.parametrize("folder", [LIB, "/run/knockwork"])
def test_read_only(lab: Lab, knockwork: Knockwork, client: Caller, folder: str) -> None:
    knockwork.declare(DECLARATION)
    lab.server.run(["mkdir", "-p", folder], check=True)
    lab.server.run(["mount", "-t", "tmpfs", "-o", "ro", "none", folder], check=True)
    assert _start(knockwork)[0] == 0
    assert client.tcp(22) == "refused"


# As the collection's tasks write: they hold the folder from before the apply until the file is in its place.
WRITER = """\
import fcntl, os, sys
folder = os.open("/etc/knockwork", os.O_RDONLY)
fcntl.flock(folder, fcntl.LOCK_EX)
print("held", flush=True)
text = sys.stdin.read()
with open("/etc/knockwork/knockwork.yml", "w") as file:
    file.write(text)
"""


@pytest.mark.parametrize("options", [(), ("--unattended",)])
def test_a_declaration_that_is_being_written(knockwork: Knockwork, options: tuple[str, ...]) -> None:
    """Nobody puts the old text back over the new one that an Ansible task has just applied."""
    knockwork.apply(DECLARATION)
    writer = knockwork.host.popen(["/usr/bin/python3", "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert writer.stdout and writer.stdout.readline() == "held\n"
    applying = knockwork.host.popen(knockwork.command("apply", *options), stdout=subprocess.DEVNULL)
    with pytest.raises(subprocess.TimeoutExpired):
        applying.wait(0.5)
    assert knockwork.run("apply", "--lock-timeout", "1s").stderr.startswith(
        "knockwork: error: another program is writing to /etc/knockwork: ")
    writer.communicate(DECLARATION.replace("7000", "6000"), timeout=20)
    assert applying.wait(20) == 0
    assert "6000" in knockwork.listing()


def test_status_without_a_gate(lab: Lab, knockwork: Knockwork) -> None:
    """Exit status 3 where something is declared and nothing stands."""
    assert knockwork.run("status").returncode == 0
    knockwork.apply(DECLARATION)
    assert knockwork.run("status").returncode == 0
    _down(lab)
    done = knockwork.run("status")
    assert done.returncode == 3 and "run `knockwork apply`" in done.stdout
    done = knockwork.run("status", "--json")
    assert done.returncode == 3 and json.loads(done.stdout)["declared"] is True
