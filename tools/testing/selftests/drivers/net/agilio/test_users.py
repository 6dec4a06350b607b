#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What users of such cards meet: a card that doesn't answer, and what they
expect of representors and VFs. The lab brings the PF up with a large MTU by
itself; here that is undone."""
from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lib import ktest
from lib.ktest import test
from lib.net import (Port, arrival, counter, env, fails, js, quiet, sh, until,
                     vf_names, wait_carrier, wire)
from lib.pkt import Frame

CARD = env("CARD")
SYS = f"/sys/bus/pci/devices/{CARD}"
DRV = "/sys/bus/pci/drivers/agilio"
PF, UP, REP = (env(x) for x in ("PF", "UPLINK0", "REP0"))
F = Frame()
MARK = b"agilio-test-payload"
BUS_MASTER = 4


def bus_master(on: bool) -> None:
    """The card's command register, behind the driver's back."""
    fd = os.open(f"{SYS}/config", os.O_RDWR)
    word = int.from_bytes(os.pread(fd, 2, 4), "little")
    word = word | BUS_MASTER if on else word & ~BUS_MASTER
    os.pwrite(fd, word.to_bytes(2, "little"), 4)
    os.close(fd)


def unbind() -> None:
    sh(f"echo {CARD} > {DRV}/unbind")


def bind(vfs: int = 2) -> None:
    sh(f"echo {CARD} > {DRV}/bind; udevadm settle -t 120")
    if vfs:
        sh(f"echo {vfs} > {SYS}/sriov_numvfs; udevadm settle -t 120")
        vf_names()
        sh(f"ip link set {os.environ['VF0']} up")
    sh(f"ip link set {UP} up; ip link set {REP} up")
    wait_carrier(UP)


@contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    took = time.monotonic() - start
    print(f"# {what}: {took:.1f} s", flush=True)
    assert took < seconds, f"{what}: {took:.1f} s, allowed {seconds} s"


def batch(name: str, count: int, line: str) -> str:
    path = f"/tmp/{name}"
    with open(path, "w", encoding="ascii") as f:
        for i in range(count):
            f.write(line.format(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}") + "\n")
    return path


@test("bus mastering off: nobody waits twice, rtnl is free; on again: all is told",
      noisy=True)
def deaf() -> None:
    rules = batch("rules", 3000, f"filter add dev {UP} ingress prot ip pref 1 "
                  "flower skip_sw dst_ip {} action drop")
    sh(f"tc qdisc add dev {UP} clsact; tc -b {rules}")
    until("all rules are in the card", lambda: counter("rules") == 3000)
    more = batch("more", 3000, f"filter add dev {UP} ingress prot ip pref 1 "
                 "flower skip_sw src_ip {} action drop")
    bus_master(False)
    try:
        with within(20, "3,000 rules for a card that takes none"):
            text = sh(f"tc -force -b {more} 2>&1", ok=False)
        assert "the card does not take messages" in text, text[-300:]
        with within(2, "ip link add beside it"):
            sh("ip link add dummy9 type dummy; ip link del dummy9")
        with within(2, "ip link"):
            sh("ip link")
        with within(20, "tc qdisc del with its rules"):
            sh(f"tc qdisc del dev {UP} clsact")
    finally:
        bus_master(True)
    # Everything that was deleted meanwhile is deleted there, too
    until("the card has no rules", lambda: counter("rules") == 0, 30)
    assert counter("flow_missing") == 0 and counter("flow_dup") == 0
    sh(f"tc qdisc add dev {UP} clsact")
    until("rules are taken again", lambda: "does not" not in sh(
        f"tc filter add dev {UP} ingress prot ip pref 1 flower skip_sw "
        "dst_ip 10.0.0.1 action drop 2>&1", ok=False), 30)
    assert counter("rules") == 1
    sh(f"tc qdisc del dev {UP} clsact")


@test("bus mastering off: unbind comes to its end", noisy=True)
def deaf_unbind() -> None:
    rules = batch("rules", 2500, f"filter add dev {UP} ingress prot ip pref 1 "
                  "flower skip_hw dst_ip {} action drop".replace("skip_hw",
                                                                 "skip_sw"))
    sh(f"tc qdisc add dev {UP} clsact; tc -b {rules}")
    bus_master(False)
    try:
        with within(30, "unbind"):
            unbind()
    finally:
        bus_master(True)
    bind()


@test("a service processor that is stuck: ip link is at once, unbind waits once",
      noisy=True)
def nsp_stuck() -> None:
    sh("lab-qmp fault nsp-stuck=1")
    try:
        for state in ("down", "up", "down"):
            with within(2, f"ip link set {UP} {state}"):
                sh(f"ip link set {UP} {state}")
            with within(2, "ip link add beside it"):
                sh("ip link add dummy9 type dummy; ip link del dummy9")
        with within(2, "devlink dev info"):
            sh(f"devlink dev info pci/{CARD}")
        with within(40, "unbind"):
            unbind()
    finally:
        sh("lab-qmp fault nsp-stuck=0")
    with within(30, "bind, the service processor answering again"):
        bind()


if __name__ == "__main__":
    quiet()
    raise SystemExit(ktest.run("users"))
