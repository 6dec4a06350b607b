# SPDX-License-Identifier: GPL-2.0-only
"""Texts of refusals: which there are in the driver, and which a run of the
tests has seen."""
from __future__ import annotations

import re
from pathlib import Path

DRIVER = "drivers/net/ethernet/agilio"
# An extack's length less the driver's name, from where a text may be cut
CUT = 66
SEEN = re.compile(r"^# refusal: (.*)")
STRINGS = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
# Texts that no test can see, and why
UNSEEN = {
    "%u actions: the card's list has room for %u": "tc takes 32 of a filter, which "
                                                   "are 96 of ours at most",
    "action %u is unknown to the driver": "for actions of later kernels",
    "match with keys 0x%llx is unknown to the driver": "for keys of later kernels",
    "tunnel_key set without a tunnel": "tc always has one",
    "tunnel_key set of a flow label or source port": "tc's action has no words for it",
    "pedit value 0x%08x has bits outside of its mask": "iproute2 sends none",
    "pedit of byte %u of %s, bits 0x%02x: not settable": "iproute2 can't write them",
    "vlan %s of priority %u: there are 0 to 7": "iproute2 refuses them",
    "vlan %s of protocol 0x%04x": "iproute2 and the kernel know no others",
    "match on IPv4 addresses without protocol ip": "iproute2 asks for the protocol",
    "match on IPv6 addresses without protocol ipv6": "likewise",
    "a rule with this match is in the card already": "each profile of the model can "
                                                     "exchange rules",
    "there was no memory to keep another rule of %s in mind": "needs an allocation "
                                                              "that fails",
    "Geneve: this firmware can't": "each profile of the model has it",
    "Geneve options: this firmware can't": "likewise",
    "match on vlan_prio: this firmware can't": "likewise",
    "to an internal port: this firmware can't": "no suite has Open vSwitch and "
                                                "the profile that lacks it",
}
# Texts that have no test yet. One that has been seen must leave the list
TO_SEE: set[str] = {
    "chain %u: enc_ keys after tunnel_key set",
    "chains of %u actions: the card's list has room for %u",
    "chains that look at two VLAN tags: this firmware sees one",
}
# Texts for what happens between two steps of ours: a run sees them, or not
RACES = {
    "a device that it needs has gone, or changed",
    "output to %s, which is going",
}


def formats(repo: Path) -> list[str]:
    """The formats in the driver's sources."""
    out = set()
    for path in sorted((repo / DRIVER).rglob("*.c")):
        text = path.read_text(encoding="ascii")
        found = re.findall(r"agl_refuse\([^;\"]*?AGL_REFUSE_\w+,\s*" + STRINGS, text)
        # pre_tunnel.c has a head of its own
        found += ['"to internal port ' + x.lstrip('"')
                  for x in re.findall(r"\brefuse\(l, " + STRINGS, text)]
        out |= {"".join(re.findall(r'"((?:[^"\\]|\\.)*)"', x)) for x in found}
    return sorted(out - {"to internal port %s"})


def pattern(fmt: str) -> re.Pattern[str]:
    parts = re.split(r"%[0-9]*(?:ll)?[a-zA-Z]", fmt)
    return re.compile(".*".join(re.escape(x) for x in parts))


def is_of(text: str, fmt: str) -> bool:
    if pattern(fmt).fullmatch(text):
        return True
    # A long one is cut at its end
    return len(text) >= CUT and any(pattern(fmt[:n]).fullmatch(text)
                                    for n in range(len(fmt) // 2, len(fmt)))


def missing(repo: Path, texts: set[str]) -> list[str]:
    """What is wrong: texts that nobody saw, and reasons that are none."""
    there = formats(repo)
    seen = {f for f in there if any(is_of(t, f) for t in texts)}
    listed = set(UNSEEN) | TO_SEE
    return [f"never seen: {f}" for f in there if f not in seen | listed | RACES] + \
        [f"seen, in spite of the list: {f}" for f in sorted(seen & listed)] + \
        [f"on a list, and in no source: {f}" for f in sorted((listed | RACES) - set(there))]
