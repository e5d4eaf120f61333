"""derive: secrets are made and handed out where asked for, and shown nowhere else."""

import base64
import json
import re
from datetime import datetime

import pytest

from bed import derivation
from bed.cli import DECLARATION, Knockwork

SECRET = "/etc/knockwork/secret"
MASTER = bytes(range(40, 72))
DECLARED = """\
knockwork: 1
sequences:
  - name: ssh
    derive: {secret_file: /etc/knockwork/secret, host: web1, length: 5, epoch: 41, accepts: [41, 42]}
    opens: [22/tcp]
  - name: backup
    derive: {secret_file: /etc/knockwork/secret, host: web1, length: 3, protocols: [tcp, udp], period: 1d}
    opens: [873/tcp]
"""


@pytest.fixture(autouse=True)
def _declared(knockwork: Knockwork) -> None:
    knockwork.host.write(SECRET, f"master:{base64.b64encode(MASTER).decode()}\n", 0o600)
    knockwork.declare(DECLARED)


def _ports(name: str, epoch: int, length: int, *protocols: str) -> list[str]:
    drawn = derivation.derive(derivation.host_key(MASTER, "web1"), name, epoch, length, protocols or ("udp",))
    return [f"{port}/{protocol}" for protocol, port in drawn]


def test_a_new_secret(knockwork: Knockwork) -> None:
    """Made once, never overwritten; a further one is added for later epochs."""
    path = "/root/fleet/secret"
    done = knockwork.run("derive", "new-secret", path)
    assert done.returncode == 0 and not done.stderr
    assert done.stdout == (f"{path}: new master secret, valid from epoch 0. Do not copy it to the hosts: they need "
                           "only the output of `knockwork derive host-key`.\n")
    first = knockwork.host.read(path)
    assert re.fullmatch(r"master:[A-Za-z0-9+/]{43}=\n", first)
    assert knockwork.host.output(["stat", "-c", "%a %U", path]).strip() == "600 root"
    assert knockwork.refused("derive", "new-secret", path) == (
        f"knockwork: error: {path} already exists and was not changed: name another file, or add a secret for later "
        f"epochs with `--from-epoch`\n")
    done = knockwork.run("derive", "new-secret", path, "--from-epoch", "42", "--json")
    assert json.loads(done.stdout) == {"changed": True, "from_epoch": 42}
    both = knockwork.host.read(path)
    assert both.startswith(first) and re.fullmatch(r"42 master:[A-Za-z0-9+/]{43}=\n", both[len(first):])
    assert "a second secret from epoch 42" in knockwork.refused("derive", "new-secret", path, "--from-epoch", "42")
    assert knockwork.host.read(path) == both


def test_a_hosts_key(knockwork: Knockwork) -> None:
    done = knockwork.run("derive", "host-key", "Web1.")
    key = base64.b64encode(derivation.host_key(MASTER, "web1")).decode()
    assert (done.returncode, done.stdout, done.stderr) == (0, f"host:web1:{key}\n", "")
    knockwork.host.write(SECRET, done.stdout, 0o600)
    assert "contains only host keys" in knockwork.refused("derive", "host-key", "web1")
    assert "not a valid host name" in knockwork.refused("derive", "host-key", "we b1")


def test_show(knockwork: Knockwork) -> None:
    """Fingerprints, as status has them; ports only when asked for."""
    knockwork.apply()
    shown = knockwork.run("derive", "show", "--sequence", "ssh").stdout
    assert re.fullmatch(r"ssh#41: [0-9a-f]{8}, 5 knocks, 74\.8 bits\nssh#42: [0-9a-f]{8}, 5 knocks, 74\.8 bits\n",
                        shown)
    revealed = knockwork.run("derive", "show", "--sequence", "ssh", "--reveal").stdout
    for line, epoch in zip(revealed.splitlines(), (41, 42), strict=True):
        assert re.findall(r"\d+/udp", line) == _ports("ssh", epoch, 5)
    [one] = json.loads(knockwork.run("derive", "show", "--sequence", "backup", "--epoch", "7", "--json",
                                     "--reveal").stdout)["drawn"]
    assert (one["sequence"], one["epoch"], one["knocks"], one["bits"]) == ("backup", 7, 3, 47.9)
    assert re.findall(r"\d+/\w+", one["shown"]) == _ports("backup", 7, 3, "tcp", "udp")
    assert knockwork.refused("derive", "show", "--sequence", "nobody") == (
        f"knockwork: error: {DECLARATION} has no derived sequence named nobody\n")
    knockwork.declare("knockwork: 1\n")
    assert knockwork.run("derive", "show").stdout == "No derived sequences.\n"


def test_show_agrees_with_status(knockwork: Knockwork) -> None:
    knockwork.apply()
    shown = {f"{one['sequence']}#{one['epoch']}": one["shown"]
             for one in json.loads(knockwork.run("derive", "show", "--json").stdout)["drawn"]}
    status = {one["name"]: one["fingerprint"]
              for one in json.loads(knockwork.run("status", "--json").stdout)["sequences"]}
    assert shown == status and len(shown) == 3


def test_clock(knockwork: Knockwork) -> None:
    """The host's time and epochs, for a controller to compare: without a secret, and through `call`."""
    knockwork.host.run(["rm", SECRET], check=True)
    clock = json.loads(knockwork.run("derive", "clock", "--json").stdout)
    ssh, backup = clock["sequences"]
    assert ssh == {"name": "ssh", "epoch": 41, "accepts": [41, 42]}
    now, until = (datetime.fromisoformat(each.replace("Z", "+00:00")) for each in (clock["time"], backup["until"]))
    assert backup["epoch"] == now.timestamp() // 86_400 and backup["accepts"] == [backup["epoch"]]
    assert until.timestamp() == (backup["epoch"] + 1) * 86_400 and clock["off_ms"] == 0
    text = knockwork.run("derive", "clock").stdout
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, (not )?synchronized by NTP\nssh: epoch 41, accepts 41, 42\n"
        r"backup: epoch \d+, accepts \d+; the next begins \d{4}-\d\d-\d\d 00:00:00 UTC\n", text)
    version = knockwork.run("--version").stdout.split()[1]
    request = {"version": version, "command": "clock",
               "sources": [{"kind": "declaration", "name": "knockwork.yml", "text": DECLARED}]}
    answer = json.loads(knockwork.run("call", input=json.dumps(request)).stdout)
    assert answer["ok"] and answer["clock"]["sequences"][0] == ssh


def test_trace_at_a_time(knockwork: Knockwork) -> None:
    """What a script would do in another epoch."""
    packets = "".join(f"+0.{step}s 192.0.2.7 {port}\n"
                      for step, port in enumerate(_ports("backup", 20000, 3, "tcp", "udp"), 1))
    then = knockwork.run("trace", "--at", "2024-10-04T12:00:00Z", input=packets)
    assert then.returncode == 0 and "backup#20000" in then.stdout, then.stdout + then.stderr
    assert "backup#20000" not in knockwork.run("trace", input=packets).stdout
    assert "write it in UTC" in knockwork.refused("trace", "--at", "noon", input=packets)


def test_no_secret_and_no_port_in_what_is_printed(knockwork: Knockwork) -> None:
    """But where they were asked for."""
    hidden = {base64.b64encode(MASTER).decode(), base64.b64encode(derivation.host_key(MASTER, "web1")).decode(),
              *(port.split("/")[0] for epoch in (41, 42) for port in _ports("ssh", epoch, 5))}
    for words in (("validate",), ("lint",), ("plan", "--diff"), ("apply", "--diff"), ("status",), ("derive", "show"),
                  ("derive", "clock"), ("plan", "--json"), ("status", "--json"), ("derive", "show", "--json")):
        done = knockwork.run(*words)
        assert done.returncode == 0, words
        for word in hidden:
            assert not re.search(rf"(?<![0-9a-f]){re.escape(word)}(?![0-9a-f])", done.stdout + done.stderr), words
