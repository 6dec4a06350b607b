# SPDX-License-Identifier: GPL-2.0-only
"""The card under one driver or the other, in the lab's guest."""
from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lib.net import quiet, sh, wait_carrier

began = time.monotonic()
Port = tuple[str, str | None]


def say(text: str) -> None:
    print(f"[bench {time.monotonic() - began:6.1f} s] {text}", file=sys.stderr,
          flush=True)


class Card:
    """The card under a driver: names of its interfaces."""

    def __init__(self) -> None:
        text = sh("bash -c '. /lab/env; . /lab/lab-env; lab_names; lab_up; env'")
        self.env = dict(x.split("=", 1) for x in text.splitlines() if "=" in x)

    def __getitem__(self, name: str) -> str:
        return self.env[name]


def pci() -> str:
    out = sh("bash -c '. /lab/env; . /lab/lab-env; echo $CARD'")
    return f"/sys/bus/pci/devices/{out.strip()}"


def set_vfs(n: int) -> None:
    sh(f"echo {n} > {pci()}/sriov_numvfs")


def load(way: str) -> float:
    """Return: seconds until the last representor is there."""
    command = "modprobe nfp" if way == "nfp" else "insmod /lab/agilio.ko"
    start = time.monotonic()
    sh(command)
    took = time.monotonic() - start
    assert Path(f"{pci()}/driver").exists(), f"{way} did not take the card"
    sh("udevadm settle")
    return took


def unload(way: str) -> None:
    set_vfs(0)
    sh("rmmod nfp" if way == "nfp" else "rmmod agilio")
    sh("udevadm settle")


@contextmanager
def driver(way: str, vfs: int = 2) -> Iterator[Card]:
    """Software runs on agilio.ko's interfaces, with skip_hw."""
    load(way)
    set_vfs(vfs)
    sh("udevadm settle")
    try:
        card = Card()
        for name in ("UPLINK0", "REP0", "VF0"):
            wait_carrier(card[name])
        quiet()
        yield card
    finally:
        unload(way)


def in_turn(ways: tuple[str, ...], n: int) -> tuple[str, ...]:
    """Who goes first gets the machine as the last round has left it."""
    return ways if n % 2 == 0 else ways[::-1]


def flag(way: str) -> str:
    return "skip_hw" if way == "software" else "skip_sw"


def rule_both_ways(card: Card, way: str) -> None:
    for src, out in ((card["REP0"], card["UPLINK0"]),
                     (card["UPLINK0"], card["REP0"])):
        sh(f"tc qdisc add dev {src} clsact; tc filter add dev {src} ingress pref 1 "
           f"prot ip flower {flag(way)} action mirred egress redirect dev {out}; "
           f"tc filter add dev {src} ingress pref 2 prot arp flower skip_hw "
           f"action mirred egress redirect dev {out}")


def packets_in(port: Port) -> int:
    dev, ns = port
    prefix = f"ip netns exec {ns} " if ns else ""
    return int(sh(f"{prefix}cat /sys/class/net/{dev}/statistics/rx_packets"))


def pktgen(port: Port, to: str, count: int) -> None:
    """64-byte packets from a device, as fast as it takes them."""
    dev, ns = port
    prefix = f"ip netns exec {ns} " if ns else ""
    sh(f"{prefix}bash -c 'echo rem_device_all > /proc/net/pktgen/kpktgend_0; "
       f"echo add_device {dev} > /proc/net/pktgen/kpktgend_0; "
       f"for x in \"count {count}\" \"pkt_size 60\" \"delay 0\" \"dst_mac {to}\" "
       f"\"dst 10.9.0.2\"; do echo $x > /proc/net/pktgen/{dev}; done; "
       f"echo start > /proc/net/pktgen/pgctrl'")


def memory() -> int:
    """Bytes of kernel memory, what only waits for a grace period left out."""
    fields = {}
    # Some work frees what others gave up, when it gets to it
    time.sleep(0.5)
    sh("echo 3 > /proc/sys/vm/drop_caches")
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, value = line.split(":")
        fields[name] = int(value.split()[0]) << 10
    return fields["SUnreclaim"] + fields["VmallocUsed"]
