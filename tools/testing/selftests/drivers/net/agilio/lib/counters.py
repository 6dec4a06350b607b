# SPDX-License-Identifier: GPL-2.0-only
"""What rules count, checked against what was sent: packets, bytes, the time of
last use, the final counts in the notification of the delete, and what the host
had to do. By netlink, as tc(8) shows whole seconds only."""
from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .genl import attrs
from .net import counter, in_ns, js, model, sh, until

NETLINK_ROUTE, RTMGRP_TC = 0, 8
RTM_DELTFILTER, RTM_GETTFILTER = 45, 46
NLM_F_REQUEST, NLM_F_DUMP, NLMSG_ERROR, NLMSG_DONE = 1, 0x300, 2, 3
TC_H_MIN_INGRESS = 0xfffffff2
TCA_KIND, TCA_OPTIONS, TCA_CHAIN = 1, 2, 11
# Where a classifier has its actions, and where these have their times
ACTIONS = {"flower": 3, "matchall": 2}
TCA_ACT_KIND, TCA_ACT_OPTIONS, TCA_ACT_STATS = 1, 2, 4
TIMES = ("mirred", "gact")
TCA_STATS_BASIC, TCA_STATS_BASIC_HW = 1, 7
USER_HZ = os.sysconf("SC_CLK_TCK")
# Of the time of last use: how long between a packet and what is written down
SLACK = 0.05
# With it the model is what is tested: its packets and bytes
NFP = os.environ.get("LAB_DRIVER") == "nfp"
# What nfp.ko passes on of the firmware's, for each packet
OVERHEAD = 14 if NFP else 0

Name = tuple[int, int]      # chain, priority


@dataclass
class Count:
    """What the hardware counted for a filter, and what software."""
    chain: int
    pref: int
    handle: int
    proto: int
    kind: str
    packets: int = 0
    bytes: int = 0
    soft: tuple[int, int] = (0, 0)      # packets, bytes without Ethernet headers
    idle: float = 0.0       # seconds since the last use
    age: float = 0.0        # since it was installed

    @property
    def name(self) -> Name:
        return self.chain, self.pref


def _count(body: bytes) -> Count | None:
    """The message's filter, if it is one with a handle and actions."""
    handle, _, info = struct.unpack_from("=III", body, 8)
    top = attrs(body[20:])
    kind = top.get(TCA_KIND, b"").rstrip(b"\0").decode()
    if not handle or kind not in ACTIONS or TCA_OPTIONS not in top:
        return None
    chain = struct.unpack("=I", top.get(TCA_CHAIN, bytes(4)))[0]
    c = Count(chain, info >> 16, handle, socket.ntohs(info & 0xffff), kind)
    for action in attrs(attrs(top[TCA_OPTIONS]).get(ACTIONS[kind], b"")).values():
        a = attrs(action)
        stats = attrs(a.get(TCA_ACT_STATS, b""))
        # Some actions keep no count of the hardware's
        size, packets = struct.unpack_from("=QI", stats.get(TCA_STATS_BASIC_HW, bytes(12)))
        c.packets, c.bytes = max(c.packets, packets), max(c.bytes, size)
        every, total = struct.unpack_from("=QI", stats.get(TCA_STATS_BASIC, bytes(12)))
        c.soft = max(c.soft, (total - packets, every - size))
        times = attrs(a.get(TCA_ACT_OPTIONS, b"")).get(1, b"")
        if a[TCA_ACT_KIND].rstrip(b"\0").decode() in TIMES and len(times) >= 32:
            install, last = struct.unpack_from("=QQ", times)
            c.age, c.idle = install / USER_HZ, last / USER_HZ
    return c


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 16 <= len(data):
        size, kind = struct.unpack_from("=IH", data, at)
        yield kind, data[at + 16:at + size]
        at += (size + 3) & ~3


def counts(dev: str, ns: str | None = None) -> list[Count]:
    """Of each filter on the ingress of a device."""
    out: list[Count] = []
    with in_ns(ns), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                  NETLINK_ROUTE) as s:
        body = struct.pack("=BxHiIII", 0, 0, socket.if_nametoindex(dev), 0,
                           TC_H_MIN_INGRESS, 0)
        s.bind((0, 0))
        s.send(struct.pack("=IHHII", 16 + len(body), RTM_GETTFILTER,
                           NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + body)
        while True:
            for kind, data in _messages(s.recv(1 << 17)):
                if kind == NLMSG_DONE:
                    return out
                if kind == NLMSG_ERROR:
                    raise OSError(-struct.unpack_from("=i", data)[0], "netlink")
                if c := _count(data):
                    out.append(c)


class Farewells:
    """The notifications of filters that are deleted."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
        self.sock.bind((0, RTMGRP_TC))
        self.sock.setblocking(False)

    def take(self, dev: str) -> list[Count]:
        """They are there when the command is done."""
        out: list[Count] = []
        index = socket.if_nametoindex(dev)
        while True:
            try:
                data = self.sock.recv(1 << 17)
            except BlockingIOError:
                return out
            for kind, body in _messages(data):
                if kind == RTM_DELTFILTER and index == struct.unpack_from(
                        "=i", body, 4)[0] and (c := _count(body)):
                    out.append(c)

    def close(self) -> None:
        self.sock.close()


def fallbacks() -> int:
    """Packets that the model gave to the host for want of a rule."""
    return counter("fallbacks") if model() else 0


def cpu_hits() -> dict[str, int]:
    """Packets that the host received, by representor, as the driver counts."""
    return {g["ifname"]: g["stats64"]["rx"]["packets"] for g in
            js("ip -j stats show group offload subgroup cpu_hit") if "stats64" in g}


@dataclass
class Sent:
    packets: int = 0
    bytes: int = 0
    last: float = 0.0       # when


@dataclass
class Counted:
    """Frames into a port, and the filters on a device that are for them."""
    dev: str
    port: str
    strays: bool            # the port gets frames that nobody here sends
    hits: dict[Name, Sent] = field(default_factory=dict)
    missed: int = 0
    host: dict[str, int] = field(default_factory=cpu_hits)
    fallbacks: int = field(default_factory=fallbacks)

    def hit(self, frame: bytes, *names: Name, times: int = 1) -> None:
        """It was sent, and the card did it, by the filters of that chain and
        priority; without a name by the only one."""
        for name in names or [self.only()]:
            s = self.hits.setdefault(name, Sent())
            s.packets += times
            s.bytes += times * (len(frame) + OVERHEAD)
            s.last = time.monotonic()

    def only(self) -> Name:
        if len(self.hits) == 1:
            return next(iter(self.hits))
        (one,) = counts(self.dev)
        return one.name

    def miss(self, times: int = 1) -> None:
        """It was sent, and the card gave it to the host."""
        self.missed += times

    def _want(self, c: Count) -> tuple[int, int]:
        s = self.hits.get(c.name, Sent())
        return s.packets, s.bytes

    def _reported(self) -> bool:
        return all(c.packets >= self._want(c)[0] for c in counts(self.dev))

    def _compare(self, c: Count, when: str) -> None:
        want = self._want(c)
        assert (c.packets, c.bytes) == want, \
            f"chain {c.chain} pref {c.pref}, {when}: {c.packets} packets of " \
            f"{c.bytes} bytes, sent {want[0]} of {want[1]}"
        if NFP:
            return
        if not want[0]:
            assert abs(c.idle - c.age) < SLACK, f"{c} was used by nobody"
            return
        since = time.monotonic() - self.hits[c.name].last
        assert c.idle <= since + SLACK, f"{c}, {when}: the last packet was sent " \
            f"{since:.2f} s ago"

    def check(self) -> None:
        """All of it was counted, once and right, by card and host."""
        until("counts of what was sent", self._reported)
        have = counts(self.dev)
        assert set(self.hits) <= {c.name for c in have}, f"{self.hits}, {have}"
        for c in have:
            self._compare(c, "in use")
        if not NFP:
            self.check_host()

    def check_host(self) -> None:
        """What the host had of it: the driver's count, and the card's."""
        def grown() -> tuple[int, int, int]:
            now = cpu_hits()
            return (now[self.port] - self.host[self.port],
                    sum(now.values()) - sum(self.host.values()),
                    fallbacks() - self.fallbacks)

        def right() -> bool:
            port, all_ports, card = grown()
            return (port >= self.missed if self.strays else
                    port == self.missed) and (all_ports == card or not model())
        try:
            until("what the host had to do", right, 2)
        except AssertionError:
            port, all_ports, card = grown()
            raise AssertionError(
                f"{self.missed} frames were for the host; CPU_HIT of {self.port} has "
                f"{port}, of all {all_ports}; the card gave it {card}") from None

    def delete(self) -> None:
        """The filters go one by one; each says what it has counted."""
        there = {c.name for c in counts(self.dev)}
        bye = Farewells()
        try:
            for c in counts(self.dev):
                delete(self.dev, c)
            gone = bye.take(self.dev)
        finally:
            bye.close()
        assert {c.name for c in gone} == there, f"{gone} say good-bye, not {there}"
        for c in gone:
            self._compare(c, "at its end")


def delete(dev: str, c: Count) -> None:
    sh(f"tc filter del dev {dev} ingress chain {c.chain} prot 0x{c.proto:x} pref "
       f"{c.pref} handle 0x{c.handle:x} {c.kind}")


@contextmanager
def counted(dev: str, port: str = "", strays: bool = False) -> Iterator[Counted]:
    """The filters that are on a device now; the block says what it sends, and
    may leave them to be deleted here. All is checked at its end."""
    c = Counted(dev, port or dev, strays)
    yield c
    c.check()
    c.delete()


@contextmanager
def one_more(dev: str, frame: bytes) -> Iterator[None]:
    """The card does a frame in this block, and one filter of chain 0 counts it;
    of each other chain one at most."""
    def total() -> dict[int, tuple[int, int]]:
        out: dict[int, tuple[int, int]] = {0: (0, 0)}
        for c in counts(dev):
            n, size = out.get(c.chain, (0, 0))
            out[c.chain] = n + c.packets, size + c.bytes
        return out

    before = total()
    yield
    until("counted", lambda: total()[0][0] > before[0][0])
    one = (1, len(frame) + OVERHEAD)
    for chain, (n, size) in total().items():
        was = before.get(chain, (0, 0))
        grown = n - was[0], size - was[1]
        assert grown == one or chain and grown == (0, 0), \
            f"chain {chain} has counted {grown[0]} packets of {grown[1]} bytes for {one}"
