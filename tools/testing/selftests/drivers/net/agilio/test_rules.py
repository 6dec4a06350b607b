#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""agilio.ko's way with rules: what is refused and with which words, rules that
share a match, a full card, several writers. The lab gives a small card."""
from __future__ import annotations

import errno
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lib import ktest
from lib.counters import cpu_hits, one_more
from lib.ktest import test
from lib.net import (Port, arrival, counter, env, fails, js,
                     quiet, rules, sh, until, vf_names, wait_carrier, wire)
from lib.pkt import Frame

CONTEXTS = 3000
MASKS = 255
MARK = b"agilio-test-payload"
F = Frame()
UP, REP, UP1 = env("UPLINK0"), env("REP0"), env("UPLINK1")
OUT = f"action mirred egress redirect dev {REP}"


def add(proto: str, rest: str, dev: str = UP, pref: int = 1,
        flags: str = "skip_sw") -> str:
    return (f"tc filter add dev {dev} ingress prot {proto} pref {pref} flower "
            f"{flags} {rest}")


def clear(dev: str = UP) -> None:
    sh(f"tc filter del dev {dev} ingress")


def parked(dev: str = UP) -> int:
    (line,) = (x for x in sh(f"ethtool -S {dev}").splitlines() if "tc_parked" in x)
    return int(line.split()[-1])


def refused(dev: str = UP) -> dict[str, int]:
    out = {}
    for line in sh(f"ethtool -S {dev}").splitlines():
        name, _, value = line.strip().partition(": ")
        if name.startswith("tc_refused_"):
            out[name.removeprefix("tc_refused_")] = int(value)
    return out


# Rule, reason that is counted, what the user must read
REFUSALS: list[tuple[str, str, str, str]] = [
    ("arp", f"arp_op request {OUT}", "match", "arp"),
    ("0x88cc", OUT, "match", "protocol 0x88cc"),
    ("0x8863", OUT, "match", "protocol 0x8863"),
    ("ip", f"ip_proto l2tp l2tpv3_sid 5 {OUT}", "match", "l2tpv3"),
    ("ip", f"ip_proto esp spi 5 {OUT}", "match", "spi"),
    ("cfm", f"cfm mdl 5 {OUT}", "match", "cfm"),
    ("ip", "dst_ip 10.0.0.2", "action", "last action"),
    ("ip", "action vlan push_eth dst_mac 02:00:00:00:00:01 src_mac "
     f"02:00:00:00:00:02 pipe {OUT}", "action", "push_eth"),
    ("ip", f"action vlan pop_eth pipe {OUT}", "action", "pop_eth"),
    ("ip", f"action skbedit priority 7 pipe {OUT}", "action", "skbedit priority"),
    ("ip", f"action sample rate 10 group 5 pipe {OUT}", "action", "sample"),
    ("ip", f"action police rate 10mbit burst 100k conform-exceed drop/pipe pipe {OUT}",
     "action", "police"),
    ("ip", f"action ct zone 5 pipe {OUT}", "action", "only goto chain can follow"),
    ("ipv6", "ip_proto 47 " + " pipe ".join(
        ["action pedit ex munge ip6 src set fd00::5 munge ip6 dst set fd00::6 pipe "
         f"action mirred egress mirror dev {REP}"] * 14) + f" pipe {OUT}", "size",
     "longer than 1020 bytes"),
    ("ip", f"ip_proto icmp type 8 {OUT}", "match", "icmp type"),
    ("ip", f"ip_proto icmp code 0 {OUT}", "match", "icmp code"),
    ("ip", f"ip_proto tcp tcp_flags 0x10/0x10 {OUT}", "mask", "tcp_flags"),
    ("ip", f"ip_proto tcp tcp_flags 0x2/0x12 {OUT}", "mask", "0x10"),
    ("ip", f"ip_proto tcp tcp_flags 0x2/0xc2 {OUT}", "mask", "0xc0"),
    ("ip", f"ip_proto tcp tcp_flags 0x8/0x8 {OUT}", "mask", "psh or urg"),
    ("ip", f"ip_proto tcp tcp_flags 0x0/0x20 ip_flags nofrag {OUT}", "mask",
     "psh or urg"),
    ("ip", f"ip_proto udp dst_port 0/0xf000 {OUT}", "mask", "nofrag"),
    ("ip", f"ip_proto udp dst_port 5 ip_flags frag {OUT}", "match", "fragments"),
    ("ip", f"ip_proto udp dst_port 0-100 ip_flags frag {OUT}", "match",
     "port ranges of fragments"),
    ("ip", f"action vlan push id 5 pipe action vlan push id 6 pipe action pedit ex munge "
     f"ip ttl set 5 pipe csum ip pipe {OUT}", "pedit", "two VLAN tags"),
    ("802.1q", f"vlan_id 5 vlan_ethtype ip action vlan push id 6 pipe action pedit ex "
     f"munge ip ttl set 5 pipe csum ip pipe {OUT}", "pedit", "two VLAN tags"),
    ("802.1q", f"num_of_vlans 2 {OUT}", "match", "num_of_vlans 2"),
    ("802.1q", f"num_of_vlans 3 vlan_ethtype 802.1q cvlan_ethtype ip {OUT}", "match",
     "num_of_vlans 3"),
    ("802.1q", f"vlan_id 5 vlan_ethtype 802.1q cvlan_id 6 cvlan_ethtype ip action "
     f"pedit ex munge ip ttl set 5 pipe csum ip pipe {OUT}", "pedit",
     "two VLAN tags"),
    ("802.1q", f"vlan_id 5 vlan_ethtype 802.1q cvlan_id 6 cvlan_ethtype ip action "
     f"mpls push label 5 ttl 9 pipe {OUT}", "action", "two VLAN tags"),
    ("ip", f"ip_flags frag action pedit ex munge ip ttl set 5 pipe csum ip pipe {OUT}",
     "pedit", "in fragments"),
    ("mpls_uc", f"mpls_label 5 mpls_ttl 3 {OUT}", "mask", "the TTL"),
    ("mpls_uc", f"mpls lse depth 1 label 5 lse depth 2 label 6 {OUT}", "mask",
     "first entry"),
    ("mpls_mc", f"{OUT}", "match", "protocol 0x8848"),
    ("ip", f"action mpls pop protocol ip pipe {OUT}", "action", "mpls pop"),
    ("ip", f"action mpls push label 5 pipe action pedit ex munge ip ttl set 5 "
     f"pipe csum ip pipe {OUT}", "pedit", "pedit of ip"),
    ("ip", "l2_miss 1 action drop", "match", "l2_miss"),
    ("ip", "action pass", "action", "pass"),
    ("ip", "action trap", "action", "trap"),
    ("ip", f"action mirred egress mirror dev {REP}", "action", "last action"),
    ("ip", f"action mirred ingress redirect dev {REP}", "port",
     "only internal ports"),
    ("ip", f"action mirred ingress mirror dev {REP} pipe {OUT}", "action",
     "mirred ingress mirror"),
    ("ip", "action mirred egress redirect dev lo", "port", "lo, which is no port"),
    ("ip", f"action skbedit mark 7 pipe {OUT}", "action", "skbedit mark"),
    ("ip", f"action vlan pop pipe {OUT}", "action", "vlan pop"),
    ("802.1q", f"vlan_id 5 vlan_ethtype ip action vlan pop pipe action vlan pop "
     f"pipe {OUT}", "action", "vlan pop"),
    ("802.1q", f"vlan_id 5 vlan_ethtype ip action vlan modify id 7 pipe {OUT}",
     "action", "vlan modify"),
    ("ip", f"action pedit ex munge ip ttl set 5 pipe {OUT}", "csum",
     "csum ip is missing"),
    ("ip", f"ip_proto udp action pedit ex munge ip src set 1.2.3.4 pipe csum ip "
     f"pipe {OUT}", "csum", "csum udp is missing"),
    ("ip", f"ip_proto udp action csum udp pipe {OUT}", "csum", "csum udp, which"),
    ("ip", f"ip_proto tcp action pedit ex munge tcp dport set 5 pipe csum udp "
     f"pipe {OUT}", "csum", "csum udp, which"),
    ("ip", f"action pedit ex munge tcp dport set 5 pipe csum tcp pipe {OUT}",
     "pedit", "pedit of tcp"),
    ("ip", f"enc_src_ip 1.2.3.4 enc_dst_ip 1.2.3.5 {OUT}", "tunnel", "enc_"),
    ("ip", f"enc_key_id 7 {OUT}", "tunnel", "no tunnel device"),
    ("ip", f"action skbedit ptype host pipe {OUT}", "action", "skbedit ptype"),
    ("ip", f"ip_proto udp action pedit ex munge ip ttl set 5 pipe csum ip and "
     f"tcp pipe {OUT}", "csum", "csum tcp, which"),
    ("ip", f"action pedit ex munge ip ttl add 1 pipe csum ip pipe {OUT}",
     "action", "pedit add"),
    ("ip", f"action pedit ex munge eth type set 0x88b5 pipe {OUT}", "pedit",
     "byte 12 of eth"),
    ("ip", f"action pedit ex munge ip ihl set 0x46 pipe csum ip pipe {OUT}",
     "pedit", "byte 0 of ip"),
    ("ip", f"action pedit ex munge ip6 hoplimit set 5 pipe {OUT}", "pedit",
     "pedit of ip6"),
    ("ip", f"ip_proto udp action pedit ex munge tcp dport set 5 pipe csum tcp "
     f"pipe {OUT}", "pedit", "pedit of tcp"),
    ("ipv6", f"ip_proto icmpv6 action pedit ex munge ip6 src set fd00::5 pipe "
     f"{OUT}", "pedit", "ICMPv6"),
    ("ip", f"{OUT} hw_stats immediate", "action", "hw_stats"),
    ("ip", f"{OUT} action drop", "action", "drop after the packet is gone"),
    ("all", f"action mpls push label 5 ttl 9 pipe {OUT}", "action",
     "mpls push without a match"),
    ("ip", f"action mpls modify label 5 pipe {OUT}", "action",
     "mpls modify without a match"),
    ("ip", f"action vlan modify id 7 pipe {OUT}", "action",
     "vlan modify without a match"),
    ("ip", f"action skbedit ptype otherhost pipe {OUT}", "action",
     "only host makes sense"),
    ("all", f"ip_flags nofrag {OUT}", "match", "IP fields without protocol"),
]


def run_refusal(proto: str, rule: str, reason: str, words: str
                ) -> Callable[[], None]:
    def run() -> None:
        before, sent = refused(), counter("flow_add")
        try:
            text = fails(add(proto, rule))
            assert words in text, text
            after = refused()
            assert after[reason] == before[reason] + 1, (before, after)
            assert sum(after.values()) == sum(before.values()) + 1
            # Without skip_sw the same rule works, in software
            sh(add(proto, rule, flags=""))
            (there,) = rules(UP)
            assert there["options"].get("not_in_hw"), there
            assert counter("flow_add") == sent
        finally:
            clear()
    return run


for _proto, _rule, _reason, _words in REFUSALS:
    _short = _rule.replace(OUT, "").replace("  ", " ").strip()[:100]
    test(f"refused: protocol {_proto} {_short}")(
        run_refusal(_proto, _rule, _reason, _words))


@test("refused: output to a bridge, a dummy device, a macvlan on an uplink")
def other_devices() -> None:
    sh(f"ip link add o-br type bridge; ip link add o-dummy type dummy; "
       f"ip link add o-mac link {UP1} type macvlan; "
       "ip link add link o-dummy name o-vlan type vlan id 5; "
       "for d in o-br o-dummy o-mac o-vlan; do ip link set $d up; done")
    try:
        for dev in ("o-br", "o-dummy", "o-mac"):
            text = fails(add("ip", f"action mirred egress redirect dev {dev}"))
            assert f"{dev}, which is no port of this card" in text, text
        text = fails(add("ip", "action mirred egress redirect dev o-vlan"))
        assert "o-vlan, which is on no port of this card" in text, text
    finally:
        sh("ip link del o-br; ip link del o-dummy; ip link del o-mac")


@test("refused: other classifiers, matchall of one protocol")
def other_kinds() -> None:
    text = fails(f"tc filter add dev {UP} ingress prot ip pref 1 matchall skip_sw {OUT}")
    assert "matchall" in text and "protocol all" in text, text
    text = sh(f"tc filter add dev {UP} ingress prot ip pref 1 u32 skip_sw match ip dst "
              f"10.0.0.2 {OUT} 2>&1; true")
    assert counter("rules") == 0, text
    clear()


@test("refused: skbedit queue_mapping, which software has not either")
def queue() -> None:
    text = fails(add("ip", f"action skbedit queue_mapping 0 pipe skip_sw {OUT}"))
    assert "action skbedit queue_mapping" in text, text


@test("filters on a port's egress stay in software, and do their work there")
def egress() -> None:
    far1, host1 = wire(1), Port(UP1)
    rule = (f"tc filter add dev {UP1} egress prot ip pref 1 flower %s dst_ip 10.0.0.2 "
            "action drop")
    sh(f"tc qdisc add dev {UP1} clsact")
    try:
        fails(rule % "skip_sw")
        sh(rule % "")
        assert counter("rules") == 0
        try:
            host1.send(F.bytes())
            raise AssertionError("not dropped")
        except OSError as e:
            assert e.errno == errno.ENOBUFS
        host1.send(F.with_(to="10.0.0.3").bytes())
        got = arrival([far1], lambda x: MARK in x)
        assert got and got[1] == F.with_(to="10.0.0.3").bytes(), got
    finally:
        sh(f"tc qdisc del dev {UP1} clsact")


@test("protocol 802.1ad alone takes any such tag, and no other")
def stag() -> None:
    sh(add("802.1ad", OUT))
    try:
        w = Ways()
        w.goes(F.with_(vlans=[(0x88a8, 5)]), w.vf, True)
        w.goes(F.with_(vlans=[(0x88a8, 5), (0x8100, 6)]), w.vf, True)
        for tags in ([], [(0x8100, 5)]):
            w.far.send(F.with_(vlans=tags).bytes())
            got = arrival([w.vf, w.host], lambda x: MARK in x)
            assert got and got[0] is w.host, tags
    finally:
        clear()


@test("indev that names the rule's own port asks nothing")
def own_indev() -> None:
    sh(add("ip", f"indev {UP} dst_ip 10.0.0.2 {OUT}"))
    try:
        w = Ways()
        w.goes(F, w.vf, True)
    finally:
        clear()


@test("ct_state in chain 0: no packet is tracked as it comes in")
def untracked() -> None:
    sh(add("ip", f"ct_state +trk {OUT}"))
    try:
        assert counter("rules") == 0, "it is about no packet"
        sh(add("ip", f"ct_state -trk ip_proto udp {OUT}"))
        w = Ways()
        w.goes(F, w.vf, True)
    finally:
        clear()


@test("indev of one port in a block that two share: nothing to the other")
def indev_shared() -> None:
    for dev in (UP, UP1):
        sh(f"tc qdisc del dev {dev} clsact", ok=False)
        sh(f"tc qdisc add dev {dev} ingress_block 22 clsact")
    try:
        sh(f"tc filter add block 22 prot ip pref 1 flower skip_sw indev {UP} "
           f"dst_ip 10.0.0.2 {OUT}")
        assert counter("rules") == 1
        far1, vf, host1 = wire(1), Port(env("VF0")), Port(UP1)
        wire(0).send(F.bytes())
        got = arrival([vf, host1], lambda x: MARK in x)
        assert got and got[0] is vf, got
        far1.send(F.bytes())
        got = arrival([vf, host1], lambda x: MARK in x)
        assert got and got[0] is host1, got
    finally:
        for dev in (UP, UP1):
            sh(f"tc qdisc del dev {dev} ingress_block 22 clsact")
    assert counter("rules") == 0
    sh(f"tc qdisc add dev {UP} clsact")


@test("mpls push without bos: the bottom of the stack is where IP begins")
def push_bos() -> None:
    far, vf = wire(0), Port(env("VF0"))
    data = F.bytes()

    def labelled(*lses: int) -> bytes:
        return data[:12] + b"\x88\x47" + b"".join(
            x.to_bytes(4, "big") for x in lses) + data[14:]

    old = 9 << 12 | 1 << 8 | 60
    cases = [("ip", "", data, labelled(5 << 12 | 1 << 8 | 33)),
             ("mpls_uc", "mpls_label 9", labelled(old), labelled(5 << 12 | 33, old))]
    try:
        for proto, match, sent, want in cases:
            sh(add(proto, f"{match} action mpls push label 5 ttl 33 pipe {OUT}"))
            far.send(sent)
            got = arrival([vf], lambda x: MARK in x)
            assert got and got[1] == want, (got and got[1].hex(), want.hex())
            clear()
    finally:
        clear()


@contextmanager
def errnos() -> Iterator[list[int]]:
    """What the driver returns to tc, which prints the text instead."""
    root = "/sys/kernel/tracing"
    seen: list[int] = []
    sh(f"mountpoint -q {root} || mount -t tracefs nodev {root}")
    sh(f"echo 'r:refusal agilio:agl_refuse ret=$retval:s32' > "
       f"{root}/kprobe_events; echo > {root}/trace; "
       f"echo 1 > {root}/events/kprobes/refusal/enable")
    try:
        yield seen
        seen += [int(x) for x in re.findall(r"ret=(-?\d+)",
                                            sh(f"cat {root}/trace"))]
    finally:
        sh(f"echo 0 > {root}/events/kprobes/refusal/enable; "
           f"echo > {root}/kprobe_events")


@test("a refused rule does its work in software, to the byte")
def software() -> None:
    far, vf = wire(0), Port(env("VF0"))
    sh(add("ip", f"ip_proto tcp tcp_flags 0x12/0x12 action vlan push id 7 pipe {OUT}",
           flags=""))
    try:
        f = F.with_(proto=6, flags=0x12)
        far.send(f.bytes())
        got = arrival([vf], lambda x: MARK in x)
        assert got and got[1] == f.with_(vlans=[(0x8100, 7)]).bytes(), got
    finally:
        clear()


@test("a rule that starts with a refusal leaves a trace event")
def trace() -> None:
    root = "/sys/kernel/tracing"
    sh(f"mountpoint -q {root} || mount -t tracefs nodev {root}; "
       f"echo 1 > {root}/events/agilio/agilio_refused/enable; "
       f"echo > {root}/trace", ok=True)
    fails(add("arp", "action drop"))
    text = sh(f"cat {root}/trace; echo 0 > "
              f"{root}/events/agilio/agilio_refused/enable")
    assert f"{UP} cookie=" in text and "tc_refused_match" in text, text


@test("filter replace changes the actions, and no packet misses a rule")
def replace() -> None:
    far, vf, far1 = wire(0), Port(env("VF0")), wire(1)
    host = Port(UP)
    handle = "handle 1"
    base = add("ip", "", pref=5).replace(" pref 5 ", f" pref 5 {handle} ")
    sh(f"{base} dst_ip 10.0.0.2 {OUT}")
    try:
        far.send(F.bytes())
        got = arrival([vf, far1, host], lambda x: MARK in x)
        assert got and got[0] is vf
        mods = counter("flow_mod")
        sh(base.replace("filter add", "filter replace") +
           f" dst_ip 10.0.0.2 action mirred egress redirect dev {UP1}")
        assert counter("flow_mod") == mods + 1 and counter("rules") == 1
        far.send(F.bytes())
        got = arrival([vf, far1, host], lambda x: MARK in x)
        assert got and got[0] is far1
    finally:
        clear()
    assert counter("rules") == 0 and counter("masks") == 0


@test("of two rules with one match the card does the one that tc does first")
def priorities() -> None:
    far, vf, far1 = wire(0), Port(env("VF0")), wire(1)

    def out() -> Port:
        far.send(F.bytes())
        got = arrival([vf, far1], lambda x: MARK in x)
        assert got
        return got[0]

    to_far1 = f"dst_ip 10.0.0.2 action mirred egress redirect dev {UP1}"
    to_vf = f"dst_ip 10.0.0.2 {OUT}"
    for first, second in ((7, 3), (3, 7)):
        sh(add("ip", to_far1 if first == 7 else to_vf, pref=first))
        sh(add("ip", to_vf if first == 7 else to_far1, pref=second))
        assert counter("rules") == 1
        assert out() is vf
        sh(f"tc filter del dev {UP} ingress pref 3")
        assert out() is far1
        sh(f"tc filter del dev {UP} ingress pref 7")
        assert counter("rules") == 0 and counter("masks") == 0


TO_FAR1 = f"action mirred egress redirect dev {UP1}"


# No rule is for it
LAST = bytes.fromhex("020000000099" "020000000098" "88b5") + bytes(46)


class Ways:
    """Where a packet comes out, and whether the host had it in between."""

    def __init__(self) -> None:
        self.far, self.far1 = wire(0), wire(1)
        self.vf, self.host = Port(env("VF0")), Port(UP)

    def goes(self, frame: Frame, port: Port, by_card: bool) -> None:
        for p in (self.far1, self.vf, self.host):
            p.drain()
        if by_card:
            with one_more(UP, frame.bytes()):
                self._goes(frame, port, True)
            return
        hits = cpu_hits()[UP]
        self._goes(frame, port, False)
        until("the host's count of it", lambda: cpu_hits()[UP] == hits + 1)

    def _goes(self, frame: Frame, port: Port, by_card: bool) -> None:
        self.far.send(frame.bytes())
        got = arrival([self.vf, self.far1], lambda x: MARK in x)
        assert got and got[0] is port, f"{frame} went to {got and got[0].dev}"
        seen = any(MARK in x for x in self.host.waiting())
        assert seen != by_card, f"{frame}: the host saw it: {seen}"

    def drops(self, frame: Frame, by_card: bool) -> None:
        """What comes behind it is another way's, so that there is an end."""
        for p in (self.far1, self.vf, self.host):
            p.drain()
        if by_card:
            with one_more(UP, frame.bytes()):
                self._drops(frame, True)
        else:
            self._drops(frame, False)

    def _drops(self, frame: Frame, by_card: bool) -> None:
        self.far.send(frame.bytes())
        self.far.send(LAST)
        got = arrival([self.host], lambda x: by_card and LAST == x or MARK in x)
        assert got and (got[1] == LAST) == by_card, f"{frame}: {got}"
        out = self.far1.waiting() + self.vf.waiting()
        assert not any(MARK in x for x in out), f"{frame} was not dropped"


def overlap(wide_first: bool) -> None:
    """dst_ip 10.0.0.2 at pref 1 goes to the VF, all else of ip to wire 1."""
    w = Ways()
    wide = add("ip", TO_FAR1, pref=9, flags="")
    narrow = add("ip", f"dst_ip 10.0.0.2 {OUT}", pref=1, flags="")
    other = F.with_(to="10.0.0.3")
    try:
        sh(wide if wide_first else narrow)
        sh(narrow if wide_first else wide)
        assert counter("rules") == 1
        w.goes(F, w.vf, True)
        w.goes(other, w.far1, False)
        # What waited for it is in the card when it has gone, if tc was not
        # told otherwise
        sh(f"tc filter del dev {UP} ingress pref 1")
        assert counter("rules") == int(wide_first)
        w.goes(other, w.far1, wide_first)
        w.goes(F, w.far1, wide_first)
    finally:
        clear()
    assert counter("rules") == 0 and counter("masks") == 0


@test("overlapping rules act in tc's order: the wide one was there first")
def wide_first() -> None:
    overlap(True)


@test("overlapping rules act in tc's order: the narrow one was there first")
def narrow_first() -> None:
    overlap(False)


@test("a rule that only software can do comes first there, too")
def software_first() -> None:
    w = Ways()
    syn_ack = F.with_(proto=6, flags=0x12)
    soft = add("ip", f"ip_proto tcp tcp_flags 0x12/0x12 {OUT}", pref=1, flags="")
    hard = add("ip", TO_FAR1, pref=9, flags="")
    try:
        for one, two in ((soft, hard), (hard, soft)):
            sh(one)
            sh(two)
            assert counter("rules") == 0
            w.goes(syn_ack, w.vf, False)
            w.goes(F, w.far1, False)
            clear()
        sh(hard)
        sh(soft)
        sh(f"tc filter del dev {UP} ingress pref 1")
        w.goes(syn_ack, w.far1, True)
    finally:
        clear()


@test("a skip_sw rule that is refused leaves those that it overlaps in the card")
def refused_leaves() -> None:
    sh(add("ip", TO_FAR1, pref=9))
    try:
        assert "pref 9" in fails(add("ip", f"dst_ip 10.0.0.2 {OUT}", pref=10))
        fails(add("ip", "dst_ip 10.0.0.2 action pass", pref=1))
        assert counter("rules") == 1
        w = Ways()
        w.goes(F, w.far1, True)
    finally:
        clear()


@test("rules of one priority that overlap are the host's, both of them")
def equal_priority() -> None:
    w = Ways()
    try:
        sh(add("ip", f"dst_ip 10.0.0.2 {OUT}", flags=""))
        sh(add("ip", f"src_ip 10.0.0.1 {TO_FAR1}", flags=""))
        assert counter("rules") == 0
        # tc looks at masks in the order in which they came
        w.goes(F, w.vf, False)
        w.goes(F.with_(to="10.0.0.9"), w.far1, False)
    finally:
        clear()


@test("rules of one match of which the card compares more for one take turns")
def narrowed() -> None:
    """pref 1 edits, so it is for whole packets in the card; pref 2 drops."""
    w = Ways()
    edit = f"action pedit ex munge ip ttl set 5 pipe csum ip pipe {OUT}"
    first = add("ip", f"dst_ip 10.0.0.2 {edit}", pref=1, flags="")
    second = add("ip", "dst_ip 10.0.0.2 action drop", pref=2, flags="")
    for rule in ((first, second), (second, first)):
        try:
            sh(rule[0])
            sh(rule[1])
            assert counter("rules") == 1
            w.goes(F, w.vf, True)
            sh(f"tc filter del dev {UP} ingress pref 1")
            w.drops(F, rule[0] is second)
        finally:
            clear()
    assert counter("rules") == 0 and counter("masks") == 0


@test("a rule whose key leaves out all packets of an earlier one is in the card")
def apart() -> None:
    """What is edited is whole, so fragments are not its concern there."""
    w = Ways()
    frag = F.with_(frag=0x2000)
    edit = f"src_ip 10.0.0.1 action pedit ex munge ip ttl set 5 pipe csum ip pipe {OUT}"
    drop = "dst_ip 10.0.0.2 ip_flags frag action drop"
    first, second = (add("ip", x, pref=n + 1, flags="")
                     for n, x in enumerate((drop, edit)))
    for rule in ((first, second), (second, first)):
        try:
            sh(rule[0])
            sh(rule[1])
            assert counter("rules") == 2
            w.goes(F, w.vf, True)
            w.drops(frag, True)
        finally:
            clear()
    # In software the edit is for fragments, too, and the drop comes after it
    try:
        sh(add("ip", edit, pref=1, flags=""))
        sh(add("ip", drop, pref=2, flags=""))
        assert counter("rules") == 1
        w.goes(frag, w.vf, False)
    finally:
        clear()
    assert counter("rules") == 0 and counter("masks") == 0


@test("filter replace with actions that narrow the match, or do no longer")
def replace_narrowed() -> None:
    w = Ways()
    edit = f"action pedit ex munge ip ttl set 5 pipe csum ip pipe {TO_FAR1}"
    ways = [(OUT, w.vf), (edit, w.far1), (OUT, w.vf)]
    try:
        for flags in ("skip_sw", ""):
            for verb, (action, port) in zip(("add", "replace", "replace"), ways):
                sh(add("ip", f"dst_ip 10.0.0.2 {action}", pref=5, flags=flags)
                   .replace("filter add", f"filter {verb}")
                   .replace(" pref 5 ", " pref 5 handle 1 "))
                assert counter("rules") == 1
                w.goes(F, port, True)
            clear()
    finally:
        clear()
    assert counter("rules") == 0 and counter("masks") == 0


@test("a skip_sw rule in the card stays there, whatever comes before it")
def skip_sw_stays() -> None:
    w = Ways()
    other = F.with_(to="10.0.0.3")
    sh(add("ip", "action drop", pref=100))
    try:
        # By one that the card can do, by one that it can't, by one of software
        for flags, action in (("skip_sw", OUT), ("", OUT), ("", "action pass"),
                              ("skip_sw", "action pass")):
            rule = add("ip", f"dst_ip 10.0.0.2 {action}", pref=10, flags=flags)
            if flags:
                text = fails(rule)
                assert action != OUT or "skip_sw rule of pref 100" in text, text
            else:
                sh(rule)
            assert counter("rules") == 1
            w.drops(other, True)
            w.drops(F, True)
            if not flags:
                sh(f"tc filter del dev {UP} ingress pref 10")
    finally:
        clear()


@test("a refused skip_sw rule moves nothing, a verbose one what comes after it")
def refused_moves_nothing() -> None:
    sh("tc -b " + batch("/tmp/fifty", [
        add("ip", f"dst_ip 10.5.0.{i} {OUT}", pref=9, flags="") for i in range(50)]))
    try:
        before = counter("flow_del"), counter("flow_add")
        fails(add("ip", "action pass", pref=1))
        # tc has taken it back long before the driver would look again
        sh(add("ip", f"dst_ip 10.6.0.1 {OUT}", pref=9, flags=""))
        assert (counter("flow_del"), counter("flow_add")) == (before[0], before[1] + 1)
        sh(add("ip", "action pass", pref=1, flags="verbose"))
        until("they left the card", lambda: counter("rules") == 0)
        sh(f"tc filter del dev {UP} ingress pref 1")
        assert counter("rules") == 51
    finally:
        clear()


@test("a rule that found no room to come back is back when there is some")
def comes_back() -> None:
    w = Ways()
    soft = add("ip", f"ip_proto tcp tcp_flags 0x12/0x12 {OUT}", pref=1, flags="")
    sh(add("ip", TO_FAR1, pref=9, flags=""))
    sh(f"tc qdisc add dev {UP1} clsact")
    try:
        sh(soft)
        assert counter("rules") == 0
        sh("tc -b " + batch("/tmp/masks", [mask_line(n, UP1)
                                           for n in range(1, MASKS + 1)]))
        assert counter("masks") == MASKS
        sh(f"tc filter del dev {UP} ingress pref 1")
        assert counter("rules") == MASKS and (parked(), parked(UP1)) == (1, 0)
        w.goes(F, w.far1, False)
        sh(f"tc filter del dev {UP1} ingress pref 1 handle 9 prot ip flower")
        assert counter("rules") == MASKS and not parked()
        w.goes(F, w.far1, True)
    finally:
        sh(f"tc qdisc del dev {UP1} clsact")
        clear()
    assert counter("rules") == 0 and counter("masks") == 0


@test("rules on two ports, of two protocols, tagged or not don't overlap")
def no_overlap() -> None:
    sh(f"tc qdisc add dev {UP1} clsact")
    try:
        sh(add("ip", OUT))
        sh(add("ip", f"dst_ip 10.0.0.2 {OUT}", dev=UP1, pref=2))
        sh(add("ipv6", OUT, pref=3))
        sh(add("802.1q", f"vlan_id 5 vlan_ethtype ip {OUT}", pref=4))
        sh(add("802.1q", f"vlan_id 6 vlan_ethtype ip {OUT}", pref=5))
        # Of one tag, and of two
        sh(add("802.1q", f"num_of_vlans 1 vlan_id 7 {OUT}", pref=6))
        sh(add("802.1q", f"vlan_id 7 vlan_ethtype 802.1q cvlan_id 8 {OUT}", pref=7))
        assert counter("rules") == 7
    finally:
        clear()
        sh(f"tc qdisc del dev {UP1} clsact")


@test("matchall takes any frame, tagged or of an unknown protocol")
def matchall() -> None:
    w = Ways()
    sh(f"tc filter add dev {UP} ingress prot all pref 1 matchall skip_sw {OUT}")
    try:
        frames = [F, F.with_(vlans=[(0x8100, 5)]), F.with_(ip="fd00::1", to="fd00::2"),
                  Frame(raw=MARK * 3)]
        for f in frames:
            w.goes(f, w.vf, True)
        until("counted", lambda: [r["options"]["actions"][0]["stats"].get("hw_packets")
                                  for r in rules(UP)] == [len(frames)])
    finally:
        clear()
    assert counter("rules") == 0


@test("output to a VLAN device on a representor: tagged; after a mirror, not")
def vlan_device() -> None:
    far, far1, vf = wire(0), wire(1), Port(env("VF0"))
    sh(f"ip link add link {UP1} name out9 type vlan id 9; ip link set out9 up")
    try:
        sh(add("ip", f"action mirred egress mirror dev out9 pipe {OUT}"))
        far.send(F.bytes())
        got = arrival([far1], lambda x: MARK in x)
        assert got and got[1] == F.with_(vlans=[(0x8100, 9)]).bytes(), got
        got = arrival([vf], lambda x: MARK in x)
        assert got and got[1] == F.bytes(), got
        clear()
        sh(add("ip", "action mirred egress redirect dev out9"))
        far.send(F.bytes())
        got = arrival([far1], lambda x: MARK in x)
        assert got and got[1] == F.with_(vlans=[(0x8100, 9)]).bytes(), got
    finally:
        clear()
        sh("ip link del out9")


@test("output to a VLAN device that maps priorities, keeps tags, is loose or down: "
      "software")
def odd_vlan_device() -> None:
    far, far1 = wire(0), wire(1)
    rule = "action mirred egress redirect dev out9"
    cases = [("egress-qos-map 0:5", "up", "egress-qos-map", 0xa009),
             ("reorder_hdr off", "up", "reorder_hdr off", 9),
             ("loose_binding on", "up", "loose_binding", 9),
             ("", "down", "which is down", None)]
    for words, state, want, tci in cases:
        sh(f"ip link add link {UP1} name out9 type vlan id 9 {words} && "
           f"ip link set out9 {state}")
        try:
            text = fails(add("ip", rule))
            assert want in text, text
            sh(add("ip", rule, flags=""))
            far.send(F.bytes())
            if tci is None:
                until("dropped", lambda: rules(UP)[0]["options"]["actions"][0]["stats"]
                      ["drops"] or rules(UP)[0]["options"]["actions"][0]["stats"]
                      ["overlimits"])
            else:
                got = arrival([far1], lambda x: MARK in x)
                assert got and got[1] == F.with_(vlans=[(0x8100, tci)]).bytes(), got
        finally:
            clear()
            sh("ip link del out9")


@test("num_of_vlans 2 with both tags and what is behind them: not three")
def two_tags() -> None:
    w = Ways()
    two, three = [(0x8100, 5), (0x8100, 6)], [(0x8100, 5), (0x8100, 6), (0x8100, 7)]
    rule = f"num_of_vlans 2 vlan_ethtype 802.1q cvlan_ethtype ip {OUT}"
    for flags in ("skip_hw", "skip_sw"):
        sh(add("802.1q", rule, flags=flags))
        try:
            w.goes(F.with_(vlans=two), w.vf, flags == "skip_sw")
            for tags in ([], two[:1], three):
                for p in (w.vf, w.host):
                    p.drain()
                w.far.send(F.with_(vlans=tags).bytes())
                assert arrival([w.host], lambda x: MARK in x), tags
                assert not any(MARK in x for x in w.vf.waiting()), (flags, tags)
        finally:
            clear()


@test("a rule that asks for no counters is in the card")
def no_counters() -> None:
    w = Ways()
    sh(add("ip", f"{OUT} hw_stats disabled"))
    try:
        w.goes(F, w.vf, True)
    finally:
        clear()


def block_count() -> int:
    (rule,) = [r for r in js("tc -s -j filter show block 22")
               if "options" in r and "handle" in r["options"]]
    return int(rule["options"]["actions"][0]["stats"].get("hw_packets", 0))


@test("a block that two ports share is a rule for each, counted together")
def shared() -> None:
    far, far1, vf = wire(0), wire(1), Port(env("VF0"))
    for dev in (UP, UP1):
        sh(f"tc qdisc del dev {dev} clsact", ok=False)
        sh(f"tc qdisc add dev {dev} ingress_block 22 clsact")
    try:
        sh(f"tc filter add block 22 prot ip pref 1 flower skip_sw dst_ip "
           f"10.0.0.2 {OUT}")
        (rule,) = [r for r in js("tc -j filter show block 22")
                   if "options" in r and "handle" in r["options"]]
        assert rule["options"]["in_hw_count"] == 2
        for n, wire_n in enumerate((far, far1)):
            for i in range(100):
                f = F.with_(ident=100 * n + i).bytes()
                wire_n.send(f)
                got = arrival([vf], lambda x: MARK in x)
                assert got and got[1] == f
            until(f"{100 * n + 100} packets counted", lambda n=n: block_count()
                  == 100 * n + 100)
    finally:
        for dev in (UP, UP1):
            sh(f"tc qdisc del dev {dev} ingress_block 22 clsact")
    assert counter("rules") == 0
    sh(f"tc qdisc add dev {UP} clsact")


@test("rules that were there before the device come with its block")
def replay() -> None:
    sh(f"tc qdisc del dev {UP} clsact")
    sh("ip link add veth-a type veth peer name veth-b")
    try:
        sh("tc qdisc add dev veth-a ingress_block 23 clsact")
        sh(f"tc filter add block 23 prot ip pref 1 flower dst_ip 10.0.0.2 {OUT}")
        assert counter("rules") == 0
        sh(f"tc qdisc add dev {UP} ingress_block 23 clsact")
        assert counter("rules") == 1
        sh(f"tc qdisc del dev {UP} ingress_block 23 clsact")
        assert counter("rules") == 0
    finally:
        sh("ip link del veth-a")
        sh(f"tc qdisc add dev {UP} clsact")


@test("a block's rule to a device that has gone comes to another port: refused")
def gone_device() -> None:
    kinds = ("egress redirect", "egress mirror", "ingress redirect")
    sh(f"tc qdisc del dev {UP} clsact")
    sh(f"tc qdisc add dev {UP} ingress_block 24 clsact")
    try:
        for n, kind in enumerate(kinds):
            sh("ip link add dmy0 type dummy")
            ends = "" if "redirect" in kind else "action drop"
            sh(f"tc filter add block 24 prot ip pref {n + 1} flower dst_ip 10.0.0.{n + 2} "
               f"action mirred {kind} dev dmy0 {ends}")
            sh("ip link del dmy0")
        before = refused(UP1)
        sh(f"tc qdisc add dev {UP1} ingress_block 24 clsact")
        after = refused(UP1)
        assert after["port"] == before["port"] + len(kinds), (before, after)
        assert counter("rules") == 0
    finally:
        for dev in (UP, UP1):
            sh(f"tc qdisc del dev {dev} ingress_block 24 clsact", ok=False)
    sh(f"tc qdisc add dev {UP} clsact")


@test("mirred to a block, which is no device: refused in words")
def to_block() -> None:
    sh("ip link add o-dummy type dummy; tc qdisc add dev o-dummy ingress_block 25 clsact")
    try:
        for kind in ("redirect", "mirror"):
            text = fails(add("ip", f"action mirred egress {kind} blockid 25 pipe action drop"
                             if kind == "mirror" else
                             f"action mirred egress {kind} blockid 25"))
            assert f"mirred egress {kind} to no device" in text, text
    finally:
        sh("ip link del o-dummy")


@test("VFs go while rules lead from them and to them, and come back")
def vfs_gone() -> None:
    numvfs = f"/sys/bus/pci/devices/{env('CARD')}/sriov_numvfs"
    sh(add("ip", f"dst_ip 10.0.0.2 {OUT}"))
    sh(f"tc qdisc add dev {REP} clsact")
    sh(add("ip", f"action mirred egress redirect dev {UP}", REP))
    assert counter("rules") == 2
    sh(f"echo 0 > {numvfs}")
    # Software would drop what it sends there, so the only one that is left does
    assert counter("rules") == 1
    dropped = counter("act_drop")
    wire(0).send(F.bytes())
    until("the rule to the port that has gone drops",
          lambda: counter("act_drop") == dropped + 1)
    clear()
    assert counter("rules") == 0 and counter("masks") == 0
    sh(f"echo 2 > {numvfs}; udevadm settle -t 60")
    vf_names()
    for dev in (REP, env("VF0"), env("REP1"), env("VF1")):
        sh(f"ip link set {dev} up")
    wait_carrier(REP)
    wait_carrier(env("VF0"))


@test("hw-tc-offload can be switched off only without rules",
      noisy=True)
def hw_tc_offload() -> None:
    sh(add("ip", OUT))
    try:
        fails(f"ethtool -K {UP} hw-tc-offload off")
        assert "hw-tc-offload: on" in sh(f"ethtool -k {UP}")
    finally:
        clear()
    sh(f"ethtool -K {UP} hw-tc-offload off")
    assert "hw-tc-offload is off" in fails(add("ip", OUT))
    sh(f"ethtool -K {UP} hw-tc-offload on")


def batch(path: str, lines: list[str]) -> str:
    with open(path, "w", encoding="ascii") as f:
        f.writelines(line.removeprefix("tc ") + "\n" for line in lines)
    return path


@test("a full card: ENOSPC with its numbers, and the rule works in software")
def full() -> None:
    far, vf = wire(0), Port(env("VF0"))
    sh("tc -b " + batch("/tmp/full", [
        add("ip", f"src_ip 10.1.{i >> 8}.{i & 255} action drop")
        for i in range(CONTEXTS)]))
    try:
        assert counter("rules") == CONTEXTS
        with errnos() as seen:
            text = fails(add("ip", f"src_ip 10.0.0.1 {OUT}"))
        assert f"{CONTEXTS} rules of {CONTEXTS}" in text, text
        assert seen == [-errno.ENOSPC], seen
        sh(add("ip", f"src_ip 10.0.0.1 {OUT}", flags=""))
        far.send(F.bytes())
        got = arrival([vf], lambda x: MARK in x)
        assert got and got[1] == F.bytes()
        # One goes, one comes
        sh(f"tc filter del dev {UP} ingress pref 1 handle 1 prot ip flower")
        sh(add("ip", "src_ip 10.9.9.9 action drop"))
    finally:
        clear()
    assert counter("rules") == 0 and counter("flow_full") == 0


def mask_line(n: int, dev: str = UP) -> str:
    """A rule with a mask that no other has."""
    return add("ip", f"ip_proto udp src_port {n}/{n} dst_ip 10.3.{n >> 8}.{n & 255} "
               "action drop", dev)


@test("all masks in use: ENOSPC, and each comes free with its last rule")
def masks() -> None:
    line = mask_line
    sh("tc -b " + batch("/tmp/masks", [line(n) for n in range(1, MASKS + 1)]))
    try:
        assert counter("masks") == MASKS
        with errnos() as seen:
            text = fails(line(MASKS + 1))
        assert seen == [-errno.ENOSPC], seen
        assert f"{MASKS} masks of {MASKS}" in text, text
        sh(f"tc filter del dev {UP} ingress pref 1 handle 9 prot ip flower")
        assert counter("masks") == MASKS - 1
        sh(line(MASKS + 1))
        assert counter("masks") == MASKS
        # The only free id is the one that has just been given back
        sh("tc -b " + batch("/tmp/swap", [
            f"filter del dev {UP} ingress pref 1 handle 10 prot ip flower",
            line(MASKS + 2)]))
        assert counter("masks") == MASKS
    finally:
        clear()
    assert counter("masks") == 0 and counter("mask_replaced") == 0


@test("four writers on four ports, adding and deleting at once")
def writers() -> None:
    devs = [UP, UP1, REP, env("REP1")]
    procs = []
    for dev in devs[1:]:
        sh(f"tc qdisc add dev {dev} clsact")
    for dev in devs:
        lines = []
        for i in range(400):
            match = f"dst_ip 10.2.{i >> 8}.{i & 255} ip_proto udp src_port {i + 1}"
            lines.append(add("ip", f"{match} action drop", dev, pref=9)
                         .replace("pref 9", f"pref 9 handle {i + 1}"))
            if i % 2:
                lines.append(f"filter del dev {dev} ingress pref 9 handle {i} "
                             "prot ip flower")
        procs.append(subprocess.Popen(["tc", "-b", batch(f"/tmp/w-{dev}", lines)]))
    assert not any(p.wait() for p in procs)
    assert counter("rules") == 4 * 200
    for dev in devs[1:]:
        sh(f"tc qdisc del dev {dev} clsact")
    clear()
    assert counter("rules") == 0 and counter("masks") == 0


@test("what the card reports is what tc shows; a dump asks no card")
def stats_age() -> None:
    far, vf = wire(0), Port(env("VF0"))

    def shown() -> int:
        return int(rules(UP)[0]["options"]["actions"][0]["stats"]
                   .get("hw_packets", 0))

    sh(add("ip", OUT))
    try:
        # The card reports each second, here ten times: nothing comes on top
        reports = counter("stats_records")
        far.send(F.bytes())
        assert arrival([vf], lambda x: MARK in x)
        until("the card reports", lambda: counter("stats_records") > reports)
        until("tc shows it", lambda: shown() == 1)
        sent = counter("cmsg_rx")
        for _ in range(5):
            shown()
        assert counter("cmsg_rx") == sent
    finally:
        clear()


if __name__ == "__main__":
    quiet()
    for _dev in (UP, REP, env("VF0")):
        wait_carrier(_dev)
    sh(f"tc qdisc add dev {UP} clsact")
    raise SystemExit(ktest.run("rules", refusals=True, slabs=True))
