"""`import knockd --check`: Debian's knockd and the import are asked the same."""

import json
import subprocess
from pathlib import Path

import pytest

from bed import Lab
from bed.cli import Knockwork, binary
from sources import HERE

CLASSIC = "/usr/sbin/iptables -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT"


def checked(*words: str, source: str = "-", text: str = "") -> "subprocess.CompletedProcess[str]":
    """The command's answer."""
    return subprocess.run([*words, binary(), "import", "knockd", source, "--check"], input=text, capture_output=True,
                          text=True, check=False)


@pytest.mark.parametrize("words", [(), ("/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")],
                         ids=["root", "nobody"])
def test_same(words: tuple[str, ...]) -> None:
    """One line for each door; root is not needed."""
    text = (HERE / "knockd/manual.conf").read_text(encoding="utf-8")
    done = checked(*words, text=text)
    if words and "namespace" in done.stderr:
        pytest.skip("this kernel makes no namespaces for users")
    assert (done.returncode, done.stdout, done.stderr) == (
        0, "".join(f"{door}: knockd and the import agree in 6 tries\n" for door in ("shell", "web", "closeweb")), "")


def test_different() -> None:
    """Of sections that begin alike knockd completes the first alone."""
    done = checked(source=str(HERE / "knockd/related.conf"))
    differs = "differs: the right knocks: the import opens, knockd does not; " \
              "with another source: the import opens, knockd does not"
    assert (done.returncode, done.stdout) == (
        1, "first: knockd and the import agree in 6 tries\nsame: knockd and the import agree in 6 tries\n"
        f"longer: {differs}\nbranch: {differs}\ndocs/moving.md says what differs by design.\n")


def test_no_command_is_run(tmp_path: Path) -> None:
    """Neither that of the section nor one of the shell; a port of the check's own may be a knock."""
    ran = tmp_path / "ran"
    text = f"[a]\nsequence = 61001,61003,61002\ntcpflags = syn\ncommand = {CLASSIC}; touch {ran}\n"
    before = subprocess.run(["/usr/sbin/iptables-save"], capture_output=True, check=False).stdout
    assert checked(text=text).stdout == "a: knockd and the import agree in 6 tries\n"
    assert not ran.exists()
    assert subprocess.run(["/usr/sbin/iptables-save"], capture_output=True, check=False).stdout == before


def test_flags_that_no_client_sends() -> None:
    """What the report calls changed, the check finds."""
    text = f"[a]\nsequence = 7000,8000\ntcpflags = fin\ncommand = {CLASSIC}\n"
    assert "differs: the right knocks: the import opens, knockd does not" in checked(text=text).stdout


def test_json() -> None:
    text = f"[a]\nsequence = 7000:udp,8000\ntcpflags = syn\ncommand = {CLASSIC}\n"
    done = subprocess.run([binary(), "import", "knockd", "-", "--check", "--json"], input=text, capture_output=True,
                          text=True, check=True)
    assert json.loads(done.stdout) == {"compared": [{"sequence": "a", "tries": 5, "differences": []}]}


def test_knockd_is_missing(lab: Lab, server: Knockwork) -> None:
    lab.server.run(["/bin/mount", "--bind", "/dev/null", "/usr/sbin/knockd"], check=True)
    try:
        lab.server.write("/run/k.conf", f"[a]\nsequence = 7000,8000\ncommand = {CLASSIC}\n")
        assert server.refused("import", "knockd", "/run/k.conf", "--check").startswith(
            "knockwork: error: knockd is not installed, and --check asks it: `")
    finally:
        lab.server.run(["/bin/umount", "/usr/sbin/knockd"], check=True)


def test_knockd_refuses(server: Knockwork) -> None:
    text = f"[a]\nsequence = 7000,8000\ntcpflags = {{flags}}\ncommand = {CLASSIC}\n"
    assert server.refused("import", "knockd", "-", "--check", input=text) == (
        "knockwork: error: knockd refuses these sections, or does not answer\n")
