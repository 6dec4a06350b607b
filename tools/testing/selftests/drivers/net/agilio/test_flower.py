#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Rules, skip_sw: each match with a packet that must hit and packets that
differ from it in one bit of that field; each action with the exact bytes that
must come out. A miss is seen as an event too: the frame reaches the host."""
from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from lib import ktest
from lib.counters import OVERHEAD, Counted, Farewells, counted, counts, delete
from lib.genl import queue_stats
from lib.ktest import test
from lib.net import (Port, arrival, counter, env, model, quiet,
                     sh, until, wait_carrier, wire)
from lib.pkt import ICMP, SCTP, TCP, Frame

V6 = {"ip": "fd00::1", "to": "fd00::2"}
MARK = b"agilio-test-payload"


class Bench:
    """The sockets of a rule test: in by wire 0, out by VF 0, or to the host."""

    def __init__(self) -> None:
        self.up, self.rep = env("UPLINK0"), env("REP0")
        sh(f"tc qdisc add dev {self.up} clsact")
        for dev in (self.up, self.rep, env("VF0")):
            wait_carrier(dev)
        self.far, self.vf = wire(0), Port(env("VF0"))
        self.host = Port(self.up)
        self.far1, self.host_rep = wire(1), Port(self.rep)
        self.count: Counted | None = None

    @contextmanager
    def rule(self, proto: str, match: str, actions: str) -> Iterator[Counted]:
        """All that hits it and misses it is counted, and it is gone at the end."""
        self.add(proto, match, actions)
        try:
            with counted(self.up) as self.count:
                yield self.count
        finally:
            self.count = None
            self.clear()

    def add(self, proto: str, match: str, actions: str) -> None:
        sh(f"tc filter add dev {self.up} ingress prot {proto} pref 1 flower "
           f"skip_sw {match} {actions}")

    def clear(self) -> None:
        sh(f"tc filter del dev {self.up} ingress")

    def send(self, data: bytes, src: Port | None = None) -> tuple[Port, bytes]:
        (src or self.far).send(data)
        got = arrival([self.vf, self.host, self.far1, self.host_rep],
                      lambda f: f[6:12] == data[6:12] or MARK in f)
        assert got, f"{data.hex()} arrived nowhere"
        return got

    def hits(self, data: bytes, want: bytes | None = None) -> None:
        port, out = self.send(data)
        assert port is self.vf, f"{data.hex()} missed"
        want = data if want is None else want
        want = want.ljust(60, b"\0") if len(data) < 60 else want
        assert out == want, f"\n got {out.hex()}\nwant {want.hex()}"
        if self.count:
            self.count.hit(data)

    def misses(self, data: bytes) -> None:
        port, _ = self.send(data)
        assert port is self.host, f"{data.hex()} hit, on {port.dev}"
        if self.count:
            self.count.miss()


bench: Bench


@dataclass
class Match:
    name: str
    proto: str
    match: str
    hit: Frame
    miss: list[Frame]
    nfp: bool = True        # mainline takes it and does it right
    also: list[Frame] = field(default_factory=list)     # more hits


F = Frame()
T = Frame(proto=TCP)
S = Frame(proto=SCTP)
P6 = Frame(**V6)            # type: ignore[arg-type]
T6 = Frame(proto=TCP, **V6)     # type: ignore[arg-type]


def flags(n: int) -> Frame:
    return T.with_(flags=n)


def mpls(*labels: int, tc: int = 0, bos: int = 1, ttl: int = 64) -> Frame:
    """An MPLS frame; of several labels the last has the bottom bit."""
    raw = b""
    for n, label in enumerate(labels):
        last = bos if n == len(labels) - 1 else 0
        raw += (label << 12 | tc << 9 | last << 8 | ttl).to_bytes(4, "big")
    return Frame(raw=raw + F.bytes()[14:], ethertype=0x8847)


MATCHES = [
    Match("ethertype ip", "ip", "", F, [P6, Frame(raw=MARK * 3)]),
    Match("ethertype ipv6", "ipv6", "", P6, [F]),
    Match("protocol ip is for untagged frames", "ip", "dst_ip 10.0.0.2", F,
          [F.with_(vlans=[(0x8100, 0)]), F.with_(vlans=[(0x8100, 100)])],
          nfp=False),
    Match("one tag is not two", "802.1q", "vlan_id 100 vlan_ethtype ip",
          F.with_(vlans=[(0x8100, 100)]),
          [F.with_(vlans=[(0x8100, 100), (0x8100, 7)]), F], nfp=False),
    Match("any tag", "802.1q", "", F.with_(vlans=[(0x8100, 100)]), [F],
          also=[P6.with_(vlans=[(0x8100, 0)]),
                F.with_(vlans=[(0x8100, 100), (0x8100, 7)])], nfp=False),
    Match("tag with an inner tag", "802.1ad",
          "vlan_id 100 vlan_ethtype 802.1q cvlan_id 7 cvlan_ethtype ip",
          F.with_(vlans=[(0x88a8, 100), (0x8100, 7)]),
          [F.with_(vlans=[(0x8100, 100), (0x8100, 7)]),
           F.with_(vlans=[(0x88a8, 100), (0x8100, 6)]),
           F.with_(vlans=[(0x88a8, 101), (0x8100, 7)]),
           F.with_(vlans=[(0x88a8, 100)])]),
    Match("protocol all", "all", "src_mac 02:aa:00:00:00:01", F,
          [F.with_(src="02:aa:00:00:00:03")],
          also=[P6, Frame(raw=MARK * 3), F.with_(vlans=[(0x8100, 5)])],
          nfp=False),
    Match("dst_mac", "ip", "dst_mac 02:bb:00:00:00:02", F,
          [F.with_(dst="02:bb:00:00:00:03"), F.with_(dst="06:bb:00:00:00:02")]),
    Match("dst_mac masked", "ip", "dst_mac 02:bb:00:00:00:00/ff:ff:00:00:00:00",
          F, [F.with_(dst="02:ba:00:00:00:02")],
          also=[F.with_(dst="02:bb:99:88:77:66")]),
    Match("src_mac", "ip", "src_mac 02:aa:00:00:00:01", F,
          [F.with_(src="02:aa:00:00:00:00"), F.with_(src="02:ab:00:00:00:01")]),
    Match("vlan_id", "802.1q", "vlan_id 100 vlan_ethtype ip",
          F.with_(vlans=[(0x8100, 100)]),
          [F.with_(vlans=[(0x8100, 101)]), F.with_(vlans=[(0x8100, 0x8e4)]), F],
          also=[F.with_(vlans=[(0x8100, 0x6064)])]),
    Match("vlan_id 0", "802.1q", "vlan_id 0 vlan_ethtype ip",
          F.with_(vlans=[(0x8100, 0)]), [F.with_(vlans=[(0x8100, 100)]), F]),
    Match("vlan_prio", "802.1q", "vlan_prio 3 vlan_ethtype ip",
          F.with_(vlans=[(0x8100, 0x6064)]),
          [F.with_(vlans=[(0x8100, 0x4064)]), F.with_(vlans=[(0x8100, 0xe064)])]),
    Match("vlan_id and vlan_prio 0", "802.1q",
          "vlan_id 400 vlan_prio 0 vlan_ethtype ip",
          F.with_(vlans=[(0x8100, 400)]),
          [F.with_(vlans=[(0x8100, 0x2190)]), F.with_(vlans=[(0x8100, 401)])]),
    Match("src_ip", "ip", "src_ip 10.0.0.1", F,
          [F.with_(ip="10.0.0.0"), F.with_(ip="138.0.0.1")]),
    Match("dst_ip with prefix", "ip", "dst_ip 10.0.0.0/23", F,
          [F.with_(to="10.0.2.2")], also=[F.with_(to="10.0.1.255")]),
    Match("src_ip, IPv6", "ipv6", "src_ip fd00::1", P6,
          [P6.with_(ip="fd00::3"), P6.with_(ip="fd80::1")]),
    Match("dst_ip, IPv6 with prefix", "ipv6", "dst_ip fd00::/65", P6,
          [P6.with_(to="fd00:0:0:0:8000::2"), P6.with_(to="fd01::2")],
          also=[P6.with_(to="fd00::7000:1:2:3")]),
    Match("ip_proto udp", "ip", "ip_proto udp", F, [T, S]),
    Match("ip_proto icmp", "ip", "ip_proto icmp", F.with_(proto=ICMP), [F]),
    Match("dst_port, TCP", "ip", "ip_proto tcp dst_port 2000", T,
          [T.with_(dport=2001), T.with_(dport=0x8000 | 2000), F]),
    Match("src_port, TCP", "ip", "ip_proto tcp src_port 1000", T,
          [T.with_(sport=1001), F]),
    Match("dst_port masked, UDP", "ip", "ip_proto udp dst_port 2000/0xfff0", F,
          [F.with_(dport=2016)], also=[F.with_(dport=2001)]),
    Match("src_port, UDP over IPv6", "ipv6", "ip_proto udp src_port 1000", P6,
          [P6.with_(sport=1002), T6]),
    Match("dst_port, SCTP", "ip", "ip_proto sctp dst_port 2000", S,
          [S.with_(dport=2002), F]),
    Match("num_of_vlans 0", "ip", "num_of_vlans 0 dst_ip 10.0.0.2", F,
          [F.with_(vlans=[(0x8100, 5)])], nfp=False),
    Match("num_of_vlans 1", "802.1q", "num_of_vlans 1", F.with_(vlans=[(0x8100, 5)]),
          [F, F.with_(vlans=[(0x8100, 5), (0x8100, 6)])], nfp=False),
    Match("ip_tos", "ip", "ip_tos 0x10", F.with_(tos=0x10),
          [F.with_(tos=0x11), F.with_(tos=0x90), F]),
    Match("ip_tos masked", "ip", "ip_tos 0/0x3", F, [F.with_(tos=1)],
          also=[F.with_(tos=0xfc)]),
    Match("ip_tos, IPv6", "ipv6", "ip_tos 0x1e", P6.with_(tos=0x1e),
          [P6.with_(tos=0x1f), P6.with_(tos=0x9e)]),
    Match("ip_ttl", "ip", "ip_ttl 64", F, [F.with_(ttl=65), F.with_(ttl=192)]),
    Match("ip_ttl, IPv6", "ipv6", "ip_ttl 64", P6, [P6.with_(ttl=66)]),
    Match("tcp_flags SYN", "ip", "ip_proto tcp tcp_flags 0x2/0x7", flags(2),
          [flags(3), flags(6), flags(0x10)], also=[flags(0x12)]),
    Match("tcp_flags RST, IPv6", "ipv6", "ip_proto tcp tcp_flags 0x4/0x7",
          T6.with_(flags=4), [T6.with_(flags=2)]),
    Match("tcp_flags PSH beside SYN", "ip",
          "ip_proto tcp tcp_flags 0xa/0x2f", flags(0x0a),
          [flags(2), flags(8), flags(0x0b)], also=[flags(0x1a)]),
    Match("a port is no fragment's", "ip", "ip_proto udp dst_port 2000", F,
          [F.with_(frag=0x2000), F.with_(frag=0x0010)], nfp=False),
    Match("protocol mpls_uc", "mpls_uc", "", mpls(3333), [F]),
    Match("mpls_label", "mpls_uc", "mpls_label 3333", mpls(3333),
          [mpls(3332), mpls(0x80000 | 3333)], also=[mpls(3333, tc=5, ttl=9)]),
    Match("mpls_tc", "mpls_uc", "mpls_tc 5", mpls(3333, tc=5),
          [mpls(3333, tc=4), mpls(3333, tc=1)]),
    Match("mpls_bos", "mpls_uc", "mpls_bos 0", mpls(3333, bos=0),
          [mpls(3333, bos=1)]),
    Match("nofrag", "ip", "ip_flags nofrag", F,
          [F.with_(frag=0x2000), F.with_(frag=0x0010), F.with_(frag=0x2010)]),
    Match("frag", "ip", "ip_flags frag", F.with_(frag=0x2000), [F],
          also=[F.with_(frag=0x0010)]),
    Match("first fragment", "ip", "ip_flags frag/firstfrag",
          F.with_(frag=0x2000), [F.with_(frag=0x0010), F.with_(frag=0x2010), F]),
    Match("later fragment", "ip", "ip_flags frag/nofirstfrag",
          F.with_(frag=0x0010), [F.with_(frag=0x2000), F]),
    Match("nofrag, IPv6", "ipv6", "ip_flags nofrag", P6,
          [P6.with_(frag6=1), P6.with_(frag6=0x10)]),
    Match("frag, IPv6", "ipv6", "ip_flags frag", P6.with_(frag6=1), [P6],
          also=[P6.with_(frag6=0x10)]),
    Match("first fragment, IPv6", "ipv6", "ip_flags frag/firstfrag",
          P6.with_(frag6=1), [P6.with_(frag6=0x11), P6]),
    Match("later fragment, IPv6", "ipv6", "ip_flags frag/nofirstfrag",
          P6.with_(frag6=0x10), [P6.with_(frag6=1), P6]),
]


def run_match(m: Match) -> Callable[[], None]:
    def run() -> None:
        if ktest.driver() == "nfp" and not m.nfp:
            raise ktest.Skip("mainline does not take this rule")
        with bench.rule(m.proto, m.match,
                        f"action mirred egress redirect dev {bench.rep}"):
            for f in [m.hit, *m.also]:
                bench.hits(f.bytes())
            for f in m.miss:
                bench.misses(f.bytes())
    return run


@dataclass
class Action:
    name: str
    proto: str
    match: str
    actions: str
    before: Frame
    after: Frame
    nfp: bool = True


TAG = [(0x8100, 0x6064)]
ACTIONS = [
    Action("vlan push", "ip", "", "vlan push id 100 priority 3", F,
           F.with_(vlans=TAG)),
    Action("vlan push of 802.1ad", "ip", "",
           "vlan push id 5 protocol 802.1ad", F, F.with_(vlans=[(0x88a8, 5)])),
    Action("vlan push, id and priority 0", "ip", "",
           "vlan push id 0 priority 0", F, F.with_(vlans=[(0x8100, 0)])),
    Action("vlan pop", "802.1q", "vlan_id 100 vlan_ethtype ip", "vlan pop",
           F.with_(vlans=TAG), F),
    Action("vlan modify", "802.1q", "vlan_id 100 vlan_ethtype ip",
           "vlan modify id 7 priority 5", F.with_(vlans=TAG),
           F.with_(vlans=[(0x8100, 5 << 13 | 7)]), nfp=False),
    Action("vlan modify that leaves the priority, which is 0", "802.1q",
           "vlan_id 100 vlan_prio 0 vlan_ethtype ip", "vlan modify id 7",
           F.with_(vlans=[(0x8100, 100)]), F.with_(vlans=[(0x8100, 7)]), nfp=False),
    Action("pedit of both MAC addresses", "ip", "",
           "pedit ex munge eth src set 02:0a:0b:0c:0d:0e "
           "munge eth dst set 02:01:02:03:04:05", F,
           F.with_(src="02:0a:0b:0c:0d:0e", dst="02:01:02:03:04:05")),
    Action("pedit of the IPv4 source, UDP", "ip", "ip_proto udp",
           "pedit ex munge ip src set 10.0.0.77 pipe csum ip and udp", F,
           F.with_(ip="10.0.0.77")),
    Action("pedit of both IPv4 addresses, TCP", "ip", "ip_proto tcp",
           "pedit ex munge ip src set 10.0.0.77 munge ip dst set 10.9.8.7 "
           "pipe csum ip and tcp", T, T.with_(ip="10.0.0.77", to="10.9.8.7")),
    Action("pedit of the IPv4 source, UDP without checksum", "ip",
           "ip_proto udp",
           "pedit ex munge ip src set 10.0.0.77 pipe csum ip and udp",
           F.with_(udp_zero=True), F.with_(ip="10.0.0.77", udp_zero=True)),
    Action("pedit of the TTL", "ip", "ip_proto udp ip_ttl 64",
           "pedit ex munge ip ttl set 63 pipe csum ip and udp", F,
           F.with_(ttl=63)),
    Action("pedit of the TOS, DSCP only", "ip", "ip_proto udp",
           "pedit ex munge ip tos set 0xb8 retain 0xfc pipe csum ip and udp",
           F.with_(tos=1), F.with_(tos=0xb9)),
    Action("pedit of the IPv6 source", "ipv6", "ip_proto tcp",
           "pedit ex munge ip6 src set fd00::77 pipe csum tcp", T6,
           T6.with_(ip="fd00::77")),
    Action("pedit of the IPv6 destination", "ipv6", "ip_proto udp",
           "pedit ex munge ip6 dst set fd00:1:2:3:4:5:6:7 pipe csum udp", P6,
           P6.with_(to="fd00:1:2:3:4:5:6:7")),
    Action("pedit of the hop limit", "ipv6", "ip_proto udp",
           "pedit ex munge ip6 hoplimit set 63 pipe csum udp", P6,
           P6.with_(ttl=63)),
    Action("pedit of the traffic class", "ipv6", "ip_proto udp",
           "pedit ex munge ip6 traffic_class set 0xb8 pipe csum udp", P6,
           P6.with_(tos=0xb8)),
    Action("pedit of both TCP ports", "ip", "ip_proto tcp",
           "pedit ex munge tcp sport set 9000 munge tcp dport set 8080 "
           "pipe csum tcp", T, T.with_(sport=9000, dport=8080)),
    Action("pedit of a UDP port", "ip", "ip_proto udp",
           "pedit ex munge udp dport set 8080 pipe csum udp", F,
           F.with_(dport=8080)),
    Action("pedit of a TCP port over IPv6", "ipv6", "ip_proto tcp",
           "pedit ex munge tcp sport set 9000 pipe csum tcp", T6,
           T6.with_(sport=9000)),
    Action("two masked sets of one IPv4 address", "ip", "ip_proto tcp",
           "pedit ex munge ip src set 172.0.0.0 retain 0xff000000 "
           "munge ip src set 0.0.0.99 retain 0x000000ff pipe csum ip and tcp",
           T, T.with_(ip="172.0.0.99")),
    Action("TTL and TOS together", "ip", "ip_proto tcp",
           "pedit ex munge ip ttl set 9 munge ip tos set 0x24 "
           "pipe csum ip and tcp", T, T.with_(ttl=9, tos=0x24)),
    Action("flow label and hop limit", "ipv6", "ip_proto tcp",
           "pedit ex munge ip6 flow_lbl set 333 munge ip6 hoplimit set 9 "
           "pipe csum tcp", T6.with_(label=1111), T6.with_(label=333, ttl=9)),
    Action("both IPv6 addresses, a port and the MAC addresses", "ipv6",
           "ip_proto udp",
           "pedit ex munge eth src set 02:0a:0b:0c:0d:0e munge eth dst set "
           "02:01:02:03:04:05 munge ip6 src set fd00::7 munge ip6 dst set "
           "fd00::8 munge udp dport set 77 pipe csum udp", P6,
           P6.with_(src="02:0a:0b:0c:0d:0e", dst="02:01:02:03:04:05",
                    ip="fd00::7", to="fd00::8", dport=77),
           # Mainline's list is damaged then: an action of 0xff in it
           nfp=False),
    Action("MAC, IPv4 address and port in one rule", "ip", "ip_proto tcp",
           "pedit ex munge eth dst set 02:01:02:03:04:05 munge ip dst set "
           "10.9.8.7 munge tcp dport set 80 pipe csum ip and tcp", T,
           T.with_(dst="02:01:02:03:04:05", to="10.9.8.7", dport=80)),
    Action("mpls push on IPv4", "ip", "",
           "mpls push label 123 tc 2 ttl 67 bos 1", F, mpls(123, tc=2, ttl=67)),
    Action("mpls push without bos: it follows from what was matched", "ip", "",
           "mpls push label 123 ttl 67", F, mpls(123, ttl=67), nfp=False),
    Action("mpls push on MPLS", "mpls_uc", "",
           "mpls push label 9 tc 0 ttl 64 bos 0", mpls(3333), mpls(9, 3333)),
    Action("mpls pop to IPv4", "mpls_uc", "", "mpls pop protocol ip",
           mpls(3333), F),
    Action("mpls pop to MPLS", "mpls_uc", "", "mpls pop protocol mpls_uc",
           mpls(9, 3333), mpls(3333)),
    Action("mpls modify of the label", "mpls_uc", "", "mpls modify label 77",
           mpls(3333, tc=3, ttl=5), mpls(77, tc=3, ttl=5)),
    Action("mpls modify of tc and ttl", "mpls_uc", "", "mpls modify tc 6 ttl 7",
           mpls(3333, tc=3, ttl=5), mpls(3333, tc=6, ttl=7)),
    Action("mpls push behind a VLAN tag", "802.1q", "vlan_id 100 vlan_ethtype ip",
           "mpls push label 123 tc 2 ttl 67 bos 1", F.with_(vlans=TAG),
           mpls(123, tc=2, ttl=67).with_(vlans=TAG)),
    Action("routed: MAC addresses, TTL, then a tag", "ip", "ip_proto udp ip_ttl 64",
           "pedit ex munge eth src set 02:0a:0b:0c:0d:0e munge eth dst set "
           "02:01:02:03:04:05 pipe pedit ex munge ip ttl set 63 pipe "
           "csum ip and udp pipe vlan push id 100 priority 3", F,
           F.with_(src="02:0a:0b:0c:0d:0e", dst="02:01:02:03:04:05", ttl=63,
                   vlans=TAG)),
]


def run_action(a: Action) -> Callable[[], None]:
    def run() -> None:
        if ktest.driver() == "nfp" and not a.nfp:
            raise ktest.Skip("mainline does not take this rule")
        with bench.rule(a.proto, a.match, f"action {a.actions} pipe "
                        f"action mirred egress redirect dev {bench.rep}"):
            bench.hits(a.before.bytes(), a.after.bytes())
    return run


for _m in MATCHES:
    test(f"match: {_m.name}")(run_match(_m))
for _a in ACTIONS:
    test(f"action: {_a.name}")(run_action(_a))


@test("action: drop, and the drop is counted")
def drop() -> None:
    with bench.rule("ip", "ip_proto udp dst_port 2000", "action drop") as c:
        before = counter("act_drop")
        bench.far.send(F.bytes())
        c.hit(F.bytes())
        # The same way, one after the other: this one comes out
        bench.misses(F.with_(dport=2001).bytes())
        assert counter("act_drop") == before + 1


@test("action: mirror to a port, then redirect to another")
def mirror() -> None:
    with bench.rule("ip", "", f"action mirred egress mirror dev {env('UPLINK1')} "
                    "pipe action vlan push id 7 pipe action mirred egress redirect "
                    f"dev {bench.rep}") as c:
        data = F.bytes()
        bench.far.send(data)
        mirrored = arrival([bench.far1], lambda f: MARK in f)
        assert mirrored and mirrored[1] == data, mirrored
        tagged = arrival([bench.vf], lambda f: MARK in f)
        assert tagged and tagged[1] == F.with_(vlans=[(0x8100, 7)]).bytes()
        c.hit(data)


@test("action: mirror to two ports and redirect to a third")
def mirrors() -> None:
    vf1 = Port(env("VF1"))
    bench.add("ip", "", f"action mirred egress mirror dev {env('UPLINK1')} pipe "
              f"action mirred egress mirror dev {env('REP1')} pipe "
              f"action mirred egress redirect dev {bench.rep}")
    try:
        bench.far.send(F.bytes())
        for port in (bench.far1, vf1, bench.vf):
            got = arrival([port], lambda f: MARK in f)
            assert got and got[1] == F.bytes(), port.dev
    finally:
        bench.clear()
        vf1.close()


@test("action: back to the port that it came from")
def hairpin() -> None:
    with bench.rule("ip", "", f"action mirred egress redirect dev {bench.up}") as c:
        bench.far.send(F.bytes())
        got = arrival([bench.far], lambda f: MARK in f)
        assert got and got[1] == F.bytes()
        c.hit(F.bytes())


@test("the PF's netdev down: rules still forward; a miss comes to the representor, if "
      "the driver lets it")
def pf_down() -> None:
    """Mainline's driver has the PF's rings for all of them, and no others."""
    pf, nfp = env("PF"), ktest.driver() == "nfp"
    misses = counter("rx_disabled")
    bench.add("ip", "dst_ip 10.0.0.2",
              f"action mirred egress redirect dev {bench.up}")
    sh(f"ip link set {pf} down")
    try:
        miss = F.with_(to="10.0.0.3").bytes()
        bench.far.send(miss)
        if not nfp:
            got = arrival([bench.far, bench.host, bench.vf], lambda f: MARK in f)
            assert got and got == (bench.host, miss), got
        bench.far.send(F.bytes())
        got = arrival([bench.far, bench.host, bench.vf], lambda f: MARK in f)
        assert got and got == (bench.far, F.bytes()), got
        assert (counter("rx_disabled") > misses) == nfp
    finally:
        sh(f"ip link set {pf} up")
        bench.clear()
    wait_carrier(pf)
    bench.misses(F.bytes())


def qinq(outer: int, inner: int) -> None:
    names = {0x8100: "802.1q", 0x88a8: "802.1ad"}
    with bench.rule(names[outer], f"vlan_id 100 vlan_prio 2 vlan_ethtype "
                    f"{names[inner]} cvlan_id 7 cvlan_prio 5 cvlan_ethtype ip",
                    f"action mirred egress redirect dev {bench.rep}"):
        for o in names:
            for i in names:
                f = F.with_(vlans=[(o, 2 << 13 | 100), (i, 5 << 13 | 7)])
                if (o, i) == (outer, inner):
                    bench.hits(f.bytes())
                else:
                    bench.misses(f.bytes())


for _o in (0x8100, 0x88a8):
    for _i in (0x8100, 0x88a8):
        test(f"match: QinQ {_o:04x}/{_i:04x}, and none of the other three")(
            partial(qinq, _o, _i))


@test("VF to VF and VF to wire, and nothing of it through the host")
def vf_rules() -> None:
    rep0, rep1 = env("REP0"), env("REP1")
    vf1 = Port(env("VF1"))
    wait_carrier(env("VF1"))
    sh(f"tc qdisc add dev {rep0} clsact")
    try:
        ways = ((1, 2000, rep1, vf1), (2, 2001, bench.up, bench.far))
        for pref, dport, out, _ in ways:
            sh(f"tc filter add dev {rep0} ingress prot ip pref {pref} flower skip_sw "
               f"ip_proto udp dst_port {dport} action mirred egress redirect "
               f"dev {out}")
        with counted(rep0) as c:
            for pref, dport, _, port in ways:
                f = F.with_(dport=dport).bytes()
                bench.vf.send(f)
                got = arrival([port], lambda x: MARK in x)
                assert got and got[1] == f
                c.hit(f, (0, pref))
                # Had it gone to the host, it would have before it came out here
                assert not any(MARK in x for x in bench.host_rep.waiting())
            f = F.with_(dport=2002).bytes()
            bench.vf.send(f)
            assert arrival([bench.host_rep], lambda x: x == f)
            c.miss()
    finally:
        sh(f"tc qdisc del dev {rep0} clsact")
        vf1.close()


@test("counters are complete, say when, and are there at the end")
def stats_final() -> None:
    with bench.rule("ip", "", f"action mirred egress redirect dev {bench.rep}") as c:
        until("the rule is old enough to tell its age from its last use",
              lambda: counts(bench.up)[0].age > 0.5)
        for _ in range(50):
            bench.far.send(F.bytes())
        c.hit(F.bytes(), times=50)
        c.check()
        until("idle for a while", lambda: counts(bench.up)[0].idle > 0.5)
        for _ in range(50):
            bench.far.send(F.bytes())
        c.hit(F.bytes(), times=50)
    if model():
        assert counter("rules") == 0 and counter("masks") == 0
    bench.vf.drain()


@test("what the card has reported is in the notification of the delete, unread")
def unread() -> None:
    if ktest.driver() == "nfp":
        raise ktest.Skip("mainline's driver is not what is tested here")
    bench.add("ip", "", f"action mirred egress redirect dev {bench.rep}")
    sh(f"tc qdisc add dev {bench.rep} clsact; tc filter add dev {bench.rep} ingress "
       f"prot ip pref 1 flower skip_sw action mirred egress redirect dev {bench.up}")
    bye = Farewells()
    try:
        (rule,) = counts(bench.up)
        sh("lab-qmp fault stats-held=1")
        bench.hits(F.bytes())
        bench.hits(F.bytes())
        bench.vf.send(F.bytes())
        assert arrival([bench.far], lambda f: f == F.bytes())
        sh("lab-qmp fault stats-held=0")
        # In the same message, behind the one that nobody asks for
        until("reported", lambda: counts(bench.rep)[0].packets == 1)
        delete(bench.up, rule)
        (last,) = bye.take(bench.up)
        assert (last.packets, last.bytes) == (2, 2 * (len(F.bytes()) + OVERHEAD)), last
    finally:
        sh("lab-qmp fault off")
        bye.close()
        sh(f"tc qdisc del dev {bench.rep} clsact")
        bench.clear()


def labelled(payload: int) -> bytes:
    """An MPLS frame."""
    data = F.with_(payload=MARK.ljust(payload, b".")).bytes()
    return data[:12] + b"\x88\x47" + bytes.fromhex("00d05140") + data[14:]


@test("100 MPLS frames of 82 bytes: all counted, and their bytes")
def mpls_bytes() -> None:
    frame = labelled(82 - 46)
    assert len(frame) == 82
    with bench.rule("mpls_uc", "",
                    f"action mirred egress redirect dev {bench.rep}") as c:
        for _ in range(100):
            bench.far.send(frame)
        for _ in range(100):
            got = arrival([bench.vf], lambda f: MARK in f)
            assert got and got[1] == frame
        c.hit(frame, times=100)


def ring0() -> int:
    """Packets that the PF's first ring has received."""
    pf = env("PF")
    if ktest.driver() == "nfp":
        (n,) = re.findall(r"rvec_0_rx_pkts: (\d+)", sh(f"ethtool -S {pf}"))
        return int(n)
    return sum(q["rx-packets"] for q in queue_stats(socket.if_nametoindex(pf))
               if q["queue-id"] == 0 and q["queue-type"] == 0)


@test("what no rule takes and has no IP comes in by the PF's ring 0")
def first_ring() -> None:
    frame = labelled(60)
    bench.add("ip", "", f"action mirred egress redirect dev {bench.rep}")
    try:
        before = ring0()
        for _ in range(100):
            bench.far.send(frame)
            assert arrival([bench.host], lambda f: f == frame)
        until("all of them", lambda: ring0() - before >= 100)
    finally:
        bench.clear()


if __name__ == "__main__":
    quiet()
    bench = Bench()
    raise SystemExit(ktest.run("flower"))
