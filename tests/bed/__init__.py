"""Hosts in network namespaces: real sshd, real nftables, real packets, no root namespace touched.

`Bed` is a fleet with sshd and a controller, `Lab` one gated server and its callers for kernel tests.
Both are context managers. Namespaces have no names: each lives in processes that the kernel kills
together with the process that made the bed, so nothing is left behind on any way out.
Needs root, iproute2 and, for `Bed`, openssh-server.
"""

from bed.fleet import Bed
from bed.host import CommandFailed, Host
from bed.lab import Caller, Lab

__all__ = ["Bed", "Caller", "CommandFailed", "Host", "Lab"]
