#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Two cards in one machine: each has its own ports and rules, and one can go
while the other works."""
from __future__ import annotations

import os

from lib import ktest
from lib.ktest import test
from lib.net import (Port, arrival, env, fails, js, quiet, rules, sh,
                     wait_carrier, wire)
from lib.pkt import Frame

PCI = "/sys/bus/pci/devices"
MARK = b"agilio-test-payload"
F = Frame()


def read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as f:
            return f.read().strip()
    except OSError:
        return ""


def cards() -> list[str]:
    return sorted(d for d in os.listdir(PCI)
                  if read(f"{PCI}/{d}/vendor") == "0x19ee" and
                  not os.path.exists(f"{PCI}/{d}/physfn"))


def ports(card: str) -> dict[str, str]:
    """Representors of a card by their port's name."""
    out = {}
    for dev in os.listdir(f"{PCI}/{card}/net"):
        name = read(f"/sys/class/net/{dev}/phys_port_name")
        if name:
            out[name] = dev
    return out


@test("two cards, each with its own ports, switch id and devlink instance")
def two() -> None:
    found = cards()
    assert len(found) == 2, found
    ids = set()
    for card in found:
        own = ports(card)
        assert {"p0", "p1", "pf0"} <= set(own), own
        switch = {read(f"/sys/class/net/{d}/phys_switch_id") for d in own.values()}
        assert len(switch) == 1, switch
        ids |= switch
        info = js(f"devlink -j dev info pci/{card}")["info"][f"pci/{card}"]
        assert info["driver"] == "agilio"
    assert len(ids) == 2, ids


@test("a rule can't lead from one card to the other")
def apart() -> None:
    a, b = (ports(c) for c in cards())
    sh(f"tc qdisc add dev {a['p0']} clsact")
    base = (f"tc filter add dev {a['p0']} ingress prot ip pref 1 flower %s "
            f"action mirred egress redirect dev {b['p0']}")
    text = fails(base % "skip_sw")
    assert f"{b['p0']}, which is no port of this card" in text, text
    sh(base % "")
    (rule,) = rules(a["p0"])
    assert rule["options"].get("not_in_hw")
    sh(f"tc qdisc del dev {a['p0']} clsact")


@test("one card is unbound and bound again while the other forwards")
def rebind() -> None:
    first, second = cards()
    up, rep = env("UPLINK0"), env("REP0")
    assert up in ports(first).values(), "the lab's names are the first card's"
    far, vf = wire(0), Port(env("VF0"))
    sh(f"tc qdisc add dev {up} clsact; tc filter add dev {up} ingress prot ip "
       f"pref 1 flower skip_sw action mirred egress redirect dev {rep}")

    def forwards() -> None:
        far.send(F.bytes())
        got = arrival([vf], lambda f: MARK in f)
        assert got and got[1] == F.bytes()

    forwards()
    for _ in range(3):
        sh(f"echo {second} > /sys/bus/pci/drivers/agilio/unbind")
        assert not os.path.exists(f"{PCI}/{second}/driver")
        forwards()
        sh(f"echo {second} > /sys/bus/pci/drivers/agilio/bind; "
           "udevadm settle -t 60")
        assert {"p0", "p1", "pf0"} <= set(ports(second))
        forwards()
    sh(f"tc qdisc del dev {up} clsact")


if __name__ == "__main__":
    quiet()
    for _dev in (env("UPLINK0"), env("REP0"), env("VF0")):
        wait_carrier(_dev)
    raise SystemExit(ktest.run("cards"))
