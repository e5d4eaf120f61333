"""Who may write a declaration decides who comes in; what is no regular file is never waited for."""

import json
from collections.abc import Iterator

import pytest

from bed.cli import CLASSIC, DECLARATION, Knockwork

FOLDER = "/etc/knockwork"
DROP_INS = f"{FOLDER}/conf.d"
DROP_IN = f"{DROP_INS}/web.yml"
WEB = "- {name: web, knock: [47001/udp, 48001/udp, 49001/udp], opens: [4443/tcp]}\n"
LOOKING = (["validate"], ["lint"], ["render"], ["trace"], ["export"], ["derive", "show"], ["derive", "clock"])
APPLYING = (["plan"], ["apply"], ["apply", "--unattended"], ["epoch", "publish", "1"])


@pytest.fixture(autouse=True)
def _declared(knockwork: Knockwork) -> Iterator[None]:
    knockwork.declare(CLASSIC)
    knockwork.host.write(DROP_IN, WEB, 0o600)
    yield
    knockwork.host.run(["rm", "-rf", FOLDER, "/run/given", "/run/root"], check=True)


def run(knockwork: Knockwork, *argv: str) -> None:
    knockwork.host.run(list(argv), check=True)


@pytest.mark.parametrize(("change", "said"), [
    (["chmod", "0602", DECLARATION], f"others can write to {DECLARATION}: `chmod 0600 {DECLARATION}`"),
    (["chmod", "0620", DECLARATION], f"others can write to {DECLARATION}: `chmod 0600 {DECLARATION}`"),
    (["chown", "nobody", DECLARATION], f"{DECLARATION} belongs to another user: `chown root {DECLARATION}`"),
    (["chmod", "0666", DROP_IN], f"others can write to {DROP_IN}: `chmod 0600 {DROP_IN}`"),
    (["chown", "nobody", DROP_IN], f"{DROP_IN} belongs to another user: `chown root {DROP_IN}`"),
    (["chmod", "0777", DROP_INS], f"others can write to the directory {DROP_INS}: `chmod go-w {DROP_INS}`"),
    (["chmod", "0775", FOLDER], f"others can write to the directory {FOLDER}: `chmod go-w {FOLDER}`"),
    (["chown", "nobody", DROP_INS], f"the directory {DROP_INS} belongs to another user: `chown root {DROP_INS}`"),
])
def test_others_may_write(knockwork: Knockwork, change: list[str], said: str) -> None:
    """Nothing is applied from it; who only looks is told."""
    run(knockwork, *change)
    for words in APPLYING:
        refused = knockwork.run(*words)
        assert said in refused.stderr, words
        assert words == ["apply", "--unattended"] or (refused.returncode, refused.stdout) == (1, ""), words
    for words in LOOKING:
        done = knockwork.run(*words)
        assert done.returncode == 0 and f"warning: {said}" in done.stderr, words
    error = json.loads(knockwork.run("apply", "--json").stdout)["error"]
    assert error["kind"] == "system" and said in error["message"]


def test_links(knockwork: Knockwork) -> None:
    """What a link leads to counts, and the folder that it stands in; its lines are not for a pipe."""
    run(knockwork, "install", "-d", "-m", "0777", "/run/given")
    knockwork.host.write("/run/given/web.yml", WEB, 0o600)
    run(knockwork, "ln", "-sf", "/run/given/web.yml", DROP_IN)
    assert "others can write to the directory /run/given" in knockwork.refused("apply")
    run(knockwork, "chmod", "0755", "/run/given")
    assert knockwork.run("validate").stderr == ""
    knockwork.host.write("/run/given/web.yml", "root:$6$salt$hash:19000:0:99999:7:::\n", 0o600)
    assert "$6$" not in knockwork.refused("apply") and "19000" not in knockwork.refused("apply")


@pytest.mark.parametrize(("link", "to"), [("/run/given/now", "/run/root"), ("/run/given/root", None)],
                         ids=["a link on the way", "a folder above"])
def test_the_whole_way_counts(knockwork: Knockwork, link: str, to: str | None) -> None:
    """Who can exchange a link or a folder on the way puts another declaration in place."""
    run(knockwork, "install", "-d", "-m", "0755", "-o", "nobody", "/run/given")
    run(knockwork, "install", "-d", "-m", "0755", to or link)
    knockwork.host.write(f"{to or link}/web.yml", WEB, 0o600)
    if to:
        run(knockwork, "ln", "-sfn", to, link)
    run(knockwork, "ln", "-sf", f"{link}/web.yml", DROP_IN)
    assert "the directory /run/given belongs to another user" in knockwork.refused("apply")


def test_others_may_read(knockwork: Knockwork) -> None:
    """A warning, and none where they cannot reach it."""
    run(knockwork, "chmod", "0644", DECLARATION)
    said = f"warning: others can read the declaration {DECLARATION}: `chmod 0600 {DECLARATION}`\n"
    for words in (*LOOKING, ["plan"], ["apply"]):
        done = knockwork.run(*words)
        assert (done.returncode, done.stderr) == (0, said), words
    run(knockwork, "chmod", "0700", FOLDER)
    assert knockwork.run("validate").stderr == ""
    request = {"version": knockwork.run("--version").stdout.split()[1], "command": "plan",
               "sources": [{"kind": "declaration", "name": DECLARATION, "text": CLASSIC}]}
    run(knockwork, "chmod", "0755", FOLDER)
    answer = json.loads(knockwork.run("call", input=json.dumps(request)).stdout)
    assert said.removeprefix("warning: ").strip() in answer["report"]["warnings"]
    run(knockwork, "chmod", "0666", DECLARATION)
    answer = json.loads(knockwork.run("call", input=json.dumps(request)).stdout)
    assert "others can write to" in answer["error"]["message"]


def test_standard_input_is_nobodys_file(knockwork: Knockwork) -> None:
    run(knockwork, "chmod", "0777", FOLDER)
    assert knockwork.run("plan", "-", input=CLASSIC).returncode == 0


@pytest.mark.parametrize("make", [["mkfifo", "-m", "0600"], ["mkdir", "-m", "0700"],
                                  ["/usr/bin/python3", "-c", "import socket, sys; socket.socket(1).bind(sys.argv[1])"],
                                  ["ln", "-s", "/dev/zero"]], ids=["pipe", "folder", "socket", "device"])
def test_what_is_no_file(knockwork: Knockwork, make: list[str]) -> None:
    """Refused at once wherever a file is read."""
    path = f"{FOLDER}/odd.yml"
    run(knockwork, *make, path)
    for words in (["validate", path], ["apply", path], ["trace", "--packets", path], ["render", path],
                  ["derive", "host-key", "web1", "--secret-file", path], ["knock", "web1", "--profile", path]):
        done = knockwork.run(*words, timeout=10)
        assert done.returncode == 1 and f"{path} is not a regular file" in done.stderr, (words, done)
    run(knockwork, "mv", path, DROP_IN) if make[0] != "mkdir" else run(knockwork, "mv", path, f"{DROP_INS}/odd.yml")
    assert "is not a regular file" in knockwork.run("apply", timeout=10).stderr
