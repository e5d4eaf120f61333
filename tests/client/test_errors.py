"""What goes wrong is said in one sentence, whole; the exit status tells apart what a script must."""

import json
import subprocess
from pathlib import Path

import pytest

from bed import Lab
from bed.cli import ON_TERMINAL, Knockwork
from bed.host import Host
from bed.lab import SERVER
from bed.preloaded import preloaded

FILE = "/root/.config/knockwork/hosts.yml"
PROFILE = """\
knockwork: 1
hosts:
  - host: [gate, both, six, four, nowhere, 10.77.0.10]
    lockout: 100ms
    sequences:
      - {name: ssh, knock: [47011/udp, 48123/tcp], opens: [22/tcp], step_timeout: 1s}
      - {name: web, knock: [47011/udp, 49377/tcp], opens: [80/tcp, 8000-8010/tcp, 53/udp]}
  - host: empty
    sequences: []
"""
NAMES = f"""\
127.0.0.1 localhost
::1 localhost
{SERVER[0]} gate four both
fd66::1 both six
{SERVER[1]} gate
"""


@pytest.fixture
def client(callers: Host) -> Knockwork:
    """The command on a host that knows a few names and has no DNS; its profile is fine."""
    callers.write("/etc/hosts", NAMES)
    callers.write("/etc/nsswitch.conf", "hosts: files\n")
    callers.write(FILE, PROFILE, 0o600)
    return Knockwork(callers)


def failure(done: "subprocess.CompletedProcess[str]", status: int) -> str:
    """The error of a run that fails with this status and prints nothing else."""
    assert (done.returncode, done.stdout) == (status, ""), done
    return done.stderr


UNREACHABLE = {
    "unknown host": ("knock nobody 7000", "cannot find nobody: Name or service not known"),
    "unknown host of the profile": ("knock nowhere --sequence ssh", "cannot find nowhere: Name or service not known"),
    "no route": ("knock 203.0.113.1 7000/tcp", "no route to 203.0.113.1: Network is unreachable"),
    "IPv6 only": ("knock six --sequence ssh", "no route to six (fd66::1): Network is unreachable"),
    "IPv6 only, asked for IPv4": ("knock -4 six --sequence ssh", "cannot find six: it has no IPv4 address"),
    "IPv4 only, asked for IPv6": ("knock -6 four 7000", "cannot find four: it has no IPv6 address"),
    "a source of the other family": ("knock 10.77.0.10 7000 --source fd77::20",
                                     "no route to 10.77.0.10: fd77::20 is of the other address family"),
    "connect, no route": ("connect six 22", "no route to six (fd66::1): Network is unreachable"),
    "connect, unknown host": ("connect nowhere 22", "cannot find nowhere: Name or service not known"),
}


@pytest.mark.parametrize("case", UNREACHABLE)
def test_unreachable(client: Knockwork, case: str) -> None:
    command, message = UNREACHABLE[case]
    assert failure(client.run(*command.split()), 4) == f"knockwork: error: {message}\n"


def test_the_other_family_where_one_has_no_route(client: Knockwork, server: Knockwork) -> None:
    """The name's IPv6 address leads nowhere, its IPv4 address in."""
    server.apply("knockwork: 1\nsequences: [{name: ssh, knock: [47011, 48123/tcp], opens: [22/tcp]}]\n")
    done = client.run("knock", "both", "--wait-open", "22")
    assert (done.returncode, done.stdout, done.stderr) == (0, "both (10.77.0.10): open\n", "")


def test_a_process_that_has_no_ipv6(client: Knockwork, server: Knockwork, tmp_path: Path) -> None:
    """As its kernel, or its unit, wants it: an IPv6 address of the name is no reason to fail."""
    server.apply("knockwork: 1\nsequences: [{name: ssh, knock: [47011, 48123/tcp], opens: [22/tcp]}]\n")
    command = client.command("knock", "both", "--wait-open", "22")
    done = client.host.run(["env", f"LD_PRELOAD={preloaded(tmp_path, 'no_ipv6')}", *command])
    assert (done.returncode, done.stdout, done.stderr) == (0, "both (10.77.0.10): open\n", "")


@pytest.mark.parametrize("words", ["knock 10.77.0.10 --wait-open 22", "connect 10.77.0.10 22"])
def test_refused(client: Knockwork, server: Knockwork, words: str) -> None:
    """The host answers: closed. The knocks are those of another year."""
    server.apply("knockwork: 1\nsequences: [{name: ssh, knock: [47012], opens: [22/tcp]}]\n")
    done = client.run(*words.split(), "--retries", "1", "--delay", "0")
    assert failure(done, 3) == (
        "knockwork: error: 22/tcp of 10.77.0.10 is still closed after knocking 2 times: check that the knocks match "
        "its declaration, and that the service is listening\n")


@pytest.mark.parametrize("words", ["knock 10.77.0.10 --wait-open 22", "connect 10.77.0.10 22"])
def test_timeout(client: Knockwork, server: Knockwork, words: str) -> None:
    """The host says nothing at all."""
    server.apply("knockwork: 1\nmode: stealth\nsequences: [{name: ssh, knock: [47012], opens: [22/tcp]}]\n")
    done = client.run(*words.split(), "--retries", "0", "--timeout", "200ms")
    assert failure(done, 4) == (
        "knockwork: error: 22/tcp of 10.77.0.10 does not answer after knocking once: Connection timed out\n")


@pytest.mark.parametrize("address, error", [
    (SERVER[0], "icmp type net-prohibited"), (SERVER[0], "icmp type host-prohibited"),
    (SERVER[0], "icmp type admin-prohibited"), (SERVER[1], "icmpv6 type admin-prohibited")])
@pytest.mark.parametrize("words", ["knock {} 47011 --wait-open 22", "connect {} 22"])
def test_a_firewall_that_prohibits(client: Knockwork, lab: Lab, address: str, error: str, words: str) -> None:
    """It looks like a missing route, and is an answer: the host is knocked on again."""
    lab.server.nft("table inet other { chain input { type filter hook input priority 0;\n"
                   f"tcp dport 22 reject with {error}\n}}\n}}\n")
    client.host.write(FILE, PROFILE.replace("10.77.0.10]", f'"{SERVER[0]}", "{SERVER[1]}"]'), 0o600)
    done = client.run(*words.format(address).split(), "--retries", "1", "--delay", "0")
    assert failure(done, 3).startswith(
        f"knockwork: error: 22/tcp of {address} is still closed after knocking 2 times: ")


def test_a_host_that_is_not_there(client: Knockwork) -> None:
    """Its address has a route and no owner; nobody waits for lockouts then."""
    done = client.run("knock", "10.77.9.9", "7000", "--wait-open", "22", "--retries", "5", "--timeout", "20s")
    assert failure(done, 4) == "knockwork: error: no route to 10.77.9.9: No route to host\n"


def test_json(client: Knockwork, server: Knockwork) -> None:
    """The same for programs, on standard output."""
    server.apply("knockwork: 1\nsequences: [{name: ssh, knock: [47012], opens: [22/tcp]}]\n")
    done = client.run("knock", "gate", "-4", "--wait-open", "22", "--retries", "0", "--json")
    assert (done.returncode, done.stderr) == (3, "")
    assert json.loads(done.stdout) == {
        "outcome": "refused", "host": "gate", "address": "10.77.0.10", "addresses": ["10.77.0.10"], "sequence": "ssh",
        "rounds": 1,
        "message": "22/tcp of gate (10.77.0.10) is still closed after knocking once: check that the knocks match its "
                   "declaration, and that the service is listening"}
    done = client.run("knock", "gate", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["error"] == {
        "kind": "system", "diagnostics": [],
        "message": f"the profile {FILE} has several sequences for gate: choose with --sequence (ssh, web)"}


WRONG = {
    "host not in the profile": ("knock elsewhere", f"the profile {FILE} has no host elsewhere: add an entry `- host: "
                                                   f"elsewhere`"),
    "connect, the same": ("connect elsewhere 22", f"the profile {FILE} has no host elsewhere: add an entry `- host: "
                                                  f"elsewhere`"),
    "several sequences": ("knock gate", f"the profile {FILE} has several sequences for gate: choose with --sequence "
                          "(ssh, web)"),
    "no sequences": ("knock empty", f"the profile {FILE} has no sequence for empty: add one"),
    "unknown sequence": ("knock gate --sequence mail", f"the profile {FILE} has no sequence mail for gate: it has "
                         "ssh, web"),
    "nothing opens the port": ("connect gate 443", f"the profile {FILE} has no sequence that opens 443/tcp on gate: it "
                                                   f"has ssh, web"),
    "not the port of that protocol": ("connect gate 53", f"the profile {FILE} has no sequence that opens 53/tcp on "
                                                         f"gate: it has ssh, web"),
    "UDP does not answer": ("knock gate --wait-open 53/udp", "53/udp cannot be proved: only a single TCP port can"),
    "nor does a range": ("knock gate --wait-open 8000-8001/tcp", "8000-8001/tcp cannot be proved: only a single TCP "
                                                                 "port can"),
    "no port": ("connect gate no-such-service",
                "unknown service: write its port, as in 22/tcp: the name is not in this host's /etc/services"),
    "knock out of range": ("knock gate 7000 70000", "knock 2: port out of range: a port is a number from 1 to 65535"),
    "knock of no protocol": ("knock gate 7000/sctp", "knock 1: unknown protocol `sctp`: write the port, a slash and "
                             "tcp or udp, as in 7000/udp"),
    "knocks and a dash": ("knock gate 7000 -", "knock 2: port is not a decimal number: a port is a number from 1 to "
                          "65535"),
    "no knocks on standard input": ("knock gate -", "no knocks: write them as in 7000/udp 8000/tcp"),
    "too many": ("knock gate " + "7000 " * 33, "33 knocks: a sequence has at most 32"),
    "a source that is none": ("knock gate 7000 --source eth0", "eth0 is not an address to knock from"),
    "somebody else's address": ("knock -4 gate 7000 --source 192.0.2.1", "192.0.2.1 is not an address of this host"),
    "no such interface": ("knock gate 7000 --interface eth9", "the interface eth9 does not exist"),
    "a time without unit": ("knock gate 7000 --delay 50",
                            "--delay: a duration without a unit; add one: s for seconds, m for minutes"),
    "too slow": ("knock gate --sequence ssh --delay 900ms --jitter 100ms",
                 "1000 ms between two knocks is too long: ssh expects the next within 1000 ms"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong(client: Knockwork, case: str) -> None:
    command, message = WRONG[case]
    assert client.refused(*command.split()) == f"knockwork: error: {message}\n"


USAGES = {
    "no host": ("knock", "HOST is required"),
    "no port": ("connect gate", "PORT is required"),
    "both families": ("knock -4 -6 gate 7000", "-4 excludes -6"),
    "less than never": ("knock gate 7000 --retries -1", "--retries: -1 is not a number from 0 to 1000"),
    "no number of retries": ("knock gate 7000 --retries 2x", "--retries: 2x is not a number from 0 to 1000"),
    "both ways to hand over": ("connect gate 22 --fdpass --no-fdpass", "--fdpass excludes --no-fdpass"),
    "knocks of one's own and of a profile": ("knock gate 7000 --sequence ssh", "KNOCK excludes --sequence"),
    "no such option": ("knock gate 7000 --nope", "`knockwork knock` has no option `--nope`"),
}


@pytest.mark.parametrize("case", USAGES)
def test_wrong_usage(client: Knockwork, case: str) -> None:
    command, message = USAGES[case]
    assert client.refused(*command.split()) == (
        f"knockwork: error: {message}\nSee knockwork {command.split()[0]} --help.\n")


def test_progress(client: Knockwork, server: Knockwork) -> None:
    """On a terminal one line says what goes on, and gives way to the result."""
    server.apply("knockwork: 1\nsequences: [{name: ssh, knock: [47011, 48123/tcp], opens: [22/tcp]}]\n")
    command = client.command("knock", "10.77.0.10", "--sequence", "ssh", "--wait-open", "22")
    seen = client.host.output([*ON_TERMINAL, *command])
    assert seen == ("\r\x1b[K10.77.0.10: knock 1 of 2\r\x1b[K10.77.0.10: knock 2 of 2\r\x1b[K10.77.0.10: open\r\n")


def test_no_profile(client: Knockwork) -> None:
    client.host.run(["/bin/rm", FILE], check=True)
    remedy = "write it (`knockwork export` on the host prints it), or name another with --profile"
    assert client.refused("knock", "gate") == f"knockwork: error: the profile {FILE} does not exist: {remedy}\n"
    assert client.refused("connect", "gate", "22", "--profile", "/run/none") \
        == f"knockwork: error: the profile /run/none does not exist: {remedy}\n"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o611, 0o777])
def test_a_profile_that_others_may_read_or_write(client: Knockwork, mode: int) -> None:
    client.host.write(FILE, PROFILE, mode)
    assert client.refused("knock", "gate", "--sequence", "ssh") == (
        f"knockwork: error: others can read or write {FILE}: `chmod 600 {FILE}`, and replace the secret in it if "
        f"someone could have read it\n")


def test_a_profile_of_another_user(client: Knockwork) -> None:
    client.host.run(["/bin/chown", "nobody", FILE], check=True)
    assert client.refused("knock", "gate") == (
        f"knockwork: error: {FILE} belongs to another user, who could replace it: `chown` it to root\n")


def test_a_profile_that_is_no_file(client: Knockwork) -> None:
    client.host.run(["/usr/bin/mkfifo", "-m", "600", "/run/pipe"], check=True)
    assert client.refused("knock", "gate", "--profile", "/run/pipe") \
        == "knockwork: error: /run/pipe is not a regular file\n"


FAULTY = """\
knockwork: 1
hosts:
  - host: web1
    adress: 192.0.2.10
    sequences:
      - {name: ssh, knock: [], opens: [22/tcp]}
      - {name: ssh, knock: [47011/sctp], opens: [22]}
  - {host: [], address: "a b", sequences: 7}
  - web2
  - lockout: 5
mode: gate
"""
FAULTS = """\
/run/faulty:4:5: error: unknown key `adress`
  help: did you mean `address`?
/run/faulty:6:28: error: a sequence without knocks
  help: write 1 to 32 of them, as in `[7000/udp, 8000/udp]`
/run/faulty:7:16: error: a second sequence named `ssh`
  help: rename one: the first is at /run/faulty:6
/run/faulty:7:29: error: unknown protocol `sctp`
  help: write the port, a slash and tcp or udp, as in 7000/udp
/run/faulty:7:50: error: no protocol
  help: write the port, a slash and tcp or udp, as in 22/tcp
/run/faulty:8:12: error: an empty list of hosts
  help: name one, as in `host: web1.example`
/run/faulty:8:25: error: `a b` is neither a name nor an address
  help: write one, as in `192.0.2.10`, without port or brackets
/run/faulty:8:43: error: `sequences` takes a list of sequences, not a single value
  help: put it in brackets, as in `sequences: [{name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}]`
/run/faulty:9:5: error: a host must be a mapping of keys
  help: write it as in `- {host: web1, sequences: […]}`
/run/faulty:10:5: error: `host` is missing
  help: add `host: web1.example`
/run/faulty:10:5: error: `sequences` is missing
  help: add `sequences: [{name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}]`
/run/faulty:10:14: error: a duration without a unit
  help: add one: s for seconds, m for minutes
/run/faulty:11:1: error: unknown key `mode`
  help: keys here: knockwork, hosts
"""


def test_every_fault_of_a_profile_at_once(client: Knockwork) -> None:
    """With place and remedy, as for a declaration: the lines, which hold ports, are for a terminal."""
    client.host.write("/run/faulty", FAULTY, 0o600)
    assert client.refused("knock", "web1", "--profile", "/run/faulty") == FAULTS


def test_ssh_is_not_shown_the_lines(client: Knockwork) -> None:
    """What ssh prints may end up in a log: `connect` leaves the profile's lines out."""
    client.host.write("/run/faulty", FAULTY, 0o600)
    said = client.refused("connect", "web1", "22", "--profile", "/run/faulty")
    assert "47011" not in said and "/run/faulty:7:29: error: unknown protocol `sctp`\n" in said
