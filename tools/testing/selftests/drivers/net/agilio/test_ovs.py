#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Debian's own Open vSwitch with hw-offload=true: its flows are in the card,
the packets come out as its software path would send them, and the host sees
none of them."""
from __future__ import annotations

from lib import ktest, ovs
from lib.ktest import test
from lib.net import (Port, arrival, counter, env, quiet, rules,
                     sh, until, wait_carrier, wire)
from lib.pkt import ICMP, TCP, Frame

MARK = b"agilio-test-payload"
BURST = 200
UP, UP1, REP, REP1 = (env(x) for x in ("UPLINK0", "UPLINK1", "REP0", "REP1"))
PORTS = [UP, UP1, REP, REP1]
MAC_VF, MAC_FAR = "02:aa:00:00:00:01", "02:bb:00:00:00:02"
OUT = Frame(src=MAC_VF, dst=MAC_FAR)
BACK = Frame(src=MAC_FAR, dst=MAC_VF, ip="10.0.0.2", to="10.0.0.1")
vf: Port
vf1: Port
far: Port
far1: Port


def add_ports() -> None:
    sh(f"ovs-vsctl add-br br0 -- {' -- '.join(f'add-port br0 {p}' for p in PORTS)}")


def flow_mod(text: str) -> None:
    sh(f"ovs-ofctl add-flow br0 '{text}'")


def fresh(*flows: str) -> None:
    """Only these OpenFlow rules, and no flow of the datapath."""
    sh("ovs-ofctl del-flows br0")
    for f in flows:
        flow_mod(f)

    def empty() -> bool:
        """A packet that was on its way can have made a flow again."""
        sh("ovs-appctl revalidator/purge")
        stray.extend(f.brief for f in ovs.flows() if f.brief not in stray)
        return counter("rules") == 0

    stray: list[str] = []
    until("the card is empty", empty)
    if stray:
        print("# after the purge:", *stray, sep="\n#   ")
    for port in (vf, vf1, far, far1):
        port.drain()


def goes(src: Port, frame: Frame, dst: Port, want: Frame) -> None:
    src.send(frame.bytes())
    got = arrival([dst], lambda f: MARK in f)
    assert got, f"{frame} did not come out of {dst.dev}"
    data = want.bytes()
    assert got[1] == data, f"\n got {got[1].hex()}\nwant {data.hex()}"


def offloaded(src: Port, frame: Frame, dst: Port, want: Frame) -> None:
    """The first packet makes the flow; the others go by the card alone."""
    goes(src, frame, dst, want)
    until("the flow is in the card", lambda: counter("rules") > 0)
    before = ovs.counts(PORTS)
    for _ in range(BURST):
        goes(src, frame, dst, want)
    seen = ovs.counts(PORTS) - before
    assert seen.total >= BURST, seen
    assert seen.host <= BURST // 100, f"the host saw {seen.host} of {seen.total}"


@test("L2: a flow each way, learned by NORMAL")
def plain() -> None:
    fresh("actions=normal")
    goes(vf, OUT, far, OUT)
    goes(far, BACK, vf, BACK)
    # Addresses are learned now; what was flooded before is not offloaded
    sh("ovs-appctl revalidator/wait")
    offloaded(vf, OUT, far, OUT)
    offloaded(far, BACK, vf, BACK)
    inside = ovs.flows("offloaded")
    assert len(inside) >= 2 and all(f.offloaded for f in inside), inside


@test("a VLAN tenant: push on the way out, pop on the way in")
def vlan() -> None:
    tag = [(0x8100, 20)]
    fresh(f"in_port={REP1},actions=mod_vlan_vid:20,output:{UP}",
          f"in_port={UP},dl_vlan=20,actions=strip_vlan,output:{REP1}")
    offloaded(vf1, OUT, far, OUT.with_(vlans=tag))
    offloaded(far, BACK.with_(vlans=tag), vf1, BACK)


@test("a tag that another tenant has is not ours")
def other_vlan() -> None:
    fresh(f"in_port={UP},dl_vlan=20,actions=strip_vlan,output:{REP1}",
          f"in_port={UP},dl_vlan=21,actions=strip_vlan,output:{REP}",
          f"in_port={UP},vlan_tci=0,actions=output:{UP1}")
    offloaded(far, BACK.with_(vlans=[(0x8100, 20)]), vf1, BACK)
    offloaded(far, BACK.with_(vlans=[(0x8100, 21)]), vf, BACK)
    offloaded(far, BACK, far1, BACK)


@test("routed: MAC addresses set, TTL one less")
def routed() -> None:
    src, dst = "02:00:00:00:00:fe", "02:cc:00:00:00:03"
    fresh(f"ip,in_port={REP},actions=mod_dl_src:{src},mod_dl_dst:{dst},dec_ttl,"
          f"output:{UP1}")
    offloaded(vf, OUT, far1, OUT.with_(src=src, dst=dst, ttl=63))


@test("addresses and ports rewritten, TCP and UDP")
def rewritten() -> None:
    fresh(f"tcp,in_port={REP},actions=mod_nw_src:10.7.7.7,mod_tp_dst:8080,"
          f"output:{UP}",
          f"udp,in_port={REP},actions=mod_nw_dst:10.8.8.8,mod_tp_src:9,output:{UP}")
    offloaded(vf, OUT.with_(proto=TCP), far,
              OUT.with_(proto=TCP, ip="10.7.7.7", dport=8080))
    offloaded(vf, OUT, far, OUT.with_(to="10.8.8.8", sport=9))


@test("IPv6, by address and port")
def ipv6() -> None:
    f = OUT.with_(ip="fd00::1", to="fd00::2")
    fresh(f"udp6,in_port={REP},ipv6_dst=fd00::2,tp_dst=2000,actions=output:{UP}")
    offloaded(vf, f, far, f)


@test("mirror: two ports get it")
def mirrored() -> None:
    fresh(f"ip,in_port={REP},actions=output:{UP1},output:{UP}")
    offloaded(vf, OUT, far, OUT)
    assert len([x for x in far1.waiting() if MARK in x]) == BURST + 1


@test("drop: nothing comes out, and the card counts it")
def dropped() -> None:
    fresh(f"udp,in_port={REP},tp_dst=2000,actions=drop",
          f"udp,in_port={REP},tp_dst=2001,actions=output:{UP}")
    vf.send(OUT.bytes())
    until("the flow is in the card", lambda: counter("rules") == 1)
    before = counter("act_drop")
    for _ in range(10):
        vf.send(OUT.bytes())
    goes(vf, OUT.with_(dport=2001), far, OUT.with_(dport=2001))
    assert counter("act_drop") == before + 10


@test("a flow that the card can't match stays in software and works")
def software() -> None:
    if ktest.driver() == "nfp":
        raise ktest.Skip("mainline's rule for SYN takes SYN+ACK as well")
    fresh(f"tcp,in_port={REP},tcp_flags=+syn-ack,actions=output:{UP1}",
          f"tcp,in_port={REP},tcp_flags=+syn+ack,actions=output:{UP}")
    syn, syn_ack = (OUT.with_(proto=TCP, flags=x) for x in (0x02, 0x12))
    for _ in range(3):
        goes(vf, syn, far1, syn)
        goes(vf, syn_ack, far, syn_ack)
    there = rules(REP)
    assert there and all(r["options"].get("not_in_hw") for r in there), there


@test("Open vSwitch counts what the card forwarded, and only that")
def counted() -> None:
    fresh(f"ip,in_port={REP},actions=output:{UP}")
    goes(vf, OUT, far, OUT)
    until("the flow is in the card", lambda: counter("rules") == 1)
    for _ in range(BURST):
        goes(vf, OUT, far, OUT)
    until("all packets counted", lambda: ovs.flows("offloaded")[0].packets == BURST)


@test("a flow that is in use stays; one that isn't is taken out of the card")
def aging() -> None:
    sh("ovs-vsctl set Open_vSwitch . other_config:max-idle=5000")
    fresh(f"ip,in_port={REP},actions=output:{UP}",
          f"ip,in_port={REP1},actions=output:{UP}")
    goes(vf, OUT, far, OUT)
    goes(vf1, OUT, far, OUT)
    until("both flows are in the card", lambda: counter("rules") == 2)
    adds = counter("flow_add")

    def idle_one_gone() -> bool:
        goes(vf, OUT, far, OUT)
        return counter("rules") == 1

    until("the idle flow is gone", idle_one_gone, 40)
    assert counter("flow_add") == adds, "the busy one was made anew"
    until("the other is gone too", lambda: counter("rules") == 0, 40)
    sh("ovs-vsctl remove Open_vSwitch . other_config max-idle")


@test("an OpenFlow change reaches the card")
def changed() -> None:
    fresh(f"ip,in_port={REP},actions=output:{UP}")
    offloaded(vf, OUT, far, OUT)
    sh(f"ovs-ofctl mod-flows br0 'ip,in_port={REP},actions=output:{UP1}'")
    sh("ovs-appctl revalidator/wait")
    offloaded(vf, OUT, far1, OUT)


@test("Open vSwitch stopped: nothing is left in the card; it had no error")
def stopped() -> None:
    fresh(f"ip,in_port={REP},actions=output:{UP}")
    offloaded(vf, OUT, far, OUT)
    ovs.stop()
    assert counter("rules") == 0 and counter("masks") == 0
    log = sh("cat /tmp/vswitchd.log")
    bad = [x for x in log.splitlines() if "|ERR|" in x or "failed to offload" in x]
    assert not bad, bad[:3]


def four(src: Port, frame: Frame, dst: Port) -> None:
    """Each of four packets comes out, once."""
    dst.drain()
    for n in range(4):
        data = frame.with_(payload=MARK + bytes([n]) * 12)
        src.send(data.bytes())
        got = arrival([dst], lambda f: MARK in f)
        assert got, f"packet {n} of {frame} is lost"
        assert got[1] == data.bytes(), f"\n got {got[1].hex()}\nwant {data.bytes().hex()}"
    assert not [f for f in dst.waiting() if MARK in f], "one came twice"


@test("tc-policy=skip_sw: what the card can't match is the kernel's, every packet")
def skip_sw() -> None:
    """Where tc's software has no flow, the kernel's datapath has one."""
    ovs.start(True, "skip_sw")
    add_ports()
    try:
        fresh(f"icmp,in_port={REP},icmp_type=8,actions=output:{UP}",
              f"icmp,in_port={UP},icmp_type=8,actions=output:{REP}",
              f"udp,in_port={REP},nw_frag=first,actions=output:{UP1}",
              f"udp,in_port={REP},nw_frag=later,actions=output:{UP1}",
              f"tcp,in_port={REP},actions=output:{UP}")
        for _ in range(2):
            four(vf, OUT.with_(proto=ICMP), far)
            four(far, BACK.with_(proto=ICMP), vf)
            four(vf, OUT.with_(frag=0x2000), far1)
            four(vf, OUT.with_(frag=0x0100), far1)
            four(vf, OUT.with_(proto=TCP), far)
        assert any(f.offloaded for f in ovs.flows()), "the card has nothing"
        for r in rules(REP):
            assert r["options"].get("skip_sw"), r
    finally:
        ovs.stop()
    assert counter("rules") == 0 and counter("masks") == 0


if __name__ == "__main__":
    quiet()
    for _dev in (*PORTS, env("VF0"), env("VF1")):
        wait_carrier(_dev)
    vf, vf1, far, far1 = Port(env("VF0")), Port(env("VF1")), wire(0), wire(1)
    ovs.start(True)
    add_ports()
    raise SystemExit(ktest.run("ovs"))
