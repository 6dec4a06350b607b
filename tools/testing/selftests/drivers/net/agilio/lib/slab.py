# SPDX-License-Identifier: GPL-2.0-only
"""What the driver has allocated, by the place that it was allocated at: with
slub_debug=U on the command line the kernel knows."""
from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

from .net import sh, until

SLAB = Path("/sys/kernel/debug/slab")
# An allocation now and then is KFENCE's, and not among those of the slabs
KFENCE = Path("/sys/kernel/debug/kfence/objects")
TRACE = re.compile(r"^ *(\d+) ([\w.]+\+\w+)\S* \[agilio\]")
FRAME = re.compile(r"^ ([\w.]+\+\w+)\S* \[agilio\]")
# kfree_rcu() gathers for five seconds
SETTLE = 15.0


def known() -> bool:
    """Whether the kernel was asked to keep track."""
    words = Path("/proc/cmdline").read_text(encoding="ascii").split()
    return any(re.match("slub_debug=[A-Z]*U", x) for x in words)


def of_kfence(text: str) -> Counter[str]:
    """Objects in use in KFENCE's list."""
    out: Counter[str] = Counter()
    for block in text.split("---------------------------------\n"):
        lines = block.splitlines()
        at = next((i for i, x in enumerate(lines) if x.startswith("allocated by")), -1)
        if at < 0 or any(x.startswith("freed by") for x in lines):
            continue
        if m := FRAME.match(lines[at + 1]):
            out[m.group(1)] += 1
    return out


def sites() -> Counter[str]:
    """How many objects each place in the driver has allocated that are there."""
    out: Counter[str] = Counter()
    for path in SLAB.glob("kmalloc-*/alloc_traces"):
        for line in path.read_text(encoding="ascii", errors="replace").splitlines():
            if m := TRACE.match(line):
                out[m.group(2)] += int(m.group(1))
    if KFENCE.exists():
        out += of_kfence(KFENCE.read_text(encoding="ascii", errors="replace"))
    assert out, "the kernel doesn't say what the driver has allocated"
    return out


# What stays as long as a port, a device or a namespace does: one for each. Some
# of the names are inlined, by one compiler or another
KEPT = ("order_join", "order_port", "agl_overlap_add", "agl_device_get",
        "device_new", "agl_net_follow")


def no_more_than(before: Counter[str]) -> None:
    """The driver has no more objects than @before."""
    devs = os.listdir("/sys/class/net")

    def more() -> dict[str, int]:
        return {k: n for k, n in (sites() - before).items()
                if k.split("+", 1)[0] not in KEPT or n > len(devs)}

    # A binding has room for the next filter to be compiled in
    for dev in devs:
        sh(f"tc qdisc del dev {dev} clsact", ok=False)
    try:
        until("all is freed", lambda: not more(), SETTLE)
    except AssertionError:
        raise AssertionError("allocated and not freed: " + ", ".join(
            f"{n} by {k}" for k, n in sorted(more().items()))) from None
