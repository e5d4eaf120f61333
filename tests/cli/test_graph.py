"""The picture of a declaration: graphviz takes it, and it names no port unless asked."""

import re
import shutil

import pytest

from bed.cli import Knockwork

DECLARATION = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [47000/udp, 48000/tcp, 49000/udp]
    opens: [4022/tcp, 4080-4090/udp]
    from: [192.0.2.0/24]
    to: [203.0.113.10]
    sequence_timeout: 9s
    once: true
  - {name: alice, token: {port: 41873, key: GUoSQDN0Z4xRoi9BS1U8pxiQcHWlXpVeFwnqU8WcGmE=}, opens: [4023/tcp]}
"""
PORTS = re.compile(r"47000|48000|49000|4022|4080|41873|4023")


def test_names_no_port(knockwork: Knockwork) -> None:
    knockwork.declare(DECLARATION)
    dot = knockwork.run("graph").stdout
    assert dot.startswith("digraph knockwork {") and not PORTS.search(dot)
    for words in ("knock 3", "within 5s", "opens 2 services", "for 30s", "192.0.2.0/24", "203.0.113.10", "once",
                  "within 9s in all", "token", "locked out for"):
        assert words in dot, words
    assert set(PORTS.findall(knockwork.run("graph", "--reveal").stdout)) == set(PORTS.pattern.split("|"))


@pytest.mark.skipif(shutil.which("dot") is None, reason="no graphviz")
def test_graphviz_takes_it(knockwork: Knockwork) -> None:
    knockwork.declare(DECLARATION)
    done = knockwork.run("graph", "--svg")
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert "<svg" in done.stdout and done.stdout.count("</a>") == 0 and done.stdout.count("<polygon") >= 4


def test_without_graphviz(knockwork: Knockwork) -> None:
    knockwork.declare(DECLARATION)
    assert knockwork.refused("graph", "--svg", env={"PATH": "/nowhere"}) == (
        "knockwork: error: dot cannot be run: No such file or directory; `dot` is in the package graphviz, and needs "
        "no root\n")
