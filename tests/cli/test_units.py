"""The systemd units as they are installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bed.cli import binary

UNITS = ("knockwork.service", "knockwork-drift.service", "knockwork-rotate.service", "knockwork-rotate.timer",
         "knockwork-metrics.service", "knockwork-metrics.timer", "knockwork-events.service")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_takes_them(tmp_path: Path) -> None:
    """No unknown key, no missing unit; the command is where they say."""
    build = binary().parent
    subprocess.run(["cmake", "--install", str(build / "packaging"), "--prefix", str(tmp_path / "usr")],
                   check=True, capture_output=True)
    for name in UNITS:
        path = tmp_path / "usr/lib/systemd/system" / name
        text = path.read_text()
        for line in text.splitlines():
            if line.startswith("Exec"):
                assert "/bin/knockwork " in line, line
        path.write_text("\n".join(line if not line.startswith("Exec") else
                                  f"{line.split('=')[0]}=/bin/true" for line in text.splitlines()) + "\n")
    done = subprocess.run(["systemd-analyze", "verify", "--recursive-errors=no",
                           *(str(tmp_path / "usr/lib/systemd/system" / name) for name in UNITS)],
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_sshd_after_the_gate(tmp_path: Path) -> None:
    """The example for sshd is one that systemd takes: no unknown key, no circle with the gate's own unit."""
    build = binary().parent
    subprocess.run(["cmake", "--install", str(build / "packaging"), "--prefix", str(tmp_path / "usr")],
                   check=True, capture_output=True)
    units = tmp_path / "units"
    (units / "ssh.service.d").mkdir(parents=True)
    example = (tmp_path / "usr/share/doc/knockwork/examples/sshd-after-knockwork.conf").read_text()
    (units / "ssh.service.d/knockwork.conf").write_text(example)
    (units / "ssh.service").write_text("[Unit]\nDescription=sshd\n[Service]\nExecStart=/bin/true\n")
    gate = (tmp_path / "usr/lib/systemd/system/knockwork.service").read_text().splitlines()
    (units / "knockwork.service").write_text("\n".join("ExecStart=/bin/true" if line.startswith("ExecStart") else line
                                                       for line in gate if not line.startswith(("ExecStop", "ExecRe"))))
    verify = ["systemd-analyze", "verify", "--recursive-errors=no", str(units / "ssh.service")]
    done = subprocess.run(verify, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    (units / "ssh.service.d/knockwork.conf").write_text(example.replace("After=", "Behind="))
    assert "Behind" in subprocess.run(verify, capture_output=True, text=True).stderr
