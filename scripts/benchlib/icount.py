# SPDX-License-Identifier: GPL-2.0-only
"""Instructions that a rule and a packet take, under the lab's --icount."""
from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lib.net import counter, sh, until

from .lab import Card, Port, driver, in_turn, memory, packets_in, pktgen, \
    rule_both_ways, say
from .table import note

RULES = 2000
PACKETS = 20_000
# Those among which one rule is looked for, and how many of them are
FEW, MANY, SOME = 1000, 16_000, 500


def instructions() -> int:
    """Nanoseconds, under --icount instructions, of all tasks so far."""
    for line in Path("/proc/schedstat").read_text().splitlines():
        if line.startswith("cpu0 "):
            return int(line.split()[7])
    raise AssertionError("no cpu0 in /proc/schedstat")


def tc(lines: list[str]) -> float:
    """Instructions for each of these commands."""
    Path("/tmp/batch").write_text("\n".join(lines) + "\n")
    # To read tc from the disk is none of it
    sh("sync; tc -b /dev/null")
    begin = instructions()
    sh("tc -b /tmp/batch")
    # What was put off belongs to it
    time.sleep(0.1)
    return (instructions() - begin) / len(lines)


def prefix(n: int, odd: int, bits: int) -> str:
    """Of so many bits, not the same for any two of 16,384."""
    value = (0x80000000 | (n * odd & 0x3fff) << 14) & -1 << 32 - bits
    return ".".join(str(value >> s & 255) for s in (24, 16, 8, 0)) + f"/{bits}"


def narrow(n: int, masks: int, flags: str, dev: str, out: str) -> str:
    """A rule of one of so many masks, by prefixes as Open vSwitch makes them."""
    k = n % masks
    return (f"filter add dev {dev} ingress prot ip pref 2 handle {n + 1} flower {flags} "
            f"src_mac 02:00:00:00:00:02 src_ip {prefix(n, 7919, 32 - k % 14)} dst_ip "
            f"{prefix(n, 104729, 32 - k // 14 % 15)} ip_flags nofrag action mirred "
            f"egress redirect dev {out}")


def delete(n: int, dev: str) -> str:
    return f"filter del dev {dev} ingress pref 2 handle {n + 1} prot ip flower"


@contextmanager
def empty(dev: str) -> Iterator[None]:
    sh(f"tc qdisc add dev {dev} clsact")
    try:
        yield
    finally:
        sh(f"tc qdisc del dev {dev} clsact")


def rule_costs(card: Card, masks: int, flags: str, count: int) -> dict[str, float]:
    dev, out = card["UPLINK0"], card["REP0"]
    with empty(dev):
        before = memory()
        cost = {"add": tc([narrow(n, masks, flags, dev, out) for n in range(count)])}
        if flags == "skip_sw":
            assert counter("rules") == count, counter("rules")
        cost["memory"] = (memory() - before) / count
        cost["delete"] = tc([delete(n, dev) for n in range(count)])
    return cost


def rules_by_instructions(way: str, card: Card, keep: bool) -> None:
    for masks in (1, 30, 200):
        soft, hard = (rule_costs(card, masks, f, RULES)
                      for f in ("skip_hw", "skip_sw"))
        for what in ("add", "delete", "memory") if keep else ():
            unit = "bytes" if what == "memory" else "instructions"
            name = f"{what} of a rule, {masks} mask{'s' if masks > 1 else ''}"
            note(way, name, unit, hard[what] - soft[what], False)
            if way == "agilio":
                note("software", name, unit, soft[what], False)


def over(n: int, flags: str, dev: str, out: str) -> str:
    """A rule that comes after narrow()'s of that number, and overlaps it alone."""
    return narrow(n, 1, flags, dev, out).replace("pref 2", "pref 5").replace(
        "src_mac 02:00:00:00:00:02 ", "")


def order_costs(card: Card, many: int, flags: str) -> dict[str, float]:
    """Among so many rules: one comes over another, one goes below a wide one."""
    dev, out = card["UPLINK0"], card["REP0"]
    with empty(dev):
        tc([narrow(n, 1, flags, dev, out) for n in range(many)])
        more = [over(n, flags, dev, out) for n in range(SOME)]
        cost = {"add": tc(more)}
        tc([x.split(" flower")[0].replace("add", "del") + " flower" for x in more])
        sh(f"tc filter add dev {dev} ingress prot ip pref 9 flower {flags} action drop")
        cost["delete"] = tc([delete(n, dev) for n in range(SOME)])
    return cost


def order_by_instructions(card: Card) -> None:
    """Software has them all, so the driver has to keep all of its promises."""
    for many in (FEW, MANY):
        soft, hard = (order_costs(card, many, f) for f in ("skip_hw", ""))
        for what, text in (("add", "add of a rule that overlaps one of"),
                           ("delete", "delete of a rule below a wide one, of")):
            note("agilio", f"{text} {many:,}", "instructions",
                 hard[what] - soft[what], False)


def packet_cost(src: Port, sink: Port) -> float:
    """Instructions of the whole guest for a packet, and none may be lost."""
    base, begin = packets_in(sink), instructions()
    pktgen(src, "02:00:00:00:00:99", PACKETS)
    until("all packets are there", lambda: packets_in(sink) - base >= PACKETS, 10)
    return (instructions() - begin) / PACKETS


def traffic_by_instructions(way: str) -> None:
    with driver("agilio" if way == "software" else way) as card:
        sh("modprobe pktgen")
        vf: Port = (card["VF0"], None)
        far: Port = ("wire0", "wire0")
        sh(f"ip link set {vf[0]} promisc on")
        rule_both_ways(card, way)
        for name, src, sink in (("VF to wire by rule", vf, far),
                                ("wire to VF by rule", far, vf)):
            note(way, f"packet, {name}", "instructions", packet_cost(src, sink),
                 False)


def by_instructions(rounds: int) -> None:
    assert os.cpu_count() == 1, "the lab's --icount is missing"
    # Huge pages come and go when nobody asked for them, at 500,000 each
    sh("echo never > /sys/kernel/mm/transparent_hugepage/enabled")
    for n in range(rounds):
        for way in in_turn(("agilio", "nfp"), n):
            with driver(way) as card:
                # What is done for the first time fills caches
                rules_by_instructions(way, card, False)
                rules_by_instructions(way, card, True)
                if way == "agilio":
                    order_by_instructions(card)
        for way in in_turn(("agilio", "nfp", "software"), n):
            traffic_by_instructions(way)
        say(f"round {n + 1} of {rounds}")
