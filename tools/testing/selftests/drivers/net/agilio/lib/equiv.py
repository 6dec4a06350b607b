# SPDX-License-Identifier: GPL-2.0-only
"""Random rules, and packets for each: one that matches, ones that differ in a
bit, and odd ones. Everything follows from the seed."""
from __future__ import annotations

import random
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from .pkt import ICMP, SCTP, TCP, UDP, Frame, csum
from .tunnel import Option, Outer

MAGIC = b"\xa9\x11EQ"
PAD = bytes(range(48))
ICMP6 = 58
FLIPS = 5       # bits of a key that are tried
QTAG, ATAG = 0x8100, 0x88a8
TAG_WORD = {QTAG: "802.1q", ATAG: "802.1ad"}


@dataclass
class Packet:
    """A frame for an input; its bytes with @ident in them."""
    into: str                   # "wire0" or "wire1"
    make: Callable[[int], bytes]
    what: str


@dataclass
class Rule:
    dev: str                    # name of the device that it is on
    proto: str
    match: list[str]
    actions: list[str]
    packets: list[Packet] = field(default_factory=list)
    # Matches of filters in chains before its own, each with a goto
    parents: list[list[str]] = field(default_factory=list)

    def chain(self, handle: int, step: int | None = None) -> int:
        """Of the last filter, or of another one of its filters."""
        step = len(self.parents) if step is None else step
        return 10000 * step + handle if step else 0

    def lines(self, pref: int, flags: str, handle: int) -> list[str]:
        """The words for tc: a filter for each chain. A handle is unique."""
        if self.dev.startswith("t_") and flags == "skip_sw":
            flags = "verbose"
        out = []
        for step, match in enumerate([*self.parents, self.match]):
            actions = self.actions if step == len(self.parents) else [
                f"goto chain {self.chain(handle, step + 1)}"]
            acts = " pipe ".join(f"action {a}" for a in actions)
            out.append(f"filter add dev {self.dev} ingress chain "
                       f"{self.chain(handle, step)} prot {self.proto} pref {pref} handle "
                       f"{handle} flower {flags} {' '.join(match)} {acts}")
        return out

    def deletes(self, pref: int, handle: int) -> list[str]:
        return [f"filter del dev {self.dev} ingress chain {self.chain(handle, step)} "
                f"prot {self.proto} pref {pref} handle {handle} flower"
                for step in range(len(self.parents) + 1)]

    def text(self) -> str:
        return "\n#   tc ".join(self.lines(1, "", 1))


@dataclass
class World:
    """Names of the devices, the same on both sides."""
    up: list[str]
    rep: list[str]
    mac1: str                   # of the second uplink
    peer: str                   # at the other end of its wire

    @property
    def outs(self) -> list[str]:
        return self.up + self.rep


def mac_text(n: int) -> str:
    return ":".join(f"{b:02x}" for b in n.to_bytes(6, "big"))


def mac_int(text: str) -> int:
    return int(text.replace(":", ""), 16)


def flip(r: random.Random, value: int, mask: int) -> int:
    bits = [i for i in range(mask.bit_length()) if mask >> i & 1]
    return value ^ 1 << r.choice(bits)


class Maker:
    """One rule: the frame is built as keys are chosen."""

    def __init__(self, r: random.Random, w: World, ident: int) -> None:
        self.r, self.w = r, w
        self.v6 = r.random() < 0.4
        self.frame = Frame(
            src=mac_text(0x020000000000 | ident), dst="02:bb:00:00:00:02",
            ip="fd00::1" if self.v6 else "10.0.0.1",
            to="fd00::2" if self.v6 else "10.0.0.2",
            proto=r.choice([TCP, TCP, UDP, UDP, UDP, SCTP, ICMP6 if self.v6 else ICMP]),
            tos=r.choice([0, 0, 0x10, 0xb8]), ttl=r.choice([1, 64, 255]),
            sport=r.randrange(1, 65536), dport=r.randrange(1, 65536), flags=0x10)
        self.match: list[str] = []
        self.misses: list[tuple[str, Frame]] = []
        self.hits: list[tuple[str, Frame]] = []

    def key(self, name: str, attr: str, bits: int, mask: int,
            text: Callable[[int, int], str], get: Callable[[Frame], int],
            put: Callable[[int], object]) -> None:
        value = get(self.frame)
        self.match.append(f"{name} {text(value & mask, mask)}")
        rest = (1 << bits) - 1 & ~mask
        for _ in range(FLIPS):
            self.misses.append((f"{name} differs", self.frame.with_(
                **{attr: put(flip(self.r, value, mask))})))
            if rest:
                self.hits.append((f"{name} differs where nobody looks",
                                  self.frame.with_(**{attr: put(flip(
                                      self.r, value, rest))})))

    def some_mask(self, bits: int) -> int:
        full = (1 << bits) - 1
        kind = self.r.random()
        if kind < 0.6:
            return full
        if kind < 0.8:
            return full & ~((1 << self.r.randrange(1, bits)) - 1)
        return self.r.randrange(1, full + 1)

    def not_ours(self) -> int:
        """A mask that tells the destination from all of the card's addresses,
        which have the vendor's bytes in front: a rule that could be about them
        takes the tunnels' packets out of the card."""
        apart = (mac_int(self.frame.dst) ^ mac_int(self.w.mac1)) >> 24 << 24
        while not (mask := self.some_mask(48)) & apart:
            pass
        return mask

    def macs(self, uplink: bool) -> None:
        def text(v: int, m: int) -> str:
            return f"{mac_text(v)}/{mac_text(m)}"
        self.key("src_mac", "src", 48, (1 << 48) - 1, text,
                 lambda f: mac_int(f.src), mac_text)
        if uplink or self.r.random() < 0.4:
            self.key("dst_mac", "dst", 48,
                     self.not_ours() if uplink else self.some_mask(48), text,
                     lambda f: mac_int(f.dst), mac_text)

    def address(self, name: str, attr: str) -> None:
        bits = 128 if self.v6 else 32
        family = socket.AF_INET6 if self.v6 else socket.AF_INET
        prefix = self.r.choice([bits, bits, self.r.randrange(1, bits)])
        mask = ((1 << prefix) - 1) << (bits - prefix)

        def to_text(v: int) -> str:
            return socket.inet_ntop(family, v.to_bytes(bits // 8, "big"))

        self.key(name, attr, bits, mask, lambda v, _: f"{to_text(v)}/{prefix}",
                 lambda f: int.from_bytes(socket.inet_pton(
                     family, getattr(f, attr)), "big"), to_text)

    def small(self, name: str, attr: str, bits: int) -> None:
        self.key(name, attr, bits, self.some_mask(bits),
                 lambda v, m: f"{v}/0x{m:x}" if name.startswith("ip_")
                 else f"{v}/{m}", lambda f: int(getattr(f, attr)), lambda v: v)

    def range(self, name: str, attr: str) -> None:
        port = getattr(self.frame, attr)
        low = self.r.randrange(max(1, port - 2000), port + 1)
        high = self.r.randrange(max(port, low + 1), max(port, low + 1) + 2000)
        high = max(min(high, 65535), low + 1)
        if high > 65535:
            return
        self.match.append(f"{name} {low}-{high}")
        for value, side in ((low, self.hits), (high, self.hits), (low - 1, self.misses),
                            (high + 1, self.misses)):
            if 0 < value < 65536:
                side.append((f"{name} at {value}", self.frame.with_(**{attr: value})))

    def proto_key(self) -> bool:
        names = {TCP: "tcp", UDP: "udp", SCTP: "sctp", ICMP: "icmp", ICMP6: "icmpv6"}
        if self.r.random() < 0.3:
            return False
        self.match.append(f"ip_proto {names[self.frame.proto]}")
        self.misses.append(("another protocol", self.frame.with_(
            proto=self.r.choice([p for p in (TCP, UDP, SCTP, 47, 89)
                                 if p != self.frame.proto]))))
        return True

    def ports(self) -> None:
        if self.frame.proto not in (TCP, UDP, SCTP):
            return
        for name, attr in (("src_port", "sport"), ("dst_port", "dport")):
            kind = self.r.random()
            if kind < 0.1:
                self.range(name, attr)
            elif kind < 0.5:
                self.small(name, attr, 16)
        if self.frame.proto == TCP and self.r.random() < 0.3:
            self.frame.flags = self.r.choice([1, 2, 4, 5, 0x12, 0x0a])
            mask = self.r.choice([7, 2, 3, 6])
            if self.frame.flags & mask:
                self.key("tcp_flags", "flags", 6, mask,
                         lambda v, m: f"0x{v:x}/0x{m:x}", lambda f: f.flags,
                         lambda v: v)
        if any(" 0/" in m or " 0x0/" in m for m in self.match if "port" in m):
            self.nofrag()

    def nofrag(self) -> None:
        if "ip_flags nofrag" not in self.match:
            self.match.append("ip_flags nofrag")

    def ip(self) -> None:
        for name, attr in (("src_ip", "ip"), ("dst_ip", "to")):
            if self.r.random() < 0.5:
                self.address(name, attr)
        if self.r.random() < 0.3:
            self.small("ip_tos", "tos", 8)
        if self.r.random() < 0.3:
            self.small("ip_ttl", "ttl", 8)
        known = self.proto_key()
        if known:
            self.ports()
        if self.r.random() < 0.3:
            self.nofrag()
        self.known = known

    def tags(self, n: int) -> str:
        """Match n tags. Returns the rule's protocol."""
        inner = "ipv6" if self.v6 else "ip"
        if not n:
            self.misses.append(("a tag too many", self.frame.with_(
                vlans=[(QTAG, 5)])))
            return inner
        tags = [(self.r.choice([QTAG, ATAG]), self.r.randrange(1, 4095) |
                 self.r.randrange(8) << 13) for _ in range(n)]
        self.frame.vlans = tags
        for i, (tpid, tci) in enumerate(tags):
            c = "c" if i else ""
            self.match.append(f"{c}vlan_id {tci & 0xfff}")
            wrong = list(tags)
            wrong[i] = (tpid, tci ^ 1 << self.r.randrange(12))
            self.misses.append((f"{c}vlan_id differs", self.frame.with_(vlans=wrong)))
            if self.r.random() < 0.5:
                self.match.append(f"{c}vlan_prio {tci >> 13}")
                wrong = list(tags)
                wrong[i] = (tpid, tci ^ 1 << self.r.randrange(13, 16))
                self.misses.append((f"{c}vlan_prio differs",
                                    self.frame.with_(vlans=wrong)))
            below = TAG_WORD[tags[i + 1][0]] if i + 1 < n else inner
            self.match.append(f"{c}vlan_ethtype {below}")
        self.misses.append(("a tag too few", self.frame.with_(vlans=tags[:-1])))
        self.misses.append(("a tag too many", self.frame.with_(
            vlans=[*tags, (QTAG, 9)])))
        return TAG_WORD[tags[0][0]]

    def odd(self) -> list[tuple[str, Callable[[int], bytes]]]:
        f = self.frame
        out: list[tuple[str, Callable[[int], bytes]]] = [
            ("jumbo", framed(f, size=3000)),
            ("bad L4 checksum", framed(f.with_(bad_l4=True))),
            ("bytes behind the packet", lambda n: framed(f)(n) + b"trailer"),
            ("short L4 header", headless(f)),
        ]
        if self.v6:
            out += [("first fragment", framed(f.with_(frag6=1))),
                    ("later fragment", framed(f.with_(frag6=0x11))),
                    ("destination options", inserted(f, v6=True))]
        else:
            out += [("UDP without checksum", framed(f.with_(udp_zero=True))),
                    ("first fragment", framed(f.with_(frag=0x2000))),
                    ("later fragment", framed(f.with_(frag=0x0011))),
                    ("IP options", inserted(f, v6=False))]
        return out

    def edits(self) -> list[str]:
        """pedit and csum, as far as the match allows."""
        r, f, out = self.r, self.frame, []
        if r.random() < 0.4:
            out.append("pedit ex munge eth "
                       f"{r.choice(['src', 'dst'])} set 02:0a:0b:0c:0d:0e")
        l4 = {TCP: "tcp", UDP: "udp"}.get(f.proto) if self.known else None
        if not self.known or r.random() < 0.5:
            return out
        sums: list[str] = []
        if self.v6:
            what = r.choice(["hoplimit set 9", "traffic_class set 0x24"] +
                            (["src set fd00:7::77", "dst set fd00:7::78"]
                             if f.proto != ICMP6 else []))
            out.append(f"pedit ex munge ip6 {what}")
        else:
            out.append("pedit ex munge ip " + r.choice(
                ["ttl set 9", "tos set 0x24", "src set 10.7.7.7", "dst set 10.7.7.8"]))
            sums.append("ip")
        if f.proto == SCTP:
            # Software repairs SCTP's sum when asked, the card can't
            return [x for x in out if "eth" in x]
        if l4 and r.random() < 0.5:
            out.append(f"pedit ex munge {l4} {r.choice(['sport', 'dport'])} set "
                       f"{r.randrange(1, 65536)}")
        if l4:
            sums.append(l4)
        if sums:
            out.append("csum " + " and ".join(sums))
        return out

    def labels(self) -> list[str]:
        if self.r.random() < 0.9:
            return []
        return [f"mpls push label {self.r.randrange(16, 1 << 20)} "
                f"tc {self.r.randrange(8)} ttl {self.r.randrange(1, 256)} bos 1"]

    def outputs(self) -> list[str]:
        outs = self.r.sample(self.w.outs, self.r.choice([1, 1, 1, 2, 3]))
        return ([f"mirred egress mirror dev {d}" for d in outs[:-1]] +
                [f"mirred egress redirect dev {outs[-1]}"])


def framed(f: Frame, size: int = 0) -> Callable[[int], bytes]:
    def make(ident: int) -> bytes:
        body = MAGIC + struct.pack(">I", ident) + PAD
        return f.with_(payload=body.ljust(size, b"z")).bytes()
    return make


def headless(f: Frame) -> Callable[[int], bytes]:
    """Eight bytes of L4, where any header has the ports."""
    def make(ident: int) -> bytes:
        data = framed(f)(ident)
        at = 14 + 4 * len(f.vlans)
        ip = bytearray(data[at:at + (40 if f.v6 else 20)])
        body = MAGIC + struct.pack(">I", ident)
        if f.v6:
            ip[4:6] = struct.pack(">H", len(body))
        else:
            ip[2:4] = struct.pack(">H", len(ip) + len(body))
            ip[10:12] = b"\0\0"
            ip[10:12] = struct.pack(">H", csum(bytes(ip)))
        # Behind it what makes the frame long enough for a wire
        return data[:at] + bytes(ip) + body + bytes(48)
    return make


def inserted(f: Frame, v6: bool) -> Callable[[int], bytes]:
    """With something between the IP header and what follows."""
    def make(ident: int) -> bytes:
        data = framed(f)(ident)
        at = 14 + 4 * len(f.vlans)
        head, rest = data[:at], data[at:]
        if v6:
            ip = bytearray(rest[:40])
            ext = bytes([ip[6], 0]) + b"\x01\x04\0\0\0\0"
            ip[6] = 60
            ip[4:6] = struct.pack(">H", len(rest) - 40 + len(ext))
            return head + bytes(ip) + ext + rest[40:]
        ip = bytearray(rest[:20])
        ip[0] = 0x46
        ip[2:4] = struct.pack(">H", len(rest) + 4)
        ip[10:12] = b"\0\0"
        full = bytes(ip) + b"\x01\x01\x01\0"
        full = full[:10] + struct.pack(">H", csum(full)) + full[12:]
        return head + full + rest[20:]
    return make


def finish(m: Maker, rule: Rule) -> Rule:
    for what, f in [("as matched", m.frame), *m.hits, *m.misses]:
        rule.packets.append(Packet("wire0", framed(f), what))
    for what, make in m.odd():
        rule.packets.append(Packet("wire0", make, what))
    return rule


def plain(r: random.Random, w: World, ident: int) -> Rule:
    m = Maker(r, w, ident)
    m.macs(True)
    proto = m.tags(r.choice([0, 0, 0, 1, 1, 2]))
    m.ip()
    tags = len(m.frame.vlans)
    acts: list[str] = []
    if r.random() < 0.1:
        return finish(m, Rule(w.up[0], proto, m.match, ["drop"]))
    acts += m.edits()
    if tags and r.random() < 0.5:
        acts.append("vlan pop")
        tags -= 1
    if r.random() < 0.3:
        acts.append(f"vlan push id {r.randrange(1, 4095)} priority {r.randrange(8)} "
                    f"protocol {r.choice(['802.1q', '802.1ad'])}")
    acts += m.labels()
    return finish(m, Rule(w.up[0], proto, m.match, acts + m.outputs()))


def mpls(r: random.Random, w: World, ident: int) -> Rule:
    """A rule for MPLS; labels, and what is below them."""
    m = Maker(r, w, ident)
    m.v6 = False
    m.frame = m.frame.with_(ip="10.0.0.1", to="10.0.0.2", proto=UDP)
    m.macs(True)
    label, tc = r.randrange(16, 1 << 20), r.randrange(8)
    two = r.random() < 0.3
    match = list(m.match)
    rule = Rule(w.up[0], "mpls_uc", match, [])
    misses: list[tuple[str, int, int, int]] = []
    if r.random() < 0.8:
        match.append(f"mpls_label {label}")
        misses.append(("label", label ^ 1 << r.randrange(20), tc, int(not two)))
    if r.random() < 0.4:
        match.append(f"mpls_tc {tc}")
        misses.append(("tc", label, tc ^ 1 << r.randrange(3), int(not two)))
    if r.random() < 0.4:
        match.append(f"mpls_bos {int(not two)}")
        misses.append(("bos", label, tc, int(two)))

    def stack(lab: int, cls: int, bos: int) -> Callable[[int], bytes]:
        def make(n: int) -> bytes:
            data = framed(m.frame)(n)
            lses = struct.pack(">I", lab << 12 | cls << 9 | bos << 8 | 64)
            if two:
                lses += struct.pack(">I", 77 << 12 | 1 << 8 | 63)
            return data[:12] + b"\x88\x47" + lses + data[14:]
        return make

    rule.packets.append(Packet("wire0", stack(label, tc, int(not two)), "as matched"))
    for what, *lse in misses:
        rule.packets.append(Packet("wire0", stack(*lse), f"mpls_{what} differs"))
    rule.packets.append(Packet("wire0", framed(m.frame), "no MPLS"))
    edits: list[list[str]] = [
        [], [f"mpls push label 9 tc 1 ttl 5 bos 0"],
        [f"mpls pop protocol {'mpls_uc' if two else 'ipv4'}"],
        ["mpls modify label 99"], ["mpls modify tc 3 ttl 77"]]
    rule.actions = r.choice(edits) + m.outputs()
    return rule


def tunnel_into(r: random.Random, w: World, ident: int) -> Rule:
    """Encapsulation on the way to the second wire."""
    m = Maker(r, w, ident)
    m.macs(True)
    m.frame.tos &= 0xfc
    m.match += ["ip_tos 0/0x3"]
    m.ip()
    if sum(x.startswith("ip_tos") for x in m.match) > 1:
        m.match = [x for x in m.match if x != "ip_tos 0/0x3"]
    kind = r.choice(["vxlan", "geneve", "gre"])
    v6 = r.random() < 0.4
    opts = tuple(Option(0x100 + i, r.randrange(256), r.randbytes(4))
                 for i in range(r.randrange(3))) if kind == "geneve" else ()
    o = Outer(kind, "fd00:6::1" if v6 else "192.168.6.1",
              "fd00:6::2" if v6 else "192.168.6.2", w.mac1, w.peer,
              key=r.randrange(1, 1 << 24), tos=r.randrange(64) << 2,
              ttl=r.randrange(1, 256), csum=kind != "gre" and r.random() < 0.5,
              options=opts)
    dev = "t_gre6" if kind == "gre" and v6 else f"t_{kind}"
    acts = [*m.edits(), f"{o.action()} nofrag", f"mirred egress redirect dev {dev}"]
    return finish(m, Rule(w.up[0], "ipv6" if m.v6 else "ip", m.match, acts))


def tunnel_out_of(r: random.Random, w: World, ident: int) -> Rule:
    """Decapsulation of what comes in by the second wire. Without Geneve options:
    the kernel warns of its own receiver when some come."""
    m = Maker(r, w, ident)
    m.macs(False)
    m.ip()
    kind = r.choice(["vxlan", "geneve", "gre"])
    v6 = r.random() < 0.4
    o = Outer(kind, "fd00:6::2" if v6 else "192.168.6.2",
              "fd00:6::1" if v6 else "192.168.6.1", w.peer, w.mac1,
              key=r.randrange(1, 1 << 24), tos=r.randrange(64) << 2,
              ttl=r.randrange(1, 256), sport=r.randrange(1024, 65536))
    match = [o.match(), f"enc_tos 0x{o.tos:x}"]
    if r.random() < 0.5:
        match.append(f"enc_ttl {o.ttl}")
    rule = Rule("t_gre6" if kind == "gre" and v6 else f"t_{kind}",
                "ipv6" if m.v6 else "ip", match + m.match,
                [*m.edits(), "tunnel_key unset", *m.outputs()])

    def wrapped(outer: Outer, inner: Callable[[int], bytes]) -> Callable[[int], bytes]:
        return lambda n: outer.bytes(inner(n))

    base = framed(m.frame)
    outers = [("as matched", o), ("key differs", o.with_(key=(o.key or 0) ^ 1)),
              ("tos differs", o.with_(tos=o.tos ^ 4)),
              ("source differs", o.with_(src=o.src[:-1] + "7"))]
    if any("enc_ttl" in x for x in match) and o.ttl > 1:
        outers.append(("ttl differs", o.with_(ttl=o.ttl ^ 128 or 5)))
    for what, outer in outers:
        rule.packets.append(Packet("wire1", wrapped(outer, base), f"outer: {what}"))
    for what, f in [*m.hits, *m.misses]:
        rule.packets.append(Packet("wire1", wrapped(o, framed(f)), what))
    return rule


# What any filter for such packets needs, or what its actions do
STRUCTURE = ("vlan_", "cvlan_", "ip_proto", "ip_flags", "ip_tos", "enc_")


def split(r: random.Random, rule: Rule) -> Rule:
    """The same match in steps: a filter that jumps, and one in a chain."""
    both = [x for x in rule.match if x.startswith(STRUCTURE)]
    rest = [x for x in rule.match if x not in both]
    if len(rest) < 2:
        return rule
    # The source address tells rules apart from the start
    first = rest[:1] + [x for x in rest[1:] if r.random() < 0.5]
    rule.parents.append([x for x in rule.match if x in both + first])
    rule.match = [x for x in rule.match if x not in first]
    return rule


KINDS = [(plain, 12), (mpls, 3), (tunnel_into, 4), (tunnel_out_of, 4)]


def make_rule(r: random.Random, w: World, ident: int) -> Rule:
    rule = r.choices([m for m, _ in KINDS], [n for _, n in KINDS])[0](r, w, ident)
    while r.random() < 0.2 and len(rule.parents) < 3:
        rule = split(r, rule)
    return rule
