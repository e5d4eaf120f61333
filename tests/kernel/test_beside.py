"""Other firewalls beside the gate: what `apply` says about them."""

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

FIREWALLD = """table inet fw {{ chain input {{ type filter hook input priority filter + 10; policy accept;
ct state {{ established, related }} accept
ct status dnat accept
iifname "lo" accept
tcp dport {port} ct state new accept
{end}
}}; }}"""


@pytest.mark.parametrize("end, port, said", [
    ("drop", 22, "Set `refuse: drop`"),
    ("reject with icmpx admin-prohibited", 22, "rejects closed ports"),
    ("drop", 80, "the chain inet fw input refuses what ssh opens"),
])
def test_apply_names_the_chain(lab: Lab, knockwork: Knockwork, end: str, port: int, said: str) -> None:
    """A firewall that spoils a grant, or shows what is protected, is named."""
    lab.server.nft(FIREWALLD.format(port=port, end=end))
    knockwork.declare(CLASSIC)
    done = knockwork.run("apply")
    assert done.returncode == 0
    assert said in done.stdout + done.stderr
    assert "inet fw input" in done.stdout + done.stderr


def _said(knockwork: Knockwork) -> str:
    done = knockwork.run("apply")
    assert done.returncode == 0
    return done.stdout + done.stderr


def test_unchanged_does_not_look(lab: Lab, knockwork: Knockwork) -> None:
    """An apply with nothing to do reads no other table; whatever is committed has the next one look."""
    lab.server.nft(FIREWALLD.format(port=80, end="drop"))
    knockwork.declare(CLASSIC)
    assert "inet fw input" in _said(knockwork)
    for _ in range(2):
        assert _said(knockwork) == "Unchanged: the kernel holds what was asked for.\n"
    lab.server.nft("add table ip another")
    assert "inet fw input" in _said(knockwork)
