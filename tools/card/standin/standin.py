#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Make a firmware file of our own: the container and the symbols of the
public flower image (04-firmware-image.md sections 1, 3.1 and 7.4), no code.

usage: standin.py [--contexts N] [--vfs N] [--features WORD] FILE
"""
from __future__ import annotations

import argparse
import struct
import sys
import time
from dataclasses import dataclass

MU = 4
PROGBITS, SYMTAB, STRTAB, NOTE, NOBITS = 1, 2, 3, 7, 8
WRITE_ALLOC = 3
MIP_ADDR = 0x2737740
STRTAB_ADDR = 0x16710900
NAME = b"agilio-standin"
TOOLS = b"standin.py"
VERSION = 2 << 16 | 14 << 8


@dataclass
class Symbol:
    name: str
    island: int
    addr: int
    size: int
    value: int | None = None    # None: zero, in a section without contents


@dataclass
class Section:
    name: str
    kind: int
    flags: int
    addr: int
    data: bytes
    size: int
    info: int
    link: int = 0


def symbols(ns: argparse.Namespace) -> list[Symbol]:
    vfs = ns.vfs
    return [
        Symbol("_pf0_net_app_id", 4, 0x400, 8, 3),
        Symbol("nfd_cfg_pf0_num_ports", 24, 0x2700050, 8, 1),
        Symbol("nfd_vf_cfg_max_vfs", 24, 0x2700060, 8, vfs),
        Symbol("_pf0_net_vf_bar", 24, 0x2a00000, vfs * 0x8000),
        Symbol("_pf0_net_ctrl_bar", 24, 0x2be8000, 0x8000),
        Symbol("_pf0_net_bar0", 24, 0x2bf0000, 0x8000),
        Symbol("nfd_cfg_base0", 24, 0x2a00000, 0x1f8000),
        Symbol("_pf0_net_vf_cfg2", 24, 0x2705d10, 16 + 16 * vfs, 0x000b),
        Symbol("_mac_stats", 28, 0x3f1000, 12 * 512),
        Symbol("hw_flower_version", 28, 0x3d09d0, 8, 0x0001000000010000),
        Symbol("_abi_flower_extra_features", 28, 0x3d09a0, 8, ns.features),
        Symbol("_abi_flower_host_mask", 28, 0x3d09c0, 8, 0x7f),
        Symbol("_abi_flower_combined_features_global", 28, 0x3d0fb0, 8),
        Symbol("_abi_flower_balance_sync_enable", 28, 0x3d0fa0, 8),
        Symbol("_abi_flower_merge_hint_enable", 28, 0x3f3e00, 4),
        Symbol("CONFIG_FC_HOST_CTX_COUNT", 24, 0x2700000, 4, ns.contexts),
        Symbol("CONFIG_FC_HOST_CTX_SPLIT", 24, 0x2700008, 4, 1),
        Symbol("_abi_dump_spec", 24, 0x2720000, len(dump_spec())),
    ]


def dump_spec() -> bytes:
    """Level 1: firmware name and hwinfo; big-endian TLVs."""
    items = struct.pack(">II", 6, 0) + struct.pack(">II", 5, 0)
    return struct.pack(">II", 1, len(items)) + items + bytes(8)


def kind_name(island: int) -> str:
    return {4: "ctm", 24: "emem", 28: "imem"}[island]


def note(kind: int, desc: bytes) -> bytes:
    desc += bytes(-len(desc) % 4)
    return struct.pack("<III", 4, len(desc), kind) + b"NFP\0" + desc


def tables(syms: list[Symbol]) -> tuple[bytes, bytes]:
    strtab, symtab = bytearray(), bytearray()
    for s in syms:
        symtab += struct.pack("<BBBBIHBBI", 1, 7, s.island, s.addr >> 32,
                              s.addr & 0xffffffff, len(strtab), 0xff,
                              s.size >> 32, s.size & 0xffffffff)
        strtab += s.name.encode() + b"\0"
    strtab += bytes(-len(strtab) % 8)
    return bytes(symtab), bytes(strtab)


def sections(syms: list[Symbol]) -> list[Section]:
    out = []
    for n, s in enumerate(syms):
        data = b"" if s.value is None else \
            s.value.to_bytes(8, "little")[:s.size].ljust(s.size, b"\0")
        if s.name == "_abi_dump_spec":
            data = dump_spec()
        name = f".{kind_name(s.island)}{'data' if data else 'bss'}{n}.i{s.island}"
        out.append(Section(name, PROGBITS if data else NOBITS, WRITE_ALLOC,
                           s.addr, data, s.size, s.island << 24 | MU))
    symtab, strtab = tables(syms)
    sym_addr = (STRTAB_ADDR + len(strtab) + 255) & ~255
    mip = struct.pack("<12I16s32s3I", 0x0050494d, 1, 0x6c, 0x60, VERSION, 1,
                      int(time.time()), 0, sym_addr, len(symtab), STRTAB_ADDR,
                      len(strtab), NAME, TOOLS, 0, 1, 0)
    i24 = 24 << 24 | MU
    out += [Section(".mip", PROGBITS, WRITE_ALLOC, MIP_ADDR, mip, len(mip), i24),
            Section(".rtsymtab", PROGBITS, WRITE_ALLOC, sym_addr, symtab,
                    len(symtab), i24),
            Section(".rtstrtab", PROGBITS, WRITE_ALLOC, STRTAB_ADDR, strtab,
                    len(strtab), i24)]
    mip_index = 2 + len(syms)
    notes = note(0x101, struct.pack("<II", 0x10, 0x10)) + \
        note(0x102, struct.pack("<IQ", mip_index, 0))
    out.append(Section(".note.nfp", NOTE, 0, 0, notes, len(notes), 0))
    build = struct.pack("<I", int(time.time())) + \
        b"Toolchain=standin.py\nName=" + NAME + b"\nVersion=2.14.0\nBuildNumber=1\n"
    info = note(0x100, build)
    out.append(Section(".note.build_info", NOTE, 0, 0, info, len(info), 0))
    return out + elf_symbols(syms, len(out) + 2, mip_index, len(mip))


def elf_symbols(syms: list[Symbol], index: int, mip_index: int,
                mip_size: int) -> list[Section]:
    """.symtab and .strtab: the linker's view of the same symbols."""
    names, table = bytearray(b"\0"), bytearray(24)
    entries = [(s.name, 2 + n, s.addr, s.size) for n, s in enumerate(syms)]
    entries.append((".mip", mip_index, MIP_ADDR, mip_size))
    for name, section, addr, size in entries:
        table += struct.pack("<IBBHQQ", len(names), 0x11, 0, section, addr, size)
        names += name.encode() + b"\0"
    return [Section(".symtab", SYMTAB, 0, 0, bytes(table), len(table), 1, index + 1),
            Section(".strtab", STRTAB, 0, 0, bytes(names), len(names), 0)]


def elf(secs: list[Section]) -> bytes:
    names = bytearray(b"\0.shstrtab\0")
    offsets = []
    for s in secs:
        offsets.append(len(names))
        names += s.name.encode() + b"\0"
    count = len(secs) + 2
    body = bytearray()
    at = 64 + 64 * count
    heads = [bytes(64)]

    def put(data: bytes) -> int:
        body.extend(bytes(-(at + len(body)) % 8))
        where = at + len(body)
        body.extend(data)
        return where

    heads.append(struct.pack("<IIQQQQIIQQ", 1, STRTAB, 0, 0, put(bytes(names)),
                             len(names), 0, 0, 0, 0))
    for s, name in zip(secs, offsets):
        where = put(s.data) if s.kind != NOBITS else at + len(body)
        heads.append(struct.pack("<IIQQQQIIQQ", name, s.kind, s.flags, s.addr,
                                 where, s.size, s.link, s.info, 0,
                                 24 if s.kind == SYMTAB else 0))
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head = ident + struct.pack("<HHIQQQIHHHHHH", 2, 0x6000, 1, 0, 0, 64, 0, 64,
                               0, 0, 64, count, 1)
    return head + b"".join(heads) + bytes(body)


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    p.add_argument("--contexts", type=int, default=500000)
    p.add_argument("--vfs", type=int, default=61)
    p.add_argument("--features", type=lambda v: int(v, 0), default=0x800001ff)
    p.add_argument("file")
    ns = p.parse_args()
    with open(ns.file, "wb") as f:
        f.write(elf(sections(symbols(ns))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
