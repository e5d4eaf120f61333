"""Any bytes in arguments, files and the live table: no signal, no byte that a terminal acts on, JSON that is JSON."""

import json
import re

import pytest

from bed.cli import CLASSIC, DECLARATION, Knockwork

TEXTS = {
    "escape": "\033]0;title\a\033[31mred",
    "no UTF-8": "\udcff\udcfe",
    "C1": "\x9b31m\x7f",
    "override": "txt\u202eexe\u2066",
    "lines": "a\r\nwarning: b\n\033[2J",
    "quotes": "\"; }' $(x) `y` \\",
    "empty": "",
    "long": "\033[0m" * 500,
}
# What may do something to a terminal, and what is shown as nothing at all.
ACTS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
JSON_COMMANDS = (
    "validate X", "lint X", "plan X", "apply --check X", "apply X", "apply --lock-timeout X",
    "apply --confirm-within X",
    "trace --packets X", "trace --at X", "renew X", "renew --lock-timeout X X", "confirm X", "rollback X",
    "grant X --sequence ssh", "grant 192.0.2.7 --sequence X", "grant 192.0.2.7 --sequence ssh --for X",
    "revoke --sequence X", "revoke --source X", "derive new-secret X", "derive show X", "derive show --sequence X",
    "derive show --epoch X", "derive clock X", "epoch publish X", "epoch retire 1 X", "export --host X",
    "export --address X", "export --format X", "export --format sh --host X", "export X", "import knockd X",
    "import knockd X --check", "import nft X", "import fwknop X", "import fwknop /etc/hosts --token-port X",
    "knock X", "knock X 7000/udp", "knock host.invalid X",
    "knock ::1 7000 --source X", "knock ::1 7000 --interface X", "knock ::1 7000 --wait-open X",
    "knock ::1 7000 --delay X", "knock web1 --sequence X", "knock web1 --profile X", "remove --lock-timeout X",
)
PLAIN_COMMANDS = ("X", "render X", "derive host-key X", "derive host-key web1 --secret-file X", "connect X 22",
                  "connect web1 X", "connect web1 22 --profile X", "connect web1 22 --sequence X", "save X", "watch X",
                  "schema X", "call X", "status X", "plan --X")
PROFILE = ("knockwork: 1\nhosts:\n  - host: web1\n    address: \"::1\"\n    sequences:\n"
           "      - {name: ssh, knock: [47000/udp], opens: [4022/tcp]}\n")


def assert_harmless(knockwork: Knockwork, *words: str, **options: object) -> str:
    """One run; what it said on either side."""
    done = knockwork.run(*words, **options)
    assert 0 <= done.returncode <= 4, (words, done)
    said = done.stdout + done.stderr
    assert not (found := ACTS.search(said)), (words, found, said)
    if "--json" in words and done.stdout:
        json.loads(done.stdout)
    assert said or done.returncode == 0, words
    return said


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_arguments(knockwork: Knockwork, text: str) -> None:
    """Wherever a command takes a word."""
    knockwork.declare(CLASSIC)
    knockwork.host.write("/root/.config/knockwork/hosts.yml", PROFILE, 0o600)
    for command in PLAIN_COMMANDS + JSON_COMMANDS:
        words = [word.replace("X", text) for word in command.split()]
        assert_harmless(knockwork, *words)
        if command in JSON_COMMANDS:
            assert_harmless(knockwork, *words, "--json")
            knockwork.run("rollback")


@pytest.mark.parametrize("name", ["a\udcff", "a\033[31m", "a\nb", "a\u202e"])
def test_names_of_files(knockwork: Knockwork, name: str) -> None:
    """A faulty file's name stands in front of each of its faults."""
    path = f"/etc/knockwork/{name}.yml"
    knockwork.host.write(path, "knockwork: 1\nsequences: [{name: x}]\n", 0o600)
    try:
        for words in (["validate", path], ["plan", path], ["apply", path], ["render", path], ["trace", path]):
            said = assert_harmless(knockwork, *words)
            assert "error: `opens` is missing" in said and said.startswith("/etc/knockwork/a")
            if words[0] not in ("render", "trace"):
                assert_harmless(knockwork, *words, "--json")
    finally:
        knockwork.host.run(["rm", path], check=True)


@pytest.mark.parametrize("content", [
    b"\xff\xfe", b"knockwork: 1\nmode: \"\\e[31m\\u202e\"\n", b"knockwork: 1\nmode: gate\xe2\x80\xae x\n",
    b"[" * 100_000, b"{a: " * 100_000, b"\0", b"knockwork: 1\n\x1b[31m: 1\n", b"knockwork: 1\n\"\\x1b[31m\": 1\n"],
    ids=range(8))
def test_contents_of_files(knockwork: Knockwork, content: bytes) -> None:
    """As a declaration, a drop-in, a profile, a secret and a script of packets."""
    folder = "/etc/knockwork/conf.d"
    knockwork.host.call("write", "/run/given", content, 0o600)
    for words in (["validate", "/run/given"], ["apply", "/run/given"], ["knock", "web1", "--profile", "/run/given"],
                  ["trace", "--packets", "/run/given"]):
        knockwork.declare(CLASSIC)
        assert_harmless(knockwork, *words)
        assert_harmless(knockwork, *words, "--json")
    assert_harmless(knockwork, "derive", "host-key", "web1", "--secret-file", "/run/given")
    knockwork.host.call("write", f"{folder}/given.yml", content, 0o600)
    try:
        assert_harmless(knockwork, "plan")
        assert_harmless(knockwork, "plan", "--json")
    finally:
        knockwork.host.run(["rm", "-r", folder], check=True)


@pytest.mark.parametrize("request_", [
    "\udcff{", "{\"a\":\"\udcff\"}", "[" * 200_000, "{\"version\":\"VERSION\",\"command\":\"apply\",\"files\":"
    + "[" * 200_000 + "]" * 200_000 + "}", "{\"version\":\"\\u001b[31m\"}", "{\"version\":\"VERSION\",\"command\":1}",
    "{\"version\":\"VERSION\",\"command\":\"validate\",\"sources\":[{\"kind\":\"declaration\",\"name\":\"\\u001b\","
    "\"text\":\"\\u202e\"}]}", "null", "", "{\"version\":\"VERSION\",\"command\":\"knock\",\"host\":\"\\ud800\"}"],
    ids=range(10))
def test_requests(knockwork: Knockwork, request_: str) -> None:
    """`call` answers whatever it is asked."""
    version = knockwork.run("--version").stdout.split()[1]
    knockwork.host.call("write", "/run/request", request_.replace("VERSION", version).encode(errors="surrogateescape"),
                        0o600)
    done = knockwork.host.run(["/bin/sh", "-c", f"exec {knockwork.command('call')[0]} call < /run/request"])
    assert done.returncode == 0 and not ACTS.search(done.stdout) and not json.loads(done.stdout)["ok"], done


@pytest.mark.parametrize("comment", [b"\x1b[31mX", b"\xff", "a\u202eb".encode()])
def test_comments_of_the_live_table(knockwork: Knockwork, comment: bytes) -> None:
    """Root wrote them; whoever looks at the table is somebody else, perhaps."""
    knockwork.apply(CLASSIC)
    knockwork.host.call("write", "/run/rules", b'add chain inet knockwork extra { comment "' + comment
                        + b'"; }\nadd rule inet knockwork extra accept comment "' + comment + b'"\n', 0o600)
    knockwork.host.run(["/usr/sbin/nft", "-f", "/run/rules"], check=True)
    for words in (["status"], ["plan"], ["plan", "--diff"], ["remove", "--check"], ["apply", "--diff"]):
        assert_harmless(knockwork, *words)
        assert_harmless(knockwork, *words, "--json") if "--diff" not in words else None
    assert not knockwork.differs() and knockwork.host.read(DECLARATION) == CLASSIC
