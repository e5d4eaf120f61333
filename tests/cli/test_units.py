"""The systemd units as they are installed."""

import json
import subprocess
from pathlib import Path

import pytest

from bed.cli import binary
from bed.units import SERVICES, TIMERS, install, read

# What needs a mount namespace: systemd fails with 226/NAMESPACE where mounts are not allowed.
MOUNTS = ("BindPaths", "InaccessiblePaths", "PrivateDevices", "PrivateMounts", "PrivateTmp", "ProcSubset",
          "ProtectControlGroups", "ProtectHome", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables",
          "ProtectProc", "ProtectSystem", "ReadOnlyPaths", "ReadWritePaths", "RootDirectory", "TemporaryFileSystem")


def test_systemd_takes_them(tmp_path: Path) -> None:
    """No unknown key, no missing unit; the command is where they say."""
    folder = install(tmp_path / "usr")
    for name in (*SERVICES, *TIMERS):
        path = folder / name
        text = path.read_text()
        for line in text.splitlines():
            if line.startswith("Exec"):
                assert "/bin/knockwork " in line, line
        path.write_text("\n".join(line if not line.startswith("Exec") else
                                  f"{line.split('=')[0]}=/bin/true" for line in text.splitlines()) + "\n")
    done = subprocess.run(["systemd-analyze", "verify", "--recursive-errors=no",
                           *(str(folder / name) for name in (*SERVICES, *TIMERS))],
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_exposure(tmp_path: Path, name: str) -> None:
    """Below 3.0, as systemd counts it."""
    path = install(tmp_path / "usr") / name
    argv = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=29", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"exposure level for {name}: " in done.stdout


def test_a_sandbox_that_cannot_fail(tmp_path: Path) -> None:
    """The unit that loads the gate has none that a container might not allow; journald has every part of it."""
    folder = install(tmp_path / "usr")
    gate = read(folder / "knockwork.service")
    assert [key for key in MOUNTS if key in gate.settings or gate.yes("DynamicUser")] == []
    journald = next(path for path in (Path("/lib/systemd/system"), Path("/usr/lib/systemd/system"))
                    if path.is_dir()) / "systemd-journald.service"
    sandbox = set(gate.settings) - {
        "After", "Before", "ConditionDirectoryNotEmpty", "ConditionPathExists", "ConditionPathIsSymbolicLink",
        "Conflicts", "DefaultDependencies", "Description", "ExecReload", "ExecStart", "ExecStop", "PartOf",
        "ReloadPropagatedFrom", "RemainAfterExit", "RuntimeDirectory", "RuntimeDirectoryMode",
        "RuntimeDirectoryPreserve", "StandardInput", "StartLimitIntervalSec", "StateDirectory", "StateDirectoryMode",
        "Type", "WantedBy", "Wants"}
    # The device policy is journald's as well, which lets it have some; a umask is one call, which has no error.
    assert sandbox - set(read(journald).settings) == {"DevicePolicy", "UMask"}
    assert "DeviceAllow" in read(journald).settings


def test_secrets_in_homes_are_read(tmp_path: Path) -> None:
    """Whatever applies a declaration, or measures by it, sees what it names: /root is a home."""
    folder = install(tmp_path / "usr")
    for name in set(SERVICES) - {"knockwork-events.service"}:
        assert read(folder / name).words("ProtectHome") in ([], ["read-only"]), name


def test_a_reboot_is_foreseen_with_few_capabilities(tmp_path: Path) -> None:
    """Whether process 1 is in this network namespace is seen without the right to trace it; nothing is changed."""
    unit = read(install(tmp_path / "usr") / "knockwork-metrics.service")
    argv = [str(binary()), "status", "--json"]
    whole, confined = (json.loads(subprocess.run(each, capture_output=True, text=True).stdout)["boot"]
                       for each in (argv, unit.confined(argv)))
    assert confined == whole
    other = json.loads(subprocess.run(["unshare", "--net", *argv], capture_output=True, text=True).stdout)["boot"]
    assert other["why"] == "this network namespace is not that of process 1" != whole["why"]


def test_sshd_after_the_gate(tmp_path: Path) -> None:
    """The example for sshd is one that systemd takes: no unknown key, no circle with the gate's own unit."""
    folder = install(tmp_path / "usr")
    units = tmp_path / "units"
    (units / "ssh.service.d").mkdir(parents=True)
    example = (tmp_path / "usr/share/doc/knockwork/examples/sshd-after-knockwork.conf").read_text()
    (units / "ssh.service.d/knockwork.conf").write_text(example)
    (units / "ssh.service").write_text("[Unit]\nDescription=sshd\n[Service]\nExecStart=/bin/true\n")
    gate = (folder / "knockwork.service").read_text().splitlines()
    (units / "knockwork.service").write_text("\n".join("ExecStart=/bin/true" if line.startswith("ExecStart") else line
                                                       for line in gate if not line.startswith(("ExecStop", "ExecRe"))))
    verify = ["systemd-analyze", "verify", "--recursive-errors=no", str(units / "ssh.service")]
    done = subprocess.run(verify, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    (units / "ssh.service.d/knockwork.conf").write_text(example.replace("After=", "Behind="))
    assert "Behind" in subprocess.run(verify, capture_output=True, text=True).stderr
