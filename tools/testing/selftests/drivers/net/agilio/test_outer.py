#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Filters of a port that see a tunnel's packets with their outer headers, and a
rule on the tunnel device that takes these off. The same filters are given to
software alone first: what it does with a packet is what has to happen."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lib import ktest, tunnel
from lib.ktest import test
from lib.net import (Port, counter, env, fails, nothing_wrong, quiet, rules, sh,
                     until, wait_carrier, wire)
from lib.ovs import mac as mac_of
from lib.pkt import TCP, Frame
from lib.tunnel import Outer

MARK = b"agilio-test-payload"
UP, UP1, REP, REP1 = env("UPLINK0"), env("UPLINK1"), env("REP0"), env("REP1")
PEER = "02:00:00:00:00:aa"
LOCAL, REMOTE, THIRD = "192.168.5.1", "192.168.5.2", "192.168.5.3"
LOCAL6, REMOTE6 = "fd00:5::1", "fd00:5::2"
INNER = Frame(proto=TCP)
DROP = "action drop"
AWAY = f"action mirred egress redirect dev {UP1}"
PORT = "prot ip pref 5 flower ip_proto udp dst_port 4789"
far: Port
far1: Port
vf: Port


def packet(src: str = REMOTE, dst: str = LOCAL, kind: str = "vxlan") -> bytes:
    return Outer(kind, src, dst, PEER, mac_of(UP)).bytes(INNER.bytes())


def decap(flags: str = "", src: str = REMOTE, dst: str = LOCAL, kind: str = "vxlan",
          handle: int = 1) -> str:
    """tc's command for a rule that takes packets out of the tunnel."""
    o = Outer(kind, src, dst, PEER, mac_of(UP))
    return (f"tc filter add dev {tunnel.device(kind, o.v6)} ingress prot ip pref 1 "
            f"handle {handle} flower {flags} {o.match()} action mirred egress "
            f"redirect dev {REP}")


@dataclass
class Case:
    """Filters, words of tc after "dev DEV ingress"; each has FLAGS in it, or
    can't have any."""
    what: str
    filters: tuple[str, ...]
    # The card may take this port's packets out of the tunnel all the same
    apart: bool = False
    dev: str = UP
    kind: str = "vxlan"
    v6: bool = False

    def add(self, flags: str) -> None:
        for f in self.filters:
            sh(f"tc filter add dev {self.dev} ingress {f.replace('FLAGS', flags)}")

    def ends(self) -> tuple[str, str]:
        return (REMOTE6, LOCAL6) if self.v6 else (REMOTE, LOCAL)

    def decap(self, flags: str = "") -> str:
        return decap(flags, *self.ends(), self.kind)

    def packet(self) -> bytes:
        return packet(*self.ends(), self.kind)


CASES = [
    Case("drop by the tunnel's port", (f"{PORT} FLAGS {DROP}",)),
    Case("drop by the other end's address",
         (f"prot ip pref 5 flower FLAGS src_ip {REMOTE} {DROP}",)),
    Case("redirect by a prefix of both addresses",
         (f"prot ip pref 5 flower FLAGS src_ip 192.168.5.0/30 dst_ip 192.168.0.0/16 "
          f"{AWAY}",)),
    Case("redirect by our own MAC address",
         (f"prot all pref 5 flower FLAGS dst_mac {mac_of(UP)} {AWAY}",)),
    Case("drop by a range of ports",
         (f"prot ip pref 5 flower FLAGS ip_proto udp dst_port 4700-4800 {DROP}",)),
    Case("matchall", (f"prot all pref 5 matchall FLAGS {AWAY}",)),
    Case("matchall of protocol ip", (f"prot ip pref 5 matchall FLAGS {DROP}",)),
    Case("u32", (f"prot ip pref 5 u32 FLAGS match ip dport 4789 0xffff {AWAY}",)),
    Case("a filter of a chain", (
        f"prot ip pref 5 flower FLAGS src_ip {REMOTE} action goto chain 1",
        f"prot ip pref 5 chain 1 flower FLAGS ip_proto udp {DROP}")),
    Case("Geneve's port", (
        f"prot ip pref 5 flower FLAGS ip_proto udp dst_port 6081 {DROP}",),
        kind="geneve"),
    # iproute2 reads a number there as a hexadecimal one
    Case("GRE", (f"prot ip pref 5 flower FLAGS ip_proto 2f {DROP}",), kind="gre"),
    Case("what is in GRE", (f"prot ip pref 5 flower FLAGS ip_proto tcp {DROP}",), True,
         kind="gre"),
    Case("IPv6", (f"prot ipv6 pref 5 flower FLAGS src_ip {REMOTE6} {DROP}",),
         v6=True),
    Case("another remote address",
         (f"prot ip pref 5 flower FLAGS src_ip {THIRD} {DROP}",), True),
    Case("an address that is no tunnel's end",
         (f"prot ip pref 5 flower FLAGS dst_ip 192.168.5.9 {AWAY}",), True),
    Case("another MAC address",
         (f"prot ip pref 5 flower FLAGS dst_mac 02:00:00:00:00:99 {AWAY}",), True),
    Case("another protocol, and fragments", (
        f"prot ip pref 5 flower FLAGS ip_proto tcp {DROP}",
        f"prot ip pref 6 flower FLAGS ip_flags frag {DROP}",
        f"prot ipv6 pref 7 flower FLAGS {DROP}"), True),
    Case("another tunnel's port", (
        f"prot ip pref 5 flower FLAGS ip_proto udp dst_port 6081 {DROP}",), True),
    Case("a chain in which nothing is for it", (
        "prot ip pref 5 flower FLAGS ip_proto udp action goto chain 1",
        f"prot ip pref 5 chain 1 flower FLAGS ip_proto udp dst_port 53 {DROP}"), True),
    Case("what passes on", ("prot all pref 5 matchall FLAGS action pass",), True),
    Case("a VF's", (f"prot all pref 5 matchall FLAGS {DROP}",), True, dev=REP1),
]


def taken(dev: str) -> int:
    """Packets that filters of the port have dropped, the card's too."""
    return sum(a["stats"]["packets"] for r in rules(dev)
               for a in r["options"].get("actions", [])
               if a.get("control_action", {}).get("type") == "drop")


def outcome(data: bytes, dev: str = UP) -> str:
    """Send a packet. Where has it gone?"""
    for p in (vf, far1):
        p.drain()
    before = taken(dev)
    far.send(data)

    def look() -> str:
        if any(f == INNER.bytes() for f in vf.waiting()):
            return "the tunnel"
        if data in far1.waiting():
            return "the other wire"
        return "dropped" if taken(dev) > before else ""
    return str(until("the packet", look))


def in_card(kind: str = "vxlan", v6: bool = False) -> bool:
    """Is the tunnel's packet taken out of it by the card?"""
    ends = (REMOTE6, LOCAL6) if v6 else (REMOTE, LOCAL)
    hits = counter("decaps")
    got = outcome(packet(*ends, kind))
    assert got == "the tunnel", got
    return counter("decaps") > hits


def empty(dev: str) -> None:
    """No filters, of any chain."""
    sh(f"tc qdisc del dev {dev} clsact; tc qdisc add dev {dev} clsact")


@contextmanager
def cleaned() -> Iterator[None]:
    try:
        yield
    finally:
        for dev in (UP, UP1, REP1):
            empty(dev)
        for kind in ("vxlan", "geneve", "gre", "gre6"):
            sh(f"tc filter del dev t_{kind} ingress 2>/dev/null", ok=False)
        until("no rule is left", lambda: counter("rules") == 0)
        assert counter("tun_ips") == 0 and counter("tun_ips6") == 0


def order(c: Case) -> None:
    with cleaned():
        sh(c.decap("skip_hw"))
        c.add("skip_hw")
        want = outcome(c.packet(), c.dev)
    assert (want == "the tunnel") == c.apart, f"software: {want}"
    with cleaned():
        sh(c.decap())
        assert in_card(c.kind, c.v6)
        c.add("")
        got = outcome(c.packet(), c.dev)
        assert got == want, f"the tunnel's first: {got}, not {want}"
        if c.apart:
            assert in_card(c.kind, c.v6)
        empty(c.dev)
        assert in_card(c.kind, c.v6), "not in the card again"
    with cleaned():
        c.add("")
        text = sh(c.decap("verbose") + " 2>&1")
        assert ("first to take this tunnel's" in text) == (not c.apart), text
        got = outcome(c.packet(), c.dev)
        assert got == want, f"the port's first: {got}, not {want}"
        if c.apart:
            assert in_card(c.kind, c.v6)


for _c in CASES:
    test(f"{'apart' if _c.apart else 'after the port'}: {_c.what}")(
        lambda c=_c: order(c))  # type: ignore[misc]


@test("skip_sw after a tunnel's rule: refused in words, unless it is apart")
def only_after() -> None:
    with cleaned():
        sh(decap())
        for match in (PORT, f"prot ip pref 5 flower src_ip {THIRD}"):
            text = fails(f"tc filter add dev {UP} ingress {match} skip_sw {DROP}")
            assert "out of tunnels" in text, text
        until("in the card again", lambda: counter("rules") == 1)
        assert in_card()
        sh(f"tc filter add dev {UP} ingress prot ip pref 5 flower skip_sw dst_ip "
           f"192.168.5.9 {DROP}")
        assert in_card()


@test("skip_sw before a tunnel's rules: the card keeps it, and software the tunnel")
def only_before() -> None:
    with cleaned():
        sh(f"tc filter add dev {UP} ingress {PORT} skip_sw src_ip {THIRD} {DROP}")
        # The card would look no more at what any packet to the address is for
        text = sh(decap("verbose") + " 2>&1")
        assert "first to take this tunnel's" in text, text
        assert outcome(packet(THIRD)) == "dropped"
        assert not in_card()
        sh(f"tc filter del dev {UP} ingress")
        sh(f"tc filter del dev t_vxlan ingress; {decap()}")
        assert in_card()


@test("the tunnel's end becomes ours later: what only the card has stays first")
def later() -> None:
    sh(f"ip link set {UP} down")
    with cleaned():
        try:
            sh(f"tc filter add dev {UP} ingress {PORT} skip_sw {DROP}")
            sh(decap())
            until("both in the card", lambda: counter("rules") == 2)
        finally:
            setup()
        until("the tunnel's is out", lambda: counter("rules") == 1)
        assert counter("tun_ips") == 0
        assert outcome(packet()) == "dropped"
        sh(f"tc filter del dev {UP} ingress")
        assert in_card()


@test("a MAC address that filters have becomes ours, and is no more")
def mac_change() -> None:
    old, new = mac_of(UP), "02:00:00:00:00:99"
    with cleaned():
        sh(decap())
        sh(f"tc filter add dev {UP} ingress prot ip pref 5 flower dst_mac {new} {AWAY}")
        assert in_card()
        sh(f"ip link set {UP} address {new}")
        try:
            assert outcome(packet()) == "the other wire"
        finally:
            sh(f"ip link set {UP} address {old}")
            setup()
        assert in_card()


@test("another port's filter: its MAC address is a tunnel's end, too, while it is up")
def other_port() -> None:
    with cleaned():
        sh(decap())
        sh(f"tc filter add dev {UP1} ingress prot all pref 5 matchall {DROP}")
        assert not in_card()
        far1.send(packet().replace(bytes.fromhex(mac_of(UP).replace(":", "")),
                                   bytes.fromhex(mac_of(UP1).replace(":", ""))))
        until("dropped there", lambda: taken(UP1) == 1)
        sh(f"ip link set {UP1} down")
        try:
            assert in_card()
        finally:
            sh(f"ip link set {UP1} up")
            wait_carrier(UP1)
        assert not in_card()


@test("several tunnels: those alone that the filter is for leave the card")
def several() -> None:
    with cleaned():
        sh(decap())
        sh(decap(src=THIRD, handle=2))
        sh(f"tc filter add dev {UP} ingress prot ip pref 5 flower src_ip {REMOTE} "
           f"{DROP}")
        # The filter is in the card, too, but for an address that tunnels end at
        assert counter("rules") == 2
        hits = counter("decaps")
        assert outcome(packet(THIRD)) == "the tunnel" and counter("decaps") == hits + 1
        assert outcome(packet()) == "dropped"


@test("the model saw no conflict, duplicate, orphan or malformed message")
def clean() -> None:
    tunnel.remove_devices()
    nothing_wrong()


def setup() -> None:
    sh(f"ip link set {UP} up")
    wait_carrier(UP)
    sh(f"ip addr replace {LOCAL}/24 dev {UP}; "
       f"ip addr replace {LOCAL6}/64 dev {UP} nodad")
    for a in (REMOTE, THIRD, REMOTE6):
        sh(f"ip neigh replace {a} lladdr {PEER} dev {UP}")


if __name__ == "__main__":
    quiet()
    sh(f"sysctl -qw net.ipv6.conf.{UP}.disable_ipv6=0")
    setup()
    for _dev in (UP, UP1, REP, REP1):
        sh(f"tc qdisc add dev {_dev} clsact")
        wait_carrier(_dev)
    far, far1, vf = wire(0), wire(1), Port(env("VF0"))
    raise SystemExit(ktest.run("outer", refusals=True))
