# SPDX-License-Identifier: GPL-2.0-only
"""Frames, made from their fields; checksums are computed here, so that no
expected value comes from the code under test."""
from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field, replace
from typing import Any

MAC_A = "02:aa:00:00:00:01"
MAC_B = "02:bb:00:00:00:02"
TCP, UDP, SCTP, ICMP = 6, 17, 132, 1


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def csum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def crc32c(data: bytes) -> int:
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


@dataclass
class Frame:
    """An Ethernet frame; to change one field use with_(field=value)."""
    src: str = MAC_A
    dst: str = MAC_B
    vlans: list[tuple[int, int]] = field(default_factory=list)  # TPID, TCI
    ip: str = "10.0.0.1"
    to: str = "10.0.0.2"
    tos: int = 0
    ttl: int = 64
    ident: int = 1
    frag: int = 0           # flags and offset word of IPv4
    frag6: int | None = None  # offset and flag word of an IPv6 fragment header
    label: int = 0
    proto: int = UDP
    sport: int = 1000
    dport: int = 2000
    flags: int = 0x10
    payload: bytes = b"agilio-test-payload-0123456789"
    ethertype: int | None = None
    raw: bytes | None = None
    bad_l4: bool = False
    udp_zero: bool = False

    def with_(self, **kw: Any) -> Frame:
        return replace(self, **kw)

    @property
    def v6(self) -> bool:
        return ":" in self.ip

    def _pseudo(self, length: int) -> bytes:
        if self.v6:
            return (socket.inet_pton(socket.AF_INET6, self.ip) +
                    socket.inet_pton(socket.AF_INET6, self.to) +
                    struct.pack(">II", length, self.proto))
        return (socket.inet_aton(self.ip) + socket.inet_aton(self.to) +
                struct.pack(">HH", self.proto, length))

    def _l4(self) -> bytes:
        body = self.payload
        if self.proto == TCP:
            seg = struct.pack(">HHIIBBHHH", self.sport, self.dport, 1, 2,
                              5 << 4, self.flags, 8192, 0, 0) + body
            at = 16
        elif self.proto == UDP:
            seg = struct.pack(">HHHH", self.sport, self.dport, 8 + len(body),
                              0) + body
            at = 6
        elif self.proto == SCTP:
            seg = struct.pack(">HHII", self.sport, self.dport, 7, 0) + \
                b"\0\3" + struct.pack(">H", 4 + len(body)) + body
            return seg[:8] + struct.pack("<I", crc32c(seg)) + seg[12:]
        elif self.proto == ICMP:
            seg = struct.pack(">BBHHH", 8, 0, 0, 1, 1) + body
            return seg[:2] + struct.pack(">H", csum(seg)) + seg[4:]
        else:
            return body
        if self.udp_zero and self.proto == UDP:
            return seg
        value = csum(self._pseudo(len(seg)) + seg)
        if self.proto == UDP and not value:
            value = 0xffff
        if self.bad_l4:
            value ^= 0x5555
        return seg[:at] + struct.pack(">H", value) + seg[at + 2:]

    def _ip(self) -> bytes:
        l4 = self._l4()
        if self.v6:
            proto = self.proto
            if self.frag6 is not None:
                l4 = struct.pack(">BBHI", proto, 0, self.frag6, 77) + l4
                proto = 44
            word = 6 << 28 | self.tos << 20 | self.label
            return (struct.pack(">IHBB", word, len(l4), proto, self.ttl) +
                    socket.inet_pton(socket.AF_INET6, self.ip) +
                    socket.inet_pton(socket.AF_INET6, self.to) + l4)
        head = struct.pack(">BBHHHBBH", 0x45, self.tos, 20 + len(l4), self.ident,
                           self.frag, self.ttl, self.proto, 0) + \
            socket.inet_aton(self.ip) + socket.inet_aton(self.to)
        head = head[:10] + struct.pack(">H", csum(head)) + head[12:]
        return head + l4

    def bytes(self) -> bytes:
        out = mac(self.dst) + mac(self.src)
        for tpid, tci in self.vlans:
            out += struct.pack(">HH", tpid, tci)
        if self.raw is not None:
            return out + struct.pack(">H", self.ethertype or 0x88b5) + self.raw
        kind = self.ethertype or (0x86dd if self.v6 else 0x0800)
        return out + struct.pack(">H", kind) + self._ip()
