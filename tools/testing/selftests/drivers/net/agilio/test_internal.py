#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A tunnel that ends on an internal port of Open vSwitch, untagged or behind a
VLAN: the way in (R6) and the way out (R7), with either driver."""
from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lib import ktest, tunnel
from lib.counters import Counted, counted
from lib.ktest import test
from lib.net import (Port, arrival, counter, env, fails, quiet,
                     rules, sh, until, wait_carrier, wire)
from lib.ovs import mac as mac_of
from lib.pkt import TCP, Frame
from lib.tunnel import Outer

UP, REP, PHY = env("UPLINK0"), env("REP0"), "br-phy"
PEER, PEER2 = "02:00:00:00:00:aa", "02:00:00:00:00:bb"
LOCAL = {False: "192.168.5.1", True: "fd00:5::1"}
REMOTE = {False: "192.168.5.2", True: "fd00:5::2"}
MARK = b"agilio-test-payload"
INNER = Frame(proto=TCP).bytes()
OF_EACH = 100
# Such firmware asks the neighbour that a packet is from: who has none stays out
DECAP_V2 = "profile=full" in os.environ.get("LAB_CARD", "")
far: Port
vf: Port
host: Port
# Whoever looks at what the rules count meanwhile
count: Counted | None = None
Tag = int | None


def incoming(kind: str, v6: bool, vlan: Tag) -> Outer:
    return Outer(kind, REMOTE[v6], LOCAL[v6], PEER, mac_of(PHY), key=123, tos=0x1e,
                 ttl=99, vlan=vlan)


def way_in(v6: bool, vlan: Tag, flags: str = "skip_sw", more: str = "",
           dst: str = "", peer: str = PEER, pref: int = 10) -> str:
    proto = "ipv6" if v6 else "ip"
    tag, pop = "", ""
    if vlan is not None:
        tag, pop = f"vlan_id {vlan} vlan_ethtype {proto}", "action vlan pop pipe"
    return (f"tc filter add dev {UP} ingress prot {'802.1q' if tag else proto} pref "
            f"{pref + v6} flower {flags} {tag} src_mac {peer} dst_mac "
            f"{dst or mac_of(PHY)} {more} {pop} action skbedit ptype host pipe "
            f"action mirred ingress redirect dev {PHY}")


@contextmanager
def decapsulating(kind: str, tags: dict[bool, Tag]) -> Iterator[None]:
    devs = set()
    try:
        for v6, vlan in tags.items():
            dev = tunnel.device(kind, v6)
            devs.add(dev)
            o = incoming(kind, v6, vlan)
            sh(way_in(v6, vlan))
            sh(f"tc filter add dev {dev} ingress prot ip pref {1 + v6} flower "
               f"{o.match()} enc_tos 0x{o.tos:x} enc_ttl {o.ttl} action tunnel_key "
               f"unset pipe action mirred egress redirect dev {REP}")
            assert all(r["options"].get("in_hw") for r in rules(dev))
        yield
    finally:
        sh(f"tc filter del dev {UP} ingress")
        for dev in devs:
            sh(f"tc filter del dev {dev} ingress")


def goes(data: bytes, want: bytes, port: Port, what: str, pref: int = 1) -> None:
    """@pref: of the rule for it, on the tunnel's device"""
    vf.drain()
    host.drain()
    for _ in range(OF_EACH):
        far.send(data)
        got = arrival([vf, host], lambda x: x in (data, want))
        assert got and got[0] is port and got[1] == want, f"{what}: {got}"
    if port is vf and count:
        count.hit(want, (0, pref), times=OF_EACH)


def let_in() -> list[int]:
    """Packets that the card has counted for the ways in, IPv4's first."""
    return [max(a.get("stats", {}).get("hw_packets", 0)
                for a in r["options"]["actions"]) for r in
            sorted(rules(UP), key=lambda r: int(r["pref"]))]


@contextmanager
def counting(kind: str) -> Iterator[None]:
    """What comes out of the tunnel's device, by goes()."""
    global count
    if kind == "gre":
        # A device for each family
        yield
        return
    try:
        with counted(tunnel.device(kind), UP, strays=True) as count:
            yield
    finally:
        count = None


def inward(kind: str, tag4: Tag, tag6: Tag) -> Callable[[], None]:
    def run() -> None:
        tags = {False: tag4, True: tag6}
        with decapsulating(kind, tags), counting(kind):
            for v6, vlan in tags.items():
                o = incoming(kind, v6, vlan)
                goes(o.bytes(INNER), INNER, vf, "as matched", 1 + v6)
                changes: dict[str, dict[str, Any]] = {
                        "source": {"src": REMOTE[v6][:-1] + "3"}, "key": {"key": 124},
                        "tos": {"tos": 0x1f}, "ttl": {"ttl": 98}}
                for name, change in changes.items():
                    data = o.with_(**change).bytes(INNER)
                    goes(data, data, host, name)
                # A sixth kind: right but for the inner packet's protocol
                data = o.bytes(Frame(ip="fd00::1", to="fd00::2").bytes())
                goes(data, data, host, "inner protocol")
            # The tunnel's other packets, too, have passed the check
            want = 5 * OF_EACH if DECAP_V2 else 6 * OF_EACH
            until("all let in are counted", lambda: let_in() == [want] * 2)
    return run


for _kind in tunnel.KINDS:
    for _t4, _t6 in ((None, None), (20, 20), (20, None), (None, 20)):
        if _kind != "vxlan" and (_t4 is None) != (_t6 is None):
            continue
        test(f"{_kind} to the internal port, outer VLAN {_t4} for IPv4 and {_t6} for "
             "IPv6: hit, misses, all that are let in are counted")(inward(_kind, _t4, _t6))


@test("the wrong outer VLAN: nothing is let in, none counted")
def wrong_vlan() -> None:
    with decapsulating("vxlan", {False: 20, True: 20}):
        for v6 in (False, True):
            data = incoming("vxlan", v6, 21).bytes(INNER)
            goes(data, data, host, "VLAN 21")
            data = incoming("vxlan", v6, None).bytes(INNER)
            goes(data, data, host, "no VLAN")
        goes(incoming("vxlan", False, 20).bytes(INNER), INNER, vf, "VLAN 20")
        until("counted, and nothing else", lambda: let_in() == [OF_EACH, 0])


@test("a way in and a rule that drops the same take turns, in tc's order")
def in_order() -> None:
    if os.environ.get("LAB_DRIVER") != "agilio":
        raise ktest.Skip("mainline keeps no order")
    o = incoming("vxlan", False, None)
    data = o.bytes(INNER)
    enter = way_in(False, None, flags="")
    drop = enter.replace("pref 10", "pref 20")
    drop = drop[:drop.index("action")] + "action drop"
    dev = tunnel.device("vxlan")
    sh(f"tc filter add dev {dev} ingress prot ip pref 1 flower "
       f"{o.match()} enc_tos 0x{o.tos:x} enc_ttl {o.ttl} action tunnel_key unset "
       f"pipe action mirred egress redirect dev {REP}")
    try:
        for rule in ((enter, drop), (drop, enter)):
            sh(rule[0])
            sh(rule[1])
            # By the host: what comes behind it might be for the tunnel's packets
            vf.drain()
            far.send(data)
            assert arrival([vf], lambda x: x == INNER), "the way in comes first"
            sh(f"tc filter del dev {UP} ingress")
        # The other way round the host has it, and drops it
        earlier = drop.replace("pref 20", "pref 5")
        for rule in ((enter, earlier), (earlier, enter)):
            sh(rule[0])
            sh(rule[1])
            vf.drain()
            far.send(data)
            got = arrival([vf], lambda x: x == INNER, 0.3)
            assert not got, f"dropped by pref 5, and yet {got}"
            sh(f"tc filter del dev {UP} ingress")
    finally:
        sh(f"tc filter del dev {UP} ingress; tc filter del dev {dev} ingress")


def by_card(o: Outer) -> bool:
    """Out of the tunnel by the card? Else it is the host's."""
    data = o.bytes(INNER)
    vf.drain()
    host.drain()
    far.send(data)
    got = arrival([vf, host], lambda x: x in (data, INNER))
    assert got, "a packet is lost"
    return got[0] is vf


def needs_table() -> None:
    if ktest.driver() == "nfp" or DECAP_V2:
        raise ktest.Skip("about the table of such rules in the card")


@test("two senders behind one internal port: one goes, the other is still let in")
def two_peers() -> None:
    needs_table()
    with decapsulating("vxlan", {False: None}):
        o = incoming("vxlan", False, None)
        sh(way_in(False, None, peer=PEER2, pref=20))
        assert by_card(o) and by_card(o.with_(smac=PEER2))
        sh(f"tc filter del dev {UP} ingress pref 20")
        assert by_card(o)
        sh(way_in(False, None, peer=PEER2, pref=20))
        # The first one's counter was that of the entry: the second goes on
        sh(f"tc filter del dev {UP} ingress pref 10")
        assert by_card(o.with_(smac=PEER2))
        until("and counts", lambda: let_in() == [1])
        sh(f"tc filter del dev {UP} ingress pref 20")
        assert not by_card(o)
        sh(way_in(False, None))


@test("internal ports go down and come up in another order: the rule knows its own")
def swapped() -> None:
    needs_table()
    two = "br-two"
    sh(f"ovs-dpctl add-dp {two}; ip link set {two} up")
    try:
        with decapsulating("vxlan", {False: None}):
            o = incoming("vxlan", False, None)
            assert by_card(o) and not by_card(o.with_(dmac=mac_of(two)))
            sh(f"ip link set {PHY} down")
            until("nobody's", lambda: not by_card(o))
            sh(f"ip link set {two} down; ip link set {two} up")
            assert not by_card(o) and not by_card(o.with_(dmac=mac_of(two)))
            sh(f"ip link set {PHY} up")
            until("let in again", lambda: by_card(o))
            assert not by_card(o.with_(dmac=mac_of(two)))
    finally:
        sh(f"ovs-dpctl del-dp {two}")
        addresses()


def addresses() -> None:
    sh(f"ip link set {PHY} up; ip addr replace {LOCAL[True]}/64 dev {PHY} nodad")
    for addr in REMOTE.values():
        sh(f"ip neigh replace {addr} lladdr {PEER} dev {PHY}")


def outward(kind: str, v6: bool, vlan: Tag) -> Callable[[], None]:
    def run() -> None:
        dev = tunnel.device(kind, v6)
        o = Outer(kind, LOCAL[v6], REMOTE[v6], mac_of(PHY), PEER, key=123, ttl=99,
                  vlan=vlan)
        push = f"action vlan push id {vlan} pipe" if vlan else ""
        sh(f"tc filter add dev {REP} ingress prot ip pref 1 flower skip_sw action "
           f"{o.action()} pipe action mirred egress redirect dev {dev}")
        sh(f"tc filter add dev {PHY} egress prot {'ipv6' if v6 else 'ip'} pref 1 flower "
           f"{push} action mirred egress redirect dev {UP}")

        def encapsulated() -> bool:
            vf.send(INNER)
            got = arrival([far, Port(REP)], lambda x: MARK in x)
            return bool(got and got[0] is far)

        try:
            until("the neighbour is there", encapsulated)
            for _ in range(OF_EACH):
                far.drain()
                vf.send(INNER)
                got = arrival([far], lambda x: MARK in x)
                assert got, "nothing came out of the wire"
                want = o.like(got[1]).bytes(INNER)
                assert got[1] == want, f"\n got {got[1].hex()}\nwant {want.hex()}"
        finally:
            sh(f"tc filter del dev {REP} ingress; tc filter del dev {PHY} egress")
    return run


for _kind in tunnel.KINDS:
    for _v6 in (False, True):
        for _vlan in (None, 20):
            if _kind == "gre" and _vlan:
                continue
            test(f"out of the internal port: {_kind} over {'IPv6' if _v6 else 'IPv4'}, "
                 f"{'VLAN 20' if _vlan else 'no VLAN'}: 100 of 100")(
                     outward(_kind, _v6, _vlan))


@test("ways in that the card can't take are refused in words")
def refused() -> None:
    cases = {"ip_proto udp": "MAC addresses and a tag only",
             "ip_tos 4": "MAC addresses and a tag only",
             "ip_flags frag": "can't be for fragments",
             "ip_flags firstfrag": "can't be for fragments"}
    for more, words in cases.items():
        if ktest.driver() == "nfp" and "frag" in more:
            continue
        text = fails(way_in(False, None, more=more))
        assert ktest.driver() == "nfp" or words in text, text
    text = fails(way_in(False, None, dst="02:00:00:00:00:ff"))
    assert ktest.driver() == "nfp" or "needs dst_mac" in text, text
    text = fails(way_in(False, 20).replace("vlan_ethtype ip ", ""))
    assert ktest.driver() == "nfp" or "needs protocol ip" in text, text
    if ktest.driver() == "nfp":
        return
    plain, tagged = way_in(False, None), way_in(False, 20)
    for rule, words in (
            (plain.replace("action skbedit ptype host pipe", ""), "skbedit ptype host"),
            (plain.replace("action skbedit", f"action mirred egress mirror dev {REP} pipe "
                           "action skbedit"), "can't have other actions"),
            (tagged.replace("vlan_id 20", "vlan_prio 1"), "needs a whole vlan_id"),
            (tagged.replace("action vlan pop pipe", ""), "needs vlan pop"),
            (tagged.replace("vlan_ethtype ip", "vlan_ethtype 802.1q cvlan_id 5 "
                            "cvlan_ethtype ip"), "two VLAN tags")):
        text = fails(rule)
        assert words in text, text
    sh(f"tc filter add dev {UP} ingress prot ip pref 5 flower skip_sw action goto chain 1")
    try:
        text = fails(plain.replace("ingress prot", "ingress chain 1 prot", 1))
        assert "internal port from chain 1" in text, text
    finally:
        sh(f"tc filter del dev {UP} ingress")


@test("a way to the internal port without src_mac: not where neighbours are asked")
def any_peer() -> None:
    rule = way_in(False, None).replace(f"src_mac {PEER}", "")
    if ktest.driver() == "nfp":
        return
    try:
        if DECAP_V2:
            assert "needs src_mac with this firmware" in fails(rule)
        else:
            sh(rule)
    finally:
        sh(f"tc filter del dev {UP} ingress")


@test("the internal port is down: no way in")
def port_down() -> None:
    sh(f"ip link set {PHY} down")
    text = fails(way_in(False, None))
    assert ktest.driver() == "nfp" or f"{PHY} is down" in text, text


@test("the internal port goes: nothing of it stays in the card")
def gone() -> None:
    tunnel.remove_devices()
    sh(f"ovs-dpctl del-dp {PHY}")
    for name in ("rules", "masks", "tun_ips", "tun_ips6"):
        assert counter(name) == 0, f"{name} is {counter(name)}"
    if ktest.driver() != "nfp":
        until("neighbours are gone", lambda: counter("neighs") == 0)


if __name__ == "__main__":
    quiet()
    sh(f"modprobe openvswitch; ovs-dpctl add-dp {PHY}; "
       f"sysctl -qw net.ipv6.conf.{PHY}.disable_ipv6=0; ip link set {PHY} up; "
       f"ip addr add {LOCAL[False]}/24 dev {PHY}; "
       f"ip addr add {LOCAL[True]}/64 dev {PHY} nodad")
    for _a in REMOTE.values():
        sh(f"ip neigh replace {_a} lladdr {PEER} dev {PHY}")
    for _dev in (UP, REP, env("VF0")):
        wait_carrier(_dev)
    sh(f"tc qdisc add dev {UP} clsact; tc qdisc add dev {REP} clsact; "
       f"tc qdisc add dev {PHY} clsact")
    far, vf, host = wire(0), Port(env("VF0")), Port(UP)
    raise SystemExit(ktest.run("internal", refusals=True))
