# SPDX-License-Identifier: GPL-2.0-only
"""Tunnels: their devices, their outer headers made here, and these taken
apart again."""
from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, replace
from typing import Any

from .net import js, sh
from .pkt import csum, mac

UDP, GRE = 17, 47
# Classes below have methods of that name
Bytes = bytes
KINDS = ("vxlan", "geneve", "gre")
PORTS = {"vxlan": 4789, "geneve": 6081}
DEVICES = {"vxlan": "type vxlan external dstport 4789 nolearning udp6zerocsumrx",
           "geneve": "type geneve external dstport 6081 udp6zerocsumrx",
           "gre": "type gretap external", "gre6": "type ip6gretap external"}


@dataclass
class Option:
    """A Geneve option; data in multiples of four bytes."""
    klass: int
    kind: int
    data: bytes

    def bytes(self) -> bytes:
        return struct.pack(">HBB", self.klass, self.kind,
                           len(self.data) // 4) + self.data

    def text(self) -> str:
        return f"{self.klass:04x}:{self.kind:02x}:{self.data.hex()}"


@dataclass
class Outer:
    """The outer headers of a packet in a tunnel."""
    kind: str
    src: str
    dst: str
    smac: str
    dmac: str
    key: int | None = 100
    tos: int = 0
    ttl: int = 64
    sport: int = 4567
    ident: int = 0
    df: bool = False
    csum: bool = True
    vlan: int | None = None
    options: tuple[Option, ...] = ()
    dport: int | None = None

    def with_(self, **kw: Any) -> Outer:
        return replace(self, **kw)

    @property
    def v6(self) -> bool:
        return ":" in self.src

    def _addresses(self) -> bytes:
        family = socket.AF_INET6 if self.v6 else socket.AF_INET
        return socket.inet_pton(family, self.src) + socket.inet_pton(family, self.dst)

    def _header(self) -> bytes:
        if self.kind == "vxlan":
            return struct.pack(">II", 0x08000000, (self.key or 0) << 8)
        if self.kind == "geneve":
            opts = b"".join(o.bytes() for o in self.options)
            return struct.pack(">BBHI", len(opts) // 4, 0, 0x6558,
                               (self.key or 0) << 8) + opts
        if self.key is None:
            return struct.pack(">HH", 0, 0x6558)
        return struct.pack(">HHI", 0x2000, 0x6558, self.key)

    def _l4(self, inner: bytes) -> bytes:
        body = self._header() + inner
        if self.kind == "gre":
            return body
        port = self.dport or PORTS[self.kind]
        seg = struct.pack(">HHHH", self.sport, port, 8 + len(body), 0) + body
        if not self.csum:
            return seg
        value = csum(self._addresses() + struct.pack(">II", len(seg), UDP) + seg)
        return seg[:6] + struct.pack(">H", value or 0xffff) + seg[8:]

    def bytes(self, inner: bytes) -> bytes:
        out = mac(self.dmac) + mac(self.smac)
        if self.vlan is not None:
            out += struct.pack(">HH", 0x8100, self.vlan)
        l4 = self._l4(inner)
        proto = GRE if self.kind == "gre" else UDP
        if self.v6:
            return out + b"\x86\xdd" + struct.pack(
                ">IHBB", 6 << 28 | self.tos << 20, len(l4), proto,
                self.ttl) + self._addresses() + l4
        head = struct.pack(">BBHHHBBH", 0x45, self.tos, 20 + len(l4), self.ident,
                           0x4000 if self.df else 0, self.ttl, proto,
                           0) + self._addresses()
        head = head[:10] + struct.pack(">H", csum(head)) + head[12:]
        return out + b"\x08\0" + head + l4

    def like(self, frame: Bytes) -> Outer:
        """The same, with what the sender is free to choose taken from there:
        IPv4's id and UDP's source port."""
        at = 14 + (4 if self.vlan is not None else 0)
        ident = 0 if self.v6 else int.from_bytes(frame[at + 4:at + 6], "big")
        at += 40 if self.v6 else 20
        sport = int.from_bytes(frame[at:at + 2], "big")
        return self.with_(ident=ident, sport=sport)

    def match(self) -> str:
        """tc-flower(8)'s words for it."""
        text = f"enc_src_ip {self.src} enc_dst_ip {self.dst} "
        if self.key is not None:
            text += f"enc_key_id {self.key} "
        if self.kind in PORTS:
            text += f"enc_dst_port {PORTS[self.kind]} "
        if self.options:
            text += "geneve_opts " + ",".join(o.text() for o in self.options) + " "
        return text

    def action(self) -> str:
        """tc-tunnel_key(8)'s words for it."""
        text = f"tunnel_key set src_ip {self.src} dst_ip {self.dst} "
        if self.key is not None:
            text += f"id {self.key} "
        if self.kind in PORTS:
            text += f"dst_port {PORTS[self.kind]} "
        text += f"tos 0x{self.tos:x} ttl {self.ttl} "
        if self.options:
            text += "geneve_opts " + ",".join(o.text() for o in self.options) + " "
        return text + ("csum" if self.csum else "nocsum")


def device(kind: str, v6: bool = False) -> str:
    """Make the tunnel device of that kind, with an ingress hook. Returns its
    name."""
    what = "gre6" if kind == "gre" and v6 else kind
    name = f"t_{what}"
    if not any(x["ifname"] == name for x in js("ip -j link show")):
        sh(f"ip link add {name} {DEVICES[what]}; ip link set {name} up")
        sh(f"tc qdisc add dev {name} clsact")
    return name


def remove_devices() -> None:
    for what in DEVICES:
        sh(f"ip link del t_{what}", ok=False)
