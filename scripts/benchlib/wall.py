# SPDX-License-Identifier: GPL-2.0-only
"""The same by the clock, on a machine that does nothing else."""
from __future__ import annotations

import argparse
import subprocess
import time
from pathlib import Path

from lib import ovs
from lib.net import counter, sh

from .lab import Card, Port, driver, flag, in_turn, load, memory, packets_in, pktgen, \
    rule_both_ways, say, set_vfs, unload
from .table import WAYS, forget, metrics, note

# A port that has got no packet for so long gets none any more
QUIET_SECONDS = 1


def rule(dev: str, out: str, way: str, n: int) -> str:
    """The kind of rule that Open vSwitch makes for an L2 flow."""
    return (f"filter add dev {dev} ingress prot ip pref 2 handle {n + 1} flower "
            f"{flag(way)} src_mac 02:00:00:{n >> 16:02x}:{n >> 8 & 255:02x}:"
            f"{n & 255:02x} dst_mac 02:00:00:00:00:01 ip_flags nofrag "
            f"action mirred egress redirect dev {out}\n")


def batches(card: Card, way: str, count: int, writers: int) -> tuple[list[str], list[str]]:
    add, delete = [], []
    for w in range(writers):
        dev, out = card[f"UPLINK{w}"], card["REP0"]
        paths = f"/tmp/add{w}", f"/tmp/del{w}"
        part = range(count // writers)
        Path(paths[0]).write_text("".join(rule(dev, out, way, n) for n in part))
        Path(paths[1]).write_text("".join(
            f"filter del dev {dev} ingress pref 2 handle {n + 1} prot ip flower\n"
            for n in part))
        add.append(paths[0])
        delete.append(paths[1])
    return add, delete


def run_batches(paths: list[str]) -> float:
    start = time.monotonic()
    procs = [subprocess.Popen(["tc", "-b", p]) for p in paths]
    assert not any([p.wait() for p in procs]), "tc -b failed"
    return time.monotonic() - start


def rules(way: str, count: int, writers: int) -> None:
    label = f"{count:,} rules, {writers} writer{'s' if writers > 1 else ''}"
    with driver("agilio" if way == "software" else way) as card:
        devs = [card[f"UPLINK{w}"] for w in range(writers)]
        for dev in devs:
            sh(f"tc qdisc add dev {dev} clsact")
        add, delete = batches(card, way, count, writers)
        before = memory()
        note(way, f"add {label}", "rules/s", count / run_batches(add))
        if way != "software":
            assert counter("rules") == count, counter("rules")
        if writers == 1:
            note(way, f"kernel memory, {label}", "bytes/rule",
                 (memory() - before) / count, False)
            start = time.monotonic()
            sh(f"tc -s filter show dev {devs[0]} ingress > /dev/null")
            note(way, f"dump with counters, {count:,} rules", "s",
                 time.monotonic() - start, False)
        note(way, f"delete {label}", "rules/s", count / run_batches(delete))
    say(f"{way}: {label}")


def start_stop(way: str) -> None:
    note(way, "driver loaded to last representor", "s", load(way), False)
    start = time.monotonic()
    set_vfs(60)
    note(way, "60 VFs up", "s", time.monotonic() - start, False)
    sh("udevadm settle")
    start = time.monotonic()
    set_vfs(0)
    note(way, "60 VFs down", "s", time.monotonic() - start, False)
    unload(way)
    say(f"{way}: start and stop")


def packets(way: str, name: str, src: Port, sink: Port, count: int) -> None:
    """Note how many arrive a second, and how many never do."""
    base = packets_in(sink)
    start = time.monotonic()
    pktgen(src, "02:00:00:00:00:99", count)
    last, seen = time.monotonic(), 0
    while seen < count and time.monotonic() - last < QUIET_SECONDS:
        now = packets_in(sink) - base
        if now != seen:
            seen, last = now, time.monotonic()
    assert seen >= count // 2, f"{seen} of {count} packets arrived at {sink[0]}"
    note(way, f"packets, {name}", "packets/s", seen / (last - start))
    note(way, f"lost packets, {name}", f"of {count:,}", max(count - seen, 0), False)


def traffic(way: str, count: int, seconds: int) -> None:
    with driver("agilio" if way == "software" else way) as card:
        sh("modprobe pktgen")
        vf: Port = (card["VF0"], None)
        far: Port = ("wire0", "wire0")
        rep: Port = (card["REP0"], None)
        up: Port = (card["UPLINK0"], None)
        sh(f"ip link set {vf[0]} promisc on")
        if way != "software":
            for name, src, sink in (("representor to VF", rep, vf),
                                    ("VF to representor", vf, rep),
                                    ("uplink to wire", up, far),
                                    ("wire to uplink", far, up)):
                packets(way, name, src, sink, count)
        rule_both_ways(card, way)
        for name, src, sink in (("VF to wire by rule", vf, far),
                                ("wire to VF by rule", far, vf)):
            packets(way, name, src, sink, count)
        ovs.tenant("bench", vf[0], "10.9.0.1/24")
        sh("ip -n wire0 link set wire0 mtu 1500; "
           "ip -n wire0 addr add 10.9.0.2/24 dev wire0")
        try:
            ovs.ping("bench", "10.9.0.2")
            for name, reverse in (("VF to wire by rule", False),
                                  ("wire to VF by rule", True)):
                note(way, f"TCP, {name}", "Mbit/s", ovs.iperf(
                    "bench", "wire0", "10.9.0.2", seconds, reverse) / 1e6)
        finally:
            sh(f"ip -n wire0 addr flush dev wire0; ip -n bench link set {vf[0]} "
               f"netns 1; ip netns del bench")
    say(f"{way}: traffic")


def driver_memory() -> None:
    """What a rule costs beyond cls_flower's own."""
    for m in [m for m in metrics.values() if m.unit == "bytes/rule"]:
        base = m.median("software") or 0
        name = m.name.replace("kernel memory", "memory of the driver alone")
        for way in WAYS[:2]:
            note(way, name, "bytes per rule", (m.median(way) or 0) - base, False)


def one_round(n: int, only: str | None, counts: list[int]) -> None:
    if only in (None, "start"):
        for way in in_turn(WAYS[:2], n):
            start_stop(way)
    if only in (None, "traffic"):
        for way in in_turn(WAYS, n):
            traffic(way, 20_000, 3)
    if only in (None, "rules"):
        for count in counts:
            for writers in (1, 2):
                for way in in_turn(WAYS, n):
                    rules(way, count, writers)


def by_time(args: argparse.Namespace) -> None:
    rounds = 2 if args.quick else args.rounds
    counts = [10_000] if args.quick else [10_000, 100_000]
    say("once to warm up")
    one_round(0, args.only, counts[:1])
    forget()
    for n in range(rounds):
        say(f"round {n + 1} of {rounds}")
        one_round(n, args.only, counts)
    driver_memory()
