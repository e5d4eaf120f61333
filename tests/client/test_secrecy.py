"""No port and no secret is seen by others: not in argument lists or environments, not in ssh's log, not in syslog."""

import re
import subprocess
import threading
from collections.abc import Iterator

import pytest

from bed import Bed
from bed.host import Host
from visitor import DECLARATION, PROFILE, Visitor

SECRET = "aGVyZSBpcyBhIHNlY3JldCB0aGF0IG5vYm9keSBzZWVz"
PORTS = ("47011", "48123", "49377")
JOURNAL = "/run/journal"
LISTENER = f"""
import socket
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard, open("{JOURNAL}", "ab", 0) as journal:
    heard.bind("/dev/log")
    while True:
        journal.write(heard.recv(65536) + b"\\n")
"""
# Every argument list and environment that comes by, until the pipe ends.
WATCH = """
import glob, select, sys
seen = set()
while not select.select([sys.stdin], [], [], 0)[0]:
    for name in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
        try:
            seen.add(open(name, "rb").read().replace(b"\\0", b" ").decode(errors="replace"))
        except OSError:
            pass
print("\\n".join(sorted(seen)))
"""


@pytest.fixture(autouse=True)
def journals(bed: Bed) -> Iterator[list[Host]]:
    """Both sides with a syslog of their own."""
    hosts = [bed.controller, bed.hosts["host1"]]
    for host in hosts:
        if host.run(["test", "-S", "/dev/log"]).returncode:
            layers = "lowerdir=/dev,upperdir=/run/dev/upper,workdir=/run/dev/work"
            host.run(["mkdir", "-p", "/run/dev/upper", "/run/dev/work"], check=True)
            host.run(["mount", "-t", "overlay", "dev", "/dev", "-o", layers], check=True)
            host.run(["rm", "-f", "/dev/log"], check=True)  # systemd's leads to its journal, which is not here
            host.spawn(["/usr/bin/python3", "-c", LISTENER])
            host.run(["/bin/sh", "-c", "while ! test -S /dev/log; do sleep 0.1; done"], check=True, timeout=10)
        host.write(JOURNAL, "")
    yield hosts


def assert_silent(text: str) -> None:
    """No port as a number of its own, in decimal or in hexadecimal, and no secret."""
    for word in (*PORTS, *(f"{int(port):04x}" for port in PORTS), SECRET):
        found = re.search(rf"(?<![\w.]){word}(?![\w.])", text, re.IGNORECASE)
        assert found is None, text[max(0, found.start() - 300):found.end() + 300]


def watched(visitor: Visitor, *argv: str) -> tuple["subprocess.CompletedProcess[str]", str]:
    """A command on the controller; every argument list and environment there meanwhile."""
    watch = visitor.host.popen(["/usr/bin/python3", "-c", WATCH], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert watch.stdin and watch.stdout
    seen: list[str] = []
    reader = threading.Thread(target=lambda: seen.append(watch.stdout.read()))  # type: ignore[union-attr]
    reader.start()
    done = visitor.host.run(list(argv))
    watch.stdin.close()
    reader.join()
    watch.wait()
    return done, seen[0]


@pytest.mark.parametrize("fdpass", ["yes", "no"])
def test_ssh(gated: Visitor, journals: list[Host], fdpass: str) -> None:
    """-vvv tells everything that ssh does, the processes what they are, syslog what they say."""
    gated.shut()
    done, processes = watched(gated, "ssh", "-vvv", "-o", "ProxyCommand=knockwork connect --delay 200ms %h %p", "-o",
                              f"ProxyUseFdpass={fdpass}", "host1", "sleep 0.3; hostname")
    assert (done.returncode, done.stdout) == (0, "host1\n")
    assert "knockwork connect --delay 200ms host1 22" in processes and "Executing proxy" in done.stderr
    assert_silent(done.stderr + processes + "".join(host.read(JOURNAL) for host in journals))


@pytest.mark.parametrize("words", [
    "knock host1 --delay 200ms", "knock host1 --delay 100ms --wait-open 22 --json", "knock host1 --wait-open 443",
    "connect host1 443", "knock host1 --delay 1s"])
def test_knock(gated: Visitor, journals: list[Host], words: str) -> None:
    """Whether it works or not."""
    gated.shut(DECLARATION.replace("2s", "1s"))
    done, processes = watched(gated, "knockwork", *words.split())
    assert f"knockwork {words}" in processes or done.returncode == 1
    assert_silent(done.stdout + done.stderr + processes + "".join(host.read(JOURNAL) for host in journals))


def test_a_door_that_stays_shut(gated: Visitor) -> None:
    """Retries and errors say nothing of the knocks either."""
    gated.shut()
    gated.profile(gated.host.read(PROFILE).replace("49377", "47011").replace('"2s"', '"100ms"'))
    for words in ("knock host1 --wait-open 22", "connect host1 22"):
        done, processes = watched(gated, "knockwork", *words.split(), "--retries", "1", "--delay", "0")
        assert done.returncode == 3
        assert_silent(done.stdout + done.stderr + processes)


def test_faults_for_programs(gated: Visitor) -> None:
    """What goes to logs has no line of the profile; a person sees it, whose it is."""
    gated.profile(f"knockwork: 1\nhosts:\n  - host: host1\n    sequences:\n      - {{name: ssh, knock: [{PORTS[0]}/udp,"
                  f" {PORTS[1]}/sctp], opens: [22/tcp]}}\n")
    for words in ("connect host1 22", "knock host1 --json"):
        done = gated.run(*words.split())
        assert done.returncode == 1
        assert_silent(done.stdout + done.stderr)


def test_derived(gated: Visitor, journals: list[Host]) -> None:
    """Neither the secret of a derived sequence nor what is drawn from it."""
    for host in (gated.host, gated.gate.host):
        host.write("/root/secret", f"master:{SECRET}\n", 0o600)
    gated.shut("knockwork: 1\nsequences:\n  - name: ssh\n    opens: [22/tcp]\n"
               "    derive: {secret_file: /root/secret, host: host1, length: 4, epoch: 7}\n")
    drawn = re.findall(r"(\d+)/udp", gated.gate.run("status", "--reveal").stdout
                       + gated.gate.run("derive", "show", "--reveal").stdout)
    done, processes = watched(gated, "ssh", "-vvv", "-o", "ProxyCommand=knockwork connect --delay 200ms %h %p",
                              "host1", "hostname")
    assert (done.returncode, done.stdout) == (0, "host1\n")
    said = done.stderr + processes + "".join(host.read(JOURNAL) for host in journals)
    assert_silent(said)
    assert drawn and not [port for port in drawn if re.search(rf"(?<![\w.]){port}(?![\w.])", said)]


@pytest.mark.parametrize("person", [True, False], ids=["key", "secret"])
def test_tokens(gated: Visitor, journals: list[Host], person: bool) -> None:
    """Neither their port nor a key, whether they open or not; what is remembered of them has none either."""
    for host in (gated.host, gated.gate.host):
        host.write("/root/secret", f"master:{SECRET}\n", 0o600)
    gated.gate.apply(f"knockwork: 1\nsequences:\n  - name: ssh\n    opens: [22/tcp]\n"
                     f"    token: {{port: {PORTS[0]}, secret_file: /root/secret, host: host1}}\n")
    export = gated.gate.command("export", "--host", "host1", *(["--for", "ssh"] if person else []))
    gated.profile(gated.gate.host.output(export))
    key = re.search(r'"key":"(.*?)"', gated.host.read(PROFILE))
    assert bool(key) == person
    done, processes = watched(gated, "ssh", "-vvv", "-o", "ProxyCommand=knockwork connect %h %p", "host1", "hostname")
    assert (done.returncode, done.stdout) == (0, "host1\n")
    said = done.stderr + processes
    gated.gate.host.nft("flush map inet knockwork tokens\n")
    gated.gate.run("revoke", "--all")
    for words in ("connect host1 22", "knock host1 --json"):
        done, processes = watched(gated, "knockwork", *words.split(), "--retries", "5")
        assert done.returncode == 3
        said += done.stdout + done.stderr + processes
    said += gated.host.read("/root/.local/state/knockwork/tokens") + "".join(host.read(JOURNAL) for host in journals)
    gated.host.run(["rm", "-rf", "/root/.local/state/knockwork"], check=True)
    assert_silent(said)
    assert not key or key.group(1)[:20] not in said
