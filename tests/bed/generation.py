"""The ruleset's generation id: it moves with every committed transaction, and with nothing else.

Run inside a host: `host.call(generation.current)`. linux/netfilter/nf_tables.h, NFT_MSG_GETGEN.
"""

import socket
import struct

_NETLINK_NETFILTER = 12
_GETGEN = 10 << 8 | 16  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN
_NLM_F_REQUEST = 1
_NFTA_GEN_ID = 1


def current() -> int:
    """The generation id of the calling process's network namespace. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as handle:
        handle.bind((0, 0))
        handle.send(struct.pack("=IHHII", 20, _GETGEN, _NLM_F_REQUEST, 1, 0) + struct.pack("!BBH", 0, 0, 0))
        answer = handle.recv(4096)
    length, kind = struct.unpack_from("=IH", answer)
    if kind == 2:  # NLMSG_ERROR
        raise OSError(-struct.unpack_from("=i", answer, 16)[0], "NFT_MSG_GETGEN")
    at = 20
    while at < length:
        size, attribute = struct.unpack_from("=HH", answer, at)
        if attribute == _NFTA_GEN_ID:
            number: int = struct.unpack_from("!I", answer, at + 4)[0]
            return number
        at += size + 3 & ~3
    raise OSError("NFT_MSG_GETGEN: no generation id in the answer")
