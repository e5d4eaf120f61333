"""What commands print with --json is what their published schemas say: no key more, none less."""

import base64
import json
import subprocess
from typing import Any

import jsonschema
import pytest

from bed import Lab
from bed.cli import Knockwork, binary
from bed.journal import Journal

SECRET = f"master:{base64.b64encode(bytes(range(32))).decode()}\n"
DECLARATION = """\
knockwork: 1
log: all
always_allow: [203.0.113.9]
sequences:
  - {name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp], open_for: 1m}
  - {name: visit, knock: [7100/udp, 8100/udp], opens: [51820-51822/udp], once: true}
  - {name: alice, opens: [22/tcp], token: {port: 41873/udp, secret_file: /etc/knockwork/secret, host: web1}}
  - {name: backup, opens: [873/tcp], derive: {secret_file: /etc/knockwork/secret, host: web1, length: 4, period: 1d}}
  - {name: fleet, opens: [874/tcp], derive: {secret_file: /etc/knockwork/secret, host: web1, length: 4}}
"""
KNOCKD = """\
[options]
    UseSyslog
[openSSH]
    sequence = 7000,8000,9000
    seq_timeout = 5
    command = /sbin/iptables -A INPUT -s %IP% -p tcp --dport 22 -j ACCEPT
    tcpflags = syn
[other]
    sequence = 7001,8001
    command = /usr/local/bin/mine %IP%
"""
CLASSIC = """\
table inet portknock {
    set stage1 { type ipv4_addr; flags dynamic,timeout; timeout 5s; }
    set allowed { type ipv4_addr; flags dynamic,timeout; timeout 60s; }
    chain input {
        type filter hook input priority -10; policy accept;
        iif lo accept
        tcp dport 22 ip saddr @allowed accept
        tcp dport 22 drop
        udp dport 7000 add @stage1 { ip saddr }
        udp dport 8000 ip saddr @stage1 add @allowed { ip saddr }
    }
}
"""
ACCESS = """\
SOURCE              ANY
OPEN_PORTS          tcp/22
KEY_BASE64          c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0
HMAC_KEY_BASE64     c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0
FW_ACCESS_TIMEOUT   30
"""
PROFILE = """\
knockwork: 1
hosts: [{host: server, address: 10.77.0.10, sequences: [{name: ssh, knock: [7000, 8000, 9000], opens: [22/tcp]}]}]
"""


def _schema(command: str) -> dict[str, Any]:
    done = subprocess.run([binary(), "schema", *command.split()], check=True, text=True, stdout=subprocess.PIPE)
    schema = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return dict(schema)


def _conforms(command: str, text: str) -> None:
    jsonschema.Draft202012Validator(_schema(command)).validate(json.loads(text))


def _published() -> list[str]:
    done = subprocess.run([binary(), "schema", "nothing-of-that-name"], text=True, capture_output=True)
    assert done.returncode == 1
    return done.stderr.partition("there are: ")[2].strip().split(", ")


class Prints:
    """Runs commands and compares what they print; notes which schemas were met."""

    def __init__(self, knockwork: Knockwork) -> None:
        self.knockwork = knockwork
        self.met: set[str] = set()

    def __call__(self, command: str, *options: str, status: int = 0, name: str = "") -> str:
        done = self.knockwork.run(*command.split(), *options, "--json")
        assert done.returncode == status, done.stdout + done.stderr
        _conforms(name or command, done.stdout)
        self.met.add(name or command)
        return done.stdout


def _everything(lab: Lab, prints: Prints) -> None:
    knockwork = prints.knockwork
    assert "foreign" not in json.loads(prints("status"))
    assert json.loads(prints("drift"))["incomparable"]
    lab.server.nft("add table inet knockwork")
    assert json.loads(prints("status"))["foreign"]
    lab.server.nft("delete table inet knockwork")
    prints("derive new-secret", "/run/new-secret")
    lab.server.write("/etc/knockwork/secret", SECRET, 0o600)
    knockwork.declare(DECLARATION)
    prints("status", status=3)
    for command in ("validate", "lint", "plan", "derive show", "derive clock", "epoch show", "export"):
        prints(command)
    prints("derive show", "--reveal")
    prints("export", "--format", "ssh_config")
    lab.server.write("/run/packets", "0s 192.0.2.7 7000/udp\n+1s 192.0.2.7 8000/udp\n+1s 192.0.2.7 9000/udp\n"
                     "+1s 192.0.2.8 9000/udp\n+1s 192.0.2.9 token=alice\n")
    prints("trace", "--packets", "/run/packets")
    prints("explain")
    prints("apply", "--check")
    prints("apply")
    prints("apply")
    prints("epoch publish", "7")
    prints("epoch retire", "7")
    prints("epoch show")
    lab.client.knock(7000, 8000, 9000)
    lab.client.knock(7100, 8100)
    lab.stranger.knock(9000)
    lab.caller("10.200.1.1").knock(7000)
    prints("status")
    prints("status", "--reveal")
    prints("renew", "visit")
    prints("grant", "192.0.2.1", "--sequence", "ssh")
    prints("revoke", "--sequence", "ssh")
    _pending(prints)
    lab.server.write("/run/knockd.conf", KNOCKD)
    prints("import knockd", "/run/knockd.conf")
    prints("import knockd", "/run/knockd.conf", "--reveal")
    prints("import knockd", "/run/knockd.conf", "--check", name="import check")
    lab.server.write("/run/classic.nft", CLASSIC)
    prints("import nft", "/run/classic.nft")
    lab.server.write("/run/access.conf", ACCESS)
    prints("import fwknop", "/run/access.conf")
    lab.callers.write("/root/.config/knockwork/hosts.yml", PROFILE, 0o600)
    _of_client(lab, prints)
    knockwork.host.nft("add rule inet knockwork gate accept")
    prints("status")
    prints("drift")
    prints("drift", "--repair")
    prints("apply", "--reveal")
    prints("remove")
    prints("rollback", status=1, name="error")
    for command, argument in (("apply", "/run/packets"), ("renew", "nobody"), ("plan", "/none")):
        prints(command, argument, status=1, name="error")


def _pending(prints: Prints) -> None:
    knockwork = prints.knockwork
    knockwork.declare(DECLARATION.replace("1m", "2m"))
    waiting = prints("apply", "--confirm-within", "60s")
    assert json.loads(waiting)["pending"]["id"]
    prints("status")
    prints("rollback")
    prints("apply", "--confirm-within", "60s")
    prints("confirm")


def _of_client(lab: Lab, prints: Prints) -> None:
    for words in (["server"], ["server", "--wait-open", "22/tcp"], ["10.77.0.10", "7000", "8000", "9000"]):
        done = lab.callers.run(prints.knockwork.command("knock", *words, "--json"))
        _conforms("knock", done.stdout)
    prints.met.add("knock")


def _watched(lab: Lab, knockwork: Knockwork) -> list[str]:
    knockwork.apply("knockwork: 1\nlog: all\nsequences:\n"
                    "  - {name: ssh, knock: [7000/udp, 8000/udp], opens: [22/tcp], open_for: 1s}\n")
    process = knockwork.host.popen(knockwork.command("watch", "--count", "3", "--json"), stdout=subprocess.PIPE)
    knockwork.host.run(["sh", "-c", "until grep -q . /proc/net/netfilter/nfnetlink_log; do sleep 0.01; done"],
                       timeout=20, check=True)
    lab.stranger.knock(7001)
    lab.client.knock(7000, 8000)
    out, _ = process.communicate(timeout=20)
    return str(out).splitlines()


def test_outputs(lab: Lab, knockwork: Knockwork) -> None:
    """Of every command with --json, in many states of a host; each schema is met by something real."""
    prints, journal = Prints(knockwork), Journal(lab.server)
    _everything(lab, prints)
    journal.entries()  # all of them are there
    log = knockwork.run("log", "--json", env=journal.environment)
    _conforms("log", log.stdout)
    assert len(json.loads(log.stdout)) > 5
    prints.met.add("log")
    lines = _watched(lab, knockwork)
    assert sorted(json.loads(line)["event"] for line in lines) == ["expired", "grant", "wrong"]
    for line in lines:
        _conforms("watch", line)
    assert prints.met | {"watch"} == set(_published())


def test_every_json_has_a_schema() -> None:
    """No command takes --json without one."""
    without = {"connect"}  # its output is the connection
    commands = subprocess.run([binary(), "completion", "bash"], check=True, text=True, stdout=subprocess.PIPE).stdout
    assert "--json" in commands
    published = set(_published())
    for command in _commands():
        text = subprocess.run([binary(), *command.split(), "--help"], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        has_schema = command in published - {"error", "import check"}
        assert ("\n  --json" in text) == has_schema or command in without, command


def _commands(*words: str) -> list[str]:
    text = subprocess.run([binary(), *words, "--help"], check=True, text=True, stdout=subprocess.PIPE).stdout
    found = []
    if "Subcommands:" not in text:
        return [" ".join(words)]
    for line in text.partition("Subcommands:")[2].splitlines():
        if line[:2] == "  " and line[2:3].isalpha():
            found += _commands(*words, line.split()[0])
    return found


@pytest.mark.parametrize("command", ["", "--keys"])
def test_the_default_stays(command: str) -> None:
    """Without a command, the schema is that of declarations."""
    done = subprocess.run([binary(), "schema", *command.split()], check=True, text=True, stdout=subprocess.PIPE)
    assert json.loads(done.stdout)


def test_schemas_are_strict(knockwork: Knockwork) -> None:
    """A key that is not there, and one that is too many, are found."""
    knockwork.apply("knockwork: 1\nsequences: []\n")
    status = json.loads(knockwork.run("status", "--json").stdout)
    faulty: list[dict[str, Any]] = [
        {**status, "more": 1}, {**status, "mode": 1}, {**status, "boot": {**status["boot"], "more": 1}},
        {key: value for key, value in status.items() if key != "grants"}]
    for changed in faulty:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(_schema("status")).validate(changed)
