#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Settings of the netdevs: rings, channels, moderation, RSS, VF settings,
per-queue statistics. After each change packets still come through."""
from __future__ import annotations

import os
import re

from lib import ktest
from lib.genl import queue_stats
from lib.ktest import test
from lib.net import (Port, arrival, counter, env, fails, js, quiet, sh, tcp,
                     until, wait_carrier, wire)
from lib.pkt import Frame

MARK = b"agilio-test-payload"
PF, UP, VF, REP = (env(x) for x in ("PF", "UPLINK0", "VF0", "REP0"))
CARD = f"/sys/bus/pci/devices/{env('CARD')}"
F = Frame()


def agilio_only() -> None:
    if ktest.driver() != "agilio":
        raise ktest.Skip("mainline's limits are others")


def passes(n: int = 3) -> None:
    """Wire to host and host to wire, wire to VF's representor and VF."""
    far, host, vf, rep = wire(0), Port(UP), Port(VF), Port(REP)
    for src, dst in ((far, host), (host, far), (vf, rep), (rep, vf)):
        for i in range(n):
            f = F.with_(ident=i, sport=1000 + i).bytes()
            src.send(f)
            got = arrival([dst], lambda x: MARK in x)
            assert got and got[1] == f, f"{src.dev} to {dst.dev}"
    for p in (far, host, vf, rep):
        p.close()


def up_again(dev: str) -> None:
    wait_carrier(dev)


@test("ring sizes: set, read back, packets pass; bad ones are refused")
def rings() -> None:
    for dev in (PF, VF):
        sh(f"ethtool -G {dev} rx 2048 tx 512")
        (ring,) = js(f"ethtool --json -g {dev}")
        assert ring["rx"] == 2048 and ring["tx"] == 512, ring
        up_again(dev)
        passes()
    agilio_only()
    text = fails(f"ethtool -G {PF} rx 1000")
    assert "rx ring of 1000" in text, text
    fails(f"ethtool -G {PF} rx 65536")
    passes()


@test("channels: fewer, and back")
def channels() -> None:
    def combined() -> list[int]:
        """The limit and what is in use."""
        return [int(x) for x in re.findall(r"Combined:\s+(\d+)",
                                           sh(f"ethtool -l {PF}"))]

    top, _ = combined()
    assert top >= 2, top
    for n in (1, top):
        sh(f"ethtool -L {PF} combined {n}")
        assert combined() == [top, n]
        up_again(PF)
        passes(8)
    fails(f"ethtool -L {PF} combined {top + 1}")


@test("moderation: set, read back; no interrupt at all is refused")
def coalesce() -> None:
    sh(f"ethtool -C {PF} adaptive-rx off adaptive-tx off", ok=False)
    sh(f"ethtool -C {PF} rx-usecs 100 rx-frames 32 tx-usecs 200 tx-frames 16")
    (c,) = js(f"ethtool --json -c {PF}")
    assert (c["rx-usecs"], c["rx-frames"], c["tx-usecs"], c["tx-frames"]) == \
        (100, 32, 200, 16), c
    passes()
    fails(f"ethtool -C {PF} rx-usecs 0 rx-frames 0")
    agilio_only()
    text = fails(f"ethtool -C {PF} tx-usecs 100000")
    assert "tx-usecs is at most" in text, text


@test("RSS: all to ring 0, all to ring 1, key read back")
def rss() -> None:
    agilio_only()

    def counts() -> list[int]:
        return [q["rx-packets"] for q in queue_stats(index(PF))
                if q["queue-type"] == 0]

    far = wire(0)
    host = Port(UP)
    for ring in (0, 1):
        weights = "1 0" if ring == 0 else "0 1"
        sh(f"ethtool -X {PF} weight {weights}")
        (x,) = js(f"ethtool --json -x {PF}")
        assert set(x["rss-indirection-table"]) == {ring}
        before = counts()
        for i in range(20):
            f = F.with_(sport=3000 + i).bytes()
            far.send(f)
            assert arrival([host], lambda got, f=f: got == f)
        seen = [b - a for a, b in zip(before, counts())]
        assert seen[ring] >= 20 and seen[1 - ring] < 5, seen
    sh(f"ethtool -X {PF} default")
    # What isn't IP has no hash: 05-observed-behaviour.md section 3.3
    before = counts()
    mpls = F.with_(raw=b"\0\0\x51\x40" + MARK * 3, ethertype=0x8847)
    for i in range(20):
        far.send(mpls.with_(src=f"02:aa:00:00:01:{i:02x}").bytes())
        assert arrival([host], lambda got: MARK in got)
    seen = [b - a for a, b in zip(before, counts())]
    assert seen[0] >= 20 and seen[1] < 5, seen
    key = ":".join(f"{i:02x}" for i in range(40))
    sh(f"ethtool -X {PF} hkey {key}")
    assert key in sh(f"ethtool -x {PF}")
    passes()


def index(dev: str) -> int:
    with open(f"/sys/class/net/{dev}/ifindex", encoding="ascii") as f:
        return int(f.read())


@test("queue statistics add up and survive a change of rings")
def queues() -> None:
    agilio_only()

    def total(kind: int, what: str) -> int:
        return sum(q[what] for q in queue_stats(index(VF))
                   if q["queue-type"] == kind)

    before = total(1, "tx-packets"), total(0, "rx-packets")
    vf, rep = Port(VF), Port(REP)
    for i in range(10):
        vf.send(F.with_(ident=i).bytes())
        assert arrival([rep], lambda f: MARK in f)
        rep.send(F.with_(ident=i).bytes())
        assert arrival([vf], lambda f: MARK in f)
    until("sent ones counted", lambda: total(1, "tx-packets") - before[0] >= 10)
    assert total(0, "rx-packets") - before[1] >= 10


@test("statistics of netdev, queues and card agree: frames on the wire, their bytes")
def one_definition() -> None:
    agilio_only()

    def card(dev: str) -> dict[str, int]:
        text = sh(f"ethtool -S {dev}")
        return {f"{d}-{what}": int(re.search(
            rf"\bdev_{d}_{'pkts' if what == 'packets' else what}: (\d+)",
            text).group(1))  # type: ignore[union-attr]
            for d in ("rx", "tx") for what in ("packets", "bytes")}

    def link(dev: str) -> dict[str, int]:
        (x,) = js(f"ip -j -s link show {dev}")
        return {f"{d}-{what}": x["stats64"][d][what]
                for d in ("rx", "tx") for what in ("packets", "bytes")}

    def queue(dev: str) -> dict[str, int]:
        out = dict.fromkeys(("rx-packets", "rx-bytes", "tx-packets", "tx-bytes"), 0)
        for q in queue_stats(index(dev)):
            for k in out:
                out[k] += q.get(k, 0)
        return out

    views = (card, link, queue)
    before = [[view(dev) for view in views] for dev in (VF, PF)]

    def grown() -> list[list[dict[str, int]]]:
        return [[{k: v - b[k] for k, v in view(dev).items()}
                 for view, b in zip(views, had)]
                for dev, had in zip((VF, PF), before)]

    sh(f"ip netns add t1; ip link set {VF} netns t1; ip -n t1 link set {VF} up; "
       f"ip addr add 10.6.0.1/24 dev {REP}; ip -n t1 addr add 10.6.0.2/24 dev {VF}")
    try:
        wait_carrier(VF, ns="t1")
        tcp("t1", None, "10.6.0.1", 1 << 20)
        tcp(None, "t1", "10.6.0.2", 1 << 20)
    finally:
        sh(f"ip addr flush dev {REP}; ip -n t1 link set {VF} netns 1; ip netns del t1; "
           f"ip link set {VF} up")
    wait_carrier(VF)
    vf, rep = Port(VF), Port(REP)
    for a, b in ((vf, rep), (rep, vf)):
        a.send(F.with_(vlans=[(0x8100, 5)]).bytes())
        assert arrival([b], lambda x: MARK in x)
    try:
        until("they agree", lambda: all(x == dev[0] for dev in grown() for x in dev), 3)
    except AssertionError as e:
        raise AssertionError(f"VF, PF, each card, netdev, queues: {grown()}") from e
    assert grown()[0][0]["tx-packets"] > 700


@test("MTU change of a running PF: packets pass, jumbo frames too")
def mtu() -> None:
    for size in (1500, 9216):
        sh(f"ip link set {PF} mtu {size}")
        up_again(PF)
        passes()


@test("what a representor may carry is carried, whatever the MTU of the PF")
def repr_mtu() -> None:
    agilio_only()
    (link,) = js(f"ip -j -d link show {REP}")
    top = link["max_mtu"]
    big = Frame(payload=bytes(top - 28))
    vf, rep = Port(VF), Port(REP)
    try:
        sh(f"ip link set {PF} mtu 1500; ip link set {VF} mtu {top}; "
           f"ip link set {REP} mtu {top}")
        up_again(VF)
        up_again(PF)
        for a, b in ((vf, rep), (rep, vf)):
            a.send(big.bytes())
            got = arrival([b], lambda x: len(x) > 2000)
            assert got and got[1] == big.bytes(), f"{a.dev} to {b.dev}"
        sh(f"ip link set {PF} mtu 1600")
        up_again(PF)
        vf.send(big.bytes())
        assert arrival([rep], lambda x: len(x) > 2000)
    finally:
        sh(f"ip link set {VF} mtu 1500; ip link set {REP} mtu 1500; "
           f"ip link set {PF} mtu 9216")
        vf.close()
        rep.close()


@test("promiscuous and multicast modes reach the card")
def rx_mode() -> None:
    before = counter("reconfigs")
    sh(f"ip link set {PF} promisc on")
    until("the card was told", lambda: counter("reconfigs") > before)
    sh(f"ip link set {PF} promisc off")
    passes()


@test("MAC address of a running VF changes, and the card knows")
def vf_mac_running() -> None:
    old = js(f"ip -j link show {VF}")[0]["address"]
    sh(f"ip link set {VF} address 02:00:00:00:0a:0b")
    passes()
    # A driver that comes next reads it there
    rebind_vf()
    assert js(f"ip -j link show {VF}")[0]["address"] == "02:00:00:00:0a:0b"
    sh(f"ip link set {VF} address {old}")


def rebind_vf() -> None:
    """The VF's driver loaded anew; its netdev is another one, and udev may
    find another name for it."""
    global VF
    vf = os.path.basename(os.path.realpath(f"{CARD}/virtfn0"))
    drv = os.path.realpath(f"/sys/bus/pci/devices/{vf}/driver")
    sh(f"echo {vf} > {drv}/unbind; echo {vf} > {drv}/bind; udevadm settle -t 60")
    (VF,) = os.listdir(f"{CARD}/virtfn0/net")
    sh(f"ip link set {VF} up")
    wait_carrier(VF)


@test("ip link set vf mac: the VF has it when its driver is loaded next",
      noisy=True)
def vf_mac() -> None:
    mac = "02:12:34:56:78:9a"
    sh(f"ip link set {PF} vf 0 mac {mac}")
    (link,) = js(f"ip -j -d link show {PF}")
    assert link["vfinfo_list"][0]["address"] == mac
    rebind_vf()
    assert js(f"ip -j link show {VF}")[0]["address"] == mac
    passes()
    fails(f"ip link set {PF} vf 0 mac 01:00:00:00:00:01")
    fails(f"ip link set {PF} vf 63 mac {mac}")


@test("ip link set vf vlan: what it sends is tagged, the tag is hidden from it")
def vf_vlan() -> None:
    sh(f"ip link set {PF} vf 0 vlan 77 qos 3")
    try:
        (link,) = js(f"ip -j -d link show {PF}")
        info = link["vfinfo_list"][0]
        assert "77" in str(info), info
        vf, rep = Port(VF), Port(REP)
        tagged = F.with_(vlans=[(0x8100, 3 << 13 | 77)])
        vf.send(F.bytes())
        got = arrival([rep], lambda f: MARK in f)
        assert got and got[1] == tagged.bytes(), got
        rep.send(tagged.bytes())
        got = arrival([vf], lambda f: MARK in f)
        assert got and got[1] == F.bytes(), got
    finally:
        sh(f"ip link set {PF} vf 0 vlan 0")
    passes()


@test("ip link set vf state: the link goes down, up, and on its own")
def vf_state() -> None:
    sh(f"ip link set {PF} vf 0 state disable")
    wait_carrier(VF, False)
    sh(f"ip link set {PF} vf 0 state enable")
    wait_carrier(VF)
    sh(f"ip link set {PF} vf 0 state auto")
    wait_carrier(VF)
    passes()


@test("what this firmware can't do for a VF is refused", noisy=True)
def vf_refused() -> None:
    for what in ("spoofchk on", "trust on", "rate 100"):
        fails(f"ip link set {PF} vf 0 {what}")
    fails(f"ip link set {PF} vf 0 vlan 5 proto 802.1ad")


@test("driver and firmware are named, module and counters are there")
def drvinfo() -> None:
    for dev in (PF, UP, REP, VF):
        text = sh(f"ethtool -i {dev}")
        assert re.search(rf"driver: {ktest.driver()}", text), text
    assert "rx_csum" in sh(f"ethtool -S {PF}") or ktest.driver() == "nfp"


@test("ethtool -S: a frame is one of the VF's sent and of its port's received")
def bar_stats() -> None:
    agilio_only()

    def stat(dev: str, name: str) -> int:
        return int(re.search(rf"\b{name}: (\d+)",
                             sh(f"ethtool -S {dev}")).group(1))  # type: ignore

    before = [stat(VF, "dev_tx_uc_bytes"), stat(REP, "dev_rx_uc_bytes")]
    vf, rep = Port(VF), Port(REP)
    vf.send(F.bytes())
    assert arrival([rep], lambda f: MARK in f)
    after = [stat(VF, "dev_tx_uc_bytes"), stat(REP, "dev_rx_uc_bytes")]
    assert [b - a for a, b in zip(before, after)] == [len(F.bytes())] * 2


if __name__ == "__main__":
    quiet()
    for _dev in (PF, UP, VF, REP):
        wait_carrier(_dev)
    raise SystemExit(ktest.run("netdev"))
