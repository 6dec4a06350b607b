# SPDX-License-Identifier: GPL-2.0-only
"""The two sides of an equivalence test: the card, and veths of the same names
in a namespace, where tc in software does the work."""
from __future__ import annotations

import re
import struct
from collections import Counter
from dataclasses import dataclass, field

from .equiv import MAGIC, World
from .net import Port, env, js, quiet, sh, wait_carrier, wire
from .ovs import mac as mac_of

SOFT, ENDS = "soft", "soft-ends"
SENTINEL_PREF = 500


@dataclass
class Side:
    """Devices, and the sockets at the far ends of their cables."""
    ns: str | None
    flags: str
    ports: dict[str, Port]      # by the name of the device
    inputs: dict[str, Port]
    why: Counter[str] = field(default_factory=Counter)
    broken: str = ""

    def tc(self, lines: list[str]) -> set[int]:
        """Run a batch. Returns the lines that failed."""
        path = f"/tmp/equiv-{self.ns or 'card'}"
        with open(path, "w", encoding="ascii") as f:
            f.writelines(x + "\n" for x in lines)
        prefix = f"ip netns exec {self.ns} " if self.ns else ""
        out = sh(f"{prefix}tc -force -b {path} 2>&1", ok=False)
        self.why.update(re.sub(r"\d+", "N", x) for x in re.findall(
            r"(?:Error|Warning): agilio: (.*?)\.?\n", out))
        # Not the driver's: a rule that tc itself doesn't take
        self.why.update(x for x in re.findall(
            r"(.+)\n(?:We have an error.*\n)?Command failed", out)
            if "agilio: " not in x and " del " not in x and "not found" not in x and
            "Cannot find" not in x)
        return {int(x) - 1 for x in re.findall(r"Command failed \S+:(\d+)", out)}

    def counters(self, dev: str) -> dict[tuple[int, int], int]:
        """Packets of each filter of pref below SENTINEL_PREF, by chain and handle."""
        prefix = f"ip netns exec {self.ns} " if self.ns else ""
        out = {}
        for f in js(f"{prefix}tc -s -j filter show dev {dev} ingress"):
            o = f.get("options", {})
            if "handle" in o and f["pref"] < SENTINEL_PREF:
                # tunnel_key keeps no count of the hardware's
                kind = "packets" if self.ns else "hw_packets"
                out[f["chain"], o["handle"]] = max(a["stats"].get(kind, 0)
                                                   for a in o["actions"])
        return out


def soft_side(w: World) -> Side:
    """veths with the names, addresses and MACs of the card's devices."""
    sh(f"ip netns add {SOFT}; ip netns add {ENDS}")
    # Nobody discovers neighbours there, as nobody does beside the card
    quiet()
    ports = {}
    for n, dev in enumerate(w.outs):
        sh(f"ip -n {SOFT} link add {dev} address {mac_of(dev)} mtu 9000 type veth "
           f"peer name end{n} netns {ENDS}; ip -n {SOFT} link set {dev} up; "
           f"ip -n {ENDS} link set end{n} mtu 9000 promisc on up")
        ports[dev] = Port(f"end{n}", ENDS)
    return Side(SOFT, "skip_hw", ports, {"wire0": ports[w.up[0]],
                                         "wire1": ports[w.up[1]]})


def card_side(w: World) -> Side:
    ports = {w.up[0]: wire(0), w.up[1]: wire(1), w.rep[0]: Port(env("VF0")),
             w.rep[1]: Port(env("VF1"))}
    for dev in (*w.outs, env("VF0"), env("VF1")):
        sh(f"ip link set {dev} mtu 9000; ethtool -K {dev} gro off", ok=False)
        wait_carrier(dev)
    # GRO holds TCP back for a moment, and what comes after it overtakes it
    for n in (0, 1):
        sh(f"ip netns exec wire{n} ethtool -K wire{n} gro off")
    return Side(None, "skip_sw", ports, {"wire0": ports[w.up[0]],
                                         "wire1": ports[w.up[1]]})


def ident_of(frame: bytes) -> int | None:
    at = frame.find(MAGIC)
    return struct.unpack_from(">I", frame, at + 4)[0] if at >= 0 else None


def normal(frame: bytes) -> bytes:
    """An outer header without what its sender is free to choose."""
    at = 12
    while frame[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    kind, data = frame[at:at + 2], bytearray(frame)
    at += 2
    if kind == b"\x08\x00":
        proto, l4 = data[at + 9], at + 4 * (data[at] & 15)
    elif kind == b"\x86\xdd":
        proto, l4 = data[at + 6], at + 40
    else:
        return frame
    udp = proto == 17 and data[l4 + 2:l4 + 4] in (b"\x12\xb5", b"\x17\xc1")
    if not udp and not (proto == 47 and data[l4 + 2:l4 + 4] == b"\x65\x58"):
        return frame
    if kind == b"\x08\x00":
        data[at + 4:at + 8] = b"\0\0\0\0"
        data[at + 10:at + 12] = b"\0\0"
    else:
        data[at + 1] &= 0xf0
        data[at + 2:at + 4] = b"\0\0"
    if udp:
        data[l4:l4 + 2] = b"\0\0"
        # Present or not is the rule's; right or not the receiver's tests say
        if data[l4 + 6:l4 + 8] != b"\0\0":
            data[l4 + 6:l4 + 8] = b"\xff\xff"
    return bytes(data)
