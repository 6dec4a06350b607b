# SPDX-License-Identifier: GPL-2.0-only
"""Rules that overlap, out of a small world of values, and packets of the same
world: any packet meets many of them. Everything follows from the seed."""
from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from .equiv import MAGIC
from .pkt import ICMP, SCTP, TCP, UDP, Frame, mac
from .tunnel import KINDS, Outer

MACS = ["02:00:00:00:01:01", "02:00:00:00:01:02", "02:00:00:00:02:01"]
DESTS = ["02:bb:00:00:00:01", "02:bb:00:00:00:02"]
PORTS = [1000, 1001, 2000]
PROTOS = {UDP: "udp", TCP: "tcp", ICMP: "icmp", SCTP: "sctp"}
TAGS = [5, 6]
TAG = 0x8100
LLDP_MAC = "01:80:c2:00:00:0e"
# What a filter of that priority is for: a pref has one protocol in tc
PREFS = {10: "ip", 20: "ip", 30: "ipv6", 40: "all", 50: "ip", 60: "802.1q",
         70: "ipv6", 80: "ip", 90: "arp", 100: "all"}
# How often tc's flags are so. Of skip_hw a driver is not even told: what is in
# hardware comes before it, whatever its priority
FLAGS = (("skip_sw", 1), ("", 2))
MSS = 512


# Tunnels go by the second uplink: who is at their ends, and two keys
LOCALS = {False: ["192.168.6.1", "192.168.6.11"], True: ["fd00:6::1"]}
REMOTES = {False: ["192.168.6.2", "192.168.6.3", "192.168.9.2"], True: ["fd00:6::2"]}
KEYS = [100, 101]
TUNNEL_PREFS = [10, 20, 30, 50, 70, 80]


@dataclass
class Filter:
    """A filter of tc; (dev, pref, handle) is its name."""
    dev: str
    pref: int
    handle: int
    kind: str
    words: list[str]
    actions: list[str]
    flags: str
    what: str = ""

    @property
    def proto(self) -> str:
        return PREFS[self.pref]

    def add(self, flags: str) -> str:
        acts = " pipe ".join(f"action {a}" for a in self.actions)
        return (f"filter add dev {self.dev} ingress prot {self.proto} pref {self.pref} "
                f"handle {self.handle} {self.kind} {flags} {' '.join(self.words)} {acts}")

    def delete(self) -> str:
        return (f"filter del dev {self.dev} ingress prot {self.proto} pref {self.pref} "
                f"handle {self.handle} {self.kind}")


@dataclass
class Sent:
    """A frame for an input. With @gso the sender leaves checksum and, for TCP
    above MSS, segmentation to its device."""
    into: str
    what: str
    make: Callable[[int], bytes]
    gso: bool = False
    csum: tuple[int, int] = (0, 0)      # where L4 begins, offset of its sum
    tags: list[str] = field(default_factory=list)


def address(r: random.Random, v6: bool, side: int) -> str:
    low = r.randrange(1, 4)
    return f"fd00::{side}:{low}" if v6 else f"10.0.{side}.{low}"


def prefix(r: random.Random, v6: bool, side: int) -> str:
    at = address(r, v6, side)
    if v6:
        return f"{at}/{r.choice([112, 127, 128])}"
    return f"{at}/{r.choice([16, 24, 30, 31, 32, 32])}"


def port_word(r: random.Random, name: str) -> str:
    p = r.choice(PORTS)
    how = r.random()
    if how < 0.15:
        return f"{name} {p}-{p + r.choice([1, 5, 1000])}"
    if how < 0.3:
        return f"{name} {p & 0xfffe}/0xfffe"
    return f"{name} {p}"


def ip_words(r: random.Random, v6: bool) -> list[str]:
    out = []
    for name, side in (("src_ip", 1), ("dst_ip", 2)):
        if r.random() < 0.5:
            out.append(f"{name} {prefix(r, v6, side)}")
    if r.random() < 0.15:
        out.append(f"ip_tos {r.choice(['0', '0x10', '0/0xfc'])}")
    if r.random() < 0.15:
        out.append(f"ip_ttl {r.choice(['64', '1', '64/0xc0'])}")
    if r.random() < 0.15:
        out.append(f"ip_flags {r.choice(['frag', 'nofrag', 'frag/firstfrag'])}")
    if r.random() < 0.5:
        l4 = r.choice(["udp", "tcp", "tcp", "sctp", "icmpv6" if v6 else "icmp"])
        out.append(f"ip_proto {l4}")
        if not l4.startswith("icmp"):
            out += [port_word(r, n) for n in ("src_port", "dst_port")
                    if r.random() < 0.4]
        if l4 == "tcp" and r.random() < 0.2:
            out.append(f"tcp_flags {r.choice(['0x2/0x2', '0x10/0x17', '0x8/0x8'])}")
    return out


def words(r: random.Random, proto: str) -> list[str]:
    out = []
    if r.random() < 0.4:
        out.append(f"src_mac {r.choice(MACS)}" +
                   r.choice(["", "", "/ff:ff:ff:ff:ff:00", "/ff:ff:ff:ff:00:ff"]))
    if r.random() < 0.2:
        out.append(f"dst_mac {r.choice(DESTS)}")
    if proto == "802.1q":
        out.append(f"vlan_id {r.choice(TAGS)}")
        if r.random() < 0.3:
            out.append(f"vlan_prio {r.choice([0, 3])}")
        if r.random() < 0.6:
            out += ["vlan_ethtype ip", *ip_words(r, False)]
    elif proto in ("ip", "ipv6"):
        out += ip_words(r, proto == "ipv6")
    return out


def actions(r: random.Random, f: list[str], proto: str, outs: list[str]) -> list[str]:
    kind = r.random()
    if kind < 0.2:
        return ["drop"]
    if kind < 0.27:
        return ["ok"]
    out = []
    if proto == "802.1q" and r.random() < 0.5:
        out.append("vlan pop")
    elif r.random() < 0.15:
        out.append(f"vlan push id {r.randrange(1, 4095)} priority {r.randrange(8)}")
    if r.random() < 0.2:
        out.append("pedit ex munge eth dst set "
                   f"02:0a:00:00:00:{r.randrange(1, 255):02x}")
    if proto == "ip" and r.random() < 0.2:
        out.append(f"pedit ex munge ip ttl set {r.randrange(1, 255)}")
        out.append("csum ip")
    if proto == "ipv6" and r.random() < 0.2:
        out.append(f"pedit ex munge ip6 hoplimit set {r.randrange(1, 255)}")
    to = r.sample(outs, r.choice([1, 1, 1, 2]))
    return out + [f"mirred egress mirror dev {d}" for d in to[:-1]] + \
        [f"mirred egress redirect dev {to[-1]}"]


def tunnel_device(kind: str, v6: bool) -> str:
    return "t_gre6" if kind == "gre" and v6 else f"t_{kind}"


def outer(r: random.Random, inward: bool) -> Outer:
    """Outer headers; the addresses on the wire are filled in later."""
    kind, v6 = r.choice(KINDS), r.random() < 0.3
    ends = r.choice(REMOTES[v6]), r.choice(LOCALS[v6])
    src, dst = ends if inward else ends[::-1]
    return Outer(kind, src, dst, "", "", key=r.choice(KEYS), tos=r.choice([0, 0, 0x10]),
                 ttl=r.choice([64, 64, 9]), csum=kind != "gre",
                 sport=r.choice([5000, 5001]))


def make_decap(r: random.Random, outs: list[str], handle: int) -> Filter:
    """On a tunnel's device, where tc has no skip_sw."""
    o, pref = outer(r, True), r.choice(TUNNEL_PREFS)
    match = [o.match(), f"enc_tos 0x{o.tos:x}"]
    if r.random() < 0.3:
        match.append(f"enc_ttl {o.ttl}")
    acts = actions(r, match, PREFS[pref], outs)
    if acts[-1].startswith("mirred"):
        acts.insert(0, "tunnel_key unset")
    return Filter(tunnel_device(o.kind, o.v6), pref, handle, "flower",
                  match + words(r, PREFS[pref]), acts, "")


def into_tunnel(r: random.Random, f: Filter) -> None:
    o = outer(r, False)
    f.actions = [a for a in f.actions if "pedit" in a or "csum" in a] + [
        f"{o.action()} nofrag", f"mirred egress redirect dev {tunnel_device(o.kind, o.v6)}"]
    f.what = f"into {o.kind}"
    if f.flags == "skip_sw":
        # Packets with a congestion mark are left to the host
        f.words = [x for x in f.words if not x.startswith("ip_tos")] + ["ip_tos 0/0x3"]


def make_filter(r: random.Random, devs: list[str], outs: list[str], handle: int) -> Filter:
    if r.random() < 0.15:
        return make_decap(r, outs, handle)
    f = make_plain(r, devs, outs, handle)
    if f.proto in ("ip", "ipv6") and r.random() < 0.15 and f.dev != devs[1]:
        into_tunnel(r, f)
    if f.dev == devs[1] and f.kind == "flower" and not any(
            x.startswith("dst_mac") for x in f.words):
        # Outer packets are the tunnels' devices', whoever decapsulates
        f.words.append(f"dst_mac {r.choice(DESTS)}")
    elif f.dev == devs[1] and f.kind != "flower":
        f.dev = devs[0]
    return f


def make_plain(r: random.Random, devs: list[str], outs: list[str], handle: int) -> Filter:
    pref = r.choice(list(PREFS))
    proto = PREFS[pref]
    flags = r.choices([x for x, _ in FLAGS], [n for _, n in FLAGS])[0]
    kind = "matchall" if pref == 100 else "flower"
    match = [] if kind == "matchall" else words(r, proto)
    acts = actions(r, match, proto, outs)
    if kind == "matchall":
        handle = 1
    # Fragments of what is edited are left to the host: it needs the filter, too
    if flags == "skip_sw" and any("munge ip" in x for x in acts):
        match = [x for x in match if not x.startswith("ip_flags")] + ["ip_flags nofrag"]
    return Filter(r.choice(devs), pref, handle, kind, match, acts, flags)


def frame(r: random.Random) -> Frame:
    v6 = r.random() < 0.35
    return Frame(
        src=r.choice(MACS), dst=r.choice(DESTS), ip=address(r, v6, 1),
        to=address(r, v6, 2), tos=r.choice([0, 0, 0x10, 2]),
        ttl=r.choice([64, 64, 1]), proto=r.choice([UDP, UDP, TCP, TCP, SCTP,
                                                   58 if v6 else ICMP]),
        sport=r.choice(PORTS), dport=r.choice(PORTS), flags=r.choice([2, 0x10, 0x18]),
        vlans=r.choice([[], [], [], [(TAG, r.choice(TAGS) | r.choice([0, 3]) << 13)],
                        [(TAG, 5), (TAG, 7)]]))


def body(n: int, size: int) -> bytes:
    one = MAGIC + struct.pack(">I", n)
    return one * (size // len(one) + 1)


def other(r: random.Random, f: Frame) -> tuple[str, Callable[[int], bytes]]:
    """A frame that isn't IP."""
    what, kind, to = r.choice([("ARP", 0x0806, "ff:ff:ff:ff:ff:ff"),
                               ("LLDP", 0x88cc, LLDP_MAC),
                               ("another ethertype", 0x88b5, f.dst)])
    head = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + mac(f.src) + bytes(16)
    return what, lambda n: f.with_(dst=to, ethertype=kind, raw=(
        head if kind == 0x0806 else b"\2\7") + body(n, 56)).bytes()


def fragment(r: random.Random, f: Frame) -> tuple[str, Callable[[int], bytes]]:
    first = r.random() < 0.5
    word = 0x2000 if first else 0x0010
    f = f.with_(frag6=1 if first else 0x80) if f.v6 else f.with_(frag=word)
    return ("first fragment" if first else "later fragment",
            lambda n: f.with_(payload=body(n, 64)).bytes())


def wrong_length(r: random.Random, f: Frame) -> tuple[str, Callable[[int], bytes]]:
    """A length of IP's that is not true. What the card takes for L4 then has no
    checksum, which it would make anew after an edit. Whether the firmware takes a
    header of less than 20 bytes for IP at all is not known."""
    f = f.with_(proto=r.choice([SCTP, 89]))
    at = 14 + 4 * len(f.vlans)
    value = r.choice([0, 1, 8, 19, 39, 45, 400, 65535])
    ihl = r.choice([None, None, 0x4f]) if not f.v6 else None

    def make(n: int) -> bytes:
        data = bytearray(f.with_(payload=body(n, 64)).bytes())
        if ihl:
            data[at] = ihl
        else:
            where = at + (4 if f.v6 else 2)
            data[where:where + 2] = struct.pack(">H", value)
        return bytes(data)

    return (f"IHL {ihl & 15}" if ihl else f"IP length {value}"), make


def offloaded(r: random.Random, f: Frame, tso: bool) -> Sent:
    """A frame whose checksum its sender has left to the device."""
    # Software looks at the flags before segmentation, the card after it
    f = f.with_(proto=r.choice([TCP, TCP, UDP]), flags=0x10, vlans=[])
    at = 14 + (40 if f.v6 else 20)
    size = r.choice([64, 3 * MSS, 3 * MSS + 88]) if tso and f.proto == TCP else 64
    off = 16 if f.proto == TCP else 6

    def make(n: int) -> bytes:
        data = bytearray(f.with_(payload=body(n, size)[:size]).bytes())
        # Only the pseudo header's sum, not inverted
        length = len(data) - at
        total = sum(struct.unpack(f">{len(f._pseudo(length)) // 2}H",
                                  f._pseudo(length)))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        data[at + off:at + off + 2] = struct.pack(">H", total)
        return bytes(data)

    return Sent("", "TSO" if size > MSS else "checksum left to the device", make,
                size > MSS, (at, off))


def tunnelled(r: random.Random, ends: Callable[[], tuple[str, str]]) -> Sent:
    """@ends: MAC addresses of the peer and of the uplink now"""
    inner, o = make_packet(r, ["wire1"], None, False), outer(r, True)

    def make(n: int) -> bytes:
        smac, dmac = ends()
        return o.with_(smac=smac, dmac=dmac).bytes(inner.make(n))

    return Sent("wire1", f"in {o.kind}{' over IPv6' if o.v6 else ''}", make)


def make_packet(r: random.Random, inputs: list[str],
                ends: Callable[[], tuple[str, str]] | None, tso: bool) -> Sent:
    into = r.choice(inputs)
    if into == "wire1" and ends and r.random() < 0.5:
        return tunnelled(r, ends)
    f = frame(r)
    kind = r.random()
    if kind < 0.1:
        return Sent(into, *other(r, f))
    if kind < 0.2:
        return Sent(into, *fragment(r, f))
    if kind < 0.3:
        return Sent(into, *wrong_length(r, f))
    if kind < 0.45 and into.startswith("vf"):
        s = offloaded(r, f, tso)
        s.into = into
        return s
    what = {UDP: "UDP", TCP: "TCP", SCTP: "SCTP"}.get(f.proto, "ICMP")
    return Sent(into, what + (" IPv6" if f.v6 else "") +
                (f", {len(f.vlans)} tags" if f.vlans else ""),
                lambda n: f.with_(payload=body(n, 48)).bytes())
