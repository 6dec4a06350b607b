#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A hundred thousand rules, added and deleted, and memory as it was before."""
from __future__ import annotations

import time

from lib import ktest
from lib.ktest import test
from lib.net import counter, env, quiet, sh, until

COUNT = 100_000
SLACK = 3 << 20     # bytes; a leak of 32 bytes a rule is more
PATH = "/tmp/bulk"


def slab() -> int:
    """Bytes of kernel memory, when all that waits for a grace period is free."""
    sh("echo 3 > /proc/sys/vm/drop_caches; echo 1 > /proc/sys/vm/compact_memory")
    fields = {}
    with open("/proc/meminfo", encoding="ascii") as f:
        for line in f:
            name, value = line.split(":")
            fields[name] = int(value.split()[0]) << 10
    return fields["SUnreclaim"] + fields["VmallocUsed"] + fields["Percpu"]


def write(dev: str) -> None:
    with open(PATH, "w", encoding="ascii") as f:
        for i in range(COUNT):
            f.write(f"filter add dev {dev} ingress prot ip pref 1 flower skip_sw "
                    f"dst_ip 10.{i >> 16}.{i >> 8 & 255}.{i & 255} action drop\n")


def once(dev: str) -> None:
    sh(f"tc qdisc add dev {dev} clsact; tc -b {PATH}")
    assert counter("rules") == COUNT, counter("rules")
    sh(f"tc qdisc del dev {dev} clsact")
    assert counter("rules") == 0 and counter("masks") == 0


@test("100,000 rules come and go, and the memory is flat")
def flat() -> None:
    dev = env("UPLINK0")
    write(dev)
    # The first round fills caches that the kernel keeps
    once(dev)
    before = slab()
    once(dev)
    until("memory is back", lambda: slab() - before < SLACK, 30)


def add_time(dev: str, first: int, count: int) -> float:
    """Seconds to add so many rules, of four shapes and all disjoint."""
    extra = ("", "ip_proto udp", "src_mac 02:00:00:00:00:01", "ip_tos 0x10")
    with open(PATH, "w", encoding="ascii") as f:
        for i in range(first, first + count):
            f.write(f"filter add dev {dev} ingress prot ip pref {1 + i % 4} flower "
                    f"skip_sw {extra[i % 4]} dst_ip 10.{i >> 16}.{i >> 8 & 255}."
                    f"{i & 255} action drop\n")
    began = time.monotonic()
    sh(f"tc -b {PATH}")
    return time.monotonic() - began


@test("looking for overlaps takes no longer among 100,000 rules of four shapes")
def shapes() -> None:
    dev = env("UPLINK0")
    sh(f"tc qdisc add dev {dev} clsact")
    few = COUNT // 10
    first = add_time(dev, 0, few)
    add_time(dev, few, COUNT - 2 * few)
    last = add_time(dev, COUNT - few, few)
    assert counter("rules") == COUNT
    # Quadratic would be nineteen times
    assert last < 4 * first, f"{first:.1f} s for the first, {last:.1f} s for the last"
    sh(f"tc qdisc del dev {dev} clsact")
    assert counter("rules") == 0


if __name__ == "__main__":
    quiet()
    raise SystemExit(ktest.run("bulk"))
