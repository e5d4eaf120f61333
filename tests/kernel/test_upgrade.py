"""The table of version 0.1.0 becomes today's by one apply."""

from pathlib import Path

from bed import Caller, Lab
from bed.cli import Knockwork

TABLE = Path(__file__).parent / "table_of_0_1_0.nft"
DECLARATION = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [7000, 8000, 9000]
    opens: [22/tcp]
    step_timeout: 1s
    open_for: 60s
"""


def test_nothing_that_may_live_is_lost(lab: Lab, knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """A grant, a half-done knock, a lockout and a session go on; the second apply changes nothing."""
    lab.server.nft(TABLE.read_text(encoding="utf-8"))
    other = lab.caller("fd99::9" if ":" in client.source else "10.200.0.9")
    client.knock(7000, 8000, 9000)
    session = client.connect(22)
    assert session.works()
    stranger.knock(7000, 8000)
    other.knock(6999)
    assert "Changed" in knockwork.apply(DECLARATION)
    stranger.knock(9000)
    assert session.works()
    assert client.tcp(22) == "open"
    assert stranger.tcp(22) == "open"
    other.knock(7000, 8000, 9000)
    assert other.tcp(22) == "refused"
    assert knockwork.apply(DECLARATION).startswith("Unchanged")
