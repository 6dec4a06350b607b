#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tunnels, rules skip_sw: decapsulation with a packet that must hit and ones
that differ in one property; encapsulation byte for byte; neighbours."""
from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lib import ktest, tunnel
from lib.counters import Counted, counted
from lib.ktest import test
from lib.net import (Port, arrival, counter, env, fails, in_ns, quiet,
                     rules, sh, until, wait_carrier, wire)
from lib.ovs import mac as mac_of
from lib.pkt import TCP, Frame
from lib.tunnel import Option, Outer

MARK = b"agilio-test-payload"
UP, REP = env("UPLINK0"), env("REP0")
PEER = "02:00:00:00:00:aa"
LOCAL = {False: "192.168.5.1", True: "fd00:5::1"}
REMOTE = {False: "192.168.5.2", True: "fd00:5::2"}
INNER = Frame(proto=TCP)
INNER6 = Frame(proto=TCP, ip="fd00::1", to="fd00::2")
OPTION = Option(0x0102, 0x80, bytes.fromhex("00010002"))
far: Port
far1: Port
vf: Port
host: Port
on_rep: Port
arp: Port
arp_seen = 0
# Whoever looks at what the rules count meanwhile
count: Counted | None = None


def incoming(kind: str, v6: bool, **kw: object) -> Outer:
    return Outer(kind, REMOTE[v6], LOCAL[v6], PEER, mac_of(UP), tos=0x1e,
                 ttl=99).with_(**kw)


def outgoing(kind: str, v6: bool, **kw: object) -> Outer:
    return Outer(kind, LOCAL[v6], REMOTE[v6], mac_of(UP), PEER, tos=0x1c,
                 ttl=99).with_(**kw)


def marked(data: bytes) -> bool:
    return MARK in data


def comes_out(data: bytes, want: bytes, what: str) -> None:
    vf.drain()
    host.drain()
    far.send(data)
    # The far end of the wire may have something to say about earlier packets
    got = arrival([vf, host], lambda f: f in (data, want))
    assert got, f"{what}: arrived nowhere, or changed"
    assert got[0] is vf, f"{what}: missed"
    if count:
        # Rules of a tunnel's device count what comes out of it
        count.hit(want)


def is_missed(data: bytes, what: str) -> None:
    vf.drain()
    host.drain()
    far.send(data)
    got = arrival([host], lambda f: f == data)
    assert got, f"{what}: hit, or changed on the way to the host"
    # Had the card taken it, then before this
    assert not any(marked(f) for f in vf.waiting()), f"{what}: hit as well"
    if count:
        count.miss()


def tunnel_rule(dev: str, match: str, actions: str = "") -> None:
    """A rule on a device that isn't the card's; tc has no skip_sw there."""
    sh(f"tc filter add dev {dev} ingress prot ip pref 1 flower {match} "
       f"{actions or 'action tunnel_key unset pipe'} action mirred egress redirect "
       f"dev {REP}")
    assert all(r["options"].get("in_hw") for r in rules(dev)), "not in the card"


def decap_rule(dev: str, o: Outer) -> None:
    tunnel_rule(dev, f"{o.match()} enc_tos 0x{o.tos:x} enc_ttl {o.ttl}")


@contextmanager
def counting(dev: str) -> Iterator[None]:
    """By comes_out() and is_missed(); the host's stack is between them and the
    wire's, which talk of what they see."""
    global count
    try:
        with counted(dev, UP, strays=True) as count:
            yield
    finally:
        count = None


def decap(kind: str, v6: bool) -> Callable[[], None]:
    def run() -> None:
        dev = tunnel.device(kind, v6)
        o = incoming(kind, v6)
        inner = INNER.bytes()
        decap_rule(dev, o)
        try:
            with counting(dev):
                comes_out(o.bytes(inner), inner, "as matched")
                comes_out(o.with_(sport=1).bytes(inner), inner, "another source port")
                comes_out(o.with_(csum=False).bytes(inner), inner, "no UDP checksum")
                is_missed(o.with_(src=REMOTE[v6][:-1] + "3").bytes(inner), "source")
                is_missed(o.with_(dst=LOCAL[v6][:-1] + "9").bytes(inner), "destination")
                is_missed(o.with_(key=101).bytes(inner), "key")
                is_missed(o.with_(tos=0x1f).bytes(inner), "tos")
                is_missed(o.with_(ttl=98).bytes(inner), "ttl")
                is_missed(o.bytes(INNER6.bytes()), "inner protocol")
                if kind != "gre":
                    is_missed(o.with_(dport=4790).bytes(inner), "UDP port")
        finally:
            sh(f"tc filter del dev {dev} ingress")
    return run


def encap(kind: str, v6: bool, inner: Frame, sums: bool,
          options: tuple[Option, ...] = ()) -> Callable[[], None]:
    def run() -> None:
        dev = tunnel.device(kind, v6)
        o = outgoing(kind, v6, csum=sums, options=options, tos=0x1e)
        # The congestion bits are the inner packet's, as in software; mainline
        # leaves them to the firmware, which takes the rule's
        tos = o.tos if ktest.driver() == "nfp" else o.tos & ~3
        proto = "ipv6" if inner.v6 else "ip"
        sh(f"tc filter add dev {REP} ingress prot {proto} pref 1 flower skip_sw "
           f"ip_proto tcp action {o.action()} pipe action mirred egress redirect "
           f"dev {dev}")
        data = inner.bytes()
        try:
            primed()
            vf.drain()
            far.drain()
            with counted(REP) as c:
                for _ in range(10):
                    vf.send(data)
                    got = arrival([far], marked)
                    assert got, "nothing came out of the wire"
                    want = o.with_(tos=tos).like(got[1]).bytes(data)
                    assert got[1] == want, f"\n got {got[1].hex()}\nwant {want.hex()}"
                    c.hit(data)
        finally:
            sh(f"tc filter del dev {REP} ingress")
    return run


def primed() -> None:
    """Until the card has the neighbour; mainline's has both at once."""
    until("the card knows the neighbour",
          lambda: counter("neighs") >= (2 if ktest.driver() == "nfp" else 1))


for _kind in tunnel.KINDS:
    for _v6 in (False, True):
        _family = "IPv6" if _v6 else "IPv4"
        test(f"decap: {_kind} over {_family}, hit and misses")(decap(_kind, _v6))
        for _inner in (INNER, INNER6):
            for _sums in (True, False):
                test(f"encap: {_kind} over {_family}, inner "
                     f"{'IPv6' if _inner.v6 else 'IPv4'}, "
                     f"{'csum' if _sums else 'nocsum'}")(
                         encap(_kind, _v6, _inner, _sums))


@dataclass
class Geneve:
    name: str
    match: tuple[Option, ...]
    hit: tuple[Option, ...]
    miss: list[tuple[Option, ...]]
    v6: bool = False


def opt(size: int, kind: int = 0x80, klass: int = 0x0102, last: int = 0) -> Option:
    return Option(klass, kind, bytes(range(size - 1)) + bytes([last]))


def more(*options: tuple[Option, ...]) -> list[tuple[Option, ...]]:
    """Right but for options that follow: mainline takes them for a hit."""
    return [] if ktest.driver() == "nfp" else list(options)


# Over IPv6 the card sees one option and not whether more follow: refused below
GENEVE = [
    *(Geneve(f"one option of {n} bytes", (opt(n),), (opt(n),),
             [(opt(n, last=1),), (opt(n, kind=0x00),), (opt(n, klass=0x103),), (),
              *more((opt(n), opt(4, 0x22)), (opt(n), opt(12, 0x22)))])
      for n in (4, 8, 12)),
    Geneve("two options, 4 and 8 bytes", (opt(4), opt(8, 0x11)),
           (opt(4), opt(8, 0x11)),
           [(opt(8, 0x11), opt(4)), (opt(4), opt(8, 0x11, last=9)), (opt(4),),
            *more((opt(4), opt(8, 0x11), opt(4, 0x22)))]),
    Geneve("one option of 4 bytes over IPv6", (opt(4),), (opt(4),),
           [(opt(4, last=1),)], v6=True),
][:None if ktest.driver() == "nfp" else -1]


def geneve(g: Geneve) -> Callable[[], None]:
    def run() -> None:
        dev = tunnel.device("geneve")
        o = incoming("geneve", g.v6, options=g.match)
        inner = INNER.bytes()
        decap_rule(dev, o)
        try:
            with counting(dev):
                comes_out(o.with_(options=g.hit).bytes(inner), inner, "as matched")
                for miss in g.miss:
                    is_missed(o.with_(options=miss).bytes(inner), str(miss))
        finally:
            sh(f"tc filter del dev {dev} ingress")
    return run


for _g in GENEVE:
    test(f"decap: geneve with {_g.name}")(geneve(_g))
for _sizes in ((4,), (8,), (12,), (16,), (4, 4), (8, 8)):
    test(f"encap: geneve with options of {'+'.join(map(str, _sizes))} bytes")(
        encap("geneve", False, INNER, True,
              tuple(opt(n, 0x80 + i) for i, n in enumerate(_sizes))))


@test("both families at once, each packet to its own rule")
def families() -> None:
    dev = tunnel.device("vxlan")
    inner = INNER.bytes()
    for v6 in (False, True):
        decap_rule(dev, incoming("vxlan", v6))
    try:
        for v6 in (False, True, False):
            comes_out(incoming("vxlan", v6).bytes(inner), inner, str(v6))
    finally:
        sh(f"tc filter del dev {dev} ingress")


def address(dev: str, addr: str) -> None:
    """Mainline's representors take one only while they are down."""
    if ktest.driver() == "nfp":
        sh(f"ip link set {dev} down; ip link set {dev} address {addr}; "
           f"ip link set {dev} up")
        wait_carrier(dev)
    else:
        sh(f"ip link set {dev} address {addr}")


@test("a MAC address on two ports: tunnels end on either, then on one again")
def shared_mac() -> None:
    up1, dev = env("UPLINK1"), tunnel.device("vxlan")
    own = mac_of(up1)
    o, inner = incoming("vxlan", False), INNER.bytes()
    decap_rule(dev, o)

    def by(port: Port) -> bool:
        """Through the tunnel's rule? If not, it reaches the host as it was."""
        host1 = Port(up1)
        vf.drain()
        host.drain()
        port.send(o.bytes(inner))
        got = arrival([vf, host, host1], lambda f: f in (inner, o.bytes(inner)))
        host1.close()
        assert got
        return got[0] is vf

    try:
        assert by(far) and not by(far1)
        address(up1, o.dmac)
        until("both ports", lambda: by(far) and by(far1))
        address(up1, own)
        until("one port", lambda: by(far) and not by(far1))
    finally:
        address(up1, own)
        sh(f"tc filter del dev {dev} ingress")


@test("an unknown neighbour: packets go to the host until it is there")
def unknown() -> None:
    dev = tunnel.device("vxlan")
    o = outgoing("vxlan", False, dst="192.168.5.7")
    sh(f"tc filter add dev {REP} ingress prot ip pref 1 flower skip_sw "
       f"action {o.action()} pipe action mirred egress redirect dev {dev}")
    try:
        asked = counter("neigh_missing")
        vf.send(INNER.bytes())
        got = arrival([on_rep, far], lambda f: f == INNER.bytes())
        assert got and got[0] is on_rep, "not handed to the host unchanged"
        assert counter("neigh_missing") == asked + 1
        sh(f"ip neigh replace 192.168.5.7 lladdr {PEER} dev {UP}")

        def encapsulated() -> bool:
            vf.send(INNER.bytes())
            got = arrival([on_rep, far], marked)
            return bool(got and got[0] is far)

        until("encapsulated by the card", encapsulated)
        assert counter("neigh_no_mac") == 0
    finally:
        sh(f"tc filter del dev {REP} ingress; ip neigh del 192.168.5.7 dev {UP}")


OTHER = "02:00:00:00:00:cc"


def needs_agilio() -> None:
    if ktest.driver() == "nfp":
        raise ktest.Skip("mainline's driver doesn't do that")


@contextmanager
def sending(*outers: Outer) -> Iterator[None]:
    """A rule for each of them, told apart by the inner destination port."""
    for n, o in enumerate(outers):
        sh(f"tc filter add dev {REP} ingress prot ip pref 1 flower skip_sw "
           f"ip_proto tcp dst_port {2000 + n} action {o.action()} pipe "
           f"action mirred egress redirect dev {tunnel.device(o.kind, o.v6)}")
    try:
        yield
    finally:
        sh(f"tc filter del dev {REP} ingress")


def by_card(port: Port, o: Outer, n: int = 0, only: bool = True) -> bool:
    """Send a packet. True: the card put it out of port with these headers.
    False: the host has it, unchanged. Else the test has failed."""
    data = INNER.with_(dport=2000 + n).bytes()
    vf.send(data)
    got = arrival([on_rep, far, far1], lambda f: marked(f) and data[34:] in f)
    assert got, "a packet is lost"
    if got[0] is on_rep:
        assert got[1] == data
        return False
    want = o.like(got[1]).bytes(data)
    if got[0] is port and got[1] == want:
        return True
    assert not only, f"\n got {got[1].hex()}\nwant {want.hex()}"
    return False


@test("three endpoints behind one gateway, each by its own entry")
def gateway() -> None:
    needs_agilio()
    sh(f"ip route add 192.168.9.0/24 via {REMOTE[False]}")
    outers = [outgoing("vxlan", False, dst=f"192.168.9.{n}") for n in (1, 2, 3)]
    try:
        with sending(*outers):
            for n, o in enumerate(outers):
                until(f"endpoint {n} by the card", lambda n=n, o=o: by_card(far, o, n))
            sh(f"ip neigh replace {REMOTE[False]} lladdr {OTHER} dev {UP}")
            for n, o in enumerate(outers):
                until(f"endpoint {n} at the new address", lambda n=n, o=o: by_card(
                    far, o.with_(dmac=OTHER), n, only=False))
        until("no neighbour is left", lambda: counter("neighs") == 0)
    finally:
        sh(f"ip neigh replace {REMOTE[False]} lladdr {PEER} dev {UP}; "
           "ip route del 192.168.9.0/24")


@test("the neighbour's MAC address changes under traffic")
def mac_change() -> None:
    needs_agilio()
    o = outgoing("vxlan", False)
    with sending(o):
        until("by the card", lambda: by_card(far, o))
        for addr in (OTHER, PEER):
            sh(f"ip neigh replace {REMOTE[False]} lladdr {addr} dev {UP}")
            until("at the new address",
                  lambda a=addr: by_card(far, o.with_(dmac=a), only=False))
            # Not once more at the old one
            for _ in range(20):
                assert by_card(far, o.with_(dmac=addr))


@contextmanager
def peer_answers() -> Iterator[str]:
    """The far end of wire 0 is a host that answers ARP itself."""
    sh(f"ip neigh del {REMOTE[False]} dev {UP}", ok=False)
    sh(f"ip -n wire0 addr add {REMOTE[False]}/24 dev wire0")
    try:
        yield mac_of("wire0", "wire0")
    finally:
        sh(f"ip -n wire0 addr del {REMOTE[False]}/24 dev wire0; "
           f"ip neigh replace {REMOTE[False]} lladdr {PEER} dev {UP}")


@contextmanager
def peer6_answers() -> Iterator[str]:
    """The same for IPv6."""
    v6 = "ip netns exec wire0 sysctl -qw net.ipv6.conf.wire0.disable_ipv6="
    sh(f"ip neigh del {REMOTE[True]} dev {UP}", ok=False)
    sh(f"{v6}0; ip -n wire0 addr add {REMOTE[True]}/64 dev wire0 nodad")
    try:
        yield mac_of("wire0", "wire0")
    finally:
        sh(f"{v6}1; ip neigh replace {REMOTE[True]} lladdr {PEER} dev {UP}")


@test("IPv6: the neighbour's MAC address changes under traffic")
def mac_change6() -> None:
    needs_agilio()
    o = outgoing("vxlan", True)
    with sending(o):
        until("by the card", lambda: by_card(far, o))
        for addr in (OTHER, PEER):
            sh(f"ip neigh replace {REMOTE[True]} lladdr {addr} dev {UP}")
            until("at the new address",
                  lambda a=addr: by_card(far, o.with_(dmac=a), only=False))
            for _ in range(20):
                assert by_card(far, o.with_(dmac=addr))


@test("IPv6: a deleted entry, link down and up, each time in the card again")
def link6() -> None:
    needs_agilio()
    with peer6_answers() as mac:
        o = outgoing("vxlan", True, dmac=mac)
        with sending(o):
            until("resolved, and by the card", lambda: by_card(far, o))
            sh(f"ip neigh del {REMOTE[True]} dev {UP}")
            until("and again", lambda: by_card(far, o))
            sh("lab-qmp cable 0 off")
            wait_carrier(UP, False)
            until("the card forgets it", lambda: counter("neighs") == 0)
            assert not by_card(far, o)
            sh("lab-qmp cable 0 on")
            wait_carrier(UP)
            until("by the card again", lambda: by_card(far, o))


def dark_and_back(o: Outer) -> None:
    """The cable is pulled: nothing is sent into the dark. And put back."""
    until("by the card", lambda: by_card(far, o))
    sh("lab-qmp cable 0 off")
    wait_carrier(UP, False)
    until("the card forgets it", lambda: counter("neighs") == 0)
    assert not by_card(far, o)
    sh("lab-qmp cable 0 on")
    wait_carrier(UP)
    until("by the card again", lambda: by_card(far, o))


@test("link down: a permanent neighbour leaves the card, too, of either family")
def link_permanent() -> None:
    needs_agilio()
    # Others than these the kernel itself forgets with the link
    for v6 in (False, True):
        sh(f"ip neigh replace {REMOTE[v6]} lladdr {PEER} dev {UP} nud permanent")
        o = outgoing("vxlan", v6)
        with sending(o):
            dark_and_back(o)


@test("a deleted entry: to the host, then resolved and in the card again")
def deleted() -> None:
    needs_agilio()
    with peer_answers() as mac:
        o = outgoing("vxlan", False, dmac=mac)
        with sending(o):
            until("resolved, and by the card", lambda: by_card(far, o))
            sh(f"ip neigh del {REMOTE[False]} dev {UP}")
            until("and again", lambda: by_card(far, o))
            sh(f"ip neigh flush dev {UP}")
            until("and after a flush", lambda: by_card(far, o))


@test("link down: nothing is sent into the dark; up: in the card again")
def link() -> None:
    needs_agilio()
    with peer_answers() as mac:
        o = outgoing("vxlan", False, dmac=mac)
        with sending(o):
            dark_and_back(o)


@test("the route moves to the other uplink and back")
def rerouted() -> None:
    needs_agilio()
    up1 = env("UPLINK1")
    sh(f"ip addr add 192.168.6.1/24 dev {up1}; "
       f"ip neigh replace 192.168.6.2 lladdr {OTHER} dev {up1}; "
       f"ip route add 192.168.9.0/24 via {REMOTE[False]}")
    one = outgoing("vxlan", False, src="0.0.0.0", dst="192.168.9.1")
    two = one.with_(src="192.168.6.1", smac=mac_of(up1), dmac=OTHER)
    try:
        with sending(one):
            one = one.with_(src=LOCAL[False])
            until("by the first", lambda: by_card(far, one))
            sh("ip route replace 192.168.9.0/24 via 192.168.6.2")
            until("by the second", lambda: by_card(far1, two, only=False))
            for _ in range(20):
                assert by_card(far1, two)
            sh(f"ip route replace 192.168.9.0/24 via {REMOTE[False]}")
            until("by the first again", lambda: by_card(far, one, only=False))
            for _ in range(20):
                assert by_card(far, one)
    finally:
        sh(f"ip route del 192.168.9.0/24; ip addr del 192.168.6.1/24 dev {up1}; "
           f"ip neigh del 192.168.6.2 dev {up1}", ok=False)


@test("the route moves into a VLAN, into another one, and out again")
def retagged() -> None:
    needs_agilio()
    for n in (7, 8):
        sh(f"ip link add link {UP} name {UP}.{n} type vlan id {n}; "
           f"ip link set {UP}.{n} up; ip addr add 192.168.{n}.1/24 dev {UP}.{n}; "
           f"ip neigh replace 192.168.{n}.2 lladdr {OTHER} dev {UP}.{n}")
    sh(f"ip route add 192.168.9.0/24 via {REMOTE[False]}")
    rule = outgoing("vxlan", False, src="0.0.0.0", dst="192.168.9.1")
    plain = rule.with_(src=LOCAL[False])
    try:
        with sending(rule):
            until("without a tag", lambda: by_card(far, plain))
            for n in (7, 8, 7):
                sh(f"ip route replace 192.168.9.0/24 via 192.168.{n}.2")
                o = rule.with_(src=f"192.168.{n}.1", dmac=OTHER, vlan=n)
                until(f"VLAN {n}", lambda o=o: by_card(far, o, only=False))
                for _ in range(20):
                    assert by_card(far, o)
            sh(f"ip route replace 192.168.9.0/24 via {REMOTE[False]}")
            until("without a tag again", lambda: by_card(far, plain, only=False))
            for _ in range(20):
                assert by_card(far, plain)
    finally:
        sh(f"ip route del 192.168.9.0/24; ip link del {UP}.7; ip link del {UP}.8",
           ok=False)


@test("VLAN device on an uplink as the tunnel's underlay")
def vlan_underlay() -> None:
    needs_agilio()
    dev = f"{UP}.7"
    sh(f"ip link add link {UP} name {dev} type vlan id 7; ip link set {dev} up; "
       f"ip addr add 192.168.7.1/24 dev {dev}; "
       f"ip neigh replace 192.168.7.2 lladdr {OTHER} dev {dev}")
    o = outgoing("vxlan", False, src="192.168.7.1", dst="192.168.7.2", dmac=OTHER,
                 vlan=7)
    back = incoming("vxlan", False, src="192.168.7.2", dst="192.168.7.1", smac=OTHER,
                    vlan=7)
    t = tunnel.device("vxlan")
    try:
        with sending(o):
            until("by the card, tagged", lambda: by_card(far, o))
        decap_rule(t, back)
        comes_out(back.bytes(INNER.bytes()), INNER.bytes(), "tagged outer frame")
    finally:
        sh(f"tc filter del dev {t} ingress; ip link del {dev}")


@contextmanager
def peer_is_silent(v6: bool) -> Iterator[None]:
    """It has no question and no complaint of its own: to answer either, the kernel
    would use the neighbour."""
    with in_ns("wire0"):
        sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET,
                             socket.SOCK_DGRAM)
        sock.bind(("::" if v6 else "0.0.0.0", 4789))
    sh(f"ip -n wire0 neigh replace {LOCAL[v6]} lladdr {mac_of(UP)} dev wire0 "
       "nud permanent")
    try:
        yield
    finally:
        sock.close()
        sh(f"ip -n wire0 neigh del {LOCAL[v6]} dev wire0")


@test("an active tunnel keeps the kernel's neighbour, behind a gateway too")
def kept_alive() -> None:
    needs_agilio()
    with peer_answers() as mac, peer_is_silent(False):
        sh(f"ip route add 192.168.9.0/24 via {REMOTE[False]}; "
           f"sysctl -qw net.ipv4.neigh.{UP}.base_reachable_time_ms=1000 "
           f"net.ipv4.neigh.{UP}.delay_first_probe_time=1")
        o = outgoing("vxlan", False, dst="192.168.9.1", dmac=mac)
        try:
            with sending(o):
                until("by the card", lambda: by_card(far, o))
                probes = arp_requests()
                # The kernel sees no packet, and yet asks the gateway again and
                # again: once it does of its own, so soon after the first time

                def probed() -> bool:
                    assert by_card(far, o)
                    return arp_requests() >= probes + 3

                until("the gateway was asked three times", probed, 60)
        finally:
            sh("ip route del 192.168.9.0/24")


@test("IPv6: an active tunnel keeps the kernel's neighbour")
def kept_alive6() -> None:
    needs_agilio()
    asked = Port("wire0", "wire0")
    with peer6_answers() as mac, peer_is_silent(True):
        sh(f"sysctl -qw net.ipv6.neigh.{UP}.base_reachable_time_ms=1000 "
           f"net.ipv6.neigh.{UP}.delay_first_probe_time=1")
        o = outgoing("vxlan", True, dmac=mac)
        with sending(o):
            until("by the card", lambda: by_card(far, o))
            asked.drain()
            seen: list[bytes] = []

            def probed() -> bool:
                assert by_card(far, o)
                # Neighbour solicitations
                seen.extend(f for f in asked.waiting() if
                            f[12:14] == b"\x86\xdd" and f[20] == 58 and f[54] == 135)
                return len(seen) >= 3

            until("the neighbour was asked three times", probed, 60)
    asked.close()


def arp_requests() -> int:
    """How many the far end of wire 0 has seen since the start."""
    global arp_seen
    arp_seen += sum(1 for f in arp.waiting() if f[12:14] == b"\x08\x06" and
                    f[21] == 1)
    return arp_seen


@test("rules that enc_flags alone tell apart are the host's, both of them")
def unseen() -> None:
    needs_agilio()
    dev, before = tunnel.device("vxlan"), counter("rules")

    def rule(pref: int) -> str:
        flag, out = ("tuncsum", REP) if pref == 1 else ("notuncsum", UP)
        return (f"tc filter add dev {dev} ingress prot ip pref {pref} flower "
                f"{incoming('vxlan', False).match()} enc_flags {flag} action tunnel_key "
                f"unset pipe action mirred egress redirect dev {out}")

    try:
        for order in ((1, 2), (2, 1)):
            for pref in order:
                sh(rule(pref))
            assert counter("rules") == before, order
            # The one that was there first was told to be in the card
            sh(f"tc filter del dev {dev} ingress pref {order[1]}")
            assert counter("rules") == before + 1, order
            sh(f"tc filter del dev {dev} ingress")
    finally:
        sh(f"tc filter del dev {dev} ingress")


@test("congestion marks: a packet that has one is the host's")
def ecn() -> None:
    needs_agilio()
    o, inner = incoming("vxlan", False, tos=0), INNER.bytes()
    dev = tunnel.device("vxlan")
    tunnel_rule(dev, o.match())
    try:
        comes_out(o.bytes(inner), inner, "not marked")
        is_missed(o.with_(tos=3).bytes(inner), "marked")
    finally:
        sh(f"tc filter del dev {dev} ingress")
    out = outgoing("vxlan", False)
    with sending(out.with_(tos=0)):
        until("by the card", lambda: by_card(far, out.with_(tos=0)))
        data = INNER.with_(tos=3).bytes()
        vf.send(data)
        got = arrival([on_rep, far], marked)
        assert got and got[0] is on_rep and got[1] == data


@contextmanager
def vxlan_port() -> Iterator[None]:
    """UDP port 4789 for a device that isn't external."""
    sh("ip link set t_vxlan down")
    try:
        yield
    finally:
        sh("ip link set t_vxlan up")


@test("a VXLAN device with an id of its own, with a local address")
def fixed() -> None:
    needs_agilio()
    with vxlan_port():
        fixed_vxlan()


def fixed_vxlan() -> None:
    sh(f"ip link add fix0 type vxlan id 77 dstport 4789 local {LOCAL[False]} "
       "nolearning; ip link set fix0 up; tc qdisc add dev fix0 clsact")
    o, inner = incoming("vxlan", False, key=77, tos=0), INNER.bytes()
    tunnel_rule("fix0", "ip_proto tcp", " ")
    try:
        comes_out(o.bytes(inner), inner, "its id")
        is_missed(o.with_(key=78).bytes(inner), "another id")
        is_missed(o.with_(dst="192.168.5.9").bytes(inner), "another address")
    finally:
        sh("ip link del fix0")


ENC = f"enc_src_ip {REMOTE[False]} enc_dst_ip {LOCAL[False]} "
TO_VX = "pipe action mirred egress redirect dev t_vxlan"
REFUSED = [
    ("t_vxlan", "enc_key_id 5 enc_dst_port 4789", "needs enc_dst_ip"),
    ("t_vxlan", "enc_dst_ip 192.168.5.0/24 enc_dst_port 4789", "one address"),
    ("t_vxlan", ENC + "enc_key_id 5", "4789 for VXLAN"),
    ("t_vxlan", ENC + "enc_key_id 5 enc_dst_port 5789", "enc_dst_port 5789"),
    ("t_geneve", ENC + "enc_key_id 5 enc_dst_port 4789", "6081 for Geneve"),
    ("t_gre", ENC + "enc_key_id 5 enc_dst_port 4789", "none for GRE"),
    ("t_vxlan", ENC + "enc_dst_port 4789 enc_tos 3", "can't mark"),
    ("t_vxlan", ENC + "enc_dst_port 4789 enc_tos 1", "can't mark"),
    ("t_gre", ENC + "enc_tos 0x1/0x1", "can't mark"),
    *((f"t_{kind}", ENC + f"enc_key_id 16777217 enc_dst_port {tunnel.PORTS[kind]}",
       "enc_key_id 16777217: this tunnel's has 24 bits") for kind in tunnel.PORTS),
    ("t_geneve", ENC + "enc_dst_port 6081 vxlan_opts 5", "Geneve's only"),
    ("t_geneve", ENC + "enc_dst_port 6081 geneve_opts 0102:80:" + "11" * 28,
     "geneve_opts of 32 bytes: the card sees 32, not if more follow"),
    ("t_geneve", f"enc_src_ip {REMOTE[True]} enc_dst_ip {LOCAL[True]} enc_dst_port 6081 "
     "geneve_opts 0102:80:" + "11" * 4, "geneve_opts of 8 bytes: the card sees 8,"),
    *((REP, "", "tunnel_key set id 16777217: this tunnel's has 24 bits",
       f"action tunnel_key set src_ip 0.0.0.0 dst_ip {REMOTE[False]} id 16777217 dst_port "
       f"{tunnel.PORTS[kind]} pipe action mirred egress redirect dev t_{kind}")
      for kind in tunnel.PORTS),
    ("t_vxlan", ENC + "enc_dst_port 4789 enc_flags tunoam", "enc_flags"),
    ("t_vxlan", ENC + "enc_dst_port 4789 vxlan_opts 5", "Geneve's only"),
    ("t_geneve", ENC + "enc_dst_port 6081 enc_flags tuncrit", "enc_flags"),
    ("t_geneve", f"enc_src_ip {REMOTE[True]} enc_dst_ip {LOCAL[True]} enc_dst_port 6081 "
     "geneve_opts 0102:80:" + "11" * 8, "the card sees 8,"),
    ("t_geneve", ENC + "enc_dst_port 6081 geneve_opts 0102:80:" + "11" * 32,
     "the card sees 32,"),
    (UP, ENC + "enc_key_id 5", "no tunnel device"),
    (UP, "", "unset on", "action tunnel_key unset pipe "
     f"action mirred egress redirect dev {REP}"),
    (REP, "", "no port of this card",
     f"action tunnel_key set src_ip 0.0.0.0 dst_ip 127.0.0.7 id 1 dst_port 4789 {TO_VX}"),
    (REP, "", "dst_port 4790",
     f"action tunnel_key set src_ip 0.0.0.0 dst_ip {REMOTE[False]} id 1 "
     f"dst_port 4790 {TO_VX}"),
    (REP, "", "without tunnel_key set", "action mirred egress redirect dev t_vxlan"),
    (REP, "", "not a tunnel",
     f"action tunnel_key set src_ip 0.0.0.0 dst_ip {REMOTE[False]} id 1 dst_port 4789 "
     f"pipe action mirred egress redirect dev {UP}"),
    (REP, "", "second output",
     f"action tunnel_key set src_ip 0.0.0.0 dst_ip {REMOTE[False]} id 1 dst_port 4789 "
     f"pipe action mirred egress mirror dev t_vxlan {TO_VX}"),
    (REP, "", "a second tunnel_key set",
     f"action tunnel_key set src_ip 0.0.0.0 dst_ip {REMOTE[False]} id 1 dst_port 4789 "
     f"pipe action tunnel_key set src_ip 0.0.0.0 dst_ip {REMOTE[False]} id 2 dst_port "
     f"4789 {TO_VX}"),
    ("t_vxlan", ENC + "enc_dst_port 4789", "tunnel_key unset after set",
     f"action tunnel_key set src_ip 0.0.0.0 dst_ip {REMOTE[False]} id 1 dst_port 4789 "
     f"pipe action tunnel_key unset pipe action mirred egress redirect dev {REP}"),
    (REP, "", "flags other than key, csum, nofrag",
     f"action tunnel_key set src_ip 0.0.0.0 dst_ip {REMOTE[False]} id 1 dst_port 4789 "
     f"vxlan_opts 5 {TO_VX}"),
    (REP, "ip_tos 0x1/0x1", "half of ip_tos' ECN",
     f"action tunnel_key set src_ip 0.0.0.0 dst_ip {REMOTE[False]} id 1 dst_port 4789 "
     f"{TO_VX}"),
    (REP, "", "t_gre is for the other family",
     f"action tunnel_key set src_ip :: dst_ip {REMOTE[True]} id 1 pipe action mirred "
     "egress redirect dev t_gre"),
    (REP, "", "take 36 bytes",
     f"action tunnel_key set src_ip 0.0.0.0 dst_ip {REMOTE[False]} id 1 dst_port 6081 "
     f"geneve_opts 0102:80:{'11' * 28} pipe action mirred egress redirect dev t_geneve"),
]


def refused(reason: str) -> int:
    """How many rules of devices that aren't ours were, for that reason."""
    (value,) = re.findall(rf"tc_refused_{reason}: (\d+)", sh(f"ethtool -S {env('PFREP')}"))
    return int(value)


def refusal(dev: str, match: str, want: str, action: str) -> Callable[[], None]:
    def run() -> None:
        needs_agilio()
        for kind in tunnel.KINDS:
            tunnel.device(kind)
        try:
            text = sh(f"tc filter add dev {dev} ingress prot ip pref 1 flower "
                      f"verbose {match} {action} 2>&1")
            assert want in text, text
            assert any(r["options"].get("not_in_hw") for r in rules(dev) if r["pref"] == 1)
            assert counter("rules") == 0 and counter("neighs") == 0
        finally:
            sh(f"tc filter del dev {dev} ingress pref 1")
    return run


for _r in REFUSED:
    test(f"refused: {_r[1] or (_r + ('',))[3]}: {_r[2]}")(
        refusal(_r[0], _r[1], _r[2], _r[3] if len(_r) > 3 else
                f"action mirred egress redirect dev {REP}"))


@test("refused: matchall on a tunnel device, which knows no address to end at")
def matchall() -> None:
    needs_agilio()
    dev = tunnel.device("vxlan")
    before = refused("kind")
    sh(f"tc filter add dev {dev} ingress prot all pref 1 matchall action mirred egress "
       f"redirect dev {REP}")
    try:
        assert refused("kind") == before + 1 and counter("rules") == 0
    finally:
        sh(f"tc filter del dev {dev} ingress pref 1")


@test("GRE without Ethernet, ERSPAN, IPIP: rules on them are nothing to the card")
def other_kinds() -> None:
    needs_agilio()
    for kind in ("gre", "erspan", "ipip"):
        sh(f"ip link add o0 type {kind} external; ip link set o0 up; "
           "tc qdisc add dev o0 clsact")
        try:
            sh(f"tc filter add dev o0 ingress prot ip pref 1 flower {ENC} action "
               f"mirred egress redirect dev {REP}")
            (there,) = rules("o0")
            assert not there["options"].get("in_hw") and counter("rules") == 0
            text = fails(f"tc filter add dev {REP} ingress prot ip pref 1 flower skip_sw "
                         f"action tunnel_key set src_ip 0.0.0.0 dst_ip {REMOTE[False]} "
                         "id 1 pipe action mirred egress redirect dev o0")
            assert "o0 after tunnel_key set: not a tunnel" in text, text
        finally:
            sh("ip link del o0")


@test("two source addresses for one destination: the second is refused")
def two_sources() -> None:
    needs_agilio()
    sh(f"ip addr add 192.168.5.77/24 dev {UP}")
    o = outgoing("vxlan", False)
    try:
        with sending(o):
            until("by the card", lambda: by_card(far, o))
            text = fails(f"tc filter add dev {REP} ingress prot ip pref 2 flower skip_sw "
                         f"ip_proto udp action {o.with_(src='192.168.5.77').action()} "
                         f"{TO_VX}")
            assert "another src_ip" in text, text
            assert by_card(far, o)
    finally:
        sh(f"ip addr del 192.168.5.77/24 dev {UP}")


@test("a source of its own and the route's: together only while both are the same")
def source_and_route() -> None:
    needs_agilio()
    sh(f"ip addr add 192.168.5.77/24 dev {UP}; "
       f"ip route add 192.168.9.0/24 via {REMOTE[False]}")
    routed = outgoing("vxlan", False, src="0.0.0.0", dst="192.168.9.1")
    own, other = routed.with_(src=LOCAL[False]), routed.with_(src="192.168.5.77")

    def second(o: Outer) -> str:
        return (f"tc filter add dev {REP} ingress prot ip pref 2 flower skip_sw ip_proto "
                f"tcp dst_port 2001 action {o.action()} {TO_VX}")

    try:
        # Whichever is first, and with the neighbour not there yet
        sh(f"ip neigh del {REMOTE[False]} dev {UP}")
        for one, two in ((routed, other), (other, routed)):
            with sending(one):
                text = fails(second(two))
                assert "another src_ip" in text, text
                sh(f"ip neigh replace {REMOTE[False]} lladdr {PEER} dev {UP}")
                src = one.src if one is other else LOCAL[False]
                until("by the card", lambda s=src, o=one: by_card(far, o.with_(src=s)))
            sh(f"ip neigh del {REMOTE[False]} dev {UP}")
        sh(f"ip neigh replace {REMOTE[False]} lladdr {PEER} dev {UP}")
        with sending(routed):
            sh(second(own))
            for n in (0, 1):
                until("both by the card", lambda n=n: by_card(far, own, n))
            sh(f"ip route replace 192.168.9.0/24 via {REMOTE[False]} src 192.168.5.77")
            until("neither by the card", lambda: counter("neighs") == 0)
            assert not by_card(far, own) and not by_card(far, own, 1)
            sh(f"tc filter del dev {REP} ingress pref 2")
            until("the route's", lambda: by_card(far, other))
    finally:
        sh(f"ip route del 192.168.9.0/24; ip addr del 192.168.5.77/24 dev {UP}; "
           f"ip neigh replace {REMOTE[False]} lladdr {PEER} dev {UP}", ok=False)


@test("a rule into a tunnel that the table refuses leaves no neighbour")
def refused_by_table() -> None:
    needs_agilio()
    o = outgoing("vxlan", False)
    add = f"tc filter add dev {REP} ingress prot ip pref"
    dev = tunnel.device("vxlan")
    sh(f"{add} 1 flower ip_proto udp action drop")
    try:
        text = sh(f"{add} 2 flower verbose dst_ip 10.0.0.2 action {o.action()} pipe "
                  f"action mirred egress redirect dev {dev} 2>&1")
        assert "overlaps" in text, text
        assert counter("rules") == 1
        until("nobody sends there", lambda: counter("neighs") == 0)
    finally:
        sh(f"tc filter del dev {REP} ingress")


@test("a GRE device with addresses and a key of its own, in and out")
def fixed_gre() -> None:
    needs_agilio()
    sh(f"ip link add fix0 type gretap local {LOCAL[False]} remote {REMOTE[False]} key 9 "
       "ttl 99 tos 0x1c; ip link set fix0 up; tc qdisc add dev fix0 clsact")
    back, inner = incoming("gre", False, key=9, tos=0), INNER.bytes()
    out = outgoing("gre", False, key=9)
    tunnel_rule("fix0", "ip_proto tcp", " ")
    sh(f"tc filter add dev {REP} ingress prot ip pref 1 flower skip_sw action mirred "
       "egress redirect dev fix0")
    try:
        comes_out(back.bytes(inner), inner, "its key and addresses")
        is_missed(back.with_(key=8).bytes(inner), "another key")
        is_missed(back.with_(key=None).bytes(inner), "no key")
        is_missed(back.with_(src="192.168.5.9").bytes(inner), "another sender")
        until("by the card", lambda: by_card(far, out))
    finally:
        sh(f"ip link del fix0; tc filter del dev {REP} ingress")


ENC6 = f"enc_src_ip {REMOTE[True]} enc_dst_ip {LOCAL[True]} "
# Device, way, words, and what else is matched and done
FIXED: list[tuple[str, ...]] = [
    ("vxlan id 7 remote 192.168.5.2 dstport 4789", "in", "no local address"),
    ("gretap local 192.168.5.1 remote 192.168.5.2", "in", "needs a key"),
    ("gretap local 192.168.5.1 remote 192.168.5.2 key 0", "in", "key but 0"),
    (f"gretap local 192.168.5.1 remote 192.168.5.2 key 7 dev {UP}", "in", "or dev"),
    ("geneve id 7 remote 192.168.5.2", "in", "Geneve keeps its addresses"),
    ("geneve id 7 remote 192.168.5.2", "in", "isn't external",
     ENC + "enc_dst_port 6081 enc_key_id 7"),
    ("vxlan id 7 local 192.168.5.1 dstport 4789", "in", "isn't external",
     ENC + "enc_dst_port 4789 enc_key_id 7"),
    ("vxlan external gpe dstport 4789", "in", "its gpe", ENC + "enc_dst_port 4789"),
    ("vxlan external vnifilter dstport 4789", "in", "vnifilter",
     ENC + "enc_dst_port 4789"),
    ("vxlan external dstport 4789", "in", "without udp6zerocsumrx",
     ENC6 + "enc_dst_port 4789"),
    *((f"{words} remote 192.168.5.2", "out", "tunnel_key set for fix0, which isn't external",
       "", f"action tunnel_key set src_ip 0.0.0.0 dst_ip {REMOTE[False]} id 5 dst_port "
       f"{port} pipe") for words, port in (
           ("vxlan id 7 dstport 4789", 4789), ("geneve id 7", 6081),
           ("gretap key 7 ttl 9", 0))),
    ("vxlan external gpe dstport 4789", "out", "its gpe", "",
     f"action tunnel_key set src_ip 0.0.0.0 dst_ip {REMOTE[False]} id 5 dst_port 4789 pipe"),
    (f"gretap remote 192.168.5.2 key 7 ttl 9 dev {UP}", "out", "dev or fwmark"),
    ("gretap remote 192.168.5.2 key 7 ttl 9 fwmark 3", "out", "dev or fwmark"),
    ("gretap local 192.168.5.1 remote 192.168.5.2 key 7 icsum", "in", "no csum"),
    ("ip6gretap remote fd00:5::2 key 7", "in", "no local address"),
    ("vxlan id 7 remote 192.168.5.2 dstport 4789", "out", "without tunnel_key set"),
    ("gretap remote 192.168.5.2 key 7", "out", "a remote address, a ttl"),
    ("gretap remote 192.168.5.2 key 7 ttl 9 ocsum", "out", "csum, seq"),
    ("ip6gretap remote fd00:5::2 key 7", "out", "without tunnel_key set"),
]


@test("devices and their settings, as the card can't: refused in words")
def fixed_refused() -> None:
    needs_agilio()
    tunnel.remove_devices()
    for words, way, want, *rest in FIXED:
        sh(f"ip link add fix0 type {words} && ip link set fix0 up && "
           "tc qdisc add dev fix0 clsact")
        on, to = ("fix0", REP) if way == "in" else (REP, "fix0")
        try:
            text = sh(f"tc filter add dev {on} ingress prot ip pref 1 flower verbose "
                      f"{' '.join(rest)} action mirred egress redirect dev {to} 2>&1")
            assert want in text, (words, text)
            assert counter("rules") == 0
        finally:
            sh(f"tc filter del dev {on} ingress; ip link del fix0")


@test("refused for the inner protocol: none, or too much of it to match")
def inner_protocol() -> None:
    needs_agilio()
    tunnel.device("vxlan")
    dev = tunnel.device("geneve")
    try:
        text = fails(f"tc filter add dev {REP} ingress prot all pref 1 flower skip_sw "
                     f"action {outgoing('vxlan', False).action()} {TO_VX}")
        assert "tunnel_key set without a match on the protocol" in text, text
        text = sh(f"tc filter add dev {dev} ingress prot ipv6 pref 1 flower verbose "
                  f"src_mac {PEER} ip_proto tcp dst_port 5 {ENC} enc_dst_port 6081 "
                  f"geneve_opts {OPTION.text()} action mirred egress redirect dev {REP} "
                  "2>&1")
        assert "the match is longer than 128 bytes" in text, text
    finally:
        sh(f"tc filter del dev {dev} ingress")


@test("an id that the tunnel has no room for: no other id's packets are taken")
def wide_id() -> None:
    needs_agilio()
    dev = tunnel.device("vxlan")
    o = incoming("vxlan", False, key=1, tos=0)
    sh(f"tc filter add dev {dev} ingress prot ip pref 1 flower {ENC} enc_dst_port 4789 "
       f"enc_key_id {1 << 24 | 1} action tunnel_key unset pipe action mirred egress "
       f"redirect dev {REP}")
    try:
        is_missed(o.bytes(INNER.bytes()), "id 1")
    finally:
        sh(f"tc filter del dev {dev} ingress")


@test("a tunnel device that is down, or in a VRF: refused, and software has it")
def down_or_vrf() -> None:
    needs_agilio()
    dev = tunnel.device("vxlan")
    out = (f"tc filter add dev {REP} ingress prot ip pref 1 flower skip_sw action "
           f"{outgoing('vxlan', False).action()} pipe action mirred egress redirect dev ")
    try:
        sh(f"ip link set {dev} down")
        text = fails(out + dev)
        assert f"output to {dev}, which is down" in text, text
        sh(f"ip link set {dev} up")
        sh(out + dev)
        sh(f"tc filter del dev {REP} ingress && ip link del {dev}")
        sh("ip link add vrf0 type vrf table 77 && ip link add dmy0 type dummy && "
           "ip link set dmy0 master vrf0 && ip link set vrf0 up && ip link set dmy0 up && "
           "ip link add fix0 type vxlan external dstport 4789 dev dmy0 && "
           "ip link set fix0 up")
        text = fails(out + "fix0")
        assert "VRF" in text, text
    finally:
        sh("ip link del fix0; ip link del vrf0; ip link del dmy0; "
           f"tc filter del dev {REP} ingress", ok=False)


@test("IPsec policies: what might be theirs is not sent in clear, nor let in")
def ipsec() -> None:
    needs_agilio()
    dev = tunnel.device("vxlan")
    o, back = outgoing("vxlan", False), incoming("vxlan", False, tos=0)
    policy = (f"src {LOCAL[False]} dst {REMOTE[False]} proto udp dport 4789 dir out",
              f"src {REMOTE[False]} dst {LOCAL[False]} proto udp dport 4789 dir in")
    out = (f"tc filter add dev {REP} ingress prot ip pref 1 flower verbose action "
           f"{o.action()} {TO_VX} 2>&1")
    into = (f"tc filter add dev {dev} ingress prot ip pref 1 flower verbose {back.match()} "
            f"action tunnel_key unset pipe action mirred egress redirect dev {REP} 2>&1")
    try:
        for p in policy:
            sh(f"ip xfrm policy add {p} action block")
        assert "IPsec" in sh(out)
        assert "IPsec" in sh(into)
        assert counter("rules") == 0
        far.drain()
        vf.send(INNER.bytes())
        # What comes out is not it, and what comes in is software's to drop
        is_missed(back.bytes(INNER.bytes()), "in clear")
        assert not any(marked(f) for f in far.waiting())
        for p in policy:
            sh(f"ip xfrm policy del {p}")
        sh(f"tc filter del dev {REP} ingress && tc filter del dev {dev} ingress")
        assert "IPsec" not in sh(out)
        assert "IPsec" not in sh(into)
        assert counter("rules") == 2
    finally:
        sh(f"ip xfrm policy flush; tc filter del dev {REP} ingress; "
           f"tc filter del dev {dev} ingress", ok=False)


@test("33 local addresses are one too many, and 5 of IPv6")
def addresses() -> None:
    needs_agilio()
    dev = tunnel.device("vxlan")
    for v6, most, base in ((False, 32, "10.77.0."), (True, 4, "fd77::")):
        peer = REMOTE[v6]
        add = [f"tc filter add dev {dev} ingress prot ip pref 1 flower verbose "
               f"enc_src_ip {peer} enc_dst_ip {base}{n} enc_dst_port 4789 action "
               f"mirred egress redirect dev {REP}" for n in range(1, most + 2)]
        try:
            sh("; ".join(add[:-1]))
            assert f"room for {most}" in sh(add[-1] + " 2>&1")
            assert counter("tun_ips6" if v6 else "tun_ips") == most
        finally:
            sh(f"tc filter del dev {dev} ingress")
    assert counter("tun_ips") == 0 and counter("tun_ips6") == 0


@test("everything goes: no address, neighbour or rule is left in the card")
def empty() -> None:
    tunnel.remove_devices()
    sh(f"ip neigh flush dev {UP} nud all; ip addr flush dev {UP}")
    until("no neighbours", lambda: counter("neighs") == 0)
    for name in ("rules", "masks", "tun_ips", "tun_ips6"):
        assert counter(name) == 0, f"{name} is {counter(name)}"


if __name__ == "__main__":
    quiet()
    sh(f"sysctl -qw net.ipv6.conf.{UP}.disable_ipv6=0")
    sh(f"ip addr add {LOCAL[False]}/24 dev {UP}; "
       f"ip addr add {LOCAL[True]}/64 dev {UP} nodad; "
       f"tc qdisc add dev {REP} clsact")
    for _a in REMOTE.values():
        sh(f"ip neigh replace {_a} lladdr {PEER} dev {UP}")
    for _dev in (UP, REP, env("VF0")):
        wait_carrier(_dev)
    far, far1, vf = wire(0), wire(1), Port(env("VF0"))
    # The kernel warns of its own Geneve receiver when options come; a miss
    # needs to get no further than our socket (nobody tells the card of this)
    sh(f"tc qdisc add dev {UP} clsact")
    for _n, _proto in enumerate(("ip", "ipv6")):
        sh(f"tc filter add dev {UP} ingress prot {_proto} pref {100 + _n} flower "
           "skip_hw ip_proto udp dst_port 6081 action drop")
    host, on_rep, arp = Port(UP), Port(REP), wire(0)
    raise SystemExit(ktest.run("tunnel", refusals=True))
