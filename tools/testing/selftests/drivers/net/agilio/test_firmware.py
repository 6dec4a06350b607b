#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Where the firmware comes from: disk, flash, a damaged file. The lab puts a
firmware into the card's flash (--card flash=auto)."""
from __future__ import annotations

import glob
import os
import shutil

from lib import ktest
from lib.ktest import test
from lib.net import counter, env, quiet, sh

CARD = f"/sys/bus/pci/devices/{env('CARD')}"
BOARD = os.environ["LAB_BOARD"]
# What either driver may find: Debian's folder and the lab's own
PLACES = [*glob.glob("/run/firmware/netronome/*.nffw"),
          *glob.glob("/run/firmware/netronome/flower/*.nffw"),
          *glob.glob("/usr/lib/firmware/netronome/*.nffw"),
          *glob.glob("/usr/lib/firmware/netronome/flower/*.nffw")]
OURS = f"/run/firmware/netronome/flower/nic_{BOARD}.nffw" \
    if ktest.driver() == "agilio" else glob.glob(
        f"/run/firmware/netronome/nic_{BOARD}-*.nffw")[0]


def reload() -> None:
    sh(f"rmmod {ktest.driver()}", ok=False)
    sh("modprobe nfp" if ktest.driver() == "nfp" else "insmod /lab/agilio.ko",
       ok=False)
    sh("udevadm settle -t 60")


def bound() -> bool:
    return os.path.exists(f"{CARD}/driver")


def put(data: bytes | None) -> None:
    """The only firmware file that the driver finds, or none."""
    if os.path.lexists(OURS):
        os.unlink(OURS)
    if data is None:
        return
    os.makedirs(os.path.dirname(OURS), exist_ok=True)
    with open(OURS, "wb") as f:
        f.write(data)


@test("from disk when there is a file")
def disk() -> None:
    put(good)
    before = counter("fw_loads")
    reload()
    assert bound() and counter("fw_loads") == before + 1


@test("from flash when there is none")
def flash() -> None:
    put(None)
    before = counter("fw_loads")
    reload()
    assert bound() and counter("fw_loads") == before + 1
    # The kernel takes an empty file for none; what came from flash stays
    put(b"")
    reload()
    assert bound() and counter("fw_loads") == before + 1
    if ktest.driver() == "agilio":
        assert "firmware from flash" in sh("dmesg | tail -n 60")


@test("a damaged file: probe fails with words, nothing is left, then all is well",
      noisy=True)
def damaged() -> None:
    for what, data in (("garbage", b"\x55" * 5000),
                       ("cut", good[:len(good) // 2]),
                       ("header only", good[:64])):
        put(data)
        reload()
        if ktest.driver() == "agilio":
            assert not bound(), f"{what}: the driver took the card"
            assert "no usable firmware" in sh("dmesg | tail -n 20") or \
                "the card refuses it" in sh("dmesg | tail -n 20"), what
    put(good)
    reload()
    assert bound()


@test("ethtool dump flag 0 is the diagnostic log, 8192 bytes")
def dump() -> None:
    if ktest.driver() != "nfp":
        raise ktest.Skip("agilio.ko will show it as a devlink region")
    dev = sorted(os.listdir(f"{CARD}/net"))[0]
    sh(f"ethtool -W {dev} 0; ethtool -w {dev} data /tmp/dump")
    assert os.path.getsize("/tmp/dump") == 8192


if __name__ == "__main__":
    quiet()
    found = [p for p in PLACES if f"nic_{BOARD}" in p and os.path.exists(p)]
    with open(os.path.realpath(found[0]), "rb") as fw:
        good = fw.read()
    for path in ("/usr/lib/firmware/netronome", "/run/firmware/netronome/flower"):
        shutil.rmtree(path, ignore_errors=True)
    for link in glob.glob("/run/firmware/netronome/*.nffw"):
        os.unlink(link)
    raise SystemExit(ktest.run("firmware"))
