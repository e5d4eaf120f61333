"""What the command leaves on a disk: the mode and owner of each file, under any umask; and what an install brings."""

import base64
import os
import re
import stat
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bed import Lab, packets
from bed.cli import ROOT, Knockwork, binary
from bed.units import NOBODY, Installed

SECRET = f"master:{base64.b64encode(bytes(range(32))).decode()}\n"
DECLARATION = """\
knockwork: 1
sequences:
  - {name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp], open_for: 1h}
  - {name: web, knock: [7100/udp, 8100/udp], opens: [80/tcp], once: true}
"""
DRAWN = """\
knockwork: 1
sequences:
  - name: ssh
    derive: {secret_file: /etc/knockwork/secret, host: web1, length: 4}
    opens: [22/tcp]
  - name: alice
    derive: {secret_file: /etc/knockwork/secret, host: web1, length: 4, period: 1d, overlap: 1h}
    opens: [443/tcp]
  - name: web
    token: {port: 41873/udp, secret_file: /etc/knockwork/secret, host: web1}
    opens: [80/tcp]
"""
# Whatever is written stands here. Nothing else may be there, and everything has to come.
PRIVATE = {
    "/run/knockwork/": "lock stamp bytes removed",
    "/var/lib/knockwork/": "answers clock.json epochs.json fingerprint.key last_good pending.json repairs.json "
                           "rolled_back.json state.json tokens.json",
    "/root/.local/state/knockwork/": "tokens tokens.lock",
    "/root/made/": "secret",
}
PUBLIC = {"/root/metrics.prom"}
OURS = ("/run/knockwork", "/etc/knockwork", "/var/lib/knockwork", "/root/.local", "/root/made")
BESIDE = ("/run", "/etc", "/var/lib", "/root")
OTHERS = """
table inet other {
  chain input { type filter hook input priority filter; policy drop; ct state established accept; tcp dport 22 accept; }
}
"""


def listed(gate: Knockwork) -> dict[str, tuple[str, str]]:
    """Files and folders of the host: mode and owner by path. What is not ours to fill, not deeply."""
    form = ["-printf", "%p\\t%y%m\\t%u:%g\\n"]
    found = (gate.host.run(["find", *OURS, *form]).stdout
             + gate.host.output(["find", *BESIDE, "-maxdepth", "1", *form]))
    return {path: (mode, owner) for path, mode, owner in (line.split("\t") for line in found.splitlines())}


@pytest.fixture(params=["0000", "0022", "0077"])
def written(request: pytest.FixtureRequest) -> Iterator[dict[str, tuple[str, str]]]:
    """All that a host has after every command that writes something, under one umask."""
    with Lab() as lab:
        gate = Knockwork(lab.server)
        seen: dict[str, tuple[str, str]] = {}
        before = listed(gate)

        def run(*words: str, status: int = 0) -> None:
            argv = ["/bin/sh", "-c", f'umask {request.param} && exec "$@"', "sh", *gate.command(*words)]
            done = gate.host.run(argv)
            assert done.returncode == status, done.stdout + done.stderr
            seen.update((path, kind) for path, kind in listed(gate).items() if path not in before)

        gate.host.write("/etc/knockwork/secret", SECRET, 0o600)
        gate.host.run(["mkdir", "-m", "0755", "/root/made"], check=True)
        gate.host.nft(OTHERS)
        before = listed(gate) | {"/etc/knockwork/knockwork.yml": ("", "")}
        gate.declare(DECLARATION)
        run("plan")
        run("apply")
        run("apply")
        lab.client.knock(7000, 8000, 9000)
        lab.client.knock(7100, 8100)
        run("save")
        gate.declare(DRAWN)
        run("apply", "--confirm-within", "1h")
        run("rollback")
        run("apply")
        run("epoch", "publish", "1")
        gate.host.nft("flush chain inet knockwork gate")
        run("drift", "--repair")
        run("metrics", "--output", "/root/metrics.prom")
        run("derive", "new-secret", "/root/made/secret")
        gate.host.write("/root/hosts.yml", gate.host.output(gate.command("export", "--for", "web", "--host", "gate",
                                                                         "--address", "10.77.0.10")), 0o600)
        before["/root/hosts.yml"] = ("", "")
        run("knock", "gate", "--profile", "/root/hosts.yml", "--no-prove")
        run("remove")
        yield seen


def test_modes(written: dict[str, tuple[str, str]]) -> None:
    expected = {f"{folder}{name}": ("f600", "root:root") for folder, names in PRIVATE.items() for name in names.split()}
    expected |= {path: ("f644", "root:root") for path in PUBLIC}
    folders = {path for path, (mode, _) in written.items() if mode.startswith("d")}
    assert {path: written[path] for path in folders} == {path: ("d700", "root:root") for path in folders}
    files = {path: kind for path, kind in written.items() if path not in folders}
    assert files == expected


def test_an_install_brings_no_privileges(tmp_path: Path) -> None:
    """No setuid, no setgid, no capability of a file, nothing that others may write; no script adds one later."""
    subprocess.run(["cmake", "--install", str(binary().parent)], check=True, capture_output=True,
                   env={**os.environ, "DESTDIR": str(tmp_path)})
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "knockwork" for path in files)
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) & 0o7022 == 0, path
        assert "security.capability" not in os.listxattr(path), path
    for script in (ROOT / "packaging/debian").glob("knockwork.*"):
        assert not re.search(r"chmod|chown|setcap|statoverride", script.read_text(encoding="utf-8")), script


WITHOUT_ROOT = {
    "validate": ["validate", "/run/files/knockwork.yml"],
    "lint": ["lint", "/run/files/knockwork.yml"],
    "render": ["render", "/run/files/knockwork.yml"],
    "graph": ["graph", "/run/files/knockwork.yml"],
    "trace": ["trace", "/run/files/knockwork.yml", "--packets", "/run/files/packets"],
    "trace --pcap": ["trace", "/run/files/knockwork.yml", "--pcap", "/run/files/capture", "--host", "192.0.2.1"],
    "export": ["export", "/run/files/knockwork.yml", "--host", "gate"],
    "import knockd": ["import", "knockd", "/run/files/manual.conf"],
    "import nft": ["import", "nft", "/run/files/wiki.nft"],
    "import fwknop": ["import", "fwknop", "/run/files/access.conf"],
    "schema": ["schema"],
    "knock": ["knock", "127.0.0.1", "7000/udp"],
}


@pytest.fixture(scope="module")
def files(lab: Lab) -> Knockwork:
    """The command, and what it is to read, where everybody may."""
    gate = Installed(lab.server)
    packet = packets.whole_ip_packet("198.51.100.7", "192.0.2.1", 17,
                                     packets.udp_datagram("198.51.100.7", "192.0.2.1", 40000, 7000, b""))
    capture = (struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101)
               + struct.pack("<IIII", 1_769_860_800, 0, len(packet), len(packet)) + packet)
    imported = {Path(name).name: (ROOT / "tests/import" / name).read_bytes()
                for name in ("knockd/manual.conf", "nft/wiki.nft", "fwknop/access.conf")}
    for name, content in {"knockwork.yml": DECLARATION.encode(), "packets": b"+0s 192.0.2.7 7000/udp\n",
                          "capture": capture, **imported}.items():
        gate.host.call("write", f"/run/files/{name}", content, 0o644)
    return gate


@pytest.mark.parametrize("name", WITHOUT_ROOT)
def test_without_root(files: Knockwork, name: str) -> None:
    """What reads files of others, or talks to other hosts, needs neither root nor any capability."""
    argv = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--bounding-set=-all",
            "--inh-caps=-all", "--no-new-privs", "--", *files.command(*WITHOUT_ROOT[name])]
    done = files.host.run(argv, env={"HOME": "/nonexistent"})
    assert done.returncode == 0 and (done.stdout or name == "knock"), done.stderr
