"""Runs a command on a kernel that lacks something, played by seccomp(2): crippled.py WHAT COMMAND...

`no-netfilter`: no netlink socket for netfilter can be opened, as on a kernel built without it.
`no-memory`: every sendmsg(2) fails for want of memory; nftables sends transactions by it, and nothing else.
"""

import ctypes
import errno
import os
import struct
import sys

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _FIRST_ARGUMENT = 0, 16  # offsets in struct seccomp_data
_CALLS = {"x86_64": {"socket": 41, "sendmsg": 46}, "aarch64": {"socket": 198, "sendmsg": 211}}

Instruction = tuple[int, int, int, int]


def _unless(offset: int, value: int, skip: int) -> list[Instruction]:
    return [(_LOAD, 0, 0, offset), (_JUMP_EQUAL, 0, skip, value)]


def _program(what: str) -> list[Instruction]:
    calls = _CALLS[os.uname().machine]
    if what == "no-netfilter":  # socket(AF_NETLINK = 16, …, NETLINK_NETFILTER = 12)
        return [*_unless(_NUMBER, calls["socket"], 5), *_unless(_FIRST_ARGUMENT, 16, 3),
                *_unless(_FIRST_ARGUMENT + 16, 12, 1), (_RETURN, 0, 0, _ERRNO | errno.EPROTONOSUPPORT),
                (_RETURN, 0, 0, _ALLOW)]
    if what == "no-memory":
        return [*_unless(_NUMBER, calls["sendmsg"], 1), (_RETURN, 0, 0, _ERRNO | errno.ENOMEM),
                (_RETURN, 0, 0, _ALLOW)]
    raise SystemExit(f"crippled: no such thing to lack: {what}")


def main(what: str, command: list[str]) -> None:
    """Never returns."""
    instructions = _program(what)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in instructions))
    program = struct.pack("@HP", len(instructions), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if (libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            or libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program)):
        raise OSError(ctypes.get_errno(), "seccomp")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
