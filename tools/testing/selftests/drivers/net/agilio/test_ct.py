#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Stateful rules as Open vSwitch has them (R13 to R15): what is established goes
through the card, both ways, as if software had done it."""
from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lib import ct, ktest
from lib.counters import counts
from lib.ct import Host, Net, Talk
from lib.ktest import Skip, test
from lib.net import counter, env, fails, quiet, sh, until, wait_carrier

UP, REP = env("UPLINK0"), env("REP0")
OUT, BACK = f"action mirred egress redirect dev {UP}", \
    f"action mirred egress redirect dev {REP}"


def rule(dev: str, chain: int, match: str, action: str, pref: int = 2,
         proto: str = "ip") -> str:
    return (f"tc filter add dev {dev} ingress prot {proto} pref {pref} chain {chain} "
            f"flower {match} ip_flags nofrag {action}")


def firewall(proto: str = "ip", nat: str = "", commit: str = "", est: str = "",
             zone: int = 5) -> list[str]:
    """R13, both ways; with nat R15."""
    entry = f"action ct zone {zone} {nat} pipe action goto chain"
    return [
        rule(REP, 0, "ct_state -trk", f"{entry} 10", proto=proto),
        rule(REP, 10, "ct_state +trk+new",
             f"action ct commit zone {zone} {commit} pipe {OUT}", proto=proto),
        rule(REP, 10, f"ct_state +trk+est {est}", OUT, pref=3, proto=proto),
        rule(UP, 0, "ct_state -trk", f"{entry} 11", proto=proto),
        rule(UP, 11, f"ct_state +trk+est {est}", BACK, proto=proto)]


def two_zones(proto: str = "ip") -> list[str]:
    """R14: the first zone's mark is looked at on the way back."""
    return [
        rule(REP, 0, "ct_state -trk", "action ct zone 1 pipe action goto chain 14",
             proto=proto),
        rule(REP, 14, "ct_state +trk+new", "action ct commit zone 1 mark "
             "0x1/0xffffffff pipe action ct zone 2 pipe action goto chain 15",
             proto=proto),
        rule(REP, 14, "ct_state +trk+est-rel",
             "action ct zone 2 pipe action goto chain 15", pref=3, proto=proto),
        rule(REP, 15, "ct_state +trk+new", f"action ct commit zone 2 pipe {OUT}",
             proto=proto),
        rule(REP, 15, "ct_state +trk+est", OUT, pref=3, proto=proto),
        rule(UP, 0, "ct_state -trk", "action ct zone 2 pipe action goto chain 16",
             proto=proto),
        rule(UP, 16, "ct_state +trk+est+rpl",
             "action ct zone 1 pipe action goto chain 17", proto=proto),
        rule(UP, 17, "ct_state +trk+est+rpl ct_mark 0x1", BACK, proto=proto)]


@dataclass
class Case:
    """A connection under rules, and how the far end sees it."""
    name: str
    rules: Callable[[Net], list[str]]
    tcp: bool
    v6: bool = False
    # Host number of what the tenant calls, and its port; 0: the far end itself
    to: int = 0
    port: int = 0
    far_port: int = 0
    # Host number of whom the far end hears, and which ports
    heard: int = 1
    ports: range = field(default_factory=lambda: range(1, 65536))


def proto_of(n: Net) -> str:
    return "ipv6" if n.v6 else "ip"


CASES = [
    *(Case(f"{'TCP' if tcp else 'UDP'} over IPv{6 if v6 else 4}",
           lambda n: firewall(proto_of(n)), tcp, v6)
      for v6 in (False, True) for tcp in (False, True)),
    *(Case(f"two zones and a mark, {'TCP' if tcp else 'UDP'}",
           lambda n: two_zones(proto_of(n)), tcp) for tcp in (False, True)),
    *(Case(f"source NAT, {'TCP' if tcp else 'UDP'}",
           lambda n: firewall(nat="nat", commit=f"nat src addr {n.host(100)} "
                              "port 5000-50000"), tcp, heard=100,
           ports=range(5000, 50001)) for tcp in (False, True)),
    *(Case(f"destination NAT, {'TCP' if tcp else 'UDP'}",
           lambda n: firewall(nat="nat", commit=f"nat dst addr {n.far} port 8080"),
           tcp, to=50, port=80, far_port=8080) for tcp in (False, True)),
    Case("source NAT, IPv6", lambda n: firewall(
        "ipv6", nat="nat", commit=f"nat src addr {n.host(0x100)}"), True, True,
        heard=0x100),
]


def established(n: Net, c: Case) -> None:
    if c.heard != 1:
        n.neighbour(ct.FAR, n.host(c.heard))
    if c.to:
        n.neighbour(ct.TENANT, n.host(c.to))
    for line in c.rules(n):
        sh(line)
    before = counter("rules")
    talk, host = Talk(n, c.tcp, n.host(c.to) if c.to else "", c.port, c.far_port), Host()
    talk.offloaded(before)
    address, port = talk.peer[:2]
    assert address == n.host(c.heard) and port in c.ports, f"heard {talk.peer}"
    host.drain()
    talk.exchange(20)
    seen = host.seen()
    assert not seen, f"the host saw {seen} packets of it"
    talk.close()


def make(n: int, c: Case) -> None:
    @test(f"established: {c.name}")
    def _() -> None:
        if ktest.driver() == "nfp" and c.v6 and c.heard != 1:
            raise Skip("mainline refuses NAT of IPv6 addresses")
        net = Net(n, c.v6)
        net.up()
        try:
            established(net, c)
        finally:
            ct.flush()
            net.down()


for _n, _c in enumerate(CASES, 1):
    make(_n, _c)


class Open:
    """with Open(n) as (talk, host): a connection in the card, both ways"""

    def __init__(self, n: int, tcp: bool = False, commit: str = "",
                 est: str = "") -> None:
        self.net, self.tcp = Net(n), tcp
        self.rules = firewall(commit=commit, est=est)

    def __enter__(self) -> tuple[Talk, Host]:
        if ktest.driver() == "nfp":
            raise Skip("mainline leaves the flows of connections in the card")
        self.net.up()
        for line in self.rules:
            sh(line)
        self.talk = Talk(self.net, self.tcp)
        self.talk.offloaded(0)
        return self.talk, Host()

    def __exit__(self, *_: object) -> None:
        self.talk.close()
        ct.flush()
        self.net.down()
        for name in ("rules", "masks"):
            until(f"no {name}", lambda: not counter(name))


def gone(seconds: float = 20) -> None:
    until("no rules in the card", lambda: not counter("rules"), seconds)


def counted(dev: str) -> dict[tuple[int, int], int]:
    """Packets that the card has counted, by chain and priority."""
    return {c.name: c.packets for c in counts(dev)}


@test("counters: a packet counts once in each filter of its way")
def counters() -> None:
    before = counter("lookup_hits")
    with Open(21) as (talk, _):
        talk.exchange(20)

        def all_told() -> bool:
            return counted(REP)[0, 2] + counted(UP)[0, 2] == \
                counter("lookup_hits") - before
        until("as many as the model has found rules for", all_told)
        there, back = counted(REP), counted(UP)
        assert there[0, 2] == there[10, 3] >= 20, there
        assert back[0, 2] == back[11, 2] >= 20, back


@test("a TCP connection that ends leaves the card")
def fin() -> None:
    with Open(22, tcp=True) as (talk, _):
        talk.close()
        gone()


@test("idle for longer than the stack allows: it leaves; in use: it stays")
def aged() -> None:
    timeout = "net.netfilter.nf_flowtable_udp_timeout"
    sh(f"sysctl -qw {timeout}=4")
    try:
        with Open(23) as (talk, host):
            host.drain()
            end = time.monotonic() + 12
            while time.monotonic() < end:
                talk.exchange()
                time.sleep(1)  # what is tested is that nothing happens meanwhile
            assert not host.seen(), "it was aged out while in use"
            gone(30)
            talk.offloaded(0)
    finally:
        sh(f"sysctl -qw {timeout}=30")


@test("a rule goes, and with it its half; it comes back, and so does that")
def rule_again() -> None:
    with Open(24) as (talk, host):
        est = rule(REP, 10, "ct_state +trk+est", OUT, pref=3)
        sh(f"tc filter del dev {REP} ingress chain 10 pref 3")
        assert counter("rules") == 1
        sh(est)
        assert counter("rules") == 2
        host.drain()
        talk.exchange(5)
        assert not host.seen()
        sh(f"tc filter del dev {REP} ingress chain 0 pref 2")
        assert counter("rules") == 1
        sh(f"tc filter del dev {UP} ingress chain 0 pref 2")
        assert not counter("rules")


@test("the first rule after the connection: the stack gives it again")
def rule_later() -> None:
    with Open(25) as (talk, _):
        for dev in (UP, REP):
            sh(f"tc filter del dev {dev} ingress chain 0")
        assert not counter("rules")
        for line in firewall():
            if "chain 0" in line:
                sh(line)
        talk.offloaded(0)


@test("a filter that comes before the established one stops it")
def order() -> None:
    with Open(26) as (talk, _):
        tcp = rule(REP, 10, "ip_proto tcp", "action drop", pref=1)
        sh(tcp)
        assert counter("rules") == 2, "it is about another protocol"
        sh(tcp.replace("filter add", "filter del").split(" flower")[0])
        sh(rule(REP, 10, "ip_proto udp", "action drop", pref=1))
        talk.client.send(ct.MARK)

        def dropped() -> int:
            (first,) = [c for c in counts(REP) if c.name == (10, 1)]
            return first.packets + first.soft[0]
        until("it was dropped", dropped)
        talk.server.setblocking(False)
        try:
            got = talk.server.recv(2048)
        except BlockingIOError:
            got = b""
        assert not got, "a drop that comes first was passed by"


@test("what asks for another mark is not its rule")
def mark() -> None:
    with Open(27, commit="mark 5", est="ct_mark 5"):
        sh(f"tc filter del dev {REP} ingress chain 10 pref 3")
        sh(rule(REP, 10, "ct_state +trk+est ct_mark 6", OUT, pref=3))
        assert counter("rules") == 1


@test("ct without nat finds the connection and leaves the addresses alone")
def no_nat() -> None:
    if ktest.driver() == "nfp":
        raise Skip("mainline has NAT whether it is asked for or not")
    net = Net(30)
    net.up()
    net.neighbour(ct.FAR, net.host(100))
    try:
        for line in firewall(nat="nat", commit=f"nat src addr {net.host(100)}"):
            sh(line)
        talk = Talk(net, False)
        talk.offloaded(0)
        assert talk.peer[0] == net.host(100)
        sh(f"tc filter del dev {REP} ingress chain 0 pref 2")
        sh(rule(REP, 0, "ct_state -trk", "action ct zone 5 pipe action goto chain 10"))

        def heard() -> str:
            talk.client.send(ct.MARK)
            return str(talk.server.recvfrom(2048)[1][0])
        until("in the card again", lambda: heard() and counter("rules") == 2)
        host = Host()
        assert heard() == net.tenant and not host.seen()
        talk.close()
    finally:
        ct.flush()
        net.down()


WORDS = [
    ("ct_state +trk+new", OUT, "such packets are the host's"),
    ("ct_state +trk+est", f"action ct commit zone 5 pipe {OUT}",
     "ct commit: a new connection is the host's"),
    ("ct_state -trk", "action ct zone 5", "ct without goto chain"),
    ("ct_state -trk", f"action ct zone 5 pipe {OUT}",
     "action mirred egress redirect after ct: only goto chain can follow"),
    ("ct_state -trk", "action ct zone 5 pipe action goto chain 9",
     "ct with skip_sw or verbose"),
    ("ct_state -trk ip_proto udp", "action pedit ex munge ip dst set 10.9.29.3 pipe "
     "action ct zone 5 pipe action goto chain 9", "ct after pedit: csum ip is missing"),
]


@test("what can't be done is refused in words")
def words() -> None:
    if ktest.driver() == "nfp":
        raise Skip("mainline has other words")
    for match, action, why in WORDS:
        text = fails(rule(REP, 3, f"skip_sw {match}", action))
        assert why in text, f"{why!r} is not in {text!r}"


@test("the driver goes while connections are in the card")
def unbind() -> None:
    talk, _ = Open(28).__enter__()
    sh(f"echo {env('CARD')} > /sys/bus/pci/drivers/agilio/unbind")
    assert not counter("rules")
    talk.close()


if __name__ == "__main__":
    quiet()
    wait_carrier(UP)
    wait_carrier("wire0", ns="wire0")
    ct.setup()
    if ktest.driver() == "nfp":
        # Mainline's driver oopses when it is shut down after connections
        Path("/run/pull-the-plug").touch()
    raise SystemExit(ktest.run("ct", refusals=True))
