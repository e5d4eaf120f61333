"""The client against a table of tokens: how many packets it takes, what it remembers, and what it says."""

import base64
import itertools
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from bed import Lab
from bed.cli import ROOT, Knockwork
from bed.derivation import host_key
from bed.lab import SERVER
from bed.rough import RoughLab, Roughness
from bed.tokens import fill, sequence_key, token, window

MASTER = b"0123456789abcdef0123456789abcdef"
SECRET = base64.b64encode(MASTER).decode()
HOST_KEY = host_key(MASTER, "web1")
KEY = sequence_key(HOST_KEY, "ssh")
PORT = 41873
MEMORY = "/root/.local/state/knockwork/tokens"
PROFILE = "/root/.config/knockwork/hosts.yml"
SEQUENCE = "  - {name: %s, opens: [22/tcp], token: {port: 41873, secret_file: /etc/knockwork/secret, host: web1}}\n"
EVERY_KIND = "knockwork: 1\nsequences:\n" + SEQUENCE % "ssh" + """\
  - {name: written, opens: [22/tcp], knock: [7000, 8000]}
  - {name: drawn, opens: [22/tcp], derive: {secret_file: /etc/knockwork/secret, host: web1, length: 3, epoch: 7}}
"""
# netcat, as far as it matters here: `nc -u -w1 HOST PORT`.
NC = """\
#!/usr/bin/python3
import os, socket, sys
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(os.read(0, 16384), (sys.argv[3], int(sys.argv[4])))
"""
ADDRESSES = itertools.count(1 << 8)
COUNT, AT_ONCE, SECONDS = 200, 20, 5
VISITORS = """
visit() {
  begin=$(date +%s%N)
  said=$("$program" knock gate --sequence "p$2" --source "10.200.1.$2" --json 2>&1)
  echo "$(($(date +%s%N) - begin)) $? $said"
}
for batch in $(seq 0 $((count / at_once - 1))); do
  for number in $(seq 1 "$at_once"); do visit "$batch" "$((batch * at_once + number))" & done
  wait
done | cat
"""


def shut(lab: Lab, settings: str = "", names: tuple[str, ...] = ("ssh",), address: str = SERVER[0]) -> Knockwork:
    """A gate; the callers have the profile that its host exports: for one person, or the whole with the secret."""
    server = Knockwork(lab.server)
    secret = f"master:{SECRET}\n"
    lab.server.write("/etc/knockwork/secret", secret, 0o600)
    server.apply(f"knockwork: 1\n{settings}sequences:\n" + "".join(SEQUENCE % name for name in names))
    person = ["--for", names[0]] if len(names) == 1 else []
    export = server.command("export", *person, "--host", "gate", "--address", address)
    lab.callers.write(PROFILE, server.host.output(export), 0o600)
    if not person:
        lab.callers.write("/etc/knockwork/secret", secret, 0o600)
    return server


def windows(losses: int = 0, first: int = -8, last: int = 40, key: bytes = KEY) -> list[bytes]:
    """The tokens of these windows, counted from now."""
    return [token(key, window() + each, losses) for each in range(first, last + 1)]


def run(lab: Lab, *arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    """The command on the callers' side."""
    return lab.callers.run(Knockwork(lab.callers).command(*arguments), timeout=60, **options)  # type: ignore[arg-type]


def rounds(lab: Lab, *options: str) -> int:
    """How many tokens a visit takes that gets in, from an address that has no grant yet."""
    address = next(ADDRESSES)
    said = json.loads(run(lab, "knock", "gate", "--json", "--source", f"10.200.{address >> 8}.{address & 255}",
                          *options).stdout)
    assert said["outcome"] == "open", said
    number: int = said["rounds"]
    return number


def datagrams(lab: Lab, action: Callable[[], object]) -> list[bytes]:
    """What is sent to the token port meanwhile."""
    capture: int = lab.callers.call("start_capture", "eth0")
    action()
    frames: list[tuple[bool, bytes]] = lab.callers.call("stop_capture", capture, 0.0)
    payloads = []
    for incoming, frame in frames:
        header, protocol = (40, frame[6]) if frame[0] >> 4 == 6 else ((frame[0] & 15) * 4, frame[9])
        if not incoming and protocol == 17 and frame[header + 2:header + 4] == PORT.to_bytes(2, "big"):
            payloads.append(frame[header + 8:])
    return payloads


@pytest.mark.parametrize("settings", ["", "refuse: drop\n", "mode: stealth\n"], ids=["gate", "drop", "stealth"])
@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
def test_one_packet_opens(lab: Lab, family: int, settings: str) -> None:
    """By a person's key alone; the same bytes from someone else open nothing."""
    server = shut(lab, settings, address=SERVER[family])
    fill(server, "ssh", windows())
    sent = datagrams(lab, lambda: run(lab, "knock", "gate", check=True))
    assert len(sent) == 1 and 16 <= len(sent[0]) <= 512
    assert sent[0][:16] in windows(first=-1, last=0)
    mine, other = (lab.client, lab.stranger) if family == 0 else (lab.client6, lab.stranger6)
    lab.callers.run(["/usr/bin/python3", "-c",
                     "import socket, sys; s = socket.socket(2 if '.' in sys.argv[1] else 10, 2);"
                     "s.bind((sys.argv[1], 0)); s.sendto(bytes.fromhex(sys.argv[3]), (sys.argv[2], 41873))",
                     other.source, other.target, sent[0].hex()], check=True)
    assert other.tcp(22) != "open" and mine.tcp(22) == "open"


def test_the_shell_client_opens(lab: Lab) -> None:
    """docs/clients/knock.sh with what a person's profile has."""
    fill(shut(lab), "ssh", windows())
    lab.callers.write("/root/bin/nc", NC, 0o700)
    lab.callers.write("/root/web1", f"{SERVER[0]} {PORT} {base64.b64encode(KEY).decode()} 15\n", 0o600)
    lab.callers.run([str(ROOT / "docs/clients/knock.sh"), "/root/web1"], check=True,
                    env={"PATH": f"/root/bin:{os.environ['PATH']}"})
    assert lab.client.tcp(22) == "open" and lab.stranger.tcp(22) == "refused"


def test_lengths_differ(lab: Lab) -> None:
    server = shut(lab)
    fill(server, "ssh", windows())
    sizes = {len(each) for each in datagrams(
        lab, lambda: [run(lab, "knock", "gate", "--no-prove", check=True) for _ in range(12)])}
    assert len(sizes) > 6 and min(sizes) >= 16 and max(sizes) <= 512


def test_a_second_use_takes_the_next_window(lab: Lab) -> None:
    """Also in another process, without an attempt too many; the file is private and tells nothing."""
    fill(shut(lab), "ssh", windows())
    assert [rounds(lab) for _ in range(5)] == [1] * 5
    assert lab.callers.output(["/usr/bin/stat", "-c", "%a", MEMORY]) == "600\n"
    kept = lab.callers.read(MEMORY)
    assert re.fullmatch(r"[0-9a-f]{32}/15000 \d+ \d+\n", kept)
    assert KEY.hex()[:16] not in kept and base64.b64encode(KEY).decode()[:12] not in kept


def test_several_at_once(lab: Lab) -> None:
    """No two send the same token."""
    fill(shut(lab), "ssh", windows())
    program = Knockwork(lab.callers).command()[0]
    done = lab.callers.run(["/bin/sh", "-c",
                            f"for i in $(seq 1 12); do {program} knock gate --source 10.200.0.$i --json & done | cat"],
                           timeout=60)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["outcome"], each["rounds"]) for each in said] == [("open", 1)] * 12


def test_what_the_host_itself_loads(lab: Lab) -> None:
    """A profile with the secret, a profile with the key, and a host that lost its table three times."""
    server = shut(lab)
    assert rounds(lab) == 1
    for lost in range(1, 4):
        lab.server.nft("flush ruleset\n")
        server.apply()
        assert rounds(lab, "--retries", "4") == 3, lost  # it remembers the losses before
    lab.callers.run(["/bin/rm", "-r", MEMORY], check=True)
    assert rounds(lab, "--retries", "4") == 5


def test_a_burst(lab: Lab) -> None:
    """Thirty uses in a row take the tokens that the host has for later, one each."""
    shut(lab)
    assert [rounds(lab) for _ in range(30)] == [1] * 30


def test_a_host_that_has_its_tokens_a_moment_later(lab: Lab) -> None:
    """As after a boot: the first token is sent again, until there is one who knows it."""
    server = shut(lab)
    fill(server, "ssh", [])
    command = Knockwork(lab.callers).command("knock", "gate", "--json")
    visit = lab.callers.popen(command, stdout=subprocess.PIPE)
    time.sleep(2.5)
    fill(server, "ssh", windows(last=0))
    said, _ = visit.communicate(timeout=30)
    assert json.loads(said)["outcome"] == "open"


def test_a_profile_for_one_person(lab: Lab) -> None:
    """Of each kind of sequence what opens it, and nothing else of the host."""
    server = shut(lab)
    server.declare(EVERY_KIND)
    export = ("export", "--host", "gate", "--address", SERVER[0], "--for")
    told = server.run(*export, "ssh")
    assert told.stdout == (
        'knockwork: 1\nhosts:\n  - host: "gate"\n    address: "10.77.0.10"\n    lockout: "5s"\n    sequences:\n'
        '      - name: "ssh"\n        opens: ["22/tcp"]\n        open_for: "30s"\n'
        f'        token: {{"port":"41873/udp","key":"{base64.b64encode(KEY).decode()}","period":"15s"}}\n')
    assert told.stderr == ""
    assert "7000/udp" in server.run(*export, "written").stdout
    drawn = server.run(*export, "drawn")
    assert re.search(r'knock: \["\d+/udp","\d+/udp","\d+/udp"\]\n', drawn.stdout)
    assert "secret" not in drawn.stdout + told.stdout and "derive" not in drawn.stdout
    assert drawn.stderr == ("warning: the knocks of drawn are those of epoch 7 and end with it: export them again then,"
                            " or declare `token`\n")
    assert server.run(*export, "nobody").stderr == (
        "knockwork: error: the declaration has no sequence nobody: it has ssh, written, drawn\n")
    lab.callers.write(PROFILE, drawn.stdout, 0o600)
    server.apply()
    assert rounds(lab) == 1


def test_where_the_memory_is(lab: Lab) -> None:
    fill(shut(lab), "ssh", windows())
    for home in ("/run/state", "relative"):
        assert run(lab, "knock", "gate", env={"XDG_STATE_HOME": home}).returncode == 0
    assert lab.callers.read("/run/state/knockwork/tokens").startswith(lab.callers.read(MEMORY)[:33])


@pytest.mark.parametrize("settings", ["", "refuse: drop\n"], ids=["answers", "silent"])
@pytest.mark.parametrize("losses", [1, 2, 3])
def test_five_tokens_are_enough_after_losses(lab: Lab, losses: int, settings: str) -> None:
    """And then one is."""
    server = shut(lab, settings)
    fill(server, "ssh", windows(losses))
    assert rounds(lab, "--retries", "4") == losses + 2
    assert rounds(lab, "--retries", "0") == 1
    assert lab.callers.read(MEMORY).endswith(f":{losses}\n")


def test_what_opens_nothing_is_said(lab: Lab) -> None:
    """A clock that is off by an hour: no token, key or port in the sentence."""
    fill(shut(lab), "ssh", windows(first=240, last=260))
    done = run(lab, "knock", "gate", "--retries", "2")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"knockwork: error: 22/tcp of gate ({SERVER[0]}) is still closed after 3 tokens: the clocks of both hosts "
        "probably differ; otherwise UDP does not reach it, no unused token is currently valid (wait a few minutes), "
        "the key or the sequence was replaced, `from` excludes this address, or the service is not listening\n")


def test_a_visit_that_failed_does_not_run_ahead(lab: Lab) -> None:
    """The host was not filled for a while: the tokens that opened nothing are still good."""
    server = shut(lab)
    for _ in range(3):
        fill(server, "ssh", [])
        assert run(lab, "knock", "gate", "--within", "2s").returncode == 3
    fill(server, "ssh", windows())
    assert rounds(lab) == 1


def test_connect_passes_a_connection(lab: Lab) -> None:
    """Both ways, whole, and once: the other connections of the race are none for the service."""
    fill(shut(lab, "refuse: drop\n"), "ssh", windows())
    done = run(lab, "connect", "gate", "22", "--no-fdpass", input="hello\n" * 1000)
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n" * 1000, "")


@pytest.mark.parametrize("spoil", ["echo broken", "head -c 3000000 /dev/urandom", "printf ''"])
def test_a_broken_memory_is_no_failure(lab: Lab, spoil: str) -> None:
    fill(shut(lab), "ssh", windows())
    lab.callers.run(["/bin/sh", "-c", f"mkdir -p {MEMORY.rsplit('/', 1)[0]}; {spoil} > {MEMORY}"], check=True)
    assert [rounds(lab), rounds(lab)] == [1, 1]


def test_a_memory_that_cannot_be_written_is_no_failure(lab: Lab) -> None:
    """Then a second use costs an attempt."""
    fill(shut(lab), "ssh", windows())
    lab.callers.run(["/bin/sh", "-c", f"mkdir -p {MEMORY}"], check=True)
    assert (rounds(lab), rounds(lab)) in ((1, 2), (1, 1))  # 1 where a window has begun in between
    assert run(lab, "knock", "gate").stderr == ""


def test_nothing_secret_is_said(lab: Lab) -> None:
    """Neither a port nor the key, whatever happens."""
    server = shut(lab)
    fill(server, "ssh", [])
    for arguments in (("--retries", "1"), ("--retries", "1", "--json"), ("--no-prove",)):
        done = run(lab, "knock", "gate", *arguments)
        for secret in (str(PORT), base64.b64encode(KEY).decode(), KEY.hex()):
            assert secret not in done.stdout + done.stderr


@pytest.fixture(params=[Roughness(), Roughness(loss=0.05, duplicate=0.1)], ids=["jitter", "loss"])
def rough(request: pytest.FixtureRequest) -> Iterator[RoughLab]:
    """A rough path."""
    with RoughLab(request.param) as lab:
        yield lab


@pytest.mark.parametrize("settings", ["", "mode: stealth\n"], ids=["gate", "stealth"])
def test_everyone_gets_in_on_a_rough_path(rough: RoughLab, settings: str) -> None:
    """200 people of one host: jitter of 50 ms, 25 % reordered, 5 % lost, 10 % twice."""
    names = tuple(f"p{number}" for number in range(1, COUNT + 1))
    server = shut(rough, settings, names)
    for number, name in enumerate(names):
        fill(server, name, windows(last=12, key=sequence_key(HOST_KEY, name)), anew=number == 0)
    program = Knockwork(rough.callers).command()[0]
    environment = {"program": program, "count": str(COUNT), "at_once": str(AT_ONCE)}
    done = rough.callers.run(["/bin/sh", "-c", VISITORS], env=environment, timeout=280)
    found = [(int(nanoseconds) / 1e9, json.loads(said))
             for nanoseconds, said in re.findall(r"(\d+) \d+ (\{.*\})", done.stdout)]
    assert len(found) == COUNT, done
    soon = sorted(seconds for seconds, said in found if said["outcome"] == "open" and seconds < SECONDS)
    print(f"{settings or 'gate'}: {len(soon)} of {COUNT}; half within {soon[COUNT // 2]:.2f} s, the last within"
          f" {soon[-1]:.2f} s; {sum(said['rounds'] > 1 for _, said in found)} took more than one token, at most"
          f" {max(said['rounds'] for _, said in found)}")
    assert len(soon) == COUNT, sorted(found, key=lambda each: each[0])[-5:]
