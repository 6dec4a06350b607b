#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A hundred thousand rules, added and deleted, and memory as it was before."""
from __future__ import annotations

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


@test("the model saw no conflict, duplicate, orphan or malformed rule")
def clean() -> None:
    for name in ("flow_dup", "flow_missing", "flow_bad_key", "flow_bad_ctx",
                 "mask_unknown", "mask_replaced", "cmsg_bad", "cmsg_unknown"):
        assert counter(name) == 0, f"{name} is {counter(name)}"


if __name__ == "__main__":
    quiet()
    raise SystemExit(ktest.run("bulk"))
