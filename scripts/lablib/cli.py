# SPDX-License-Identifier: GPL-2.0-only
"""The command line of scripts/lab."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import build
from .guest import MEDIA, WIRES, Options, run_guest
from .steps import LabError, cache_dir, remove, say
from .tree import Tree, get_tree

EPILOG = """\
What a script finds in the guest, with either driver:
  $CARD                PCI address of the card
  $UPLINK0 $UPLINK1 .. uplink representors          $REP0 .. VF representors
  $PF $PFREP           the PF's netdev, its representor
  $VF0 $VF1 ..         the VFs' netdevs
  $WIRE0 $WIRE1 ..     the far ends of the cables, wire0 in namespace wire0,
                       wire1 in wire1, ..
  lab-qmp counters     everything that the card model counts
  lab-qmp counter NAME one of them
  lab-qmp cable N on|off
  lab-qmp faults       what can be broken, each with its value and a line of text
  lab-qmp fault NAME=VALUE   break it; NAME=off mends it, "off" all of them:
                       nsp-stuck=1|0 nsp=delay:MS[:CODE]|err:E[:CODE] drop-cmsg=N
                       drop-reply=N mute-type=TYPE ctrl-dead=1|0 cmsg-garbage=N
                       stats-bad-ctx=N stats-held=1|0 update-dead=1|0
                       update-mute=N update-err=N qc-ones=N surprise=1|0
                       dma-fail=N irq-lost=N rx-offset=N start-txq=N max-mtu=N
                       max-txrings=N max-rxrings=N cap-off=MASK lock-held=1|0
                       flip=ttl|mac|addr|port|vlan|csum|output|bytes
  lab-qmp events       what happened last: ns, ns of the last of its like, how
                       often, what, which
  lab-qmp raw JSON     any QMP command
All interfaces are up and named as udev names them. The repository is at /repo
(read only), a folder shared with the host at /lab. A script in the repository
runs with its own folder as the current one.

Exit status: the script's; 90 the kernel complained, 91 no end in time, 92 the
guest died, 2 wrong usage, 3 something could not be built.

The cache is ${XDG_CACHE_HOME:-~/.cache}/agilio; `scripts/lab clean` empties it.
LAB_KEEP=DIR keeps a run's console and log there.
"""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="scripts/lab", epilog=EPILOG,
        description="A stock Debian guest with an Agilio card in it.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = p.add_subparsers(dest="verb", required=True)
    for verb, text in (("shell", "a root shell in a fresh guest"),
                       ("run", "run a script in a fresh guest")):
        s = sub.add_parser(verb, help=text, epilog=EPILOG, formatter_class=argparse.
                           RawDescriptionHelpFormatter)
        guest_options(s)
        if verb == "run":
            s.add_argument("--out", type=Path, metavar="DIR", help="where to "
                           "put what the script leaves in /lab/out")
            s.add_argument("script", type=Path)
            s.add_argument("args", nargs=argparse.REMAINDER)
    b = sub.add_parser("build", help="build everything that a guest needs")
    b.add_argument("--suite", choices=["trixie"], default="trixie")
    b.add_argument("--driver", choices=["agilio", "nfp", "none"],
                   default="nfp")
    x = sub.add_parser("chroot", help="run a command in the system tree, the "
                       "repository at /mnt")
    x.add_argument("--suite", choices=["trixie"], default="trixie")
    x.add_argument("command")
    sub.add_parser("clean", help="empty the cache")
    return p


def guest_options(p: argparse.ArgumentParser) -> None:
    p.add_argument("--driver", choices=["agilio", "nfp", "none"],
                   default="agilio", help="which driver gets the card")
    p.add_argument("--board", choices=sorted(MEDIA), default="AMDA0099")
    p.add_argument("--media", choices=sorted(WIRES), default="",
                   help="how the board's ports are split")
    p.add_argument("--vfs", type=int, default=2, metavar="N")
    p.add_argument("--cards", type=int, default=1, metavar="N")
    p.add_argument("--card", action="append", default=[], metavar="PROP=VALUE",
                   help="property of the card model, such as profile=full, "
                   "repr-cap=on, stats-ms=100; flash=auto puts firmware there")
    p.add_argument("--suite", choices=["trixie"], default="trixie",
                   help="Debian release (forky: later)")
    p.add_argument("--kernel", choices=["stock"], default="stock",
                   help="kernel (lab and debug: later)")
    p.add_argument("--memory", type=int, default=3072, metavar="MIB")
    p.add_argument("--timeout", type=int, default=600, metavar="SECONDS")
    p.add_argument("--firmware", choices=["auto", "standin"], default="auto",
                   help="Debian's firmware if it can be had, or the lab's own")
    p.add_argument("--append", default="", metavar="WORDS", help="for the "
                   "kernel's command line, such as 'slub_debug=FZPU "
                   "kfence.sample_interval=20 init_on_alloc=0'")
    p.add_argument("--icount", action="store_true", help="the guest's clock counts "
                   "instructions, a nanosecond each, on one CPU: how long something "
                   "takes doesn't depend on the machine")
    p.add_argument("--accel", choices=["auto", "kvm", "tcg"], default="auto")


def prepare(suite: str, driver: str) -> Tree:
    tree = get_tree(suite)
    build.card_model(tree)
    build.image(tree)
    build.initramfs(tree)
    if driver != "nfp":
        build.module(tree)
    if not build.has_firmware(tree):
        build.standin(tree)
    return tree


def guest(ns: argparse.Namespace) -> int:
    opt = Options(driver=ns.driver, board=ns.board, media=ns.media, vfs=ns.vfs,
                  suite=ns.suite, kernel=ns.kernel, memory=ns.memory,
                  timeout=ns.timeout, card=ns.card, accel=ns.accel,
                  cards=ns.cards, firmware=ns.firmware, append=ns.append,
                  shell=ns.verb == "shell",
                  icount=ns.icount, out=getattr(ns, "out", None))
    script = None
    if ns.verb == "run":
        script = ns.script
        if not script.is_file():
            raise LabError(f"{script}: no such script")
    tree = prepare(ns.suite, ns.driver)
    say("guest: booting")
    return run_guest(tree, opt, script, getattr(ns, "args", []))


def main(argv: list[str]) -> int:
    ns = parser().parse_args(argv)
    try:
        if ns.verb == "clean":
            for p in cache_dir().iterdir():
                remove(p)
            return 0
        if ns.verb == "build":
            prepare(ns.suite, ns.driver)
            return 0
        if ns.verb == "chroot":
            return chroot_command(get_tree(ns.suite), ns.command)
        return guest(ns)
    except LabError as e:
        print(f"lab: {e}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130


def chroot_command(tree: Tree, command: str) -> int:
    import subprocess
    from .steps import REPO
    inner = (f"mount --bind '{REPO}' '{tree.path}/mnt'; "
             f"mount --bind /dev '{tree.path}/dev'; "
             f"mount -t proc proc '{tree.path}/proc'; "
             f"exec chroot '{tree.path}' /usr/bin/env -i "
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "
             f"KREL={tree.release} "
             'sh -ec "cd /mnt; $1"')
    return subprocess.run(["unshare", "-m", "sh", "-ec", inner, "sh", command],
                          check=False).returncode
