"""An apply that nobody confirms comes back by itself: with its grants, in time, whatever was killed meanwhile."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

import pytest

from bed import Caller, Lab
from bed.cli import DECLARATION as FILE
from bed.cli import Knockwork
from bed.host import SYSTEM_PATH
from bed.waiting import wait_for

PENDING = "/var/lib/knockwork/pending.json"
ROLLED_BACK = "/var/lib/knockwork/rolled_back.json"
BEFORE = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
    open_for: 1m
  - name: far
    knock: [7100/udp, 8100/udp]
    opens: [80/tcp]
    to: [203.0.113.10, "2001:db8::10"]
    open_for: 1m
"""
# Each would shut out who works over port 22: by a sequence nobody knows, for lack
# of the address in always_allow, on the wrong interface, by another mode.
CUTS_OFF = {
    "wrong sequence": BEFORE.replace("7000/udp", "17000/udp"),
    "own address missing": BEFORE.replace("sequences:", "always_allow: [192.0.2.1]\nsequences:"),
    "sequence gone": "knockwork: 1\nsequences:\n  - {name: ssh, knock: [1/udp, 9/udp], opens: [22/tcp]}\n",
    "stealth": "knockwork: 1\nmode: stealth\nsequences: []\n",
}
WAITS = re.compile(
    r"knockwork: error: apply ([0-9a-f]{8}) has waited for confirmation since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d and will "
    r"be rolled back in \d+[ms]\w*: `knockwork confirm` keeps it, `knockwork rollback` rolls it back now; nothing was "
    r"changed\n")


def _apply(knockwork: Knockwork, text: str, within: str) -> str:
    """The id of the apply that waits now."""
    report = json.loads(knockwork.apply(text, "--confirm-within", within, "--json"))
    identity: str = report["pending"]["id"]
    assert report["changed"] and re.fullmatch("[0-9a-f]{8}", identity), report
    return identity


def _waits(knockwork: Knockwork) -> bool:
    return knockwork.host.run(["test", "-e", PENDING]).returncode == 0


def _wait_for_return(knockwork: Knockwork) -> None:
    wait_for(lambda: not _waits(knockwork), "nobody confirmed: taken back")


def _leftovers(knockwork: Knockwork) -> list[str]:
    """Processes of knockwork on the host."""
    return knockwork.host.run(["pgrep", "-a", "knockwork"]).stdout.splitlines()


def _static(knockwork: Knockwork) -> str:
    return knockwork.table().configuration()


@pytest.mark.parametrize("wrong", CUTS_OFF)
def test_comes_back(knockwork: Knockwork, client: Caller, stranger: Caller, wrong: str) -> None:
    """The table of before, whoever was in still in and for no longer than before, and nothing left behind."""
    knockwork.apply(BEFORE)
    client.knock(7000, 8000, 9000)
    client.knock(7100, 8100)
    assert client.tcp(22) == "open"
    before, static = knockwork.table(), _static(knockwork)
    identity = _apply(knockwork, CUTS_OFF[wrong], "1s")
    _wait_for_return(knockwork)
    after = knockwork.table()
    assert _static(knockwork) == static
    for block in before.blocks:
        if block.dynamic and block.name.startswith(("granted", "reached", "holders")):
            lived, lives = before.live(block.name), after.live(block.name)
            assert lives.keys() == lived.keys(), block.name
            assert all(lives[key] < lived[key] for key in lives), block.name
    assert (client.tcp(22), stranger.tcp(22)) == ("open", "refused")
    wait_for(lambda: not _leftovers(knockwork), "the process that took it back has ended")
    assert knockwork.refused("confirm") == knockwork.refused("rollback", identity) == (
        f"knockwork: error: no apply waits for confirmation: apply {identity} was already rolled back\n")


def test_wrong_interface(knockwork: Knockwork, client: Caller) -> None:
    """The gate on the interface by which one works, instead of the other one."""
    knockwork.apply(BEFORE.replace("sequences:", "interfaces: [wan0]\nsequences:"), "--allow-absent")
    assert client.tcp(22) == "open"
    _apply(knockwork, BEFORE.replace("sequences:", "interfaces: [eth0]\nsequences:"), "1s")
    assert client.tcp(22) == "refused"
    _wait_for_return(knockwork)
    assert client.tcp(22) == "open"


def test_no_table_before(knockwork: Knockwork) -> None:
    """Then there is none afterwards."""
    _apply(knockwork, BEFORE, "1s")
    _wait_for_return(knockwork)
    assert knockwork.run("status").stdout.startswith("No gate")


def test_confirmed(knockwork: Knockwork) -> None:
    """It stays, and the timer of then does nothing."""
    knockwork.apply(BEFORE)
    identity = _apply(knockwork, CUTS_OFF["wrong sequence"], "1s")
    done = knockwork.run("confirm", identity)
    assert (done.returncode, done.stdout, done.stderr) == (
        0, f"Confirmed: apply {identity} is kept.\n", "")
    wait_for(lambda: not _leftovers(knockwork), "the timer has ended")
    assert knockwork.apply().startswith("Unchanged")
    silent = knockwork.run("rollback", "--armed", identity)
    assert (silent.returncode, silent.stdout, silent.stderr) == (0, "", "")
    assert knockwork.apply().startswith("Unchanged")
    assert knockwork.refused("confirm") == (
        "knockwork: error: no apply waits for confirmation: `knockwork apply --confirm-within 60s` creates one, if "
        "something changes\n")


def test_rolled_back_by_hand(knockwork: Knockwork) -> None:
    """At once, and told like any change."""
    knockwork.apply(BEFORE)
    static = _static(knockwork)
    identity = _apply(knockwork, CUTS_OFF["wrong sequence"], "60s")
    assert knockwork.refused("rollback", "0badf00d") == (
        f"knockwork: error: apply {identity} waits for confirmation, not 0badf00d; nothing was changed\n")
    done = knockwork.run("rollback", identity)
    assert re.fullmatch(r"  ~ sequence ssh: knock [0-9a-f]{8} → [0-9a-f]{8}\n\n"
                        r"Changed: 0 added, 1 changed, 0 removed.\n", done.stdout), done
    assert _static(knockwork) == static
    wait_for(lambda: not _leftovers(knockwork), "the timer has ended")


def test_nothing_to_change(knockwork: Knockwork) -> None:
    """Then nothing is armed, in check mode neither."""
    knockwork.apply(BEFORE)
    assert knockwork.apply(None, "--confirm-within", "1s").startswith("Unchanged")
    knockwork.declare(CUTS_OFF["stealth"])
    assert "Plan:" in knockwork.run("apply", "--check", "--confirm-within", "1s").stdout
    assert not _waits(knockwork) and not _leftovers(knockwork)


def test_while_one_waits(knockwork: Knockwork) -> None:
    """Nothing else changes, and is told what to do; who only looks is told too."""
    knockwork.apply(BEFORE)
    identity = _apply(knockwork, CUTS_OFF["wrong sequence"], "60s")
    for command in (["apply"], ["apply", "--confirm-within", "60s"], ["remove"], ["renew", "ssh"]):
        said = WAITS.fullmatch(knockwork.refused(*command))
        assert said and said[1] == identity, command
    for command in (["plan"], ["apply", "--check"]):
        assert f"warning: apply {identity} waits for confirmation" in knockwork.run(*command).stderr
    assert knockwork.run("status").stdout.startswith(f"Apply {identity} has waited for confirmation since ")
    pending = json.loads(knockwork.run("status", "--json").stdout)["pending"]
    assert pending["id"] == identity and 0 < pending["remaining_ms"] <= 60_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", pending["deadline"])
    assert knockwork.host.output(["stat", "-c", "%a", PENDING]) == "600\n"
    knockwork.run("confirm")
    assert "pending" not in json.loads(knockwork.run("status", "--json").stdout)


def test_two_at_once(knockwork: Knockwork) -> None:
    """One is applied, the other refused by its name."""
    knockwork.apply(BEFORE)
    knockwork.declare(CUTS_OFF["wrong sequence"])
    both = [knockwork.host.popen(knockwork.command("apply", "--confirm-within", "60s", "--json"),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    done = sorted(zip((process.returncode for process in both), map(json.loads, outputs)), key=itemgetter(0))
    assert [status for status, _ in done] == [0, 1], done
    (_, applied), (_, refused) = done
    assert f"apply {applied['pending']['id']} has waited for" in refused["error"]["message"]


@pytest.mark.parametrize("text, why", [
    ("900ms", "--confirm-within: 900ms is too short; use 1s to 1h"),
    ("3601s", "--confirm-within: 3601s is too long; use 1s to 1h"),
    ("soon", "--confirm-within: `soon` is not a duration; write it as 5s, 500ms, 1m30s, 2h or 1d"),
])
def test_odd_times(knockwork: Knockwork, text: str, why: str) -> None:
    """Refused before anything happens."""
    knockwork.declare(BEFORE)
    assert knockwork.refused("apply", "--confirm-within", text) == f"knockwork: error: {why}\n"


@pytest.mark.parametrize("after", ["started", "armed", "noted", "committed"])
def test_killed(knockwork: Knockwork, lab: Lab, after: str) -> None:
    """SIGKILL to the process that applies: what it armed lives on, and whatever it left comes back by itself."""
    knockwork.apply(BEFORE)
    static = _static(knockwork)
    knockwork.declare(CUTS_OFF["wrong sequence"])
    process = knockwork.host.popen(knockwork.command("apply", "--confirm-within", "2s"))
    try:
        if after == "armed":
            wait_for(lambda: process.poll() is not None or len(_leftovers(knockwork)) > 1, "the timer is armed")
        elif after == "noted":
            wait_for(lambda: process.poll() is not None or _waits(knockwork), "the note is written")
        elif after == "committed":
            assert process.wait(60) == 0
            assert _static(knockwork) != static
    finally:
        process.kill()
        process.wait(60)
    _wait_for_return(knockwork)
    wait_for(lambda: not _leftovers(knockwork), "nothing is left of it")
    assert _static(knockwork) == static
    lab.client.knock(7000, 8000, 9000)
    assert lab.client.tcp(22) == "open"


def test_timer_died(knockwork: Knockwork) -> None:
    """The next change takes back first what is over, and says so."""
    knockwork.apply(BEFORE)
    identity = _apply(knockwork, CUTS_OFF["wrong sequence"], "2s")
    knockwork.host.run(["pkill", "-KILL", "knockwork"])
    wait_for(lambda: json.loads(knockwork.run("status", "--json").stdout)["pending"]["remaining_ms"] == 0,
             "the time is over")
    knockwork.declare(BEFORE)
    done = knockwork.run("apply")
    assert done.stderr == f"warning: apply {identity} was not confirmed: it was rolled back first\n"
    assert re.fullmatch(r"  ~ sequence ssh: knock [0-9a-f]{8} → [0-9a-f]{8}\n\n"
                        r"Changed: 0 added, 1 changed, 0 removed.\n", done.stdout), done
    assert knockwork.apply().startswith("Unchanged")


def test_confirmed_too_late(knockwork: Knockwork, lab: Lab) -> None:
    """Where nobody has rolled it back in time, that is done first."""
    knockwork.apply(BEFORE)
    static = _static(knockwork)
    identity = _apply(knockwork, CUTS_OFF["wrong sequence"], "2s")
    knockwork.host.run(["pkill", "-KILL", "knockwork"])
    wait_for(lambda: json.loads(knockwork.run("status", "--json").stdout)["pending"]["remaining_ms"] == 0,
             "the time is over")
    assert knockwork.refused("confirm") == (
        f"knockwork: error: apply {identity} is not confirmed: its time is up, and it was rolled back\n")
    assert _static(knockwork) == static and not _waits(knockwork)
    lab.client.knock(7000, 8000, 9000)
    assert lab.client.tcp(22) == "open"


def test_no_room_for_the_grants_of_before(knockwork: Knockwork) -> None:
    """Where others came in meanwhile, the table comes back without them."""
    full = BEFORE.replace("sequences:", "sources: 16\nsequences:")
    knockwork.apply(full)
    static = _static(knockwork)
    for number in range(16):
        assert knockwork.run("grant", f"192.0.2.{number + 1}", "--sequence", "ssh", "--for", "10m").returncode == 0
    _apply(knockwork, full.replace("7000/udp", "17000/udp"), "60s")
    knockwork.host.nft("flush set inet knockwork holders4; flush set inet knockwork granted4")
    for number in range(16):
        assert knockwork.run("grant", f"198.51.100.{number + 1}", "--sequence", "far", "--for", "10m").returncode == 0
    done = knockwork.run("rollback")
    assert done.returncode == 0, done.stderr
    assert _static(knockwork) == static
    granted = knockwork.run("status", "--json").stdout
    assert granted.count("198.51.100.") >= 16 and "previous grants are lost" in done.stderr


@pytest.fixture
def full_disk(knockwork: Knockwork) -> Iterator[None]:
    """/var/lib/knockwork without a byte left."""
    knockwork.host.run(["mkdir", "-p", "/var/lib/knockwork"])
    knockwork.host.run(["mount", "-t", "tmpfs", "-o", "size=8k,mode=700", "none", "/var/lib/knockwork"], check=True)
    yield
    knockwork.host.run(["umount", "-l", "/var/lib/knockwork"])


def test_no_room_for_the_note(knockwork: Knockwork, full_disk: None) -> None:
    """No note, no commit."""
    knockwork.apply(BEFORE)
    static = _static(knockwork)
    knockwork.host.run(["sh", "-c", "head -c 100000 /dev/zero > /var/lib/knockwork/filler"])
    knockwork.declare(CUTS_OFF["wrong sequence"])
    assert knockwork.refused("apply", "--confirm-within", "60s") == (
        "knockwork: error: cannot write /var/lib/knockwork/pending.json: No space left on device: free some space "
        "there and run again; nothing was changed\n")
    assert _static(knockwork) == static
    wait_for(lambda: not _leftovers(knockwork), "what was armed has ended", 5)


def test_table_changed_meanwhile(knockwork: Knockwork) -> None:
    """What would be confirmed is not what was applied: refused, and taken back in time."""
    knockwork.apply(BEFORE)
    static = _static(knockwork)
    identity = _apply(knockwork, CUTS_OFF["wrong sequence"], "2s")
    knockwork.host.nft("flush chain inet knockwork knock")
    assert re.fullmatch(
        rf"knockwork: error: apply {identity} is not confirmed, and will be rolled back in \ds: the table is not the "
        rf"one that it created; look at `knockwork plan`\n", knockwork.refused("confirm"))
    _wait_for_return(knockwork)
    assert _static(knockwork) == static


# A stand-in that records what it was asked for and does it. Nothing of systemd itself is tried here.
SYSTEMD_RUN = """\
#!/bin/bash
echo "$@" >> /run/systemd-run.said
for word; do case $word in --on-active=*ms) wait=${word#*=}; wait=${wait%ms};; --*) ;; *) break;; esac; shift; done
setsid sh -c "sleep $((wait / 1000)); exec $*" > /dev/null 2>&1 &
"""


def test_with_systemd(knockwork: Knockwork) -> None:
    """A transient timer with the apply's id, and no process of ours; a confirmation stops it."""
    host = knockwork.host
    host.run(["mkdir", "-p", "/run/systemd/system"])
    host.write("/run/bin/systemd-run", SYSTEMD_RUN, 0o755)
    host.write("/run/bin/systemctl", '#!/bin/sh\necho "$@" >> /run/systemctl.said\n', 0o755)
    env = {"PATH": f"/run/bin:{SYSTEM_PATH}"}
    knockwork.apply(BEFORE)
    static = _static(knockwork)
    knockwork.declare(CUTS_OFF["wrong sequence"])
    done = knockwork.run("apply", "--confirm-within", "1s", "--json", env=env)
    identity = json.loads(done.stdout)["pending"]["id"]
    assert host.read("/run/systemd-run.said") == (
        f"--quiet --unit=knockwork-revert-{identity} --description=knockwork: roll back an unconfirmed apply "
        "--collect --on-active=1000ms --timer-property=AccuracySec=100ms --timer-property=RemainAfterElapse=no "
        f"{knockwork.command()[0]} rollback --armed {identity}\n")
    assert [line for line in _leftovers(knockwork) if "--armed" not in line] == []
    _wait_for_return(knockwork)
    assert _static(knockwork) == static
    identity = json.loads(knockwork.run("apply", "--confirm-within", "60s", "--json", env=env).stdout)["pending"]["id"]
    assert knockwork.run("confirm", env=env).returncode == 0
    assert host.read("/run/systemctl.said") == f"--quiet stop knockwork-revert-{identity}.timer\n"


def test_systemd_that_fails(knockwork: Knockwork) -> None:
    """Then a process of its own does it."""
    knockwork.host.run(["mkdir", "-p", "/run/systemd/system"])
    knockwork.host.write("/run/bin/systemd-run", "#!/bin/sh\nexit 1\n", 0o755)
    knockwork.declare(BEFORE)
    done = knockwork.run("apply", "--confirm-within", "1s", env={"PATH": f"/run/bin:{SYSTEM_PATH}"})
    assert done.returncode == 0 and len(_leftovers(knockwork)) == 1
    _wait_for_return(knockwork)
    assert knockwork.run("status").stdout.startswith("No gate")


# ----- the system's own applies: boot, and reloads of nftables.service -----


def _reboot(knockwork: Knockwork) -> None:
    """What a boot takes: the table, /run, every process; and the boot id is another one."""
    knockwork.host.run(["pkill", "-KILL", "knockwork"])
    knockwork.host.nft("delete table inet knockwork")
    knockwork.host.run(["rm", "-rf", "/run/knockwork"])
    if _waits(knockwork):
        note = json.loads(knockwork.host.read(PENDING))
        note["boot"] = "another"
        knockwork.host.write(PENDING, json.dumps(note), 0o600)


def test_boot_while_one_waits(knockwork: Knockwork, client: Caller) -> None:
    """The boot brings the table of before, with its grants; and every boot after it, until somebody applies."""
    knockwork.apply(BEFORE)
    client.knock(7000, 8000, 9000)
    static = _static(knockwork)
    identity = _apply(knockwork, CUTS_OFF["wrong sequence"], "60s")
    _reboot(knockwork)
    done = knockwork.run("apply", "--unattended")
    kept = (f"warning: apply {identity} was rolled back, and the declaration has not changed since: the previous table "
            f"is kept. Correct the declaration and run `knockwork apply`\n")
    assert (done.returncode, done.stderr) == (
        0, f"warning: apply {identity} was not confirmed: it was rolled back first\n" + kept)
    assert _static(knockwork) == static
    assert client.tcp(22) == "open"
    _reboot(knockwork)
    done = knockwork.run("apply", "--unattended")
    assert (done.returncode, done.stderr, _static(knockwork)) == (0, kept, static)
    assert knockwork.apply().startswith("  ~ sequence ssh"), "somebody wants it all the same"
    _reboot(knockwork)
    done = knockwork.run("apply", "--unattended")
    assert (done.returncode, done.stderr) == (0, "")
    assert _static(knockwork) != static


def test_boot_without_a_table_before(knockwork: Knockwork) -> None:
    """Nothing comes back where nothing was."""
    _apply(knockwork, BEFORE, "60s")
    _reboot(knockwork)
    assert "the previous table is kept" in knockwork.run("apply", "--unattended").stderr
    assert knockwork.run("status").stdout.startswith("No gate")


def test_flushed_while_one_waits(knockwork: Knockwork) -> None:
    """A reload of nftables.service brings about what waits, once more, and only that; it waits on."""
    knockwork.apply(BEFORE)
    before = _static(knockwork)
    identity = _apply(knockwork, CUTS_OFF["wrong sequence"], "60s")
    applied = _static(knockwork)
    knockwork.host.nft("delete table inet knockwork")
    assert knockwork.run("apply", "--unattended").returncode == 0
    assert _static(knockwork) == applied and _waits(knockwork)
    knockwork.declare(BEFORE)
    assert WAITS.fullmatch(knockwork.refused("apply", "--unattended"))
    assert knockwork.run("rollback", identity).returncode == 0
    assert _static(knockwork) == before


def test_corrected_declaration(knockwork: Knockwork) -> None:
    """Only what was rolled back is kept out."""
    knockwork.apply(BEFORE)
    _apply(knockwork, CUTS_OFF["wrong sequence"], "60s")
    knockwork.run("rollback")
    knockwork.declare(BEFORE.replace("22/tcp", "80/tcp"))
    done = knockwork.run("apply", "--unattended")
    assert done.returncode == 0 and "opens" in done.stdout
    assert done.stderr.startswith("warning: the services that ssh opened are no longer protected")
    assert json.loads(knockwork.host.read(ROLLED_BACK))["knockwork"] == 1


def test_status_says_why_a_period_stays(knockwork: Knockwork) -> None:
    """The timer applies no declaration that was rolled back: clients go on to the next epoch, this host does not."""
    knockwork.run("derive", "new-secret", "/etc/knockwork/secret")
    text = ("knockwork: 1\nsequences:\n  - name: ssh\n    opens: [22/tcp]\n"
            "    derive: {secret_file: /etc/knockwork/secret, length: 3, period: 1d}\n")
    knockwork.apply(text)
    identity = _apply(knockwork, text.replace("22/tcp", "80/tcp"), "60s")
    knockwork.run("rollback")
    said = (f"apply {identity} was rolled back: the previous table is kept, and sequences with `period` keep their "
            "epoch, until you correct the declaration and run `knockwork apply`")
    assert said in json.loads(knockwork.run("status", "--json").stdout)["warnings"]
    knockwork.apply(text)
    assert said not in json.loads(knockwork.run("status", "--json").stdout)["warnings"]


@pytest.mark.parametrize("over", [False, True])
def test_no_rotation_applies_what_was_rolled_back(knockwork: Knockwork, over: bool) -> None:
    """Nor what nobody took back in time; nothing is written, and an apply by hand ends it."""
    knockwork.apply(BEFORE)
    identity = _apply(knockwork, CUTS_OFF["wrong sequence"], "1s" if over else "60s")
    if over:
        knockwork.host.run(["pkill", "-KILL", "knockwork"])
        wait_for(lambda: json.loads(knockwork.run("status", "--json").stdout)["pending"]["remaining_ms"] == 0,
                 "the time is over")
    else:
        knockwork.run("rollback")
    before = _static(knockwork)
    for options in ("", "--check"):
        assert knockwork.refused("epoch", "publish", "1", *options.split()) == (
            f"knockwork: error: apply {identity} was not confirmed, and the declaration has not changed since: a "
            "rotation does not apply it. Correct it, run `knockwork apply`, and rotate then; nothing was changed\n")
    assert _static(knockwork) == before
    assert knockwork.run("epoch", "show").stdout == "This host accepts epoch 0.\n"
    knockwork.apply()
    assert knockwork.run("epoch", "publish", "1").returncode == 0


# ----- files that go with it, and proofs: what Ansible asks for -----


def _call(knockwork: Knockwork, command: str, **more: object) -> dict[str, object]:
    version = knockwork.run("--version").stdout.split()[1]
    request: dict[str, object] = {"version": version, "command": command, **more}
    answer: dict[str, object] = json.loads(knockwork.run("call", input=json.dumps(request)).stdout)
    return answer


def _call_apply(knockwork: Knockwork, text: str, files: list[dict[str, object]], within: str = "60s") -> str:
    answer = _call(knockwork, "apply", confirm_within=within, files=files,
                   sources=[{"kind": "declaration", "name": "options", "text": text}])
    assert answer["ok"], answer
    identity: str = answer["report"]["pending"]["id"]  # type: ignore[index]
    return identity


def test_files_come_back(knockwork: Knockwork) -> None:
    """Changed, new and removed ones; not one that somebody else changed meanwhile."""
    host = knockwork.host
    knockwork.apply(BEFORE)
    files = {"changed": ("old\n", "new\n"), "added": (None, "new\n"), "removed": ("old\n", None),
             "foreign": ("old\n", "new\n"), "untouched": ("old\n", "new\n")}
    for name, (old, _) in files.items():
        if old is not None:
            host.write(f"/etc/knockwork/{name}", old)
    _call_apply(knockwork, CUTS_OFF["stealth"],
                [{"path": f"/etc/knockwork/{name}", "before": old, "after": new}
                 for name, (old, new) in files.items()])
    for name in ("changed", "added"):
        host.write(f"/etc/knockwork/{name}", "new\n")
    host.run(["rm", "/etc/knockwork/removed"])
    host.write("/etc/knockwork/foreign", "mine\n")
    done = knockwork.run("rollback")
    assert done.stderr == ("warning: /etc/knockwork/foreign was changed by someone else in the meantime, and was not "
                           "restored\n")
    found = {name: host.run(["cat", f"/etc/knockwork/{name}"]).stdout for name in files}
    assert found == {"changed": "old\n", "added": "", "removed": "old\n", "foreign": "mine\n",
                     "untouched": "old\n"}
    assert host.run(["test", "-e", "/etc/knockwork/added"]).returncode == 1
    assert host.read(FILE) == BEFORE


def test_files_of_an_apply_that_nobody_rolled_back(knockwork: Knockwork) -> None:
    """Whoever comes next has read them before they came back: nothing is applied that lies on no disk."""
    wrong = CUTS_OFF["wrong sequence"]
    knockwork.apply(BEFORE)
    before = _static(knockwork)
    _call_apply(knockwork, wrong, [{"path": FILE, "before": BEFORE, "after": wrong}], "1s")
    knockwork.declare(wrong)
    knockwork.host.run(["pkill", "-KILL", "knockwork"])
    wait_for(lambda: json.loads(knockwork.run("status", "--json").stdout)["pending"]["remaining_ms"] == 0,
             "the time is over")
    assert knockwork.refused("apply") == (
        "knockwork: error: an earlier apply was not confirmed: it was rolled back, with its files; nothing else was "
        "changed. Run again\n")
    assert knockwork.host.read(FILE) == BEFORE and _static(knockwork) == before
    assert knockwork.apply().startswith("Unchanged")


def test_proofs(knockwork: Knockwork, client: Caller, lab: Lab) -> None:
    """Who confirms has to have come in since: a grant from before proves nothing, a knock since then does."""
    wider = BEFORE.replace("open_for: 1m", "open_for: 2m")
    over = f"{client.source} 40000 {client.target} 22"
    knockwork.apply(BEFORE)
    client.knock(7000, 8000, 9000)
    identity = _call_apply(knockwork, wider, [])
    answer = _call(knockwork, "confirm", prove=True, ssh_connection=over)
    error: dict[str, str] = answer["error"]  # type: ignore[assignment]
    assert re.fullmatch(rf"apply {identity} is not confirmed, and will be rolled back in \d+\w+: {client.source} has "
                        rf"not connected since then: an old grant proves nothing. Knock, reconnect and confirm over "
                        rf"the new connection", error["message"]), answer
    client.knock(7000, 8000, 9000)
    answer = _call(knockwork, "confirm", prove=True, ssh_connection=over)
    assert answer["ok"] and answer["report"]["changes"] == [  # type: ignore[index]
        {"kind": "change", "object": "apply", "name": identity, "before": "waits", "after": "kept",
         "why": "confirmed"}]
    _call_apply(knockwork, BEFORE.replace("sequences:", f'always_allow: ["{client.source}"]\nsequences:'), [])
    assert _call(knockwork, "confirm", id="", prove=True, ssh_connection=over)["ok"]
    _call_apply(knockwork, BEFORE, [])
    other = lab.stranger if client is lab.client else lab.stranger6
    answer = _call(knockwork, "confirm", prove=True, ssh_connection=f"{other.source} 40000 {client.target} 22")
    error = answer["error"]  # type: ignore[assignment]
    assert "an older connection proves nothing" in error["message"]
    over = over.removesuffix("22") + "80"
    assert _call(knockwork, "confirm", prove=True, ssh_connection=over)["ok"], "80 is not protected here"


def test_use_proves_nothing(knockwork: Knockwork, client: Caller) -> None:
    """What the session of before renews by its use, or a hand gives, is young; only a knock is a proof."""
    text = BEFORE.replace("open_for: 1m", "open_for: 2s\n    prolong: true", 1)
    over = f"{client.source} 40000 {client.target} 22"
    knockwork.apply(text)
    client.knock(7000, 8000, 9000)
    session = client.connect(22)
    _call_apply(knockwork, text.replace("sequences:", "always_allow: [192.0.2.1]\nsequences:"), [])
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        assert session.works()
    assert client.tcp(22) == "open"
    for _ in range(2):
        error: dict[str, str] = _call(knockwork, "confirm", prove=True,
                                      ssh_connection=over)["error"]  # type: ignore[assignment]
        assert "an old grant proves nothing" in error["message"]
        assert knockwork.run("grant", client.source, "--sequence", "ssh", "--for", "20s").returncode == 0
    client.knock(7000, 8000, 9000)
    assert _call(knockwork, "confirm", prove=True, ssh_connection=over)["ok"]
