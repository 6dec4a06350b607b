#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""One filter of tc, one record: what the host does keeps its place in tc's
order, whatever it is, for as long as tc has it and no longer. And filters that
nobody should give."""
from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable

from lib import ktest
from lib.genl import attr, attrs
from lib.ktest import test
from lib.net import (Port, arrival, carrier, counter, env, fails, js, quiet, rules, sh,
                     until, wait_carrier, wire)
from lib.pkt import TCP, Frame
from lib.tunnel import Outer

UP, REP, UP1 = env("UPLINK0"), env("REP0"), env("UPLINK1")
MARK = b"agilio-test-payload"
F = Frame(proto=TCP)
OUT = f"action mirred egress redirect dev {REP}"
LOCAL, REMOTE, LOCAL6 = "192.168.5.1", "192.168.5.2", "fd00:5::1"
BEFORE = "which comes first"
CHAINS = range(5)


def add(match: str, action: str = OUT, pref: int = 1, chain: int = 0,
        flags: str = "skip_sw", proto: str = "ip", dev: str = UP) -> str:
    return (f"tc filter add dev {dev} ingress chain {chain} prot {proto} pref {pref} "
            f"flower {flags} {match} {action}")


def del_(pref: int, chain: int = 0, dev: str = UP) -> None:
    sh(f"tc filter del dev {dev} ingress chain {chain} pref {pref}")


def clear(dev: str = UP) -> None:
    for chain in CHAINS:
        sh(f"tc filter del dev {dev} ingress chain {chain}", ok=False)


Run = Callable[[], None]


def case(name: str) -> Callable[[Run], Run]:
    """A test that leaves no filter behind, in tc, in the driver or in the card:
    what any filter of it would have shielded, the card takes again."""
    def wrap(fn: Run) -> Run:
        def run() -> None:
            try:
                fn()
            finally:
                clear()
            for what in ("rules", "masks"):
                assert counter(what) == 0, f"{what} is {counter(what)}"
            for proto, match in (("all", ""), ("ip", "ip_proto tcp"), ("ipv6", "")):
                sh(add(match, "action drop", pref=9, proto=proto))
                clear()
        test(name)(run)
        return fn
    return wrap


def shields(first: str, then: str, gone: Callable[[], object]) -> None:
    """@first is the host's and comes first, so the card must not have @then;
    when it is gone it may."""
    sh(first)
    text = fails(then)
    assert BEFORE in text, text
    gone()
    sh(then)


# What ends or wedges the host

@case("chains in a circle, of two and of one; the last is refused and harmless")
def circle() -> None:
    for last, back in (((1, 2), (2, 1)), ((2, 1), (1, 2))):
        for chain, to in ((0, 1), back):
            sh(add("", f"action goto chain {to}", chain=chain))
        text = fails(add("", f"action goto chain {last[1]}", chain=last[0], pref=2))
        assert "leads back to itself" in text, text
        sh(add("", f"action goto chain {last[1]}", chain=last[0], pref=2, flags=""))
        assert counter("rules") == 0
        for chain in (1, 0, 2):
            sh(f"tc filter del dev {UP} ingress chain {chain}")
    text = fails(add("", "action goto chain 3", chain=3))
    assert "leads back to itself" in text, text
    sh(add("", "action goto chain 3", chain=3, flags=""))
    sh(add("", "action goto chain 3"))


@case("chains with ten thousand ways through them are refused, in words and at once")
def many_ways() -> None:
    with open("/tmp/ways", "w", encoding="ascii") as batch:
        for n in range(100):
            batch.write(add(f"src_ip 10.1.0.{n}", "action goto chain 2", chain=1)
                        .removeprefix("tc ") + "\n")
            batch.write(add(f"dst_ip 10.2.0.{n}", chain=2).removeprefix("tc ") + "\n")
    sh("tc -b /tmp/ways")
    sent = counter("flow_add")
    text = fails(add("", "action goto chain 1"))
    assert "ways through it" in text, text
    shields(add("", "action goto chain 1", flags=""), add("dst_ip 10.2.0.7", pref=2),
            lambda: del_(1))
    assert counter("flow_add") == sent + 1


@case("31 pedits of 128 keys: refused, and still first")
def many_keys() -> None:
    keys = "ex " + " ".join(["munge ip ttl set 5"] * 128)
    try:
        for n in range(1, 32):
            sh(f"tc actions add action pedit {keys} pipe index {n}")
        many = " ".join(f"action pedit index {n}" for n in range(1, 32)) + " " + OUT
        shields(add("dst_ip 10.0.0.2", many, flags=""), add("", pref=2),
                lambda: del_(1))
    finally:
        clear()
        sh("tc actions flush action pedit")


# What is the host's comes first

@case("a matchall of one protocol, which the card doesn't do, comes first")
def matchall() -> None:
    rule = f"tc filter add dev {UP} ingress prot ip pref 1 matchall %s action drop"
    text = fails(rule % "skip_sw")
    assert "only of protocol all" in text, text
    sh(rule % "")
    sh(add("", pref=2, proto="ipv6"))
    for proto, match in (("ip", "dst_ip 10.0.0.2"), ("all", "")):
        text = fails(add(match, pref=3, proto=proto))
        assert BEFORE in text, text
    del_(1)
    sh(add("dst_ip 10.0.0.2", pref=3))


@case("u32 comes first: added, given again, deleted")
def u32() -> None:
    rule = (f"tc filter %s dev {UP} ingress prot ip pref 1 handle 800::1 u32 %s match "
            "ip dst 10.0.0.2 action drop")
    # cls_u32 takes a skip_sw that is refused, and doesn't tell
    sh(rule % ("add", "skip_sw"))
    assert "not_in_hw" in sh(f"tc filter show dev {UP} ingress pref 1")
    del_(1)
    sh(rule % ("add", ""))
    sh(rule % ("replace", ""))
    text = fails(add("dst_ip 10.0.0.2", pref=2))
    assert BEFORE in text, text
    del_(1)
    sh(add("dst_ip 10.0.0.2", pref=2))


@case("bpf comes first: one program in two filters")
def bpf() -> None:
    rule = (f"tc filter %s dev {UP} ingress prot ip pref 1 handle %d bpf bytecode "
            "'1,6 0 0 0,' action drop")
    sh(rule % ("add", 1))
    sh(rule % ("add", 2))
    sh(rule % ("replace", 2))
    for handle in (1, 2):
        text = fails(add("dst_ip 10.0.0.2", pref=2))
        assert BEFORE in text, text
        sh(f"tc filter del dev {UP} ingress prot ip pref 1 handle {handle} bpf")
    sh(add("dst_ip 10.0.0.2", pref=2))


@case("what came while hw-tc-offload was off comes first, too")
def off_on() -> None:
    sh(f"ethtool -K {UP} hw-tc-offload off")
    try:
        text = fails(add("dst_ip 10.0.0.2"))
        assert "hw-tc-offload is off" in text, text
        sh(add("dst_ip 10.0.0.2", "action drop", flags=""))
    finally:
        sh(f"ethtool -K {UP} hw-tc-offload on")
    text = fails(add("ip_proto tcp", pref=2))
    assert BEFORE in text, text
    sh(add("dst_ip 10.0.0.3", pref=2))


@case("a refused filter that goes while hw-tc-offload is off is forgotten")
def ghost() -> None:
    sh(add("dst_ip 10.0.0.2", "action pass", flags=""))
    sh(f"ethtool -K {UP} hw-tc-offload off")
    try:
        del_(1)
    finally:
        sh(f"ethtool -K {UP} hw-tc-offload on")
    sh(add("dst_ip 10.0.0.2", pref=2))


@case("a refused rule on a tunnel over IPv6 comes first")
def tun6() -> None:
    sh("ip link add v6x type vxlan external dstport 4789 udp6zerocsumrx udp6zerocsumtx; "
       "ip link set v6x up; tc qdisc add dev v6x clsact")
    try:
        outer = f"enc_dst_ip {LOCAL6} enc_dst_port 4789"
        # Of the second one nothing is known of the outer header
        for first in (f"{outer} ip_proto icmp type 8", ""):
            sh(add(first, "action drop", flags="", dev="v6x"))
            for gone in (False, True):
                # tc itself has no skip_sw on devices of others
                sh(add(outer, pref=2, dev="v6x", flags=""))
                in_hw = [bool(r["options"].get("in_hw")) for r in rules("v6x")
                         if r["pref"] == 2]
                assert in_hw == [gone], (first, gone)
                del_(2, dev="v6x")
                if not gone:
                    del_(1, dev="v6x")
    finally:
        sh("ip link del v6x")


@case("a range with port 0 in it has the fragments, too")
def zero_range() -> None:
    for ports, shares in (("0-100", True), ("0-7", True), ("1-100", False)):
        sh(add(f"ip_proto udp dst_port {ports}", "action drop"))
        then = add("ip_flags frag", pref=2)
        if shares:
            text = fails(then)
            assert BEFORE in text, text
            del_(1)
        else:
            sh(then)


@case("a filter of a protocol whose keys don't say so: not for any packet")
def raw_protocol() -> None:
    def raw(protocol: int, flags: int, command: int = 44) -> str:
        """The extack, "" for success: flower, drop, and no keys at all"""
        gact = attr(1, b"gact\0") + attr(2 | 0x8000, attr(2, struct.pack(
            "=IIiii", 0, 0, 2, 0, 0)))
        options = (attr(22, struct.pack("=I", flags)) +
                   attr(3 | 0x8000, attr(1 | 0x8000, gact)))
        body = struct.pack("=BxxxiIII", 0, socket.if_nametoindex(UP), 1, 0xfffffff2,
                           1 << 16 | socket.htons(protocol)) + \
            attr(1, b"flower\0") + attr(2 | 0x8000, options)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
            s.setsockopt(270, 11, 1)  # SOL_NETLINK, NETLINK_EXT_ACK
            s.send(struct.pack("=IHHII", 16 + len(body), command, 0x605, 1, 0) + body)
            data = s.recv(65536)
        code, size = struct.unpack_from("=iI", data, 16)
        if not code:
            return ""
        at = 36 if struct.unpack_from("=H", data, 6)[0] & 0x100 else 20 + size
        return attrs(data[at:]).get(1, os.strerror(-code).encode()).decode()

    text = raw(0x0800, 2)
    assert "protocol 0x0800" in text, text
    assert raw(0x0800, 0) == ""
    assert counter("rules") == 0
    sh(add("", pref=2, proto="ipv6"))
    text = fails(add("dst_ip 10.0.0.2", pref=3))
    assert BEFORE in text, text


# Names

@case("two tunnel devices in one shared block are two, each with its chains")
def two_devices() -> None:
    far, vf, host = wire(0), Port(env("VF0")), Port(UP)

    def by_card(vni: int) -> bool:
        for p in (vf, host):
            p.drain()
        o = Outer("vxlan", REMOTE, LOCAL, F.src, js(
            f"ip -j link show {UP}")[0]["address"], key=vni)
        far.send(o.bytes(F.bytes()))
        got = arrival([vf, host], lambda f: MARK in f)
        assert got, f"VNI {vni} is lost"
        return got[0] is vf

    def add7(chain: int, pref: int, action: str) -> None:
        sh(f"tc filter add block 7 chain {chain} prot ip pref {pref} flower "
           f"ip_proto tcp {action}")

    for vni in (10, 20):
        sh(f"ip link add vx{vni} type vxlan id {vni} dstport 4789 local {LOCAL} "
           f"nolearning; ip link set vx{vni} up; "
           f"tc qdisc add dev vx{vni} ingress_block 7 clsact")
    try:
        for chain in (0, 1):
            if chain:
                add7(0, 1, "action goto chain 1")
            add7(chain, 1, OUT)
            assert counter("rules") == 2, counter("rules")
            assert by_card(10) and by_card(20) and not by_card(30)
            (rule,) = [r for r in js(f"tc -j -s filter show block 7 chain {chain}")
                       if "handle" in r.get("options", {})]
            assert rule["options"]["in_hw_count"] == 2, rule
            if not chain:
                sh("tc filter del block 7 chain 0")
        until("both counted", lambda: [
            r for r in js("tc -j -s filter show block 7 chain 1")
            if r.get("options", {}).get("actions", [{}])[0].get("stats", {})
            .get("hw_packets") == 2])
        sh("ip link del vx20")
        assert counter("rules") == 1
        assert by_card(10) and not by_card(20)
    finally:
        for vni in (10, 20):
            sh(f"ip link del vx{vni}", ok=False)


@case("indev in a block of two ports is for one of them")
def indev() -> None:
    for d in (UP, UP1):
        sh(f"tc qdisc del dev {d} clsact; tc qdisc add dev {d} ingress_block 9 clsact")
    try:
        sh("tc filter add block 9 prot ip pref 1 flower skip_sw indev "
           f"{UP} dst_ip 10.0.0.2 {OUT}")
        assert counter("rules") == 1
        sh(f"tc filter add block 9 prot ip pref 2 flower skip_sw indev {UP1} {OUT}")
        assert counter("rules") == 2
        (vf,) = [Port(env("VF0"))]
        for n, to, there in ((0, "10.0.0.2", True), (1, "10.0.0.9", True),
                             (0, "10.0.0.9", False)):
            hosts = [Port(UP), Port(UP1)]
            vf.drain()
            wire(n).send(F.with_(to=to).bytes())
            got = arrival([vf, *hosts], lambda f: MARK in f)
            assert got and (got[0] is vf) == there, (n, to)
    finally:
        for d in (UP, UP1):
            sh(f"tc qdisc del dev {d} clsact; tc qdisc add dev {d} clsact")


# Replacing

@case("a refused filter is replaced by one that the card can do, and back")
def replace() -> None:
    rule = (f"tc filter replace dev {UP} ingress prot ip pref 1 handle 1 flower "
            f"dst_ip 10.0.0.2 ip_proto tcp %s %s")
    far, vf, host = wire(0), Port(env("VF0")), Port(UP)
    sh(rule % ("", "action pass"))
    for action, by_card in ((OUT, True), ("action pass", False), (OUT, True)):
        sh(rule % ("", action))
        (r,) = rules(UP)
        assert bool(r["options"].get("in_hw")) == by_card, r
        assert counter("rules") == by_card
        host.drain()
        vf.drain()
        far.send(F.bytes())
        got = arrival([vf, host], lambda f: MARK in f)
        assert got and (got[0] is vf) == by_card
    # One that only looks the same is no replacement
    clear()
    sh(add("dst_ip 10.0.0.2 ip_proto icmp type 8", "action pass", flags=""))
    text = fails(add("dst_ip 10.0.0.2 ip_proto icmp"))
    assert BEFORE in text, text


def main() -> int:
    quiet()
    for n in (0, 1):
        wait_carrier(env(f"UPLINK{n}"))
    assert carrier(REP)
    for dev in (UP, UP1):
        sh(f"tc qdisc add dev {dev} clsact")
    sh(f"ip addr add {LOCAL}/24 dev {UP}")
    return ktest.run("filters", refusals=True)


if __name__ == "__main__":
    raise SystemExit(main())
