#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The rules that Open vSwitch really emits, R1 to R28 by their names, word for
word but for device names: in the card with the right bytes, or refused with
the reason. Conntrack (R13 to R16), bonds (R17) and meters (R20) are not here
yet; R6 and R7 are also in test_internal. The lab gives three VFs."""
from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from lib import ktest, tunnel
from lib.counters import counted
from lib.ktest import test
from lib.net import (Port, arrival, counter, env, every, quiet,
                     rules, sh, until, wait_carrier, wire)
from lib.ovs import mac as mac_of
from lib.pkt import ICMP, TCP, Frame
from lib.tunnel import Option, Outer

UP = env("UPLINK0")
REPS, VFS = every("REP"), every("VF")
NAMES = {"p0": UP, "vxlan": "t_vxlan", "geneve": "t_geneve", "gre": "t_gre",
         "br0": "veth-br", **{f"vf{n}r": dev for n, dev in enumerate(REPS)}}
A, B, PEER = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:aa"
NET, REMOTE = "192.168.5.1", "192.168.5.2"
NET6, REMOTE6 = "fd00:5::1", "fd00:5::2"
MARK = b"agilio-test-payload"
F = Frame(src=A, dst=B)
TO_PEER, FROM_PEER = F.with_(dst=PEER), F.with_(src=PEER, dst=A)
ports: dict[str, Port] = {}
Make = Callable[[bytes], bytes]


@dataclass
class Recipe:
    """dev, rule: as in tc filter add; sent into a port of the card, and what
    must come out of which. A function makes what comes out from what came, for
    headers of which the card may choose a field."""
    name: str
    dev: str
    rule: str
    into: str
    sent: bytes
    out: dict[str, bytes | Make] = field(default_factory=dict)
    neighs: int = 0
    # What comes out of the tunnel, of rules that are on its device
    inner: bytes = b""


def filled(rule: str) -> str:
    return rule.format(**NAMES)


def port_of(into: str) -> str:
    return UP if into == "wire0" else REPS[int(into[2:])]


def run_recipe(r: Recipe) -> Callable[[], None]:
    def run() -> None:
        dev = NAMES[r.dev]
        indirect = r.dev in ("vxlan", "geneve", "gre")
        rule = filled(r.rule)
        if not indirect:
            rule = rule.replace(" flower ", " flower skip_sw ", 1)
        sh(f"tc filter add dev {dev} ingress {rule}")
        try:
            (there,) = rules(dev)
            assert there["options"].get("in_hw"), "not in the card"
            until("neighbours", lambda: counter("neighs") == r.neighs)
            for p in ports.values():
                p.drain()
            with counted(dev, port_of(r.into)) as c:
                ports[r.into].send(r.sent)
                for name, made in r.out.items():
                    got = arrival([ports[name]], lambda x: MARK in x)
                    assert got, f"nothing out of {name}"
                    want = made(got[1]) if callable(made) else made
                    assert got[1] == want, f"\n got {got[1].hex()}\nwant {want.hex()}"
                for name, p in ports.items():
                    others = [x for x in p.waiting() if MARK in x]
                    assert not others, f"also out of {name}: {others[0].hex()}"
                c.hit(r.inner or r.sent)
        finally:
            sh(f"tc filter del dev {dev} ingress")
        until("nothing is left", lambda: not counter("rules") +
              counter("neighs") + counter("tun_ips") + counter("tun_ips6"))
    return run


def outgoing(kind: str, key: int, v6: bool = False, csum: bool = False,
             options: tuple[Option, ...] = ()) -> Outer:
    return Outer(kind, NET6 if v6 else NET, REMOTE6 if v6 else REMOTE, mac_of(UP),
                 PEER, key=key, csum=csum, options=options)


def incoming(kind: str, key: int, csum: bool = False,
             options: tuple[Option, ...] = ()) -> Outer:
    return Outer(kind, REMOTE, NET, PEER, mac_of(UP), key=key, csum=csum,
                 options=options)


def into(o: Outer, f: Frame) -> Make:
    return lambda got: o.like(got).bytes(f.bytes())


def mpls(f: Frame, *lses: int) -> bytes:
    data = f.bytes()
    return data[:12] + b"\x88\x47" + struct.pack(f">{len(lses)}I", *lses) + data[14:]


def lse(label: int, ttl: int = 64) -> int:
    return label << 12 | 1 << 8 | ttl


MACS = f"src_mac {A} dst_mac {B} ip_flags nofrag"
ENC = f"enc_src_ip {REMOTE} enc_dst_ip {NET}"
OVN_OUT = Option(0x0102, 0x80, bytes.fromhex("00020001"))
OVN_IN = Option(0x0102, 0x80, bytes.fromhex("00010002"))
PLAIN = F.bytes()
TAGGED = F.with_(vlans=[(0x8100, 100)]).bytes()
Q10 = F.with_(vlans=[(0x8100, 10)])
AD200 = [(0x88a8, 200), (0x8100, 10)]
T1, T6 = F.with_(proto=TCP, dport=80), Frame(
    src=A, dst=B, ip="fd00::1", to="fd00::2", proto=TCP, dport=443)


def recipes() -> list[Recipe]:
    gre = outgoing("gre", 7)
    return [
        Recipe("R1 L2", "vf0r", f"prot ip pref 2 flower {MACS} action mirred egress "
               "redirect dev {vf1r}", "vf0", PLAIN, {"vf1": PLAIN}),
        Recipe("R2 VLAN to the wire", "vf0r", f"prot ip pref 2 flower {MACS} action "
               "vlan push id 100 protocol 802.1Q priority 0 pipe action mirred egress "
               "redirect dev {p0}", "vf0", PLAIN, {"wire0": TAGGED}),
        Recipe("R3 VLAN from the wire", "p0", "prot 802.1Q pref 4 flower vlan_id 100 "
               f"vlan_prio 0 vlan_ethtype ipv4 {MACS} action vlan pop pipe action "
               "mirred egress redirect dev {vf0r}", "wire0", TAGGED, {"vf0": PLAIN}),
        Recipe("R4 VXLAN encapsulation", "vf0r", "prot ip pref 2 flower src_mac "
               f"{A} dst_mac {PEER} ip_tos 0x0/0x3 ip_flags nofrag action tunnel_key "
               f"set src_ip {NET} dst_ip {REMOTE} id 42 dst_port 4789 ttl 64 nofrag "
               "nocsum pipe action mirred egress redirect dev {vxlan}", "vf0",
               TO_PEER.bytes(), {"wire0": into(outgoing("vxlan", 42), TO_PEER)}, 1),
        Recipe("R5 VXLAN decapsulation", "vxlan", f"prot ip pref 2 flower src_mac {PEER} "
               f"dst_mac {A} {ENC} enc_key_id 42 enc_dst_port 4789 enc_tos 0x0 enc_flags "
               "tuncsum/notundf ip_flags nofrag action tunnel_key unset pipe action "
               "mirred egress redirect dev {vf0r}", "wire0",
               incoming("vxlan", 42, True).bytes(FROM_PEER.bytes()),
               {"vf0": FROM_PEER.bytes()}, inner=FROM_PEER.bytes()),
        Recipe("R8 VXLAN over IPv6", "vf0r", "prot ip pref 2 flower ip_tos 0x0/0x3 "
               f"ip_flags nofrag action tunnel_key set src_ip {NET6} dst_ip {REMOTE6} "
               "id 42 dst_port 4789 ttl 64 csum nofrag pipe action mirred egress "
               "redirect dev {vxlan}", "vf0", TO_PEER.bytes(),
               {"wire0": into(outgoing("vxlan", 42, True, True), TO_PEER)}, 1),
        Recipe("R9 OVN encapsulation", "vf0r", "prot ip pref 2 flower src_mac "
               f"{A}/01:00:00:00:00:00 dst_mac {PEER} ip_tos 0x0/0x3 ip_flags nofrag "
               f"action tunnel_key set src_ip {NET} dst_ip {REMOTE} id 1 dst_port 6081 "
               f"geneve_opts {OVN_OUT.text()} ttl 64 csum nofrag pipe action mirred "
               "egress redirect dev {geneve}", "vf0", TO_PEER.bytes(),
               {"wire0": into(outgoing("geneve", 1, csum=True, options=(OVN_OUT,)),
                              TO_PEER)}, 1),
        Recipe("R10 OVN decapsulation", "geneve", f"prot ip pref 2 flower src_mac {PEER} "
               f"dst_mac {A}/ff:ff:00:00:00:00 ip_proto tcp {ENC} enc_key_id 1 "
               f"enc_dst_port 6081 enc_tos 0x0 geneve_opts {OVN_IN.text()}/ffff:ff:7fffffff "
               "enc_flags tuncsum/notundf ip_flags nofrag action tunnel_key unset pipe "
               "action mirred egress redirect dev {vf0r}", "wire0",
               incoming("geneve", 1, True, (OVN_IN,)).bytes(
                   FROM_PEER.with_(proto=TCP).bytes()),
               {"vf0": FROM_PEER.with_(proto=TCP).bytes()},
               inner=FROM_PEER.with_(proto=TCP).bytes()),
        Recipe("R11 GRE encapsulation", "vf0r", f"prot ip pref 2 flower src_mac {A} "
               f"dst_mac {PEER} ip_tos 0x0/0x3 ip_flags nofrag action tunnel_key set "
               f"src_ip 0.0.0.0 dst_ip {REMOTE} id 7 ttl 64 nocsum nofrag pipe action "
               "mirred egress redirect dev {gre}", "vf0", TO_PEER.bytes(),
               {"wire0": into(gre, TO_PEER)}, 1),
        Recipe("R12 GRE decapsulation", "gre", f"prot ip pref 2 flower src_mac {PEER} "
               f"dst_mac {A} {ENC} enc_key_id 7 enc_dst_port 0 enc_tos 0x0 enc_flags "
               "notuncsum/notundf ip_flags nofrag action tunnel_key unset pipe action "
               "mirred egress redirect dev {vf0r}", "wire0",
               incoming("gre", 7).bytes(FROM_PEER.bytes()), {"vf0": FROM_PEER.bytes()},
               inner=FROM_PEER.bytes()),
        Recipe("R18 QinQ to the wire", "vf0r", "prot 802.1Q pref 4 flower vlan_id 10 "
               f"vlan_prio 0 vlan_ethtype ipv4 {MACS} action vlan push id 200 protocol "
               "802.1ad priority 0 pipe action mirred egress redirect dev {p0}", "vf0",
               Q10.bytes(), {"wire0": Q10.with_(vlans=AD200).bytes()}),
        Recipe("R18 QinQ from the wire", "p0", "prot 802.1ad pref 5 flower vlan_id 200 "
               "vlan_prio 0 vlan_ethtype 802.1Q cvlan_ethtype ipv4 "
               f"{MACS} action vlan pop pipe action mirred egress redirect dev "
               "{vf0r}", "wire0", Q10.with_(vlans=AD200).bytes(), {"vf0": Q10.bytes()}),
        Recipe("R19 MPLS push", "vf0r", "prot ip pref 2 flower ip_tos 0xc0/0xfc ip_ttl "
               "64 ip_flags nofrag action mpls push protocol mpls_uc label 1000 tc 0 bos "
               "1 ttl 64 pipe action mirred egress redirect dev {p0}", "vf0",
               F.with_(tos=0xc0).bytes(), {"wire0": mpls(F.with_(tos=0xc0), lse(1000))}),
        Recipe("R19 MPLS pop", "p0", "prot mpls_uc pref 6 flower mpls_label 1000 mpls_bos "
               "1 action mpls pop protocol ipv4 pipe action mirred egress redirect dev "
               "{vf0r}", "wire0", mpls(F, lse(1000, 9)), {"vf0": PLAIN}),
        Recipe("R19 MPLS modify", "p0", "prot mpls_uc pref 6 flower mpls_label 1001 "
               "mpls_bos 1 action mpls modify label 1002 tc 0 bos 1 ttl 64 pipe action "
               "mirred egress redirect dev {vf0r}", "wire0", mpls(F, lse(1001, 9)),
               {"vf0": mpls(F, lse(1002))}),
        Recipe("R21 mirror", "vf0r", f"prot ip pref 2 flower {MACS} action mirred egress "
               "mirror dev {vf2r} pipe action mirred egress redirect dev {vf1r}", "vf0",
               PLAIN, {"vf1": PLAIN, "vf2": PLAIN}),
        Recipe("R22 OVN route", "vf0r", f"prot ip pref 2 flower src_mac {A} dst_mac "
               "02:00:00:00:ff:01 src_ip 10.0.0.0/25 dst_ip 20.0.0.2 ip_proto icmp ip_ttl "
               "64 ip_flags nofrag action pedit ex munge eth src set 02:00:00:00:ff:02 "
               "munge eth dst set 02:00:00:00:00:22 pipe action pedit ex munge ip ttl set "
               "63 pipe action csum ip pipe action mirred egress redirect dev {vf1r}",
               "vf0", F.with_(dst="02:00:00:00:ff:01", to="20.0.0.2", proto=ICMP).bytes(),
               {"vf1": F.with_(src="02:00:00:00:ff:02", dst="02:00:00:00:00:22", ttl=63,
                               to="20.0.0.2", proto=ICMP).bytes()}),
        Recipe("R23 rewrite of IPv4", "vf0r", "prot ip pref 2 flower ip_proto tcp src_ip "
               "10.0.0.1 dst_ip 10.0.0.2 dst_port 80 ip_tos 0x0/0xfc ip_flags nofrag "
               "action pedit ex munge ip src set 10.0.0.77 munge ip tos set 0xb8 retain "
               "0xfc pipe action pedit ex munge tcp dport set 8080 pipe action csum ip "
               "and tcp pipe action mirred egress redirect dev {vf1r}", "vf0",
               T1.with_(tos=1).bytes(),
               {"vf1": T1.with_(tos=0xb9, ip="10.0.0.77", dport=8080).bytes()}),
        Recipe("R24 rewrite of IPv6", "vf0r", f"prot ipv6 pref 3 flower src_mac {A} "
               "ip_proto tcp src_ip fd00::1 dst_ip fd00::2 dst_port 443 ip_ttl 64 ip_flags "
               "nofrag action pedit ex munge eth src set 02:00:00:00:00:fe pipe action "
               "pedit ex munge ip6 hoplimit set 63 munge ip6 src set fd00::77 munge tcp "
               "sport set 9000 pipe action csum tcp pipe action mirred egress redirect dev "
               "{vf1r}", "vf0", T6.bytes(),
               {"vf1": T6.with_(src="02:00:00:00:00:fe", ttl=63, ip="fd00::77",
                                sport=9000).bytes()}),
        Recipe("R27 later fragments", "vf0r", "prot ip pref 2 flower ip_proto udp ip_flags "
               "frag/nofirstfrag action mirred egress redirect dev {vf1r}", "vf0",
               F.with_(frag=5).bytes(), {"vf1": F.with_(frag=5).bytes()}),
    ]


# Rule, and what the user must read
REFUSED = [
    ("R25 drop of SYN without ACK", "ip pref 2 flower verbose ip_proto tcp dst_port 80 "
     "tcp_flags 0x2/0x12 ip_flags nofrag action drop", "tcp_flags with mask bits 0x10"),
    ("R26 packet length", "ip pref 2 flower verbose dst_mac 02:00:00:00:03:02 ip_flags "
     "nofrag action police mtu 1000 conform-exceed drop/pipe pipe action mirred egress "
     "redirect dev {vf1r}", "police"),
    ("R28 flood", "ipv6 pref 3 flower verbose dst_mac 33:33:00:00:00:02 src_mac "
     f"{A} ip_flags nofrag action skbedit ptype host pipe action mirred ingress mirror "
     "dev {br0} pipe action mirred egress redirect dev {vf1r}", "mirred ingress mirror"),
]


def run_refused(rule: str, words: str) -> Callable[[], None]:
    def run() -> None:
        dev = NAMES["vf0r"]
        text = sh(f"tc filter add dev {dev} ingress prot {filled(rule)} 2>&1")
        try:
            assert words in text, text
            (there,) = rules(dev)
            assert there["options"].get("not_in_hw") and counter("rules") == 0
        finally:
            sh(f"tc filter del dev {dev} ingress")
    return run


if __name__ == "__main__":
    quiet()
    sh(f"sysctl -qw net.ipv6.conf.{UP}.disable_ipv6=0")
    sh(f"ip addr add {NET}/24 dev {UP}; ip addr add {NET6}/64 dev {UP} nodad")
    for _a in (REMOTE, REMOTE6):
        sh(f"ip neigh replace {_a} lladdr {PEER} dev {UP}")
    sh("ip link add veth-br type veth peer name veth-br1; ip link set veth-br up")
    for _dev in (UP, *REPS, *VFS):
        wait_carrier(_dev)
    for _dev in (UP, *REPS):
        sh(f"tc qdisc add dev {_dev} clsact")
    for _kind in tunnel.KINDS:
        tunnel.device(_kind)
    ports.update({"wire0": wire(0), **{f"vf{n}": Port(d) for n, d in enumerate(VFS)}})
    for _r in recipes():
        ktest.tests.insert(len(ktest.tests) - 1, ktest.Case(_r.name, run_recipe(_r)))
    for _name, _rule, _words in REFUSED:
        ktest.tests.insert(len(ktest.tests) - 1, ktest.Case(
            f"{_name}: refused", run_refused(_rule, _words)))
    raise SystemExit(ktest.run("recipes", refusals=True))
