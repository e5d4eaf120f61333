"""The bed itself: fast, alone, and gone without a trace."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bed import Bed, Lab
from bed.waiting import wait_for

HERE = Path(__file__).resolve()


def test_three_hosts_answer_over_ssh() -> None:
    """Three hosts come up at once, each with its own name, and the controller may log in to all."""
    began = time.monotonic()
    with Bed(3) as bed:
        took = time.monotonic() - began
        for name in bed.hosts:
            assert bed.controller.output(["ssh", name, "hostname"]) == f"{name}\n"
            assert bed.controller.output(["ssh", bed.address(name), "hostname"]) == f"{name}\n"
        assert took < 5, f"{took:.2f} s"  # 0.1 s on an idle machine


def test_hosts_share_nothing_with_the_machine() -> None:
    """What a host writes to /etc, /run, /root and /var/lib stays with it, and its network is empty."""
    with Lab() as lab:
        for folder in ("/etc/knockwork", "/run/knockwork", "/root/knockwork", "/var/lib/knockwork"):
            lab.server.write(f"{folder}/bed-test", "x")
            assert not os.path.exists(f"{folder}/bed-test")
            assert lab.callers.run(["test", "-e", folder + "/bed-test"]).returncode == 1
        lab.server.nft("table inet bed_test { }")
        assert "bed_test" not in lab.callers.output(["nft", "list", "tables"])
        assert "bed_test" not in subprocess.run(["nft", "list", "tables"], text=True, capture_output=True,
                                                check=True).stdout


MACHINE_WITH_A_GATE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from bed import Lab, linux
linux.unshare(linux.CLONE_NEWNS)
linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
linux.mount("layers", "/mnt", "tmpfs")
folders = ("/etc/knockwork", "/var/lib/knockwork")
for folder in folders:
    place, layer = os.path.dirname(folder), "/mnt" + folder
    os.makedirs(layer + "/upper/knockwork")
    os.mkdir(layer + "/work")
    linux.mount("overlay", place, "overlay", options=f"lowerdir={place},upperdir={layer}/upper,workdir={layer}/work")
with Lab() as lab:
    print([(os.path.isdir(folder), lab.server.run(["test", "-e", folder]).returncode) for folder in folders])
print([os.path.isdir(folder) for folder in folders])
"""


def test_a_gate_of_the_machine_is_not_the_hosts() -> None:
    """What a gate of the machine keeps is not seen in a host, and stays on the machine."""
    done = subprocess.run([sys.executable, "-c", MACHINE_WITH_A_GATE, str(HERE.parents[1])], check=True, text=True,
                          stdout=subprocess.PIPE)
    assert done.stdout.splitlines() == ["[(True, 1), (True, 1)]", "[True, True]"]


def test_two_beds_at_once() -> None:
    """Two labs with the same addresses do not notice each other."""
    with Lab() as one, Lab(tcp=(23,)) as other:
        assert (one.client.tcp(22), one.client.tcp(23)) == ("open", "refused")
        assert (other.client.tcp(22), other.client.tcp(23)) == ("refused", "open")


def test_nothing_survives_sigkill() -> None:
    """A bed whose maker is killed takes daemons and detached processes along."""
    script = ("import sys; sys.path.insert(0, sys.argv[1])\n"
              "from bed import Bed\n"
              "bed = Bed(2)\n"
              "bed.controller.run(['ssh', 'host1', 'nohup sleep 86399 >/dev/null 2>&1 & exit'])\n"
              "print(*(host.pid for host in (*bed.hosts.values(), bed.controller)), flush=True)\n"
              "sys.stdin.read()\n")
    maker = subprocess.Popen([sys.executable, "-c", script, str(HERE.parents[1])], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert maker.stdout is not None and maker.stdin is not None
    inits = [int(pid) for pid in maker.stdout.readline().split()]
    assert len(inits) == 3
    namespaces = {os.readlink(f"/proc/{pid}/ns/pid") for pid in inits}
    maker.send_signal(signal.SIGKILL)
    maker.wait()
    maker.stdin.close()
    maker.stdout.close()
    wait_for(lambda: not namespaces & _pid_namespaces(), "every process of the bed is gone")


ORPHANS = """
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        os._exit(0)
    time.sleep(0.2)
    os._exit(0)
os.wait()
time.sleep(0.3)
left = [pid for pid in os.listdir("/proc") if pid.isdigit() and ") Z " in open(f"/proc/{pid}/stat").read()]
raise SystemExit(7 if not left else f"not waited for: {left}")
"""


def test_process_1_waits_for_orphans(tmp_path: Path) -> None:
    """tests/run in a container: hosts whose processes nobody waits for would never end."""
    (tmp_path / "run.py").write_text(ORPHANS)
    script = 'mount --bind "$1" tests/lib/run.py; exec tests/run'
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec", script,
                           "sh", str(tmp_path / "run.py")], cwd=HERE.parents[2], check=False, text=True,
                          stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (7, "")


def _pid_namespaces() -> set[str]:
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found.add(os.readlink(f"/proc/{pid}/ns/pid"))
        except OSError:
            pass
    return found
