#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Inputs for the fuzz targets to start from.

usage: seeds.py TARGET STANDIN FOLDER

TARGET is sequence, bars or firmware. A sequence's or stream's operation is one
byte and its arguments, see the targets; those here do each of them once in ways
that get far. STANDIN is the stand-in firmware's file.
"""
from __future__ import annotations

import struct
import sys
from pathlib import Path

FRAMES, MESSAGES, NSP_CODES = 12, 18, 21
# Operations of fuzz_sequence.c
MESSAGE, WIRE, TRANSMIT, DESCRIPTORS, RECEIVE, VF, TIME, OTHER = range(8)
# .. and of fuzz_bars.c
ACCESS, SLOT, MEMORY, QUEUE, COMMAND, BAR_VF, FRAME, BAR_OTHER = range(8)


def sequence() -> dict[str, bytes]:
    out = {}
    for frame in range(FRAMES):
        wire = b"".join(bytes((WIRE, w, frame, 0)) for w in (0, 1))
        sent = b"".join(bytes((TRANSMIT, who, flags, 20, 0, frame, 0))
                        for who in range(3) for flags in (0, 0xe0, 0xe4, 0x90))
        out[f"frame{frame}"] = wire + sent + bytes((RECEIVE,)) + wire + \
            bytes((TIME, 0xff, 0xff))
        # The IP length of a frame without tags: 0, short, all ones
        out[f"length{frame}"] = b"".join(
            bytes((WIRE, 0, frame, 2, 16, high, 17, low)) + bytes(
                (TRANSMIT, 0, 0xe0, 20, 0, frame, 2, 16, high, 17, low))
            for high, low in ((0, 0), (0, 19), (0, 21), (0xff, 0xff)))
    for message in range(MESSAGES):
        out[f"message{message}"] = bytes((MESSAGE, message, 0, 0)) + \
            b"".join(bytes((WIRE, 0, f, 0)) for f in range(FRAMES)) + \
            bytes((MESSAGE, message, 0, 1, 3, 2, TIME, 0xff, 0xff, RECEIVE))
    desc = struct.pack("<BHBIHBBBBH", 0, 64, 0x80, 7 << 20, 0, 0, 0, 0, 0, 64)
    out["descriptors"] = bytes((DESCRIPTORS, 0, 3)) + desc * 3 + \
        bytes((DESCRIPTORS, 2, 2)) + desc * 2
    out["vf"] = bytes((VF, 0, 0, 0, 4, 2)) + bytes(4) + \
        bytes((VF, 0, 2, 0x10, 4, 2)) + bytes((0, 0, 0, 1))
    out["other"] = b"".join(bytes((OTHER, n, 0, 0, 0, 1)) for n in range(16))
    return out


def bars() -> dict[str, bytes]:
    out = {}
    for code in range(NSP_CODES):
        for how in (0x00, 0x11):
            text = b"board.state\0" if code in (17, 18) else bytes(16)
            out[f"command{code}-{how:x}"] = bytes((COMMAND, code, how)) + \
                struct.pack(">HH", 2048, len(text)) + text + bytes((255,))
    for where in range(8):
        out[f"memory{where}"] = b"".join(
            bytes((MEMORY, where, size)) + struct.pack(">H", off) +
            bytes(range(1, 1 + (1 << size)))
            for size in range(4) for off in (0, 8, 0x10, 0xc00))
    out["access"] = b"".join(
        bytes((ACCESS, read | size << 4 | bar)) + struct.pack(">I", 0x1000000) +
        (b"" if read else bytes(1 << size))
        for read in (0x80, 0) for size in range(4) for bar in range(3))
    out["slots"] = b"".join(bytes((SLOT, n)) + bytes((0x27, n, 0, 0)) +
                            bytes((ACCESS, 0xa0, 0, n, 0, 0)) for n in range(24))
    out["queues"] = b"".join(bytes((QUEUE, 0, 0, n, 0, 0, 1)) for n in range(256))
    out["vf"] = b"".join(bytes((BAR_VF, n, bar, 0, 0, 4, 2, 0, 0, 0, 1))
                         for n in range(3) for bar in (0, 2))
    out["frame"] = bytes((FRAME, 64)) + bytes(64) + bytes((0,))
    out["other"] = b"".join(bytes((BAR_OTHER, n)) for n in range(64))
    return out


def firmware(standin: bytes) -> dict[str, bytes]:
    out = {"standin": standin, "short": standin[:len(standin) // 2]}
    # Sizes of each symbol's entry: where "addr size" of 0x8000 stands
    for n, at in enumerate(i for i in range(0, len(standin) - 4, 4)
                           if standin[i:i + 4] == b"\0\x80\0\0"):
        out[f"small{n}"] = standin[:at] + b"\x08\0\0\0" + standin[at + 4:]
    return out


def main(argv: list[str]) -> int:
    if len(argv) != 3 or argv[0] not in ("sequence", "bars", "firmware"):
        print(__doc__)
        return 2
    target, standin, folder = argv[0], Path(argv[1]), Path(argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    seeds = sequence() if target == "sequence" else bars() \
        if target == "bars" else firmware(standin.read_bytes())
    for name, data in seeds.items():
        (folder / f"seed-{name}").write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
