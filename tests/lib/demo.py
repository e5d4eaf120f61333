"""tests/demo: a playbook closes SSH on three hosts, knocks open it, and it all goes away again.

What is shown is what happened: every step is checked, and a surprise ends the demo with status 1.
"""
from __future__ import annotations

import re
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path

import build
import process
from screen import Line, say, styled

sys.path.insert(0, str(build.ROOT / "tests"))

from bed import Bed, Host  # noqa: E402

SERVERS = ("web", "db", "mail")
GUEST, STRANGER = "guest", "stranger"
EXAMPLES = build.ROOT / "docs/examples"
RELEASE = build.BUILD / "release"
WIDTH = 76
PREFER_IPV4 = "precedence ::ffff:0:0/96 100\n"  # gai.conf(5); the same works over IPv6
RECAP = re.compile(r"^(\S+) +: (ok=\d+) +(changed=\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE)


class Surprise(Exception):
    """Something did not go as the demo says."""


def heading(text: str) -> None:
    say()
    say(styled(text, "bold"))


def command(host: str, text: str) -> None:
    say(f"  {styled(f'{host}$', 'dim')} {text}")


def answer(text: str, style: str) -> None:
    for line in text.splitlines():
        for part in textwrap.wrap(line, WIDTH, subsequent_indent="    ", drop_whitespace=False) or [""]:
            say(f"    {styled(part.rstrip(), style)}")


class Demo:
    """The bed with the collection on its controller."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        for path in EXAMPLES.rglob("*.yml"):
            bed.controller.write(f"/root/play/{path.relative_to(EXAMPLES)}", path.read_text(encoding="utf-8"))
        bed.controller.write("/root/play/hosts", "\n".join(
            line for line in bed.inventory().splitlines() if not line.startswith((GUEST, STRANGER))) + "\n")
        collections = "/root/.ansible/collections/ansible_collections/knockwork"
        bed.controller.run(["mkdir", "-p", collections], check=True)
        bed.controller.run(["ln", "-s", str(build.ROOT / "ansible_collection"), f"{collections}/nft"],
                           check=True)
        way_back = f'["{bed.address("controller")}", "{bed.address6("controller")}"]'
        for caller in (GUEST, STRANGER):
            bed.hosts[caller].write("/etc/gai.conf", PREFER_IPV4)
        bed.controller.write("/root/play/group_vars/all.yml", f"way_back_in: {way_back}\n")

    def play(self, book: str, *options: str, changed: int, hosts: Sequence[str] = SERVERS) -> str:
        """Runs a playbook; every one of `hosts` must report `changed` changed tasks."""
        command("controller", " ".join(["ansible-playbook", "-i", "hosts", book, *options]))
        done = self.bed.controller.run(["ansible-playbook", "-i", "hosts", book, *options], cwd="/root/play",
                                       env={"ANSIBLE_NOCOLOR": "1"}, timeout=120)
        recap = RECAP.findall(done.stdout)
        if done.returncode or len(recap) != len(hosts):
            raise Surprise(done.stdout + done.stderr)
        for name, ok, change, _, _ in recap:
            answer(f"{name:<6} {ok} {change}", "note" if change != "changed=0" else "good")
        if any(change != f"changed={changed}" for _, _, change, _, _ in recap):
            raise Surprise(f"expected changed={changed} on every host\n{done.stdout}")
        return done.stdout

    def ssh(self, who: str, target: str, *, opens: bool) -> None:
        """Connects to port 22 as `who`; it must answer as sshd does, or as a closed port."""
        text = f"head -n 1 < /dev/tcp/{target}/22"
        command(who, text)
        done = self.bed.hosts[who].run(["bash", "-c", f"timeout 5 {text}"])
        shown = done.stdout.strip() or done.stderr.strip().rpartition(": ")[2]
        answer(shown, "good" if opens else "bad")
        if done.stdout.startswith("SSH-2.0") != opens:
            raise Surprise(f"port 22 of {target} should be {'open' if opens else 'closed'} to {who}")

    def knock(self, who: str, target: str, ports: Sequence[int]) -> None:
        """Knocks as any shell can."""
        text = f"for port in {' '.join(map(str, ports))}; do echo > /dev/udp/{target}/$port; done"
        command(who, text)
        self.bed.hosts[who].run(["bash", "-c", text], check=True)

    def show(self, host: str, *argv: str) -> str:
        """Runs a command on a host and shows what it prints."""
        command(host, " ".join(argv))
        out = str(self.bed.hosts[host].output([str(RELEASE / argv[0]), *argv[1:]]))
        answer(out.rstrip(), "dim")
        return out

    def tell(self) -> None:
        heading("1  A playbook closes SSH on three hosts, each with its own knocks")
        self.play("site.yml", changed=1)
        heading("2  The same again: no difference, nothing is sent")
        self.play("site.yml", changed=0)
        heading("3  Without a knock, SSH is closed")
        self.ssh(GUEST, "web", opens=False)
        heading("4  A guest knocks from bash, and SSH opens; a stranger stays out")
        self.knock(GUEST, "web", (7000, 8000, 9000))
        self.ssh(GUEST, "web", opens=True)
        self.ssh(STRANGER, "web", opens=False)
        self.ssh(GUEST, "db", opens=False)
        heading("5  A stranger tries the right ports in the wrong order")
        self.knock(STRANGER, "web", (9000, 8000, 7000))
        self.ssh(STRANGER, "web", opens=False)
        heading("6  The status: who has access, and who is locked out")
        say(f"  guest is {self.bed.address(GUEST)}, stranger {self.bed.address(STRANGER)}")
        status = self.show("web", "knockwork", "status")
        if self.bed.address(GUEST) not in status:
            raise Surprise("the guest should be listed")
        heading("7  Another knock for web: the diff shows names, not ports")
        other = "ssh_knock: [1812/udp, 4004/udp, 9119/udp]\n"
        self.bed.controller.write("/root/play/host_vars/web.yml", other)
        said = self.play("site.yml", "--check", "--diff", "--limit", "web", changed=1, hosts=["web"])
        answer("\n".join(line for line in said.splitlines() if line.startswith(("+seq", "-seq"))), "dim")
        heading("8  Remove everything again")
        self.play("absent.yml", changed=1)
        self.ssh(STRANGER, "web", opens=True)


def prepare() -> None:
    with Line("build", "release") as line:
        log = build.BUILD / "demo-build.log"
        build.BUILD.mkdir(exist_ok=True)
        try:
            build.build("release", log)
        except build.BuildError as error:
            sys.exit(f"the build failed; the whole log: {log}\n{error}")
        line.result = "release"


def main() -> int:
    process.end_all_on_signals()
    began = time.monotonic()
    say(styled("knockwork: declarative port knocking for nftables", "bold"))
    prepare()
    with Line("hosts", "starting") as line:
        bed = Bed([*SERVERS, GUEST, STRANGER], environment={"PYTHONPATH": str(RELEASE / "python")})
        line.result = "web, db, mail; a controller, a guest and a stranger"
    try:
        Demo(bed).tell()
    except Surprise as surprise:
        say(styled(f"\nUnexpected: {surprise}", "bad"))
        return 1
    finally:
        bed.close()
    say()
    say(f"Everything as expected, in {time.monotonic() - began:.0f} s. The hosts are removed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
