# SPDX-License-Identifier: GPL-2.0-only
"""What is compiled in the tree, and what the guest boots from."""
from __future__ import annotations

import lzma
import shutil
import subprocess
from pathlib import Path

from .steps import (LabError, REPO, cache_dir, command, digest, need_space,
                    step)
from .tree import Tree, bind_run

CARD = REPO / "tools/card"
DRIVER = REPO / "drivers/net/ethernet/agilio"
# For the initramfs: the root disk and the folders shared with the host
BOOT_MODULES = ["virtio_pci", "virtio_blk", "ext4", "9pnet_virtio", "9p"]


def card_model(tree: Tree) -> Path:
    def build(tmp: Path, log: Path) -> None:
        tmp.mkdir()
        bind_run(tree, log, {REPO: "/mnt", tmp: "/media"},
                 "make -j2 -C /mnt/tools/card O=/media/build qemu "
                 "QEMU_SRC=/usr/src/qemu")
        shutil.move(str(tmp / "build/agilio-card.so"), tmp / "agilio-card.so")
        shutil.rmtree(tmp / "build")

    key = digest([CARD, DRIVER / "abi", tree.path.name])
    return step("card", key, build, "the card model for QEMU") / "agilio-card.so"


def image(tree: Tree) -> Path:
    def build(tmp: Path, log: Path) -> None:
        need_space(4)
        command(log, ["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal",
                      "-E", "lazy_itable_init=1", "-d", tree.path, tmp, "6G"])

    return step("image", digest([tree.path.name]), build,
                "the guest's disk image")


def module_files(tree: Tree, names: list[str]) -> list[Path]:
    """Module files in load order, dependencies first."""
    found: list[Path] = []
    for name in names:
        out = subprocess.run(["chroot", str(tree.path), "/sbin/modprobe", "-S",
                              tree.release, "--show-depends", name],
                             capture_output=True, text=True, check=False)
        if out.returncode:
            raise LabError(f"the kernel has no module {name}: {out.stderr}")
        for line in out.stdout.splitlines():
            kind, _, rest = line.partition(" ")
            path = tree.path / rest.split()[0].lstrip("/") \
                if kind == "insmod" else None
            if path and path not in found:
                found.append(path)
    return found


def initramfs(tree: Tree) -> Path:
    init = REPO / "scripts/guest/initramfs"

    def build(tmp: Path, log: Path) -> None:
        root = log.with_suffix(".root")
        shutil.rmtree(root, ignore_errors=True)
        for d in ("bin", "dev", "proc", "sys", "root", "modules"):
            (root / d).mkdir(parents=True)
        shutil.copy(tree.path / "bin/busybox", root / "bin/busybox")
        (root / "bin/sh").symlink_to("busybox")
        order = []
        for f in module_files(tree, BOOT_MODULES):
            name = f.name.removesuffix(".xz")
            data = f.read_bytes()
            (root / "modules" / name).write_bytes(
                lzma.decompress(data) if f.suffix == ".xz" else data)
            order.append(name)
        (root / "modules/order").write_text("\n".join(order) + "\n")
        shutil.copy(init, root / "init")
        (root / "init").chmod(0o755)
        command(log, ["sh", "-ec", f"cd '{root}'; find . | cpio -o -H newc | "
                      f"gzip -1 > '{tmp}'"])
        shutil.rmtree(root)

    return step("initramfs", digest([init, tree.path.name, tree.release,
                                     " ".join(BOOT_MODULES)]), build,
                "the initramfs")


def mirror(source: Path, to: Path) -> None:
    """Make @to hold the files of @source. What is alike keeps its time, so that
    make compiles only what has changed."""
    files = {p.relative_to(source) for p in source.rglob("*")
             if p.is_file() and p.suffix in (".c", ".h")}
    for old in [p for p in to.rglob("*") if p.suffix in (".c", ".h")]:
        if old.is_file() and not old.name.endswith(".mod.c") and \
                old.relative_to(to) not in files:
            old.unlink()
    for name in sorted(files):
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        data = (source / name).read_bytes()
        if not target.exists() or target.read_bytes() != data:
            target.write_bytes(data)


def module(tree: Tree) -> Path:
    """agilio.ko for the guest's kernel."""
    if not (REPO / "Kbuild").exists():
        raise LabError("agilio.ko is not there yet: use --driver nfp")
    place = "objects-" + digest([str(REPO), tree.path.name, tree.release])

    def build(tmp: Path, log: Path) -> None:
        src = cache_dir() / place
        mirror(DRIVER, src / "drivers/net/ethernet/agilio")
        for name in ("Kbuild", "Makefile"):
            shutil.copy2(REPO / name, src / name)
        (src / "agilio.ko").unlink(missing_ok=True)
        bind_run(tree, log, {src: "/media"},
                 f"make -j2 -C /media KDIR=/lib/modules/{tree.release}/build"
                 " modules")
        tmp.mkdir()
        shutil.copy(src / "agilio.ko", tmp / "agilio.ko")

    key = digest([DRIVER, REPO / "Kbuild", tree.path.name, tree.release])
    return step("module", key, build, "agilio.ko", lock=place) / "agilio.ko"


def standin(tree: Tree) -> Path:
    """Firmware of our own, for where the vendor's can't be had."""
    gen = CARD / "standin/standin.py"

    def build(tmp: Path, log: Path) -> None:
        command(log, ["python3", gen, tmp])

    return step("standin", digest([gen]), build, "the stand-in firmware")


def has_firmware(tree: Tree) -> bool:
    return (tree.path / "usr/lib/firmware/netronome/flower").is_dir()


def firmware(tree: Tree, board: str) -> Path:
    """A firmware file for a board: the vendor's, or our own."""
    vendor = tree.path / f"usr/lib/firmware/netronome/flower/nic_{board}.nffw"
    return vendor.resolve() if vendor.exists() else standin(tree)


KERNEL_SCRIPTS = ("checkpatch.pl", "spelling.txt", "const_structs.checkpatch",
                  "kernel-doc")


def checkpatch(tree: Tree) -> Path:
    """The kernel's own style checkers, out of the source package."""
    def build(tmp: Path, log: Path) -> None:
        tmp.mkdir()
        (source,) = (tree.path / "usr/src").glob("linux-source-*.tar.xz")
        top = source.name.removesuffix(".tar.xz")
        command(log, ["tar", "-C", tmp, "--strip-components=2", "-xf", source,
                      *[f"{top}/scripts/{f}" for f in KERNEL_SCRIPTS]])

    return step("checkpatch", digest([tree.path.name, *KERNEL_SCRIPTS]), build,
                "the kernel's checkpatch.pl and kernel-doc")
