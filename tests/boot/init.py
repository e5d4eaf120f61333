"""Becomes the first process of a system: init.py SYSTEM OWN [--no-mounts], in namespaces that are new.

With --no-mounts, whatever is bound or mounted again is refused from then on, as in a container whose host does not
allow it: for units that need a mount namespace, systemd says 226/NAMESPACE.
"""
from __future__ import annotations

import ctypes
import os
import platform
import struct
import subprocess
import sys

ROOT = "/mnt"
NODES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
         "ptmx": "pts/ptmx"}
SYSTEMD = "/lib/systemd/systemd"
LIBC = ctypes.CDLL(None, use_errno=True)
# System calls: mount, pivot_root; and those that newer releases mount with.
MOUNT, PIVOT_ROOT = {"x86_64": (165, 155), "aarch64": (40, 41)}[platform.machine()]
OPEN_TREE, MOUNT_SETATTR = 428, 442
MS_REMOUNT, MS_BIND = 0x20, 0x1000
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 13  # EACCES
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
FLAGS = 16 + 8 * 3  # of mount(2), in what a filter sees


def mount(*words: str) -> None:
    subprocess.run(["/bin/mount", *words], check=True)


def furnish(system: str, own: str) -> None:
    """The system's root, with what a container's manager puts there."""
    mount("-t", "overlay", "system", ROOT, "-o", f"lowerdir={system},upperdir={own}/upper,workdir={own}/work")
    os.chdir(ROOT)
    mount("-t", "proc", "proc", "proc")
    mount("-t", "sysfs", "-o", "ro", "sysfs", "sys")
    mount("-t", "cgroup2", "cgroup2", "sys/fs/cgroup")
    mount("-t", "tmpfs", "-o", "mode=755", "dev", "dev")
    mount("-t", "tmpfs", "-o", "mode=755", "run", "run")
    for node in NODES:
        with open(f"dev/{node}", "wb"):
            pass
        mount("--bind", f"/dev/{node}", f"dev/{node}")
    os.mkdir("dev/shm")
    os.mkdir("dev/pts")
    mount("-t", "devpts", "-o", "newinstance,ptmxmode=666,mode=620", "devpts", "dev/pts")
    for name, target in LINKS.items():
        os.symlink(target, f"dev/{name}")


def enter() -> None:
    """Leaves the machine's root behind."""
    if LIBC.syscall(PIVOT_ROOT, b".", b".") != 0:
        raise OSError(ctypes.get_errno(), "pivot_root")
    if LIBC.umount2(b".", 2) != 0:
        raise OSError(ctypes.get_errno(), "umount2")
    os.chdir("/")


def refuse_mounts() -> None:
    """A filter for all that comes."""
    steps = [(LOAD, 0, 0, 0), (EQUAL, 5, 0, OPEN_TREE), (EQUAL, 4, 0, MOUNT_SETATTR), (EQUAL, 0, 2, MOUNT),
             (LOAD, 0, 0, FLAGS), (ANY_BIT, 1, 0, MS_REMOUNT | MS_BIND), (RETURN, 0, 0, ALLOW),
             (RETURN, 0, 0, REFUSE)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    filter_ = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(program))
    if LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def main() -> None:
    system, own, *options = sys.argv[1:]
    furnish(system, own)
    enter()
    if "--no-mounts" in options:
        refuse_mounts()
    os.execve(SYSTEMD, [SYSTEMD, "--log-target=console"], {"container": "lxc", "TERM": "dumb",
                                                           "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})


if __name__ == "__main__":
    main()
