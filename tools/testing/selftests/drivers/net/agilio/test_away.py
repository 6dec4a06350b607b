#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What rules hold of others goes away, or changes, while they hold it:
namespaces, output devices, tunnel devices, VFs. What is the host's comes out of
the uplink's or the representor's socket; what only the card has it drops, as
software would."""
from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from lib import ktest
from lib.ktest import test
from lib.net import (Port, arrival, counter, env, fails, quiet, rules, sh, until,
                     vf_names, wait_carrier, wire)
from lib.ovs import mac as mac_of
from lib.pkt import TCP, Frame
from lib.tunnel import Outer

UP, REP, UP1 = env("UPLINK0"), env("REP0"), env("UPLINK1")
SYS = f"/sys/bus/pci/devices/{env('CARD')}"
MARK = b"agilio-test-payload"
LOCAL, REMOTE, OTHER = "192.168.5.1", "192.168.5.2", "192.168.5.3"
PEER, PEER2 = "02:00:00:00:00:aa", "02:00:00:00:00:bb"
INNER = Frame(proto=TCP).bytes()
far: Port
far1: Port
vf: Port
host: Port
on_rep: Port


def marked(data: bytes) -> bool:
    return MARK in data


def goes(to: Port, tagged: int | None = None) -> bool:
    """A packet from the wire: where to? Nowhere is a failure."""
    for p in (vf, far1, host):
        p.drain()
    data = Frame().bytes()
    far.send(data)
    got = arrival([vf, far1, host], marked)
    assert got, "a packet is lost"
    if got[0] is not to:
        return False
    vlan = int.from_bytes(got[1][14:16], "big") if got[1][12:14] == b"\x81\0" else None
    assert vlan == tagged, f"tag {vlan}"
    return True


def sent_by_card(o: Outer) -> bool:
    """A packet of the VF: out of the wire in the tunnel? Else it is the host's."""
    far.drain()
    on_rep.drain()
    vf.send(INNER)
    got = arrival([far, on_rep], marked)
    assert got, "a packet is lost"
    if got[0] is on_rep:
        return False
    want = o.like(got[1]).bytes(INNER)
    assert got[1] == want, f"\n got {got[1].hex()}\nwant {want.hex()}"
    return True


def hw_packets(dev: str) -> int:
    """Of the only rule. tunnel_key keeps no count of the hardware's."""
    (rule,) = rules(dev)
    return int(max(a["stats"].get("hw_packets", 0) for a in rule["options"]["actions"]))


def dropped(by: str, port: Port, data: bytes) -> None:
    """The card does that, for the only rule of a device, and counts it."""
    ports = [vf, far, far1, host]
    # The socket of one that is down complains
    if by == REP:
        ports.append(on_rep)
    for p in ports:
        p.drain()
    before = hw_packets(by)
    port.send(data)
    until("counted", lambda: hw_packets(by) == before + 1)
    assert not any(marked(f) for p in ports for f in p.waiting())


def add(to: str, pref: int = 1, flags: str = "") -> None:
    sh(f"tc filter add dev {UP} ingress prot ip pref {pref} flower {flags} "
       f"ip_proto udp action mirred egress redirect dev {to}")


@contextmanager
def vlan_device() -> Iterator[str]:
    sh(f"ip link add link {REP} name away7 type vlan id 7; ip link set away7 up")
    try:
        yield "away7"
    finally:
        sh("ip link del away7", ok=False)
        sh(f"tc filter del dev {UP} ingress", ok=False)
        until("no rule is left", lambda: counter("rules") == 0)


@test("VLAN device down: the host's; up: the card's again; deleted: the host's")
def vlan_output() -> None:
    with vlan_device() as dev:
        add(dev)
        assert goes(vf, 7)
        for _ in range(2):
            sh(f"ip link set {dev} down")
            until("out of the card", lambda: counter("rules") == 0)
            assert goes(host)
            sh(f"ip link set {dev} up")
            until("in the card", lambda: counter("rules") == 1)
            assert goes(vf, 7)
        sh(f"ip link del {dev}")
        until("out of the card", lambda: counter("rules") == 0)
        assert goes(host)
        # A device of that name is another one: tc drops there, too
        sh(f"ip link add link {REP} name {dev} type vlan id 7; ip link set {dev} up")
        assert goes(host) and counter("rules") == 0


@test("a rule to a representor that is down is taken, and is in the card when it is up")
def down_first() -> None:
    sh(f"ip link set {REP} down")
    try:
        add(REP)
        assert goes(host) and counter("rules") == 0
        sh(f"ip link set {REP} up")
        until("in the card", lambda: counter("rules") == 1)
        wait_carrier(env("VF0"))
        until("to the VF", lambda: goes(vf))
    finally:
        sh(f"ip link set {REP} up; tc filter del dev {UP} ingress")
        setup()


@test("while a rule's device is down no later one acts in its place, then both do")
def order() -> None:
    with vlan_device() as dev:
        add(dev, 1)
        add(UP1, 2)
        assert goes(vf, 7)
        sh(f"ip link set {dev} down")
        until("out of the card", lambda: counter("rules") == 0)
        assert goes(host)
        sh(f"tc filter add dev {UP} ingress prot ip pref 3 flower ip_proto udp "
           "action drop")
        assert goes(host) and counter("rules") == 0
        sh(f"ip link set {dev} up")
        until("in the card", lambda: counter("rules") == 1)
        assert goes(vf, 7)
        sh(f"ip link set {dev} down; tc filter del dev {UP} ingress pref 1")
        until("the second", lambda: counter("rules") == 1)
        assert goes(far1)


@test("a representor down and up")
def representor_down() -> None:
    add(REP)
    try:
        assert goes(vf)
        sh(f"ip link set {REP} down")
        until("out of the card", lambda: counter("rules") == 0)
        assert goes(host)
        sh(f"ip link set {REP} up")
        until("in the card", lambda: counter("rules") == 1)
        wait_carrier(env("VF0"))
        until("to the VF", lambda: goes(vf))
    finally:
        sh(f"tc filter del dev {UP} ingress")
        # Its socket has been told, and would tell
        setup()


@test("skip_sw, the device is down or gone: the card drops, as software would")
def only() -> None:
    with vlan_device() as dev:
        add(dev, flags="skip_sw")
        for _ in range(2):
            assert goes(vf, 7)
            sh(f"ip link set {dev} down")
            dropped(UP, far, Frame().bytes())
            assert counter("rules") == 1
            sh(f"ip link set {dev} up")
        assert goes(vf, 7)
        sh(f"ip link del {dev}")
        dropped(UP, far, Frame().bytes())
        # One of that name is another one, for software, too
        sh(f"ip link add link {REP} name {dev} type vlan id 7; ip link set {dev} up")
        dropped(UP, far, Frame().bytes())


@test("skip_sw, given while the representor is down: dropped until it is up")
def only_down_first() -> None:
    sh(f"ip link set {REP} down")
    try:
        add(REP, flags="skip_sw")
        dropped(UP, far, Frame().bytes())
        # No rule comes in its place, nor before it
        text = fails(f"tc filter add dev {UP} ingress prot ip pref 2 flower skip_sw "
                     f"ip_proto udp dst_port 2000 action mirred egress redirect dev {UP1}")
        assert "overlaps" in text, text
        sh(f"ip link set {REP} up")
        wait_carrier(env("VF0"))
        until("to the VF", lambda: goes(vf))
    finally:
        sh(f"ip link set {REP} up; tc filter del dev {UP} ingress")
        setup()


@test("skip_sw with a copy that goes elsewhere: the host's while one device is down")
def only_copy() -> None:
    with vlan_device() as dev:
        sh(f"tc filter add dev {UP} ingress prot ip pref 1 flower skip_sw ip_proto udp "
           f"action mirred egress mirror dev {UP1} pipe action mirred egress redirect "
           f"dev {dev}")
        sh(f"ip link set {dev} down")
        until("out of the card", lambda: counter("rules") == 0)
        assert goes(host)
        sh(f"ip link set {dev} up")
        until("in the card", lambda: counter("rules") == 1)


@test("the device of a chain's second filter goes")
def chain() -> None:
    with vlan_device() as dev:
        sh(f"tc filter add dev {UP} ingress chain 1 prot ip pref 1 flower "
           f"ip_proto udp action mirred egress redirect dev {dev}; "
           f"tc filter add dev {UP} ingress prot ip pref 1 flower action goto chain 1")
        try:
            assert goes(vf, 7)
            sh(f"ip link set {dev} down")
            until("out of the card", lambda: counter("rules") == 0)
            assert goes(host)
            sh(f"ip link set {dev} up")
            until("in the card", lambda: counter("rules") == 1)
            sh(f"tc filter del dev {UP} ingress pref 1; ip link del {dev}")
            text = sh(f"tc filter add dev {UP} ingress prot ip pref 1 flower verbose "
                      "action goto chain 1 2>&1")
            assert "gone" in text, text
            assert goes(host) and counter("rules") == 0
        finally:
            sh(f"tc filter del dev {UP} ingress chain 1")


def outgoing(**kw: object) -> Outer:
    return Outer("gre", LOCAL, REMOTE, mac_of(UP), PEER, key=9, tos=0x1c,
                 ttl=99).with_(**kw)


@test("a GRE device's remote address changes: nothing more to or from the old one")
def gre_remote() -> None:
    sh(f"ip link add fix0 type gretap local {LOCAL} remote {REMOTE} key 9 ttl 99 "
       "tos 0x1c; ip link set fix0 up; tc qdisc add dev fix0 clsact")
    out = (f"tc filter add dev {REP} ingress prot ip pref 1 flower skip_sw action mirred "
           "egress redirect dev fix0")
    back = Outer("gre", REMOTE, LOCAL, PEER, mac_of(UP), key=9, ttl=99).bytes(INNER)
    sh(f"tc filter add dev fix0 ingress prot ip pref 1 flower ip_proto tcp action mirred "
       f"egress redirect dev {REP}")
    sh(out)
    try:
        until("by the card", lambda: sent_by_card(outgoing()))
        vf.drain()
        host.drain()
        far.send(back)
        got = arrival([vf, host], marked)
        assert got and got[0] is vf
        sh(f"ip link set fix0 type gretap local {LOCAL} remote {OTHER} key 9 ttl 99 "
           "tos 0x1c")
        # It is not known for what other address the rule would be
        until("the way in is the host's", lambda: counter("rules") == 1)
        dropped(REP, vf, INNER)
        vf.drain()
        host.drain()
        far.send(back)
        got = arrival([vf, host], marked)
        assert got and got[0] is host
        sh(f"tc filter del dev {REP} ingress; {out}")
        until("to the new one", lambda: sent_by_card(outgoing(dst=OTHER, dmac=PEER2)))
        sh("ip link set fix0 down")
        dropped(REP, vf, INNER)
        sh("ip link set fix0 up")
        until("and in", lambda: sent_by_card(outgoing(dst=OTHER, dmac=PEER2)))
    finally:
        sh(f"ip link del fix0; tc filter del dev {REP} ingress")


@test("a GRE device's remote address changes: its first rule stays before its second")
def gre_order() -> None:
    sh(f"ip link add fix0 type gretap local {LOCAL} remote {REMOTE} key 9 ttl 99; "
       "ip link set fix0 up; tc qdisc add dev fix0 clsact")
    rule = "tc filter add dev fix0 ingress prot ip pref %u flower verbose ip_proto tcp %s %s"
    to_vf = f"action mirred egress redirect dev {REP}"
    try:
        sh(rule % (1, "dst_port 2000", "action drop"))
        assert counter("rules") == 1
        sh(f"ip link set fix0 type gretap local {LOCAL} remote {OTHER} key 9 ttl 99")
        until("out of the card", lambda: counter("rules") == 0)
        # In software the first one goes on, for the other address now
        text = sh(rule % (2, "", to_vf) + " 2>&1")
        assert "overlaps a rule of pref 1" in text, text
        sh("tc filter del dev fix0 ingress pref 2")
        sh(rule % (3, "dst_port 2001", to_vf))
        assert counter("rules") == 1, "the third has nothing to do with the first"
    finally:
        sh("ip link del fix0")


def exists(dev: str) -> bool:
    return os.path.isdir(f"/sys/class/net/{dev}")


@test("the namespace of an underlay goes with the rule's devices in it")
def namespace() -> None:
    sh(f"ip netns add und; ip link set {UP} netns und; ip link set {REP} netns und; "
       f"ip -n und link set {UP} up; ip -n und link set {REP} up; "
       f"ip -n und addr add {LOCAL}/24 dev {UP}; "
       f"ip -n und neigh replace {REMOTE} lladdr {PEER} dev {UP}; "
       "ip -n und link add vx type vxlan external dstport 4789; "
       "ip -n und link set vx up")
    try:
        sh(f"tc -n und qdisc add dev {REP} clsact; "
           f"tc -n und filter add dev {REP} ingress prot ip pref 1 flower skip_sw "
           f"action tunnel_key set src_ip {LOCAL} dst_ip {REMOTE} id 5 dst_port 4789 "
           "ttl 64 pipe action mirred egress redirect dev vx")
        until("the neighbour is in the card", lambda: counter("neighs") == 1)
    finally:
        sh("ip netns del und")
        until("both devices are back", lambda: exists(UP) and exists(REP))
        setup()
    assert counter("rules") == 0
    until("no neighbour is left", lambda: counter("neighs") == 0)


@test("the namespace of an underlay goes, the rule is a filter in a chain")
def namespace_chain() -> None:
    sh("ip netns add und; ip -n und link add vx type vxlan external dstport 4789; "
       "ip -n und link set vx netns 1; ip link set vx up")
    try:
        sh(f"tc filter add dev {UP} ingress chain 1 prot ip pref 1 flower skip_sw "
           f"action tunnel_key set src_ip 0.0.0.0 dst_ip {REMOTE} id 5 dst_port 4789 "
           "ttl 64 pipe action mirred egress redirect dev vx")
    finally:
        sh("ip netns del und")
    try:
        until("the tunnel device is gone", lambda: not exists("vx"))
        text = sh(f"tc filter add dev {UP} ingress prot ip pref 1 flower verbose "
                  "action goto chain 1 2>&1")
        assert "gone" in text, text
        (rule,) = [r for r in rules(UP) if r["chain"] == 0]
        assert rule["options"].get("not_in_hw"), rule
        assert counter("rules") == 0
    finally:
        sh(f"tc filter del dev {UP} ingress chain 0; "
           f"tc filter del dev {UP} ingress chain 1")


@test("the namespace of an underlay goes, the rule is in another one")
def namespace_plain() -> None:
    """The tunnel device was made in the namespace, and moved out of it."""
    sh(f"ip netns add und; ip link set {UP} netns und; ip -n und link set {UP} up; "
       f"ip -n und addr add {LOCAL}/24 dev {UP}; "
       f"ip -n und neigh replace {REMOTE} lladdr {PEER} dev {UP}; "
       "ip -n und link add vx type vxlan external dstport 4789; "
       "ip -n und link set vx netns 1; ip link set vx up")
    o = Outer("vxlan", LOCAL, REMOTE, mac_of(UP, "und"), PEER, key=5, ttl=64, csum=False)
    try:
        sh(f"tc filter add dev {REP} ingress prot ip pref 1 flower skip_sw "
           f"action tunnel_key set src_ip {LOCAL} dst_ip {REMOTE} id 5 dst_port 4789 "
           "ttl 64 nocsum pipe action mirred egress redirect dev vx")
        until("by the card", lambda: sent_by_card(o))
        sh("ip link add vx0 type vxlan external dstport 4789; ip link set vx0 up")
        text = fails(f"tc filter add dev {REP} ingress prot ip pref 2 flower skip_sw "
                     f"action tunnel_key set src_ip 0.0.0.0 dst_ip {REMOTE} id 5 "
                     "dst_port 4789 pipe action mirred egress redirect dev vx0")
        assert "rules of another namespace" in text, text
    finally:
        sh("ip link del vx0", ok=False)
        sh("ip netns del und")
        until("the uplink is back", lambda: exists(UP))
        until("the tunnel device is gone", lambda: not exists("vx"))
        setup()
    dropped(REP, vf, INNER)
    sh(f"tc filter del dev {REP} ingress")
    until("no neighbour is left", lambda: counter("neighs") == 0)


@test("an address that rules send from goes: the host's; comes back: the card's")
def source() -> None:
    """By a gateway, so that no neighbour goes with it."""
    own, far_end = "192.168.5.11", "192.168.9.2"
    sh(f"ip link add vx0 type vxlan external dstport 4789; ip link set vx0 up; "
       f"ip addr add {own}/24 dev {UP}; ip route add {far_end} via {REMOTE}")
    o = Outer("vxlan", own, far_end, mac_of(UP), PEER, key=5, ttl=64, csum=False)
    try:
        sh(f"tc filter add dev {REP} ingress prot ip pref 1 flower action {o.action()} "
           "pipe action mirred egress redirect dev vx0")
        until("by the card", lambda: sent_by_card(o))
        # The kernel tells before it is done: a driver that looks at once is wrong
        # now and then
        for n in range(30):
            sh(f"ip addr del {own}/24 dev {UP}")
            until(f"withdrawn, time {n}", lambda: counter("neighs") == 0)
            assert not sent_by_card(o)
            sh(f"ip addr add {own}/24 dev {UP}")
            until(f"announced, time {n}", lambda: counter("neighs") == 1)
            assert sent_by_card(o)
    finally:
        sh(f"ip addr del {own}/24 dev {UP}", ok=False)
        sh(f"tc filter del dev {REP} ingress; ip link del vx0; ip route del {far_end}")
    until("no neighbour is left", lambda: counter("neighs") == 0)


def set_vfs(n: int) -> None:
    with open(f"{SYS}/sriov_numvfs", "w", encoding="ascii") as f:
        f.write(str(n))


@test("a VF goes and another takes its number: it gets none of the old one's packets")
def other_vf() -> None:
    global vf
    with open(f"{SYS}/sriov_numvfs", encoding="ascii") as f:
        count = int(f.read())
    add(REP)
    assert goes(vf)
    set_vfs(0)
    until("out of the card", lambda: counter("rules") == 0)
    set_vfs(count)
    sh("udevadm settle -t 60")
    vf_names()
    sh(f"ip link set {env('VF0')} up; ip link set {REP} up")
    wait_carrier(env("VF0"))
    vf = Port(env("VF0"))
    assert goes(host)
    sh(f"tc filter del dev {UP} ingress")
    add(REP)
    until("a rule to the new one", lambda: goes(vf))
    sh(f"tc filter del dev {UP} ingress")


@test("everything goes: no rule is left in the card")
def empty() -> None:
    for name in ("rules", "masks", "neighs"):
        assert counter(name) == 0, f"{name} is {counter(name)}"


def setup() -> None:
    """Devices as they are for each test; some of them come back bare."""
    global far, far1, vf, host, on_rep
    sh(f"ip link set {UP} up; ip link set {REP} up; "
       f"ip addr replace {LOCAL}/24 dev {UP}; "
       f"ip neigh replace {REMOTE} lladdr {PEER} dev {UP}; "
       f"ip neigh replace {OTHER} lladdr {PEER2} dev {UP}")
    for dev in (UP, REP, UP1):
        sh(f"tc qdisc add dev {dev} clsact", ok=False)
    for dev in (UP, REP, UP1, env("VF0")):
        wait_carrier(dev)
    far, far1, vf = wire(0), wire(1), Port(env("VF0"))
    host, on_rep = Port(UP), Port(REP)


if __name__ == "__main__":
    quiet()
    setup()
    status = ktest.run("away", refusals=True)
    sh(f"ip addr flush dev {UP}; ip neigh flush dev {UP} nud all")
    for _dev in (UP, REP, UP1):
        sh(f"tc qdisc del dev {_dev} clsact", ok=False)
    raise SystemExit(status)
