# SPDX-License-Identifier: GPL-2.0-only
"""As much generic netlink as per-queue statistics need; no tool of Debian's
shows them."""
from __future__ import annotations

import socket
import struct

NETLINK_GENERIC, GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 16, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 1, 2
NLM_F_REQUEST, NLM_F_DUMP, NLMSG_ERROR, NLMSG_DONE = 1, 0x300, 2, 3
# include/uapi/linux/netdev.h
NETDEV_CMD_QSTATS_GET = 12
QSTATS = {1: "ifindex", 2: "queue-type", 3: "queue-id", 4: "scope",
          8: "rx-packets", 9: "rx-bytes", 10: "tx-packets", 11: "tx-bytes"}
SCOPE_QUEUE = 1


def attrs(data: bytes) -> dict[int, bytes]:
    out, at = {}, 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        if size < 4:
            break
        out[kind & 0x3fff] = data[at + 4:at + size]
        at += (size + 3) & ~3
    return out


def attr(kind: int, value: bytes) -> bytes:
    data = struct.pack("=HH", 4 + len(value), kind) + value
    return data + b"\0" * (-len(data) % 4)


def call(sock: socket.socket, family: int, command: int, body: bytes,
         flags: int) -> list[dict[int, bytes]]:
    msg = struct.pack("=IHHII", 20 + len(body), family, NLM_F_REQUEST | flags,
                      1, 0) + struct.pack("=BBH", command, 1, 0) + body
    sock.send(msg)
    out: list[dict[int, bytes]] = []
    while True:
        data = sock.recv(65536)
        at = 0
        while at + 16 <= len(data):
            size, kind = struct.unpack_from("=IH", data, at)
            if kind == NLMSG_DONE:
                return out
            if kind == NLMSG_ERROR:
                code = struct.unpack_from("=i", data, at + 16)[0]
                raise OSError(-code, "netlink")
            out.append(attrs(data[at + 20:at + size]))
            at += (size + 3) & ~3
        if not flags & NLM_F_DUMP:
            return out


def queue_stats(ifindex: int) -> list[dict[str, int]]:
    """Statistics of each queue of a netdev."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC) as s:
        s.bind((0, 0))
        (found,) = call(s, GENL_ID_CTRL, CTRL_CMD_GETFAMILY,
                        attr(CTRL_ATTR_FAMILY_NAME, b"netdev\0"), 0)
        family = struct.unpack("=H", found[CTRL_ATTR_FAMILY_ID][:2])[0]
        got = call(s, family, NETDEV_CMD_QSTATS_GET,
                   attr(1, struct.pack("=I", ifindex)) +
                   attr(4, struct.pack("=I", SCOPE_QUEUE)), NLM_F_DUMP)
    return [{QSTATS[k]: int.from_bytes(v, "little") for k, v in q.items()
             if k in QSTATS} for q in got]
