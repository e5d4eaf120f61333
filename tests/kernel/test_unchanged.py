"""What must not move: the second apply, bad input, other people's tables."""

import re

import pytest

from bed import Lab
from bed.cli import Knockwork

PLAIN = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
"""

RICH = """\
knockwork: 1
always_allow: [192.0.2.0/28, "2001:db8::/48"]
refuse: reject
lockout: 7s
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
    step_timeout: 1500ms
    open_for: 1m30s
  - name: admin-alice
    knock: [7411/tcp, 7000/udp, 29017/tcp, 11003/udp]
    opens: [443/tcp, 51820/udp, 60000-60010/udp]
  - name: repeated
    knock: [5000/tcp, 5000/tcp, 5001/udp]
    opens: [60005-60020/udp]
    open_for: 1d
"""

STEALTH = """\
knockwork: 1
mode: stealth
public: [80/tcp, 8000-8010/tcp]
always_allow: [192.0.2.7]
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
"""

EMPTY = "knockwork: 1\n"
DECLARATIONS = {"plain": PLAIN, "rich": RICH, "stealth": STEALTH, "empty": EMPTY}


@pytest.mark.parametrize("name", DECLARATIONS)
def test_second_apply_sends_nothing(lab: Lab, knockwork: Knockwork, name: str) -> None:
    """The second apply is unchanged, and the ruleset's generation does not move; the same without a stamp."""
    knockwork.declare(DECLARATIONS[name])
    assert knockwork.differs()
    assert "Changed" in knockwork.apply()
    before = (lab.generation(), knockwork.listing())
    assert not knockwork.differs()
    for forgotten in ("/nothing", "/run/knockwork", "/var/lib/knockwork"):
        lab.server.run(["rm", "-rf", forgotten], check=True)
        assert knockwork.apply() == "Unchanged: the kernel already matches the declaration.\n"
    assert (lab.generation(), knockwork.listing()) == before


@pytest.mark.parametrize("name", DECLARATIONS)
def test_check_changes_nothing(lab: Lab, knockwork: Knockwork, name: str) -> None:
    """--check says what apply then does, commits nothing and writes nothing."""
    knockwork.declare(DECLARATIONS[name])
    before = lab.generation()
    said = knockwork.apply(None, "--check")
    assert lab.generation() == before
    assert lab.server.run(["test", "-e", "/var/lib/knockwork"]).returncode == 1
    done = knockwork.apply()
    assert _changes(said) == _changes(done)
    assert lab.generation() > before


def _changes(printed: str) -> list[str]:
    """The lines of changes, without fingerprints: before the first apply, which makes their key, there are none."""
    return [re.sub(r" [0-9a-f]{8}\b", "", line) for line in printed.splitlines() if line.startswith("  ")]


@pytest.mark.parametrize("before", DECLARATIONS)
@pytest.mark.parametrize("after", DECLARATIONS)
def test_any_change_converges(lab: Lab, knockwork: Knockwork, before: str, after: str) -> None:
    """From any declaration to any other: the table is the one that a fresh apply makes, and stays."""
    knockwork.apply(DECLARATIONS[before])
    knockwork.apply(DECLARATIONS[after])
    assert not knockwork.differs()
    changed = knockwork.table().configuration()
    knockwork.remove()
    knockwork.apply()
    assert changed == knockwork.table().configuration()


@pytest.mark.parametrize("name", DECLARATIONS)
def test_render_is_the_table(lab: Lab, knockwork: Knockwork, name: str) -> None:
    """`nft -f` of the rendered file makes the table that apply makes; apply then adopts it."""
    knockwork.declare(DECLARATIONS[name])
    rendered = knockwork.run("render").stdout
    lab.server.nft(rendered)
    assert not knockwork.differs()
    loaded = knockwork.table().configuration()
    knockwork.remove()
    knockwork.apply()
    assert knockwork.table().configuration() == loaded


BAD = {
    "syntax": "knockwork: 1\nsequences: [",
    "unknown key": PLAIN + "    opnes: [23/tcp]\n",
    "port": PLAIN.replace("8000", "70000"),
    "empty file": "",
    "duplicate name": PLAIN + PLAIN.partition("sequences:\n")[2],
    "no protocol": PLAIN.replace("22/tcp", "22"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_changes_nothing(lab: Lab, knockwork: Knockwork, name: str) -> None:
    """A declaration with a fault leaves the live table and its generation as they were."""
    knockwork.apply(PLAIN)
    before = (lab.generation(), knockwork.listing())
    knockwork.declare(BAD[name])
    assert "/etc/knockwork/knockwork.yml" in knockwork.refused("apply")
    assert (lab.generation(), knockwork.listing()) == before


OTHERS = {
    "docker": """
        table ip nat {
            chain PREROUTING {
                type nat hook prerouting priority dstnat; policy accept;
                fib daddr type local counter jump DOCKER
            }
            chain POSTROUTING {
                type nat hook postrouting priority srcnat; policy accept;
                ip saddr 172.17.0.0/16 oifname != "docker0" counter masquerade
            }
            chain DOCKER {
                iifname "docker0" counter return
                iifname != "docker0" tcp dport 8080 counter dnat to 172.17.0.2:80
            }
        }
        table ip filter {
            chain INPUT { type filter hook input priority filter; policy accept; }
            chain FORWARD {
                type filter hook forward priority filter; policy drop;
                oifname "docker0" ct state related,established counter accept
                iifname "docker0" counter accept
            }
        }""",
    "ufw": """
        table ip filter {
            chain INPUT {
                type filter hook input priority filter; policy drop;
                counter jump ufw-before-input
                counter jump ufw-user-input
            }
            chain ufw-before-input {
                iifname "lo" counter accept
                ct state related,established counter accept
                ct state invalid counter drop
            }
            chain ufw-user-input {
                tcp dport 22 counter accept
                ip saddr 10.0.0.0/8 udp dport 7000 counter accept
            }
        }
        table ip6 filter {
            chain ufw6-user-input { tcp dport 22 counter accept; }
        }""",
    "firewalld": """
        table inet firewalld {
            set trusted {
                type ipv4_addr
                flags interval
                elements = { 192.0.2.0/24, 198.51.100.1 }
            }
            map zones {
                type ifname : verdict
                elements = { "eth0" : goto filter_IN_public }
            }
            chain filter_INPUT {
                type filter hook input priority filter + 10; policy accept;
                ct state { established, related } accept
                iifname "lo" accept
                iifname vmap @zones
                reject with icmpx admin-prohibited
            }
            chain filter_IN_public {
                tcp dport 22 ct state { new, untracked } accept
                ip saddr @trusted accept
            }
        }""",
    "namesakes": """
        table ip knockwork {
            chain gate { type filter hook prerouting priority mangle; policy accept; }
        }
        table netdev knockwork {
            set granted4 {
                type ipv4_addr
                elements = { 192.0.2.1 }
            }
        }
        table inet knockwork2 {
            map dispatch {
                type inet_service : verdict
                elements = { 22 : drop }
            }
        }""",
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_tables_stay(lab: Lab, knockwork: Knockwork, name: str) -> None:
    """Apply, change and remove leave every other table byte for byte as it was."""
    lab.server.nft(OTHERS[name])
    before = lab.server.output(["nft", "-a", "list", "ruleset"])
    for declaration in (PLAIN, RICH, STEALTH):
        knockwork.apply(declaration)
        assert _without_ours(lab.server.output(["nft", "-a", "list", "ruleset"])) == before
    knockwork.remove()
    assert lab.server.output(["nft", "-a", "list", "ruleset"]) == before


def _without_ours(ruleset: str) -> str:
    start = ruleset.index("table inet knockwork {")
    return ruleset[:start] + ruleset[ruleset.index("\n}\n", start) + 3:]


def test_remove_twice(lab: Lab, knockwork: Knockwork) -> None:
    """Removing takes the table away; removing again is unchanged and sends nothing."""
    knockwork.apply(PLAIN)
    assert "Changed" in knockwork.remove()
    assert lab.server.output(["nft", "list", "tables"]) == ""
    before = lab.generation()
    assert knockwork.remove() == "Unchanged: there is no table inet knockwork.\n"
    assert lab.generation() == before
