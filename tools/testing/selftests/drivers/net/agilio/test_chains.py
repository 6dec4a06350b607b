#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Filters that are not one rule of the card: chains, and ranges of ports."""
from __future__ import annotations

from collections.abc import Callable

from lib import ktest
from lib.counters import Counted, counted, counts, cpu_hits, delete, one_more
from lib.ktest import test
from lib.net import (Port, arrival, counter, env, fails, quiet, sh,
                     until, wait_carrier, wire)
from lib.pkt import TCP, Frame

UP, REP, UP1 = env("UPLINK0"), env("REP0"), env("UPLINK1")
MARK = b"agilio-test-payload"
F = Frame()
TO_VF = f"action mirred egress redirect dev {REP}"
TO_FAR1 = f"action mirred egress redirect dev {UP1}"
CHAINS = range(6)


def add(match: str, action: str = TO_VF, chain: int = 0, pref: int = 1,
        flags: str = "skip_sw", proto: str = "ip") -> str:
    return (f"tc filter add dev {UP} ingress chain {chain} prot {proto} pref {pref} "
            f"flower {flags} {match} {action}")


def number(chain: int, pref: int = 1) -> int:
    """Packets that the card has counted for a filter."""
    (one,) = [c for c in counts(UP) if c.name == (chain, pref)]
    return one.packets


def clear() -> None:
    for chain in CHAINS:
        sh(f"tc filter del dev {UP} ingress chain {chain}", ok=False)
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


@case("four chains in a row, and a fifth is refused")
def depth(w: Ways) -> None:
    for n in range(3):
        sh(add(f"ip_proto udp dst_port {F.dport}", f"action goto chain {n + 1}",
               chain=n))
    sh(add("dst_ip 10.0.0.2", TO_VF, chain=3))
    w.goes(F, w.vf)
    w.goes(F.with_(to="10.0.0.3"), None)
    until("each has counted", lambda: [number(n) for n in range(4)] == [1] * 4)
    text = fails(add("dst_ip 10.0.0.3", "action goto chain 4", chain=3, pref=2))
    assert "more than 4 chains" in text, text
    w.goes(F, w.vf)


@case("four chains that nothing jumps to yet, and what a fifth has is refused")
def depth_up(w: Ways) -> None:
    for n in range(1, 5):
        sh(add("ip_proto udp", f"action goto chain {n + 1}", chain=n))
    text = fails(add("dst_ip 10.0.0.2", chain=5))
    assert "chain 5: more than 4 chains" in text, text
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


@case("goto chain after an action that changes packets is refused")
def changed(w: Ways) -> None:
    text = fails(add("", "action vlan push id 7 pipe action goto chain 1"))
    assert "goto chain 1 after" in text, text


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


if __name__ == "__main__":
    quiet()
    for _dev in (UP, REP, env("VF0")):
        wait_carrier(_dev)
    sh(f"tc qdisc add dev {UP} clsact")
    raise SystemExit(ktest.run("chains", refusals=True, slabs=True))
