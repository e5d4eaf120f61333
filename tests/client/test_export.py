"""What `export` prints in other forms: each is used by the program that it is for."""

import base64
import json
import re

import pytest

from bed import Lab
from bed.cli import ROOT, Knockwork
from bed.lab import SERVER
from bed.waiting import wait_for
from test_opening import start_knockd
from visitor import Visitor

DECLARATION = """\
knockwork: 1
interfaces: [eth0]
sequences:
  - {name: shell, knock: [7000/udp, 8000/tcp, 9000/udp], opens: [22/tcp], step_timeout: 3s, open_for: 45s}
  - {name: options, knock: [7100/tcp, 7200/tcp], opens: [80/tcp, 51820/udp, 60000-60010/udp], sequence_timeout: 1s}
"""
SECRET = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
TOKEN = "  - {name: alice, opens: [22/tcp], token: {port: 41873, secret_file: /etc/knockwork/secret, host: web1%s}}\n"
OTHERS = """\
  - {name: once, knock: [7300/udp, 7400/udp], opens: [80/tcp], once: true}
  - {name: near, knock: [7500/udp, 7600/udp], opens: [80/tcp], from: [192.0.2.0/24]}
  - {name: inner, knock: [7700/udp, 7800/udp], opens: [80/tcp], to: [192.0.2.9]}
  - {name: end, knock: [7900/udp, 8900/udp], closes: near}
"""


def exported(server: Knockwork, form: str, *options: str) -> str:
    """What is printed, of what is declared."""
    done = server.run("export", "--format", form, "--host", "gate", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_knockd_opens(lab: Lab, server: Knockwork) -> None:
    """Debian's knockd takes the file, and its door opens to a client that knocks."""
    server.declare(DECLARATION)
    start_knockd(lab, exported(server, "knockd"))
    assert lab.client.tcp(22) == "refused"
    lab.client.knock("7000/udp", "8000/tcp", "9000/udp")
    wait_for(lambda: lab.client.tcp(22) == "open", "knockd opens")
    assert lab.stranger.tcp(22) == "refused"


def test_knockd_and_back(server: Knockwork) -> None:
    """What import makes of it is the same again; seconds are rounded up, because knockd counts whole ones."""
    server.declare(DECLARATION)
    again = server.run("import", "knockd", "-", input=exported(server, "knockd")).stdout
    assert again.split("knockwork: 1\n")[1] == (
        "sequences:\n"
        "  - name: shell  # line 6\n    knock: [7000/udp, 8000/tcp, 9000/udp]\n    opens: [22/tcp]\n"
        "    step_timeout: 7s\n    sequence_timeout: 7s\n    open_for: 45s\n"
        "  - name: options  # line 16\n    knock: [7100/tcp, 7200/tcp]\n"
        "    opens: [80/tcp, 51820/udp, 60000-60010/udp]\n    step_timeout: 2s\n")


def test_knockd_gets_nothing_with_less_conditions(server: Knockwork) -> None:
    server.host.write("/etc/knockwork/secret", f"master:{SECRET}\n", 0o600)
    server.declare(DECLARATION + OTHERS + TOKEN % "")
    done = server.run("export", "--format", "knockd")
    assert re.findall(r"^\[(.*)\]$", done.stdout, re.MULTILINE) == ["options", "shell", "options-"]
    assert done.stderr == (
        "warning: once is not exported: knockd has no `once`\n"
        "warning: near is not exported: knockd has no `from`\n"
        "warning: inner is not exported: its services are elsewhere (`to`)\n"
        "warning: end is not exported: it only closes\n"
        "warning: alice is not exported: knockd has no tokens\n"
        "warning: knockd closes nothing by default: a firewall must refuse the services\n")
    assert server.refused("export", "--format", "knockd", "--for", "alice") == (
        "knockwork: error: none of the sequences can be expressed in knockd.conf: alice is not exported: knockd has no "
        "tokens\n")


@pytest.mark.parametrize("sequence", ["shell", "options"])
def test_shell_script(lab: Lab, server: Knockwork, sequence: str) -> None:
    """sh and nc open the gate: with the whole script, and with that for one person."""
    server.apply(DECLARATION.replace("1s}", "3s}"))
    port = {"shell": 22, "options": 80}[sequence]
    for options in ((), ("--for", sequence)):
        lab.callers.write("/run/knock.sh", exported(server, "sh", *options), 0o700)
        assert lab.client.tcp(port) == "refused"
        done = lab.callers.run(["/bin/sh", "/run/knock.sh", sequence, SERVER[0]])
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert lab.client.tcp(port) == "open"
        server.run("revoke", "--all", check=True)
    assert lab.callers.run(["/bin/sh", "/run/knock.sh", "nobody"]).returncode == 1


def test_shell_script_of_a_token(lab: Lab, server: Knockwork) -> None:
    """The documented script with the numbers in it."""
    server.host.write("/etc/knockwork/secret", f"master:{SECRET}\n", 0o600)
    server.apply("knockwork: 1\nsequences:\n" + TOKEN % "")
    script = exported(server, "sh", "--for", "alice", "--address", SERVER[0])
    documented = (ROOT / "docs/clients/knock.sh").read_text(encoding="utf-8")
    assert script.endswith(documented[documented.index("number() {"):])
    lab.callers.write("/run/alice.sh", script, 0o700)
    assert lab.client.tcp(22) == "refused"
    done = lab.callers.run(["/bin/sh", "/run/alice.sh"])
    assert (done.returncode, done.stderr) == (0, "")
    assert lab.client.tcp(22) == "open"


def test_shell_script_is_refused(server: Knockwork) -> None:
    server.host.write("/etc/knockwork/secret", f"master:{SECRET}\n", 0o600)
    server.declare("knockwork: 1\nsequences:\n" + TOKEN % ", period: 1500ms" + OTHERS)
    assert "choose it with --for NAME" in server.refused("export", "--format", "sh")
    assert "`period` must be a whole number" in server.refused("export", "--format", "sh", "--for", "alice")
    assert "with --address" in server.refused("export", "--format", "sh", "--for", "near", "--host", "web*")


def test_ssh_config(gated: Visitor) -> None:
    """ssh gets in by the stanza and the profile."""
    gated.shut()
    stanza = gated.gate.host.output(gated.gate.command("export", "--host", "host1", "--format", "ssh_config"))
    assert stanza == (
        "# Needs the profile that `knockwork export` prints, in ~/.config/knockwork/hosts.yml\nHost host1\n"
        "  ProxyCommand knockwork connect %h %p\n  ProxyUseFdpass yes\n  ServerAliveInterval 60\n")
    documented = (ROOT / "docs/ssh.md").read_text(encoding="utf-8")
    assert stanza.split("\n", 2)[2] in documented
    known = gated.host.read("/root/.ssh/config")
    gated.host.write("/run/config", stanza + known[known.index("Host *\n"):], 0o600)
    done = gated.host.run(["ssh", "-F", "/run/config", "host1", "hostname"])
    assert (done.returncode, done.stdout) == (0, "host1\n")


def test_ssh_config_of_other_ports(server: Knockwork) -> None:
    server.declare("knockwork: 1\nsequences:\n  - {name: a, knock: [7000, 8000], opens: [2222/tcp, 2200/tcp]}\n"
                   "  - {name: b, knock: [7100, 8100], opens: [51820/udp]}\n")
    done = server.run("export", "--format", "ssh_config", "--host", "gate")
    assert "Host gate\n  Port 2200\n" in done.stdout
    assert done.stderr == "warning: several TCP ports are opened, and none of them is 22: check `Port`\n"
    assert "no sequence opens a TCP port" in server.refused("export", "--format", "ssh_config", "--for", "b")


def test_qr_code(server: Knockwork) -> None:
    """qrencode draws the profile for one person; no port is an argument of it."""
    server.declare(DECLARATION)
    profile = exported(server, "profile", "--for", "shell")
    drawn = server.host.output(["/usr/bin/qrencode", "--type=UTF8", "--level=L", "--8bit"], input=profile)
    assert exported(server, "qr", "--for", "shell") == drawn
    assert max(len(line) for line in drawn.splitlines()) <= 80
    server.host.write("/run/bin/qrencode", '#!/bin/sh\necho "$@" > /run/arguments; cat > /run/input\n', 0o755)
    server.run("export", "--format", "qr", "--for", "shell", "--host", "gate", env={"PATH": "/run/bin:/usr/bin:/bin"})
    assert server.host.read("/run/arguments") == "--type=UTF8 --level=L --8bit\n"
    assert server.host.read("/run/input") == profile


def test_qr_code_is_refused(server: Knockwork) -> None:
    server.declare("knockwork: 1\nsequences:\n" + "".join(
        f"  - {{name: s{number}, knock: [{1000 + 3 * number}, 9000], opens: [22/tcp]}}\n" for number in range(60)))
    assert re.fullmatch(r"knockwork: error: a QR code holds 2953 bytes, and this is \d+: export one sequence with "
                        r"--for NAME\n", server.refused("export", "--format", "qr"))
    assert "a QR code needs it: `" in server.refused(
        "export", "--format", "qr", "--for", "s1", env={"PATH": "/nowhere"})


@pytest.mark.parametrize("form", ["knockd", "sh", "ssh_config", "qr"])
def test_json(server: Knockwork, form: str) -> None:
    server.declare(DECLARATION)
    done = server.run("export", "--format", form, "--host", "gate", "--json")
    assert json.loads(done.stdout) == {"format": form, "text": exported(server, form)}
