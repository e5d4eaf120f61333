"""Why a plan changes what it changes: each paragraph is true, and names no port."""

import json
import re

from bed import Lab
from bed.cli import DECLARATION, Knockwork
from bed.packets import Answer

ONE = """\
knockwork: 1
wrong_knock: ignore
sequences:
  - {name: ssh, knock: [47000/udp, 48000/udp], opens: [22/tcp]}
"""
TWO = """\
knockwork: 1
sequences:
  - {name: web, knock: [47100/udp, 48100/udp], opens: [80/tcp]}
  - {name: ssh, knock: [47001/udp, 48000/udp], opens: [22/tcp], open_for: 60s}
"""
PORTS = re.compile(r"4[78][01]0[01]|\b22\b|\b80\b")


def _explained(knockwork: Knockwork, text: str) -> list[dict[str, str]]:
    knockwork.declare(text)
    done = knockwork.run("explain", "--json")
    assert done.returncode == 0, done.stderr
    assert not PORTS.search(done.stdout)
    told: list[dict[str, str]] = json.loads(done.stdout)
    return told


def test_a_first_apply(knockwork: Knockwork) -> None:
    table, sequence = _explained(knockwork, ONE)
    assert table["change"].startswith("+ table") and table["why"] == "no gate is loaded"
    assert sequence["declared"] == f"{DECLARATION}:4"
    assert sequence["why"] == "it is declared here and not in the table"


def test_changes(knockwork: Knockwork) -> None:
    knockwork.apply(ONE)
    by_name = {each["change"]: each for each in _explained(knockwork, TWO)}
    assert by_name["~ sequence ssh"]["declared"] == f"{DECLARATION}:4"
    assert by_name["~ sequence ssh"]["then"].startswith("Its old knocks no longer open it.")
    assert by_name["+ sequence web"]["declared"] == f"{DECLARATION}:3"
    setting = by_name["~ setting wrong_knock"]
    assert setting["why"].endswith("; the declaration says so, or the default of wrong_knock")
    assert "then" not in setting
    removal = {each["change"]: each for each in _explained(knockwork, TWO.replace("ssh", "sftp"))}
    assert removal["- sequence ssh"]["why"] == "it is in the table and no longer declared"
    assert "open to everyone" in removal["- sequence ssh"]["then"]


def test_what_a_hand_did(knockwork: Knockwork) -> None:
    knockwork.apply(ONE)
    knockwork.host.nft("insert rule inet knockwork gate accept")
    told, = _explained(knockwork, ONE)
    assert told["change"] == "~ chain gate" and "something else changed the table" in told["then"]


def test_nothing(knockwork: Knockwork) -> None:
    knockwork.apply(ONE)
    assert knockwork.run("explain").stdout == "Nothing to explain: the table is as declared.\n"


def test_what_it_says_of_grants_is_true(lab: Lab, knockwork: Knockwork) -> None:
    """A grant survives new knocks; a live connection survives a sequence that shuts its service."""
    knockwork.apply(ONE)
    live = lab.client.connect(80)
    lab.client.knock(47000, 48000)
    knockwork.apply(TWO)
    assert lab.client.tcp(22) is Answer.OPEN and live.works()
    assert lab.client.tcp(80) is not Answer.OPEN


def test_what_it_says_of_connections_is_true(lab: Lab, knockwork: Knockwork) -> None:
    """`on_expiry: cut` ends what lives, and only then is it said."""
    knockwork.apply(ONE)
    live = lab.client.connect(80)
    cut = TWO.replace("opens: [80/tcp]", "opens: [80/tcp], on_expiry: cut")
    told, = [each for each in _explained(knockwork, cut) if each["change"] == "+ sequence web"]
    assert told["then"].endswith("and their live connections end.")
    knockwork.apply()
    assert not live.works(0.5)


def test_warnings_are_there(knockwork: Knockwork) -> None:
    """Those of the plan: who is about to lock himself out reads it here as well."""
    knockwork.declare(ONE)
    done = knockwork.run("explain", env={"SSH_CONNECTION": "10.77.0.20 50000 10.77.0.10 22"})
    assert "10.77.0.20" in done.stderr


def test_what_an_apply_opens_is_told(lab: Lab, knockwork: Knockwork) -> None:
    """A service that no sequence opens any more is open to everyone: the plan and the apply warn."""
    knockwork.apply(TWO)
    assert "no longer protected" not in knockwork.run("plan").stderr
    knockwork.declare(TWO.replace("opens: [22/tcp]", "opens: [22-23/tcp]"))
    assert "no longer protected" not in knockwork.run("plan").stderr
    knockwork.declare("\n".join(TWO.splitlines()[:-1]) + "\n")
    warning = "the services that ssh opened are no longer protected: they are open to everyone"
    assert warning in knockwork.run("plan").stderr and warning in knockwork.run("apply").stderr
    assert lab.stranger.tcp(22) is Answer.OPEN
    knockwork.apply("mode: stealth\n" + TWO)
    knockwork.declare(TWO)
    assert "stealth mode ends" in knockwork.run("plan").stderr


ELSEWHERE = """\
knockwork: 1
mode: stealth
sequences:
  - {name: ssh, knock: [47000/udp, 48000/udp], opens: [22/tcp]}
  - {name: web, knock: [47100/udp, 48100/udp], opens: [80/tcp], to: [203.0.113.10, 203.0.113.11]}
  - {name: end, knock: [47200/udp, 48200/udp], closes: ssh}
"""


def test_stealth_does_not_close_other_hosts(knockwork: Knockwork) -> None:
    """Stealth mode is for this host: a service elsewhere that no sequence opens any more is open."""
    opened = "the services that web opened are no longer protected: they are open to everyone"
    knockwork.apply(ELSEWHERE)
    lines = ELSEWHERE.splitlines(keepends=True)
    removed = "".join(line for line in lines if "web" not in line)
    by_name = {each["change"]: each for each in _explained(knockwork, removed)}
    assert by_name["- sequence web"]["then"].endswith("What nothing else opens is then open to everyone.")
    assert opened in knockwork.run("plan").stderr
    moved = ELSEWHERE.replace("203.0.113.10, ", "")
    by_name = {each["change"]: each for each in _explained(knockwork, moved)}
    assert by_name["~ sequence web"]["then"].endswith("What nothing opens any more is then open to everyone.")
    assert opened in knockwork.run("plan").stderr
    here = "".join(line for line in lines if "ssh" not in line)
    by_name = {each["change"]: each for each in _explained(knockwork, here)}
    assert by_name["- sequence ssh"]["then"].endswith("What nothing else opens is then closed to everyone.")
    assert "no longer protected" not in knockwork.run("plan").stderr
    _explained(knockwork, ELSEWHERE.replace("203.0.113.10, 203.0.113.11", "203.0.113.0/24"))
    assert "no longer protected" not in knockwork.run("plan").stderr
    gone = knockwork.run("remove", "--check").stderr
    assert "stealth mode ends" in gone and opened in gone


def test_a_sequence_that_closes_has_no_services(knockwork: Knockwork) -> None:
    """What ends grants opens nothing, and protects nothing."""
    added = {each["change"]: each for each in _explained(knockwork, ELSEWHERE)}
    assert added["+ sequence end"]["then"] == "It opens no service: it ends grants of other sequences."
    gate = ELSEWHERE.replace("mode: stealth\n", "")
    knockwork.apply(gate)
    without = "".join(line for line in gate.splitlines(keepends=True) if "end" not in line)
    by_name = {each["change"]: each for each in _explained(knockwork, without)}
    assert by_name["- sequence end"]["then"] == "It no longer ends grants of other sequences."
    assert "the services that ssh, web opened" in knockwork.run("remove", "--check").stderr
