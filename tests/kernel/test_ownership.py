"""Whose table it is: a stranger's is left alone, ours is adopted wherever it comes from."""

import pytest

from bed import Lab
from bed.cli import Knockwork

CLASSIC = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
"""

REFUSED = ("knockwork: error: there is a table inet knockwork that knockwork did not create (its comment is not "
           "\"knockwork 1\"): it was not changed. Rename it, or delete it with "
           "`nft delete table inet knockwork`, and run again\n")

STRANGERS = {
    "empty": "table inet knockwork { }",
    "with another comment": 'table inet knockwork { comment "mine"; chain c { }; }',
    "with our names": """table inet knockwork {
        map dispatch { type inet_service : verdict; }
        chain gate { type filter hook prerouting priority mangle; tcp dport vmap @dispatch; }
    }""",
}


@pytest.mark.parametrize("name", STRANGERS)
@pytest.mark.parametrize("command", ["plan", "apply", "apply --check", "remove"])
def test_a_strangers_table_is_left_alone(lab: Lab, knockwork: Knockwork, name: str, command: str) -> None:
    """A table of our name that we did not make is refused by every command, and not touched."""
    lab.server.nft(STRANGERS[name])
    before = (lab.generation(), knockwork.listing())
    knockwork.declare(CLASSIC)
    assert knockwork.refused(*command.split()) == REFUSED
    assert (lab.generation(), knockwork.listing()) == before


@pytest.mark.parametrize("name", STRANGERS)
def test_status_tells_whose_it_is(lab: Lab, knockwork: Knockwork, name: str) -> None:
    lab.server.nft(STRANGERS[name])
    knockwork.declare(CLASSIC)
    done = knockwork.run("status")
    assert done.returncode == 3 and done.stdout.startswith(
        "No gate: there is a table inet knockwork that knockwork did not create.\n"
        "The declared services are open to everyone: delete that table, and run\n`knockwork apply`.\n")


def test_a_restored_table_is_adopted(lab: Lab, knockwork: Knockwork) -> None:
    """A saved `nft list ruleset`, restored after a flush, is ours: no changes, grants and all."""
    knockwork.apply(CLASSIC)
    lab.client.knock(7000, 8000, 9000)
    lab.client6.knock(7000, 8000)
    lab.server.run(["sh", "-c", "nft list ruleset > /run/saved && nft flush ruleset && nft -f /run/saved"],
                   check=True)
    before = lab.generation()
    assert not knockwork.differs()
    assert knockwork.apply() == "Unchanged: the kernel already matches the declaration.\n"
    assert lab.generation() == before
    assert lab.client.tcp(22) == "open"
    lab.client6.knock(9000)
    assert lab.client6.tcp(22) == "open"


def test_a_restored_old_table_is_brought_up_to_date(lab: Lab, knockwork: Knockwork) -> None:
    """A table restored from before a change is ours too, and apply makes the change again."""
    knockwork.apply(CLASSIC)
    old = lab.server.output(["nft", "list", "ruleset"])
    knockwork.apply(CLASSIC.replace("9000", "9005"))
    wanted = knockwork.table().configuration()
    lab.server.nft("flush ruleset\n" + old)
    assert knockwork.differs()
    knockwork.apply()
    assert knockwork.table().configuration() == wanted
