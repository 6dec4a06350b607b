#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Filters that are not one rule of the card: chains, and ranges of ports."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lib import ktest, tunnel
from lib.counters import Counted, counted, counts, cpu_hits, delete, one_more
from lib.ktest import test
from lib.net import (Port, arrival, counter, env, fails, js, quiet, sh, until,
                     wait_carrier, wire)
from lib.ovs import mac as mac_of
from lib.pkt import ICMP, TCP, Frame
from lib.tunnel import Outer

UP, REP, UP1 = env("UPLINK0"), env("REP0"), env("UPLINK1")
MARK = b"agilio-test-payload"
F = Frame()
TO_VF = f"action mirred egress redirect dev {REP}"
TO_FAR1 = f"action mirred egress redirect dev {UP1}"
CHAINS = range(11)


def add(match: str, action: str = TO_VF, chain: int = 0, pref: int = 1,
        flags: str = "skip_sw", proto: str = "ip") -> str:
    return (f"tc filter add dev {UP} ingress chain {chain} prot {proto} pref {pref} "
            f"flower {flags} {match} {action}")


def number(chain: int, pref: int = 1) -> int:
    """Packets that the card has counted for a filter."""
    (one,) = [c for c in counts(UP) if c.name == (chain, pref)]
    return one.packets


def clear() -> None:
    for dev in (UP, REP):
        for chain in CHAINS:
            sh(f"tc filter del dev {dev} ingress chain {chain}", ok=False)
    for name in ("rules", "masks"):
        assert counter(name) == 0, f"{name} is {counter(name)}"


class Ways:
    """Where a packet comes out, and whether the host had it in between."""

    def __init__(self) -> None:
        self.far, self.far1 = wire(0), wire(1)
        self.vf, self.host = Port(env("VF0")), Port(UP)

    def goes(self, frame: Frame, port: Port | None, by_card: bool = True) -> None:
        """port None: to the host, and no further"""
        self._drain()
        if port and by_card:
            with one_more(UP, frame.bytes()):
                self._goes(frame, port, True)
            return
        hits = cpu_hits()[UP]
        self._goes(frame, port, by_card)
        until("the host's count of it", lambda: cpu_hits()[UP] == hits + 1)

    def _drain(self) -> None:
        for p in (self.far1, self.vf, self.host):
            p.drain()

    def _goes(self, frame: Frame, port: Port | None, by_card: bool) -> None:
        self.far.send(frame.bytes())
        ends = [self.vf, self.far1] if port else [self.vf, self.far1, self.host]
        got = arrival(ends, lambda x: MARK in x)
        assert got and got[0] is (port or self.host), \
            f"{frame} went to {got and got[0].dev}"
        if port:
            seen = any(MARK in x for x in self.host.waiting())
            assert seen != by_card, f"{frame}: the host saw it: {seen}"


    def sees(self, c: Counted, frame: Frame, names: list[tuple[int, int]],
             port: Port | None = None) -> None:
        """By these filters to a port; without any to the host."""
        self._drain()
        self._goes(frame, (port or self.vf) if names else None, True)
        if names:
            c.hit(frame.bytes(), *names)
        else:
            c.miss()


Run = Callable[[Ways], None]


def case(name: str) -> Callable[[Run], Run]:
    """A test that leaves no filter behind, whatever happens."""
    def wrap(fn: Run) -> Run:
        def run() -> None:
            try:
                fn(Ways())
            finally:
                clear()
        test(name)(run)
        return fn
    return wrap


@case("a refused filter of a chain is replaced by one that the card can do, and back")
def replaced(w: Ways) -> None:
    rule = (f"tc filter replace dev {UP} ingress chain 1 prot ip pref 1 handle 1 flower "
            "dst_ip 10.0.0.2 ")
    sh(add("ip_proto udp", "action goto chain 1", flags=""))
    sh(rule + "action pass")
    for action, port in ((TO_VF, w.vf), ("action pass", None), (TO_VF, w.vf)):
        sh(rule + action)
        assert counter("rules") == bool(port)
        w.goes(F, port)


RANGES = [  # lowest, highest, prefixes
    (10, 20, 4), (1000, 1001, 1), (1, 65535, 16), (0, 1023, 1), (5, 6, 2),
    (1023, 1024, 2), (32768, 65535, 1)]


def one_range(low: int, high: int, prefixes: int) -> Run:
    def run(w: Ways) -> None:
        sh(add(f"ip_proto udp dst_port {low}-{high}"))
        assert counter("rules") == prefixes
        with counted(UP) as c:
            for port in sorted({low - 1, low, (low + high) // 2, high, high + 1}):
                if not 0 <= port <= 65535:
                    continue
                f = F.with_(dport=port)
                w.sees(c, f, [(0, 1)] if low <= port <= high else [])
            w.sees(c, F.with_(proto=TCP, dport=high), [])
    return run


for _low, _high, _n in RANGES:
    case(f"dst_port {_low}-{_high}: {_n} rules of the card")(
        one_range(_low, _high, _n))


@case("ranges of both ports: each pair of prefixes")
def both_ranges(w: Ways) -> None:
    sh(add("ip_proto udp src_port 5-6 dst_port 10-20"))
    assert counter("rules") == 8
    for sport in (4, 5, 6, 7):
        for dport in (9, 10, 20, 21):
            hit = sport in (5, 6) and 10 <= dport <= 20
            w.goes(F.with_(sport=sport, dport=dport), w.vf if hit else None)


@case("a range with port 0 is for whole packets only")
def fragments(w: Ways) -> None:
    sh(add("ip_proto udp dst_port 0-1023"))
    w.goes(F.with_(dport=5), w.vf)
    w.goes(F.with_(dport=5, frag=0x2000), None)


@case("ranges of more than 32 rules are refused, with their number")
def too_many(w: Ways) -> None:
    text = fails(add("ip_proto udp src_port 1-65534 dst_port 10-20"))
    assert "120 rules" in text and "limit is 32" in text, text
    sh(add("ip_proto udp src_port 1-65534 dst_port 10-20", flags=""))
    assert counter("rules") == 0
    w.goes(F.with_(dport=10), w.vf, by_card=False)


@case("a range that overlaps a filter before it is refused as a whole")
def range_order(w: Ways) -> None:
    sh(add("ip_proto udp dst_port 17", TO_FAR1, pref=1))
    sh(add("ip_proto udp dst_port 10-20", TO_VF, pref=2, flags=""))
    assert counter("rules") == 1
    w.goes(F.with_(dport=17), w.far1)
    w.goes(F.with_(dport=12), w.vf, by_card=False)
    sh(add("ip_proto udp dst_port 100-120", TO_VF, pref=2))
    w.goes(F.with_(dport=110), w.vf)


def two_chains(parent_first: bool) -> Run:
    def run(w: Ways) -> None:
        rules = [add("dst_mac 02:bb:00:00:00:02", "action goto chain 1"),
                 add("dst_ip 10.0.0.2", TO_VF, chain=1),
                 add("dst_ip 10.0.0.3", TO_FAR1, chain=1, pref=2)]
        for rule in rules if parent_first else reversed(rules):
            sh(rule)
        assert counter("rules") == 2
        c = Counted(UP, UP, False)
        for _ in range(3):
            w.sees(c, F, [(0, 1), (1, 1)])
        w.sees(c, F.with_(to="10.0.0.3"), [(0, 1), (1, 2)], w.far1)
        w.sees(c, F.with_(to="10.0.0.4"), [])
        w.sees(c, F.with_(dst="02:bb:00:00:00:03"), [])
        c.check()
        sh(f"tc filter del dev {UP} ingress chain 1 pref 2")
        del c.hits[1, 2]
        w.sees(c, F.with_(to="10.0.0.3"), [])
        w.sees(c, F, [(0, 1), (1, 1)])
        # Counts of what is gone stay
        c.check()
        sh(f"tc filter del dev {UP} ingress chain 0 pref 1")
        w.goes(F, None)
        assert counter("rules") == 0
    return run


case("goto chain: the parent comes first")(two_chains(True))
case("goto chain: the children come first")(two_chains(False))


@case("what a filter of a chain has counted last is its parents', when it goes")
def last_counts(w: Ways) -> None:
    sh(add("ip_proto udp", "action goto chain 1"))
    sh(add("dst_ip 10.0.0.2", "action goto chain 2", chain=1))
    sh(add("src_ip 10.0.0.1", TO_VF, chain=2))
    c = Counted(UP, UP, False)
    try:
        sh("lab-qmp fault stats-held=1")
        for _ in range(3):
            w.sees(c, F, [(0, 1), (1, 1)])
        sh(f"tc filter del dev {UP} ingress chain 2 pref 1")
        sh("lab-qmp fault off")
        c.check()
        # And those of the next go to whom is still there
        sh(add("src_ip 10.0.0.1", TO_VF, chain=2))
        sh("lab-qmp fault stats-held=1")
        w.sees(c, F, [(0, 1)])
        sh(f"tc filter del dev {UP} ingress chain 2 pref 1; "
           f"tc filter del dev {UP} ingress chain 1 pref 1")
        del c.hits[1, 1]
    finally:
        sh("lab-qmp fault off")
    c.check()


@case("counts that come late are not those of the next in the same context")
def late_counts(w: Ways) -> None:
    """All contexts but one are in use, so that it is the same."""
    sh(f"tc qdisc add dev {UP1} clsact")
    try:
        room = counter("rules_limit") - counter("rules") - 1
        with open("/tmp/fill", "w", encoding="ascii") as f:
            f.writelines(f"filter add dev {UP1} ingress prot ip pref 1 flower skip_sw "
                         f"dst_ip 10.7.{n >> 8}.{n & 255} action drop\n"
                         for n in range(room))
        sh("tc -b /tmp/fill")
        sh(add("ip_proto udp", "action goto chain 1"))
        sh(add("dst_ip 10.0.0.2", TO_VF, chain=1))
        assert "card is full" in fails(add("dst_ip 10.0.0.3", chain=1, pref=2))
        c = Counted(UP, UP, False)
        sh("lab-qmp fault stats-held=1")
        for _ in range(3):
            w.sees(c, F, [(0, 1)])
        for one in counts(UP):
            if one.chain:
                delete(UP, one)
        sh(add("dst_ip 10.0.0.3", chain=1, pref=2))
        sh("lab-qmp fault off")
        c.check()
        w.sees(c, F.with_(to="10.0.0.3"), [(0, 1), (1, 2)])
        c.check()
    finally:
        sh("lab-qmp fault off")
        sh(f"tc qdisc del dev {UP1} clsact")


@case("two parents of one chain, and children that only one of them reaches")
def parents(w: Ways) -> None:
    sh(add("ip_proto udp", "action goto chain 1", pref=1))
    sh(add("ip_proto tcp", "action goto chain 1", pref=2))
    sh(add("dst_ip 10.0.0.2", TO_VF, chain=1))
    assert counter("rules") == 2
    sh(add("ip_proto tcp dst_ip 10.0.0.3", TO_FAR1, chain=1, pref=2))
    assert counter("rules") == 3
    w.goes(F, w.vf)
    w.goes(F.with_(proto=TCP), w.vf)
    w.goes(F.with_(proto=TCP, to="10.0.0.3"), w.far1)
    w.goes(F.with_(to="10.0.0.3"), None)
    until("counted for the child", lambda: number(1) == 2)
    until("and for each parent", lambda: (number(0, 1), number(0, 2)) == (1, 2))


@case("nine chains in a row, and a tenth is refused")
def depth(w: Ways) -> None:
    for n in range(8):
        sh(add(f"ip_proto udp dst_port {F.dport}", f"action goto chain {n + 1}",
               chain=n))
    sh(add("dst_ip 10.0.0.2", TO_VF, chain=8))
    w.goes(F, w.vf)
    w.goes(F.with_(to="10.0.0.3"), None)
    until("each has counted", lambda: [number(n) for n in range(9)] == [1] * 9)
    text = fails(add("dst_ip 10.0.0.3", "action goto chain 9", chain=8, pref=2))
    assert "more than 9 chains" in text, text
    w.goes(F, w.vf)


@case("nine chains that nothing jumps to yet, and what a tenth has is refused")
def depth_up(w: Ways) -> None:
    for n in range(1, 10):
        sh(add("ip_proto udp", f"action goto chain {n + 1}", chain=n))
    text = fails(add("dst_ip 10.0.0.2", chain=10))
    assert "chain 10: more than 9 chains" in text, text
    w.goes(F, None)


@case("a tenth chain above nine is refused, too")
def height(w: Ways) -> None:
    for n in range(1, 9):
        sh(add(f"ip_proto udp dst_port {F.dport}", f"action goto chain {n + 1}",
               chain=n))
    sh(add("dst_ip 10.0.0.2", TO_VF, chain=9))
    text = fails(add("", "action goto chain 1"))
    assert "more than 9 chains" in text, text
    w.goes(F, None)


@case("a chain that leads back to itself is refused")
def loop(w: Ways) -> None:
    sh(add("ip_proto udp", "action goto chain 1"))
    text = fails(add("dst_ip 10.0.0.2", "action goto chain 1", chain=1))
    assert "leads back to itself" in text, text
    text = fails(add("dst_ip 10.0.0.2", "action goto chain 0", chain=1))
    assert "chain 0" in text, text


@case("what a chain does not take is not for later filters of chain 0")
def missed_in_chain(w: Ways) -> None:
    sh(add("", TO_FAR1, pref=9, flags=""))
    w.goes(F, w.far1)
    sh(add("ip_proto udp", "action goto chain 1", pref=1, flags=""))
    sh(add("dst_ip 10.0.0.2", TO_VF, chain=1, flags=""))
    w.goes(F, w.vf)
    w.goes(F.with_(to="10.0.0.3"), None)
    w.goes(F.with_(proto=TCP), w.far1, by_card=False)
    sh(f"tc filter del dev {UP} ingress chain 0 pref 1")
    w.goes(F, w.far1)


@case("filters of a chain act in its order")
def chain_order(w: Ways) -> None:
    sh(add("ip_proto udp", "action goto chain 1", flags=""))
    sh(add("", TO_FAR1, chain=1, pref=9, flags=""))
    w.goes(F, w.far1)
    sh(add("dst_ip 10.0.0.2", TO_VF, chain=1, pref=1, flags=""))
    w.goes(F, w.vf)
    w.goes(F.with_(to="10.0.0.3"), w.far1, by_card=False)
    sh(f"tc filter del dev {UP} ingress chain 1 pref 1")
    w.goes(F, w.far1)


@case("a filter of a chain that only software can do comes first there, too")
def software_in_chain(w: Ways) -> None:
    sh(add("", "action goto chain 1", flags=""))
    sh(add("ip_proto tcp tcp_flags 0x12/0x12", TO_VF, chain=1, pref=1, flags=""))
    sh(add("", TO_FAR1, chain=1, pref=2, flags=""))
    w.goes(F.with_(proto=TCP, flags=0x12), w.vf, by_card=False)
    w.goes(F, w.far1, by_card=False)
    sh(f"tc filter del dev {UP} ingress chain 1 pref 1")
    sh(f"tc filter del dev {UP} ingress chain 1 pref 2")
    sh(add("", TO_FAR1, chain=1, pref=2, flags=""))
    w.goes(F, w.far1)


@case("mirror, then goto chain: a copy, and what the chain does")
def mirror(w: Ways) -> None:
    sh(add("ip_proto udp", f"action mirred egress mirror dev {UP1} pipe "
           "action goto chain 1"))
    sh(add("dst_ip 10.0.0.2", f"action vlan push id 7 pipe {TO_VF}", chain=1))
    w.far.send(F.bytes())
    got = arrival([w.far1], lambda x: MARK in x)
    assert got and got[1] == F.bytes()
    got = arrival([w.vf], lambda x: MARK in x)
    assert got and got[1] == F.with_(vlans=[(0x8100, 7)]).bytes()


@case("VLAN tags: a child without one is never reached by a parent with one")
def tags(w: Ways) -> None:
    tagged = F.with_(vlans=[(0x8100, 5)])
    sh(add("vlan_id 5 vlan_ethtype ip", "action goto chain 1", proto="802.1q"))
    sh(add("dst_ip 10.0.0.2", TO_FAR1, chain=1, pref=1))
    assert counter("rules") == 0
    sh(add("vlan_ethtype ip dst_ip 10.0.0.2", f"action vlan pop pipe {TO_VF}",
           chain=1, pref=2, proto="802.1q"))
    assert counter("rules") == 1
    w.far.send(tagged.bytes())
    got = arrival([w.vf, w.far1, w.host], lambda x: MARK in x)
    assert got and got[0] is w.vf and got[1] == F.bytes()


@case("a range before the jump and one behind it")
def ranges_in_chains(w: Ways) -> None:
    sh(add("ip_proto udp dst_port 10-20", "action goto chain 1"))
    sh(add("ip_proto udp src_port 5-6", TO_VF, chain=1))
    assert counter("rules") == 8
    w.goes(F.with_(sport=5, dport=10), w.vf)
    w.goes(F.with_(sport=6, dport=20), w.vf)
    w.goes(F.with_(sport=7, dport=20), None)
    w.goes(F.with_(sport=6, dport=21), None)
    until("both have counted", lambda: (number(0), number(1)) == (2, 2))


@case("a filter of a chain that is refused for its ranges comes first there, too")
def refused_ranges(w: Ways) -> None:
    sh(add("ip_proto udp dst_port 10-20", "action goto chain 1", flags=""))
    one = add("ip_proto udp src_port 1-1000", TO_VF, chain=1, pref=1, flags="")
    text = sh(one.replace(" flower ", " flower verbose ", 1) + " 2>&1")
    assert "limit is 32" in text, text
    sh(add("", TO_FAR1, chain=1, pref=2, flags=""))
    w.goes(F.with_(sport=1000, dport=10), w.vf, by_card=False)
    w.goes(F.with_(sport=1001, dport=10), w.far1, by_card=False)
    sh(f"tc filter del dev {UP} ingress chain 1 pref 1")
    sh(f"tc filter del dev {UP} ingress chain 1 pref 2")
    sh(add("", TO_FAR1, chain=1, pref=2, flags=""))
    w.goes(F.with_(sport=1000, dport=10), w.far1)


@case("a refusal is counted once, and says what the user did")
def counted_once(w: Ways) -> None:
    def refusals() -> int:
        return sum(int(x.rsplit(":", 1)[1]) for x in
                   sh(f"ethtool -S {UP}").splitlines() if "tc_refused_" in x)

    sh(add("ip_proto udp dst_port 10-20", "action goto chain 1"))
    before = refusals()
    assert "limit is 32" in fails(add("ip_proto udp src_port 1-1000", chain=1))
    assert refusals() == before + 1
    assert "icmp type" in fails(add("ip_proto icmp type 8", chain=1))
    assert refusals() == before + 2


@case("a full mask table in the middle of a chain's rules: nothing is left")
def no_room(w: Ways) -> None:
    used = 0
    while counter("masks") < 250:
        used += 1
        sh(add(f"ip_proto tcp src_port {used}/{used} dst_ip 10.9.0.{used}",
               "action drop", pref=50))
    sh(add("ip_proto udp dst_port 1-65534", "action goto chain 1"))
    text = fails(add("dst_ip 10.0.0.2", TO_VF, chain=1))
    assert "of 255" in text, text
    assert counter("rules") == used and counter("masks") == 250
    w.goes(F, None)


@dataclass
class Step:
    """A filter; @A and @B in its action are the two devices to put out to."""
    match: str
    action: str
    chain: int = 0
    pref: int = 1
    proto: str = "ip"

    def last(self) -> bool:
        return "goto" not in self.action


Seen = list[tuple[str, bytes]]


@dataclass
class Way:
    """Where packets come in, and where they can go."""
    dev: str
    source: Port
    ends: dict[str, Port]
    names: dict[str, str]
    host: Port = field(init=False)

    def __post_init__(self) -> None:
        self.host = Port(self.dev)

    def add(self, step: Step, flags: str) -> str:
        action = step.action
        for letter, name in self.names.items():
            action = action.replace(f"@{letter}", f"action mirred egress redirect dev {name}")
            action = action.replace(f"%{letter}", f"action mirred egress mirror dev {name}")
        return (f"tc filter add dev {self.dev} ingress chain {step.chain} prot "
                f"{step.proto} pref {step.pref} flower {flags} {step.match} {action}")

    def counts(self, steps: list[Step], kind: str) -> list[int]:
        """Of the filters that packets leave by."""
        by_place = {(r["chain"], r["pref"]): r["options"]["actions"]
                    for r in js(f"tc -s -j filter show dev {self.dev} ingress")
                    if "handle" in r.get("options", {})}
        return [max(a["stats"].get(kind, 0) for a in by_place[s.chain, s.pref])
                for s in steps if s.last()]

    def pass_by(self, frame: Frame, where: str, card: bool) -> Seen:
        """What comes out: in the card's run nothing else may see it."""
        for port in (*self.ends.values(), self.host):
            port.drain()
        self.source.send(frame.bytes())
        seen = []
        for letter in where:
            got = arrival([self.ends[letter]], lambda x: MARK in x)
            assert got, f"{frame}: nothing came out of {letter}"
            seen.append((letter, got[1]))
        if card and not where:
            got = arrival([self.host], lambda x: MARK in x)
            assert got and got[1] == frame.bytes(), f"{frame}: not the host's"
        elif card:
            assert not any(MARK in x for x in self.host.waiting()), f"{frame}: the host saw it"
        for letter, port in self.ends.items():
            assert not any(MARK in x for x in port.waiting()), f"{frame}: more at {letter}"
        return seen


Packets = list[tuple[Frame, str]]


def ways() -> list[Way]:
    far, far1, vf = wire(0), wire(1), Port(env("VF0"))
    return [Way(UP, far, {"A": vf, "B": far1}, {"A": REP, "B": UP1}),
            Way(REP, vf, {"A": far, "B": far1}, {"A": UP, "B": UP1})]


def alike(name: str, steps: list[Step], packets: Packets, made: int) -> None:
    """The card and software do the same to the byte, from either side. @made: how
    many rules the card has then: what can't be is none."""
    def run(_: Ways) -> None:
        for way in ways():
            # Whichever comes last makes the rule
            for these in (steps, steps[::-1]):
                for step in these:
                    sh(way.add(step, "skip_sw"))
                assert counter("rules") == made, f"{counter('rules')} rules of {made}"
                if these is steps:
                    card = [way.pass_by(f, where, True) for f, where in packets]
                    until("counted", lambda: sum(way.counts(steps, "hw_packets")) ==
                          sum(bool(where) for _, where in packets))
                    card_counts = way.counts(steps, "hw_packets")
                clear()
            for step in steps:
                sh(way.add(step, "skip_hw"))
            soft = [way.pass_by(f, where, False) for f, where in packets]
            assert card == soft, "\n".join(
                f"{f}: card {a}, software {b}" for (f, _), a, b in
                zip(packets, card, soft) if a != b)
            assert card_counts == way.counts(steps, "packets")
            clear()
    case(f"changed before the jump: {name}")(run)


GO = "action goto chain 1"
NAT = "action pedit ex munge ip dst set 10.0.0.9 pipe action csum ip and udp pipe "
alike("an address that is set is compared with what it was set to", [
    Step("ip_proto udp dst_ip 10.0.0.2", NAT + GO),
    Step("dst_ip 10.0.0.9 src_ip 10.0.0.1", "@A", 1, 1),
    Step("dst_ip 10.0.0.2", "@B", 1, 2)], [
        (F, "A"), (F.with_(ip="10.0.0.5"), ""), (F.with_(to="10.0.0.9"), ""),
        (F.with_(proto=TCP), ""), (F, "A")], 1)
alike("source NAT with ports, and what was not changed is asked of what came in", [
    Step("ip_proto tcp src_ip 10.0.0.0/24", "action pedit ex munge ip src set 192.0.2.1 "
         "munge tcp sport set 40000 pipe action csum ip and tcp pipe " + GO),
    Step("ip_proto tcp src_ip 192.0.2.0/24 src_port 40000 dst_port 80", "@A", 1, 1),
    Step("ip_proto tcp src_ip 192.0.2.1 dst_port 81", "@B", 1, 2),
    Step("ip_proto tcp src_port 1000", "@B", 1, 3)], [
        (F.with_(proto=TCP, dport=80), "A"), (F.with_(proto=TCP, dport=81), "B"),
        (F.with_(proto=TCP, dport=82), ""), (F.with_(dport=80), ""),
        (F.with_(proto=TCP, dport=81, ip="10.0.0.200"), "B")], 2)
alike("a part of a field", [
    Step("dst_ip 10.0.0.0/24", "action pedit ex munge ip dst set 10.0.0.4 retain 0xc "
         "pipe action csum ip and tcp and udp pipe " + GO),
    Step("dst_ip 10.0.0.6", "@A", 1, 1), Step("dst_ip 10.0.0.9", "@B", 1, 2)], [
        (F.with_(to="10.0.0.2"), "A"), (F.with_(to="10.0.0.14"), "A"),
        (F.with_(to="10.0.0.1"), ""), (F.with_(to="10.0.0.6"), "A")], 1)
alike("MAC addresses, and again in the chain", [
    Step("dst_mac 02:bb:00:00:00:02", "action pedit ex munge eth dst set "
         "02:cc:00:00:00:01 munge eth src set 02:cc:00:00:00:02 pipe " + GO),
    Step("dst_mac 02:cc:00:00:00:01 dst_ip 10.0.0.2", "action pedit ex munge eth src "
         "set 02:dd:00:00:00:01 pipe @A", 1, 1),
    Step("dst_mac 02:bb:00:00:00:02", "@B", 1, 2)], [
        (F, "A"), (F.with_(to="10.0.0.3"), ""), (F.with_(proto=ICMP), "A")], 1)
alike("a TTL that goes down from chain to chain", [
    *(Step(f"ip_ttl {64 - n}", f"action pedit ex munge ip ttl set {63 - n} pipe action "
           f"csum ip pipe action goto chain {n + 1}", n) for n in range(8)),
    Step("ip_ttl 56", "@A", 8), Step("ip_ttl 55", "@B", 8, 2)], [
        (F, "A"), (F.with_(ttl=63), ""), (F.with_(proto=TCP), "A")], 1)
alike("IPv6: class, hop limit, addresses", [
    Step("ip_proto tcp ip_tos 0x0/0xfc", "action pedit ex munge ip6 traffic_class set 0xb8 "
         "retain 0xfc munge ip6 hoplimit set 9 munge ip6 dst set fd00::77 pipe action csum tcp "
         "pipe " + GO, proto="ipv6"),
    Step("ip_tos 0xb8/0xfc ip_ttl 9 dst_ip fd00::70/124 src_ip fd00::1", "@A", 1, 1, "ipv6"),
    Step("dst_ip fd00::2", "@B", 1, 2, "ipv6"), Step("ip_tos 0x0/0x80", "@B", 1, 3, "ipv6")], [
        (F.with_(proto=TCP, ip="fd00::1", to="fd00::2", tos=3), "A"),
        (F.with_(proto=TCP, ip="fd00::3", to="fd00::2"), ""),
        (F.with_(ip="fd00::1", to="fd00::2"), ""),
        (F.with_(proto=TCP, ip="fd00::1", to="fd00::2", label=5), "A")], 1)
TAGGED = F.with_(vlans=[(0x8100, 0x6005)])
alike("a tag that is pushed", [
    Step("dst_ip 10.0.0.2", "action vlan push id 7 priority 2 pipe " + GO),
    Step("vlan_id 7 vlan_ethtype ip src_ip 10.0.0.1", "@A", 1, 1, "802.1q"),
    Step("vlan_prio 3", "@B", 1, 2, "802.1q"), Step("src_ip 10.0.0.1", "@B", 1, 3)], [
        (F, "A"), (F.with_(ip="10.0.0.7"), ""), (TAGGED, ""), (F.with_(proto=TCP), "A")], 1)
alike("a tag that is popped", [
    Step("vlan_id 5", "action vlan pop pipe " + GO, proto="802.1q"),
    Step("dst_ip 10.0.0.2", "action pedit ex munge ip ttl set 9 pipe action csum ip pipe @A",
         1, 1),
    Step("vlan_id 6", "@B", 1, 2, "802.1q")], [
        (TAGGED, "A"), (TAGGED.with_(to="10.0.0.3"), ""),
        (F.with_(vlans=[(0x8100, 5), (0x8100, 6)]), "B"),
        (F.with_(vlans=[(0x8100, 5), (0x8100, 7)]), ""), (F, ""), (TAGGED, "A")], 2)
alike("two tags that are popped one by one", [
    Step("vlan_id 5 vlan_ethtype 802.1q", "action vlan pop pipe " + GO, proto="802.1ad"),
    Step("vlan_id 6 vlan_ethtype ip", "action vlan pop pipe action goto chain 2", 1, 1,
         "802.1q"),
    Step("ip_proto udp dst_port 2000", "action vlan push id 8 pipe @A", 2)], [
        (F.with_(vlans=[(0x88a8, 5), (0x8100, 6)]), "A"),
        (F.with_(vlans=[(0x88a8, 5), (0x8100, 7)]), ""),
        (F.with_(vlans=[(0x88a8, 5)]), ""),
        (F.with_(vlans=[(0x88a8, 5), (0x8100, 6)], dport=9), "")], 1)
alike("a tag that is modified, and one more", [
    Step("vlan_id 5 vlan_prio 3 vlan_ethtype ip", "action vlan modify id 9 priority 1 pipe "
         "action vlan push id 10 protocol 802.1ad pipe " + GO, proto="802.1q"),
    Step("vlan_id 10 vlan_ethtype 802.1q cvlan_id 9 cvlan_prio 1 cvlan_ethtype ip "
         "dst_ip 10.0.0.2", "@A", 1, 1, "802.1ad"),
    Step("vlan_id 10 vlan_ethtype 802.1q cvlan_id 5", "@B", 1, 2, "802.1ad"),
    Step("vlan_id 10 vlan_ethtype ip", "@B", 1, 3, "802.1ad")], [
        (TAGGED, "A"), (TAGGED.with_(to="10.0.0.3"), ""), (F, "")], 1)
alike("a copy is what it was by then", [
    Step("ip_proto udp", "%B pipe action pedit ex munge udp dport set 53 pipe action csum "
         "udp pipe %B pipe action vlan push id 7 pipe " + GO),
    Step("vlan_ethtype ip ip_proto udp dst_port 53 src_port 1000", "action vlan modify id 8 "
         "priority 1 pipe @A", 1, 1, "802.1q")], [
        (F, "BBA"), (F.with_(proto=TCP), ""), (F.with_(dport=1), "BBA")], 1)
LSE = (100 << 12 | 1 << 8 | 64).to_bytes(4, "big")
alike("a label that is pushed", [
    Step("ip_proto udp", "action mpls push protocol mpls_uc label 100 ttl 64 pipe " + GO),
    Step("mpls_label 100", "action mpls modify label 101 pipe @A", 1, 1, "mpls_uc"),
    Step("mpls_label 99", "@B", 1, 2, "mpls_uc"), Step("ip_proto udp", "@B", 1, 3)], [
        (F, "A"), (F.with_(proto=TCP), ""), (F.with_(dport=7), "A")], 1)
alike("a label that is popped", [
    Step("mpls_label 100", "action mpls pop protocol ip pipe " + GO, proto="mpls_uc"),
    Step("dst_mac 02:bb:00:00:00:02", "action vlan push id 7 pipe @A", 1)], [
        (F.with_(ethertype=0x8847, raw=LSE + F.bytes()[14:]), "A"),
        (F.with_(ethertype=0x8847, raw=b"\0" + LSE[1:] + F.bytes()[14:],
                 dst="02:bb:00:00:00:03"), "")], 1)
alike("a port that is set, and ranges", [
    Step("ip_proto udp dst_port 10-20", "action pedit ex munge udp dport set 100 pipe action "
         "csum udp pipe " + GO),
    Step("ip_proto udp dst_port 96-103 src_port 5-6", "@A", 1, 1),
    Step("ip_proto udp dst_port 10-20", "@B", 1, 2)], [
        (F.with_(sport=5, dport=10), "A"), (F.with_(sport=6, dport=20), "A"),
        (F.with_(sport=7, dport=20), ""), (F.with_(sport=6, dport=21), "")], 8)


@case("a match behind a label that was popped, and on a third tag, is refused")
def unseen(w: Ways) -> None:
    sh(add("mpls_label 100", "action mpls pop protocol ip pipe action goto chain 1",
           proto="mpls_uc"))
    text = fails(add("dst_ip 10.0.0.2", chain=1))
    assert "chain 1: a match behind an MPLS label" in text, text
    text = fails(add("ip_proto udp", chain=1))
    assert "chain 1: a match behind an MPLS label" in text, text
    sh(add("vlan_id 5", "action vlan pop pipe action goto chain 2", proto="802.1q", pref=2))
    text = fails(add("vlan_id 6 vlan_ethtype 802.1q cvlan_id 7", chain=2, proto="802.1q"))
    assert "chain 2: a match on a third VLAN tag" in text, text
    assert counter("rules") == 0


@case("what is refused in a chain comes first there, whatever was changed before")
def refused_behind(w: Ways) -> None:
    sh(add("ip_proto udp ip_ttl 64", NAT + "action goto chain 1", flags=""))
    sh(add("", TO_FAR1, chain=1, pref=9, flags=""))
    w.goes(F, w.far1)
    for match, port, by_card in (("dst_ip 10.0.0.9 ip_ttl 63", w.far1, True),
                                 ("dst_ip 10.0.0.8 ip_proto udp src_port 1-1000",
                                  w.far1, True),
                                 ("dst_ip 10.0.0.9 ip_tos 0x10/0x10", w.far1, False),
                                 ("dst_ip 10.0.0.9 ip_ttl 64", None, False)):
        # trap is nothing for the card
        sh(add(match, "action trap", chain=1, pref=1, flags=""))
        w.goes(F, port, by_card)
        sh(f"tc filter del dev {UP} ingress chain 1 pref 1")
    w.goes(F, w.far1)


@case("goto chain after pedit without csum, or tunnel_key set, is refused")
def half_done(w: Ways) -> None:
    text = fails(add("ip_proto udp", "action pedit ex munge ip ttl set 9 pipe action goto "
                     "chain 1"))
    assert "goto chain 1 after pedit: csum ip is missing" in text, text
    text = fails(add("", "action tunnel_key set src_ip 192.168.5.1 dst_ip 192.168.5.2 id 5 "
                     "dst_port 4789 nocsum pipe action goto chain 1"))
    assert "goto chain 1 after tunnel_key set" in text, text


O = Outer("vxlan", "192.168.5.2", "192.168.5.1", "02:00:00:00:00:aa", mac_of(UP))


def on_tunnel(dev: str, match: str, action: str, chain: int = 0, pref: int = 1) -> bool:
    """tc has no skip_sw there. Return: is it in the card?"""
    sh(f"tc filter add dev {dev} ingress chain {chain} prot ip pref {pref} flower {match} "
       f"{action}")
    (rule,) = [r for r in js(f"tc -j filter show dev {dev} ingress")
               if r["chain"] == chain and r["pref"] == pref and "handle" in r.get("options", {})]
    return bool(rule["options"].get("in_hw"))


@case("out of a tunnel, then a chain: with the outer header, or without")
def decap(w: Ways) -> None:
    dev = tunnel.device("vxlan")
    try:
        assert on_tunnel(dev, f"{O.match()} enc_tos 0 ip_proto udp", NAT + "action goto chain 1")
        assert on_tunnel(dev, f"{O.match()} enc_tos 0 dst_ip 10.0.0.9",
                         f"action tunnel_key unset pipe {TO_FAR1}", 1)
        assert on_tunnel(dev, f"{O.match()} enc_tos 0 ip_proto tcp",
                         "action tunnel_key unset pipe action goto chain 2", 0, 2)
        assert on_tunnel(dev, "ip_proto tcp dst_port 2000", TO_FAR1, 2)
        # There is no outer header any more
        assert on_tunnel(dev, f"{O.match()} enc_tos 0 ip_proto tcp dst_port 2000",
                         TO_VF, 2, 2)
        assert counter("rules") == 2
        for frame, want in ((F, F.with_(to="10.0.0.9")), (F.with_(proto=TCP),) * 2):
            w.far1.drain()
            w.host.drain()
            w.far.send(O.bytes(frame.bytes()))
            got = arrival([w.far1, w.vf, w.host], lambda x: MARK in x)
            assert got and got[0] is w.far1 and got[1] == want.bytes(), got
        w.goes(F, None)
    finally:
        for chain in (0, 1, 2):
            sh(f"tc filter del dev {dev} ingress chain {chain}", ok=False)
        tunnel.remove_devices()


@case("changed, then into a tunnel; an output after that is refused")
def encap(w: Ways) -> None:
    dev = tunnel.device("vxlan")
    into = Outer("vxlan", "192.168.5.1", "192.168.5.2", mac_of(UP1), "02:00:00:00:00:aa",
                 csum=False)
    out = f"action mirred egress redirect dev {dev}"
    sh(f"ip addr add 192.168.5.1/24 dev {UP1}; "
       f"ip neigh replace 192.168.5.2 lladdr 02:00:00:00:00:aa dev {UP1}")
    try:
        sh(add("ip_proto udp", NAT + "action goto chain 1"))
        sh(add("dst_ip 10.0.0.9", f"action {into.action()} pipe {out}", chain=1))
        until("the card knows the neighbour", lambda: counter("neighs") >= 1)
        w.far1.drain()
        w.far.send(F.bytes())
        got = arrival([w.far1, w.host], lambda x: MARK in x)
        want = into.like(got[1]).bytes(F.with_(to="10.0.0.9").bytes()) if got else b""
        assert got and got[1] == want, f"{got}\n{want.hex()}"
        w.goes(F.with_(proto=TCP), None)
        sh(add("ip_proto tcp", f"action {into.action()} pipe "
               f"{out.replace('redirect', 'mirror')} pipe action goto chain 2", pref=2))
        # The card would put the header on these, too
        for after in (f"action {into.action()} pipe {out}", TO_VF):
            text = fails(add("", after, chain=2))
            assert "chain 2: an output after one into a tunnel" in text, text
        sh(add("", "action drop", chain=2))
        tcp = F.with_(proto=TCP)
        w.far1.drain()
        w.far.send(tcp.bytes())
        got = arrival([w.far1, w.host], lambda x: MARK in x)
        want = into.like(got[1]).bytes(tcp.bytes()) if got else b""
        assert got and got[1] == want, f"{got}\n{want.hex()}"
    finally:
        clear()
        sh(f"ip addr del 192.168.5.1/24 dev {UP1}", ok=False)
        tunnel.remove_devices()


if __name__ == "__main__":
    quiet()
    for _dev in (UP, REP, env("VF0")):
        wait_carrier(_dev)
    sh(f"tc qdisc add dev {UP} clsact; tc qdisc add dev {REP} clsact")
    raise SystemExit(ktest.run("chains", refusals=True, slabs=True))
