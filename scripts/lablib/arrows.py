# SPDX-License-Identifier: GPL-2.0-only
"""Arrows between rooms: which folder may include or call which. A room calls
rooms below it and never above; Documentation/dev-tools/agilio-lab.rst."""
from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from .steps import REPO

DRIVER = REPO / "drivers/net/ethernet/agilio"
CARD = REPO / "tools/card"

# Each room, and the rooms that it may know of. "." is the top folder.
DRIVER_ROOMS: dict[str, set[str]] = {
    ".": {"devlink", "netdev", "tc", "ct", "rule", "table", "tunnel", "port", "flower",
          "vnic", "chip", "abi"},
    "devlink": {".", "netdev", "port", "table", "tunnel", "flower", "vnic", "chip",
                "abi"},
    "netdev": {".", "devlink", "tc", "port", "table", "tunnel", "flower", "vnic",
               "chip", "abi"},
    "tc": {".", "ct", "rule", "table", "tunnel", "port", "flower", "abi"},
    "ct": {".", "rule", "table", "flower", "abi"},
    "table": {".", "rule", "tunnel", "port", "flower", "chip", "abi"},
    "tunnel": {".", "rule", "port", "flower", "abi"},
    "port": {".", "flower", "abi"},
    "flower": {".", "rule", "vnic", "chip", "abi"},
    "vnic": {"chip", "abi"},
    "chip": {"abi"},
    "rule": {"abi"},
    "abi": set(),
}
CARD_ROOMS: dict[str, set[str]] = {
    # It calls card.h's face, which the rooms are behind
    "qemu": {".", "flower", "vnic", "chip"},
    ".": {"flower", "vnic", "chip", "abi"},
    "flower": {".", "vnic", "chip", "abi"},
    "vnic": {".", "chip", "abi"},
    "chip": {".", "abi"},
    "abi": set(),
}
# Still to go: (file, room that it reaches up to). One that is gone must leave
# this list, too.
TO_GO: set[tuple[str, str]] = set()

INCLUDE = re.compile(r'^#\s*include "([^"]+)"', re.M)
# A function of kernel style begins in the first column and has its brace there
DEFINED = re.compile(r"^(?!static|typedef|struct \w+ \{)[a-z][\w \t\*]*?\b(\w+)\("
                     r"[^;{}]*\)\n\{", re.M)
COMMENT = re.compile(r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", re.S)


def room_of(path: Path, top: Path) -> str:
    parts = path.relative_to(top).parts
    return parts[0] if len(parts) > 1 else "."


def included(path: Path, top: Path, name: str, shared: Path) -> str | None:
    """The room of a header of ours."""
    for base in (path.parent, top, shared):
        target = (base / name).resolve()
        if not target.is_file():
            continue
        if top in target.parents:
            return room_of(target, top)
        if shared in target.parents:
            return room_of(target, shared)
    return None


def reached(path: Path, top: Path, shared: Path, owner: dict[str, str]
            ) -> dict[str, set[str]]:
    """Rooms that a file includes headers of or calls, and by which names."""
    text = path.read_text()
    out: dict[str, set[str]] = defaultdict(set)
    for name in INCLUDE.findall(text):
        room = included(path, top, name, shared)
        if room:
            out[room].add(f'"{name}"')
    if path.suffix == ".c":
        for name in set(re.findall(r"\b(\w+)\(", COMMENT.sub("", text))):
            if name in owner:
                out[owner[name]].add(name + "()")
    return out


def check_tree(top: Path, rooms: dict[str, set[str]], shared: Path) -> list[str]:
    sources = [f for f in sorted(top.rglob("*.[ch]"))
               if room_of(f, top) in rooms]
    owner: dict[str, str] = {}
    for f in sources:
        if f.suffix == ".c":
            for name in DEFINED.findall(COMMENT.sub("", f.read_text())):
                owner[name] = room_of(f, top)
    bad, met = [], set()
    for f in sources:
        room = room_of(f, top)
        for to, names in reached(f, top, shared, owner).items():
            if to == room or to in rooms[room]:
                continue
            key = (str(f.relative_to(REPO)), to)
            met.add(key)
            if key not in TO_GO:
                bad.append(f"{key[0]}: {room}/ must not know {to}/: "
                           f"{', '.join(sorted(names))}")
    inside = str(top.relative_to(REPO))
    bad += [f"{name}: reaches {to}/ no more: take it off the list in arrows.py"
            for name, to in sorted(TO_GO - met) if name.startswith(inside)]
    return bad


def check() -> list[str]:
    """What is wrong, a line each."""
    return check_tree(DRIVER, DRIVER_ROOMS, DRIVER) + \
        check_tree(CARD, CARD_ROOMS, DRIVER)
