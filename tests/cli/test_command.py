"""What the command prints, where, and with which exit status."""

import json
import re
from collections.abc import Iterator

import pytest

from bed.cli import CLASSIC, DECLARATION, ON_TERMINAL, Knockwork

PORTS = re.compile(r"47000|48000|49000|4022")
SUBCOMMANDS = ("validate", "lint", "schema", "render", "trace", "graph", "plan", "explain", "apply", "drift", "remove",
               "renew", "save", "status", "watch", "metrics", "confirm", "rollback", "log", "grant", "revoke", "derive",
               "epoch", "knock", "connect", "export", "import", "completion")


def test_no_core_is_left(knockwork: Knockwork) -> None:
    """Whatever the shell allows: a process that dies leaves no memory with secrets behind."""
    crashing = ("import os, resource, subprocess, sys, time; resource.setrlimit(resource.RLIMIT_CORE, (-1, -1));"
                "child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE); time.sleep(0.3);"
                "child.send_signal(11); print(os.WCOREDUMP(os.waitpid(child.pid, 0)[1]))")
    done = knockwork.host.run(["/usr/bin/python3", "-c", crashing, *knockwork.command("validate", "-")], cwd="/root")
    assert done.stdout == "False\n", done.stderr


def test_help_names_every_subcommand(knockwork: Knockwork) -> None:
    done = knockwork.run("--help")
    assert done.returncode == 0 and not done.stderr
    # How a page is laid out is CLI11's affair: titles and indents differ between its versions.
    _, listed = re.split("subcommands:", done.stdout, flags=re.IGNORECASE)
    assert re.findall(r"^  (\w+)", listed, re.MULTILINE) == list(SUBCOMMANDS)


def _pages(knockwork: Knockwork, *words: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Of the commands below these words, however deep."""
    page = knockwork.run(*words, "--help").stdout
    below = re.split("subcommands:", page, flags=re.IGNORECASE)[1:]
    if not below:
        yield words, page
        return
    assert all(len(line) <= 80 for line in page.splitlines()), page
    for name in re.findall(r"^  ([\w-]+)", below[0].split("\n\n")[0], re.MULTILINE):
        yield from _pages(knockwork, *words, name)


def test_help_fits_and_has_an_example(knockwork: Knockwork) -> None:
    """80 columns for every page; the example is one of that very command."""
    pages = dict(_pages(knockwork))
    assert len(pages) > 25
    for words, page in pages.items():
        assert all(len(line) <= 80 for line in page.splitlines()), page
        example = page.split("Example:\n  $ ")[1].strip().replace("\\\n", "")
        assert f"knockwork {' '.join(words)}" in example, page


@pytest.mark.parametrize("words", [(), ("--nope",), ("open",), ("plan", "--nope"), ("trace",)], ids=" ".join)
def test_wrong_words(knockwork: Knockwork, words: tuple[str, ...]) -> None:
    knockwork.declare(CLASSIC)
    done = knockwork.run(*words, input="nonsense\n")
    assert done.returncode == 1 and done.stderr and not done.stdout


TIMES = ("apply --check --lock-timeout {}", "apply --check --confirm-within {}", "remove --check --lock-timeout {}",
         "grant 192.0.2.7 --sequence ssh --for {}", "revoke --all --check --lock-timeout {}",
         "confirm --lock-timeout {}", "rollback --lock-timeout {}", "epoch publish 1 --check --lock-timeout {}",
         "renew ssh --lock-timeout {}",
         "save --lock-timeout {}", "knock ::1 47000 --no-prove --delay {}", "knock ::1 47000 --no-prove --jitter {}",
         "knock ::1 47000 --no-prove --timeout {}", "knock ::1 47000 --no-prove --within {}")


@pytest.mark.parametrize("words, named", [
    ("apply --confirm-within", "--confirm-within"), ("plan", "FILE"), ("knock web1 --sequence", "--sequence"),
    ("knock web1 --profile", "--profile"), ("knock ::1 7000/udp --source", "--source"), ("knock ::1 7000/udp", "KNOCK"),
    ("connect web1 22 --sequence", "--sequence"), ("revoke --source", "--source"), ("render", "FILE")])
def test_an_empty_value_is_not_as_if_it_were_left_out(knockwork: Knockwork, words: str, named: str) -> None:
    """As a shell passes it on for a variable that is not set."""
    knockwork.declare(CLASSIC)
    done = knockwork.run(*words.split(), "")
    assert (done.returncode, done.stderr) == (1, f"knockwork: error: {named}: the value is empty\n")


@pytest.mark.parametrize("words, named", [
    ("apply --confirm-within= --check", "--confirm-within"), ("knock ::1 --source= 7000/udp", "--source"),
    ("revoke --source= --all", "--source")])
def test_an_empty_value_is_not_the_next_word(knockwork: Knockwork, words: str, named: str) -> None:
    knockwork.declare(CLASSIC)
    assert knockwork.refused(*words.split()) == f"knockwork: error: {named}: the value is empty\n"


@pytest.mark.parametrize("words", [
    "apply --lock-timeout 30 --json", "apply --confirm-within= --json", "apply --nothing --json", "applie --json"])
def test_errors_of_the_command_line_are_json_as_well(knockwork: Knockwork, words: str) -> None:
    """Wherever the option stands."""
    done = knockwork.run(*words.split())
    assert done.returncode == 1 and not done.stderr
    assert json.loads(done.stdout)["ok"] is False


@pytest.mark.parametrize("command", TIMES)
def test_times_are_those_of_declarations(knockwork: Knockwork, command: str) -> None:
    """One way to write them, and one sentence about a wrong one, which names the option."""
    knockwork.apply(CLASSIC)
    option = command.split()[-2]
    for wrong, why in (("30", "a duration without a unit; add one: s for seconds, m for minutes"),
                       ("1.5s", "`1.5s` is not a duration; write it as 5s, 500ms, 1m30s, 2h or 1d")):
        assert knockwork.refused(*command.format(wrong).split()) == f"knockwork: error: {option}: {why}\n"
        if "knock " not in command and "save" not in command:
            answer = json.loads(knockwork.run(*command.format(wrong).split(), "--json").stdout)
            assert answer["error"]["message"] == f"{option}: {why}"
    done = knockwork.run(*command.format("1m30s").split())
    assert "duration" not in done.stderr, done.stderr


def test_shared_options_say_the_same_everywhere(knockwork: Knockwork) -> None:
    """They are declared once, so --help of every command has the same sentence for them."""
    shared = ("--json", "--check", "--diff", "--lock-timeout", "--allow-absent")
    told: dict[str, set[str]] = {option: set() for option in shared}
    for command in (*SUBCOMMANDS, "derive show", "epoch publish", "epoch retire"):
        page = knockwork.run(*command.split(), "--help").stdout
        for option in shared:
            found = re.findall(rf"^ +{option}\b( .*(?:\n {{20,}}\S.*)*)", page, re.MULTILINE)
            told[option] |= {" ".join(text.split()) for text in found}
    assert {option: len(said) for option, said in told.items()} == dict.fromkeys(shared, 1), told


@pytest.mark.parametrize("depth", [0, 24])
def test_an_ssh_session_is_found_above_sudo(knockwork: Knockwork, depth: int) -> None:
    """However many shells stand between: both walks over the ancestors go as far."""
    knockwork.declare(CLASSIC.replace("4022", "22"))
    nested = ("f() { if [ $1 -gt 0 ]; then ( f $(($1 - 1)); : ); else " + " ".join(knockwork.command("plan"))
              + f"; fi; }}; f {depth}; :")
    done = knockwork.host.run(["/bin/sh", "-c", f"env -u SSH_CONNECTION /bin/sh -c '{nested}'; :"],
                              env={"SSH_CONNECTION": "192.0.2.7 50000 192.0.2.1 22"})
    assert "192.0.2.7" in done.stderr, done


def test_validate(knockwork: Knockwork) -> None:
    knockwork.declare(CLASSIC)
    done = knockwork.run("validate")
    assert done.returncode == 0 and not done.stderr and not PORTS.search(done.stdout)
    knockwork.declare(CLASSIC.replace("opens", "open"))
    assert knockwork.refused("validate").startswith(f"{DECLARATION}:5:5: error: ")


def test_lint(knockwork: Knockwork) -> None:
    """Advice is no error; a broken declaration is."""
    knockwork.declare(CLASSIC)
    done = knockwork.run("lint")
    assert done.returncode == 0 and not done.stderr and max(map(len, done.stdout.splitlines())) <= 80
    [ssh] = json.loads(knockwork.run("lint", "--json").stdout)["sequences"]
    assert (ssh["name"], ssh["knocks"], ssh["ascending"], ssh["stride"]) == ("ssh", 3, False, True) and ssh["advice"]
    knockwork.declare(CLASSIC.replace("opens", "open"))
    assert knockwork.refused("lint").startswith(f"{DECLARATION}:5:5: error: ")


def test_render_is_what_nft_takes(knockwork: Knockwork) -> None:
    knockwork.declare(CLASSIC)
    rendered = knockwork.run("render").stdout
    done = knockwork.host.run(["/usr/sbin/nft", "-c", "-f", "-"], input=rendered)
    assert done.returncode == 0, done.stderr


def test_plan_apply_and_again(knockwork: Knockwork) -> None:
    """Exit statuses as terraform's; second runs say that nothing is to be done."""
    knockwork.declare(CLASSIC)
    plain, detailed = knockwork.run("plan"), knockwork.run("plan", "--detailed-exitcode")
    assert (plain.returncode, detailed.returncode) == (0, 2)
    checked = knockwork.run("apply", "--check", "--diff")
    assert checked.returncode == 0 and "ssh" in checked.stdout
    assert knockwork.differs()
    knockwork.apply()
    assert not knockwork.differs()
    again = knockwork.run("apply", "--diff")
    assert again.returncode == 0 and "ssh" not in again.stdout and again.stdout.startswith("Unchanged: ")


def test_json(knockwork: Knockwork) -> None:
    knockwork.declare(CLASSIC)
    assert json.loads(knockwork.run("plan", "--json").stdout)["changed"] is True
    assert json.loads(knockwork.run("apply", "--json").stdout)["changed"] is True
    assert json.loads(knockwork.run("apply", "--json").stdout)["changed"] is False
    assert json.loads(knockwork.run("status", "--json").stdout)
    assert json.loads(knockwork.run("remove", "--json").stdout)["changed"] is True


def test_no_port_is_printed(knockwork: Knockwork) -> None:
    """Names stay readable, ports are fingerprints; nothing of both in what goes wrong."""
    knockwork.declare(CLASSIC)
    printed = [knockwork.run(*words) for words in (
        ("lint",), ("lint", "--json"), ("plan",), ("apply", "--diff"), ("status",), ("status", "--json"),
        ("remove", "--check"))]
    text = "".join(done.stdout + done.stderr for done in printed)
    assert "ssh" in text and not PORTS.search(text)


def test_colour_is_for_terminals(knockwork: Knockwork) -> None:
    knockwork.declare(CLASSIC)
    assert "\033" not in knockwork.run("plan").stdout
    terminal = [*ON_TERMINAL, *knockwork.command("plan")]
    assert "\033[32m" in knockwork.host.run(terminal).stdout
    assert "\033" not in knockwork.host.run(terminal, env={"NO_COLOR": "1"}).stdout


def test_remove_says_what_it_opens(knockwork: Knockwork) -> None:
    knockwork.apply(CLASSIC + "  - {name: leave, knock: [7100/udp, 7200/udp], closes: ssh}\n")
    removed = knockwork.run("remove", "--check").stdout
    assert "opens to everyone" in removed and "0 services" not in removed
    assert not knockwork.differs()
    assert knockwork.run("remove").returncode == 0
    again = knockwork.run("remove")
    assert again.returncode == 0 and "opens" not in again.stdout


def test_trace(knockwork: Knockwork) -> None:
    """The reference machine on the standard input; needs no kernel."""
    knockwork.declare(CLASSIC)
    ports = ("47000/udp", "48000/udp", "49000/udp", "4022/tcp")
    packets = "".join(f"+1s 192.0.2.7 {port}\n" for port in ports)
    done = knockwork.run("trace", input=packets)
    assert done.returncode == 0, done.stderr
    assert "accepted" in done.stdout.splitlines()[-1]


FAULTY = {
    "a number too large": CLASSIC.replace("49000", "70490"),
    "a word for a number": CLASSIC.replace("49000/udp", "49000/udq"),
    "opened by itself": CLASSIC.replace("4022/tcp", "47000/udp"),
    "public": CLASSIC.replace("sequences", "mode: stealth\npublic: [47000/udp]\nsequences"),
    "no protocol": CLASSIC.replace("4022/tcp", "4022"),
    "opened twice": CLASSIC.replace("4022/tcp", "4022/tcp, 4000-4022/tcp"),
    "elsewhere": CLASSIC.replace("knock:", "from:"),
    "a key": CLASSIC.replace("knock: [", "48000/udp: ["),
    "no list": CLASSIC.replace("knock: [47000/udp", "knock: 47000/udp, ["),
    "not YAML": CLASSIC.replace("49000/udp]", "49000/udp"),
}
ANY_PORT = re.compile(r"47000|48000|49000|4022|70490|4000")


@pytest.mark.parametrize("text", FAULTY.values(), ids=FAULTY.keys())
def test_lines_are_for_terminals(knockwork: Knockwork, text: str) -> None:
    """What goes to a journal or a pipe has the place of a fault and what to do, and no port."""
    knockwork.declare(text)
    done = knockwork.run("apply", "--unattended")
    said = done.stdout + done.stderr
    assert done.returncode == 1 and re.search(rf"{DECLARATION}:\d+:\d+: ", said) and not ANY_PORT.search(said), said
    for words in (("apply",), ("plan",), ("validate",), ("lint",), ("render",), ("trace",),
                  ("derive", "show"), ("derive", "clock"), ("epoch", "publish", "1"), ("export",)):
        said = knockwork.refused(*words)
        assert re.match(rf"{DECLARATION}:\d+:\d+: error: .+\n  help: ", said) and not ANY_PORT.search(said), words
        assert ANY_PORT.search(knockwork.refused(*words, "--reveal")), words
    for words in (("apply",), ("plan",), ("validate",), ("lint",)):
        said = knockwork.run(*words, "--json").stdout
        assert not json.loads(said)["ok"] and not ANY_PORT.search(said)
    shown = knockwork.host.run([*ON_TERMINAL, *knockwork.command("apply")]).stdout
    assert "^" in shown and ANY_PORT.search(shown)
    piped = knockwork.host.run([*ON_TERMINAL, "sh", "-c", " ".join(knockwork.command("apply")) + " 2>&1 | cat"])
    assert not ANY_PORT.search(piped.stdout)


@pytest.mark.parametrize("number", ["-1", "+1", "0x10", "1.5", "1e3", "99999999999999999999", "1000000000000000", "x"])
def test_numbers(knockwork: Knockwork, number: str) -> None:
    """A whole number is written in digits; nothing wraps around."""
    knockwork.declare(CLASSIC)
    for words in (("epoch", "publish", "--", number), ("watch", f"--count={number}"),
                  ("epoch", "retire", "1", f"--expect={number}")):
        assert "is not a whole number: write digits only, at most 15" in knockwork.refused(*words), words
