#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What users of such cards meet: a card that doesn't answer, and what they
expect of representors and VFs. The lab brings the PF up with a large MTU by
itself; here that is undone."""
from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lib import ktest
from lib.ktest import test
from lib.net import (Port, arrival, carrier, counter, env, fails, js, phys, quiet,
                     sh, until, vf_names, wait_carrier, wire)
from lib.pkt import Frame

CARD = env("CARD")
SYS = f"/sys/bus/pci/devices/{CARD}"
DRV = "/sys/bus/pci/drivers/agilio"
PF, UP, REP = (env(x) for x in ("PF", "UPLINK0", "REP0"))
F = Frame()
MARK = b"agilio-test-payload"
BUS_MASTER = 4
SO_RCVBUFFORCE = 33


def bus_master(on: bool) -> None:
    """The card's command register, behind the driver's back."""
    fd = os.open(f"{SYS}/config", os.O_RDWR)
    word = int.from_bytes(os.pread(fd, 2, 4), "little")
    word = word | BUS_MASTER if on else word & ~BUS_MASTER
    os.pwrite(fd, word.to_bytes(2, "little"), 4)
    os.close(fd)


def unbind() -> None:
    sh(f"echo {CARD} > {DRV}/unbind")


def make_vfs(n: int) -> None:
    """All of them anew, and the first one's ends up."""
    global REP
    for count in (0, n):
        with open(f"{SYS}/sriov_numvfs", "w", encoding="ascii") as f:
            f.write(str(count))
    sh("udevadm settle -t 120")
    vf_names()
    (REP,) = [d for d in os.listdir("/sys/class/net") if phys(d) == "pf0vf0"]
    sh(f"ip link set {os.environ['VF0']} up; ip link set {REP} up")


def bind(vfs: int = 2) -> None:
    sh(f"echo {CARD} > {DRV}/bind; udevadm settle -t 120")
    if vfs:
        make_vfs(vfs)
    sh(f"ip link set {UP} up")
    wait_carrier(UP)


@contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    took = time.monotonic() - start
    print(f"# {what}: {took:.1f} s", flush=True)
    assert took < seconds, f"{what}: {took:.1f} s, allowed {seconds} s"


def batch(name: str, count: int, line: str, net: int = 10) -> str:
    """Commands for tc -b, with an address each: none overlaps another."""
    path = f"/tmp/{name}"
    with open(path, "w", encoding="ascii") as f:
        for i in range(count):
            f.write(line.format(f"{net}.{i >> 16}.{i >> 8 & 255}.{i & 255}") + "\n")
    return path


@test("bus mastering off: nobody waits twice, rtnl is free; on again: all is told",
      noisy=True)
def deaf() -> None:
    rules = batch("rules", 3000, f"filter add dev {UP} ingress prot ip pref 1 "
                  "flower skip_sw dst_ip {} action drop")
    sh(f"tc qdisc add dev {UP} clsact; tc -b {rules}")
    until("all rules are in the card", lambda: counter("rules") == 3000)
    more = batch("more", 3000, f"filter add dev {UP} ingress prot ip pref 1 "
                 "flower skip_sw dst_ip {} action drop", 20)
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
                  "flower skip_sw dst_ip {} action drop")
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


def passes(dst: Port, src: Port, frame: bytes) -> bool:
    src.send(frame)
    got = arrival([dst], lambda f: MARK in f)
    return got is not None and got[1] == frame


@test("modprobe; ip link set UPLINK up: the PF's netdev may be down, or go down")
def uplink_alone() -> None:
    unbind()
    bind(0)
    far, near = wire(0), Port(UP)
    for state in ("as it is after loading", "up", "down"):
        if state != "as it is after loading":
            sh(f"ip link set {PF} {state}")
        up = "UP" in js(f"ip -j link show {PF}")[0]["flags"]
        assert up == (state == "up"), f"the PF is not {state}"
        for n in range(20):
            f = F.with_(ident=n).bytes()
            assert passes(near, far, f), f"to the host, PF {state}"
            assert passes(far, near, f), f"from the host, PF {state}"
    sh(f"ip link set {PF} up")
    wait_carrier(PF)
    far.close()
    near.close()
    make_vfs(2)
    wait_carrier(REP)


@test("what a representor may carry is carried, whatever the PF's MTU is")
def jumbo() -> None:
    vf = os.environ["VF0"]
    for state in ("up", "down"):
        sh(f"ip link set {PF} mtu 1500 {state}; ip link set {vf} mtu 9000; "
           f"ip link set {REP} mtu 9000; ip link set {PF} mtu 1400; "
           f"ip link set {PF} mtu 1500")
        wait_carrier(vf)
        wait_carrier(REP)
        src, dst = Port(vf), Port(REP)
        f = F.with_(payload=MARK + bytes(8900)).bytes()
        assert passes(dst, src, f) and passes(src, dst, f), f"PF {state}"
        src.close()
        dst.close()
    sh(f"ip link set {REP} mtu 1500; ip link set {vf} mtu 1500; "
       f"ip link set {PF} up")


# Bounce buffers, of which the lab has this suite's guest use no other memory
POOL = "/sys/kernel/debug/swiotlb"


def pool(name: str) -> int:
    with open(f"{POOL}/io_tlb_{name}", encoding="ascii") as f:
        return int(f.read())


def full(src: Port, frame: bytes, left: int) -> bool:
    """After some more frames: whether there are hardly any bounce buffers left."""
    for _ in range(64):
        try:
            src.send(frame)
        except OSError:
            pass            # the sender's own couldn't be had
    return pool("used") + left >= pool("nslabs")


def said(words: str) -> int:
    """How often the kernel's log has it."""
    return sh("dmesg").count(words)


def drop_rule(address: str) -> str:
    return (f"filter add dev {UP} ingress prot ip pref 1 flower skip_sw "
            f"dst_ip {address} action drop")


@test("messages that can't be mapped for the card wait, and are sent when they can",
      noisy=True)
def unmapped() -> None:
    if not os.path.isdir(POOL):
        sh("mount -t debugfs none /sys/kernel/debug")
    sh(f"ip link set {REP} up; tc qdisc add dev {UP} clsact")
    wait_carrier(REP)
    before, far, rep = said("as it can't be mapped"), wire(0), Port(REP)
    hoards = [Port(UP), Port(os.environ["VF0"])]
    frame = F.bytes()
    # What nobody reads holds the buffers that it came in
    for src, dst, left in ((far, hoards[0], 64), (rep, hoards[1], 1)):
        dst.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 30)
        until("the bounce buffers are in use", lambda s=src, n=left: full(
            s, frame, n), 60)
    left = pool("nslabs") - pool("used")
    print(f"# {left} bounce buffers are left", flush=True)
    n = 150
    sh(f"tc -b {batch('unmapped', n, drop_rule('{}'), 9)}")
    assert said("as it can't be mapped") > before, "each message could be mapped"
    for p in (*hoards, rep):
        p.close()
    until("all rules are in the card", lambda: counter("rules") == n)
    assert counter("flow_dup") == 0
    sh(f"tc qdisc del dev {UP} clsact")
    until("and none", lambda: counter("rules") == 0)
    near = Port(UP)
    until("frames come in again", lambda: passes(near, far, frame), 30)
    near.close()
    far.close()


def gone(state: bool) -> None:
    words = "the card is gone: it reads as all ones"
    before = said(f"no longer: {words}") if not state else said(words)
    sh(f"lab-qmp fault surprise={int(state)}")
    until("the driver has noticed", lambda: said(
        words if state else f"no longer: {words}") > before)


@test("a card that is gone for a while: nobody waits; what it missed it is told",
      noisy=True)
def away() -> None:
    up1 = env("UPLINK1")
    sh(f"ip link set {up1} up; tc qdisc add dev {UP} clsact")
    for n in range(1, 11):
        sh(f"tc {drop_rule(f'10.9.0.{n}')}")
    sh(f"tc filter add dev {UP} ingress prot ip pref 3 flower skip_sw "
       "dst_ip 10.9.1.1 action drop")
    redirect = (f"tc filter add dev {UP} ingress prot ip pref 2 flower skip_sw "
                f"dst_ip 10.0.0.2 action mirred egress redirect dev {up1}")
    gone(True)
    with within(20, "what is asked of a card that is gone"):
        sh(f"tc filter del dev {UP} ingress pref 3")
        assert "the card does not take messages" in fails(redirect)
        sh(f"ip link set {UP} down; ip link set {UP} up; ip link set {PF} down; "
           f"ip link set {PF} up", ok=False)
        fails(f"ip link set {PF} vf 0 mac 02:00:00:00:00:99")
        sh(f"devlink dev info pci/{CARD}; ethtool -S {PF}; ip -s link show {PF}")
    gone(False)
    until("the card has the rules", lambda: counter("rules") == 10)
    sh(redirect)
    assert counter("rules") == 11
    assert counter("flow_missing") == 0 and counter("flow_dup") == 0
    sh(f"ip link set {PF} up")
    wait_carrier(UP)
    wait_carrier(up1)
    far, out, near = wire(0), wire(1), Port(UP)
    # By the card, once; and what has no rule, to the host, once
    for n in range(20):
        f = F.with_(ident=n, to="10.0.0.2").bytes()
        assert passes(out, far, f)
        f = F.with_(ident=n, to="10.0.0.77").bytes()
        assert passes(near, far, f) and passes(far, near, f)
    assert not [x for p in (near, out, far) for x in p.waiting() if MARK in x]
    sh(f"tc {drop_rule('10.9.0.20')}")
    until("one more rule", lambda: counter("rules") == 12)
    sh(f"tc qdisc del dev {UP} clsact")
    until("no rule", lambda: counter("rules") == 0)
    for p in (far, out, near):
        p.close()


@test("a port that could not be switched while the service processor was stuck is "
      "switched then", noisy=True)
def port_wish() -> None:
    commands = counter("nsp_commands")
    sh(f"ip link set {UP} down")
    until("it is off", lambda: counter("nsp_commands") >= commands + 2)
    sh("lab-qmp fault nsp-stuck=1")
    before = said("could not be switched on")
    sh(f"ip link set {UP} up")
    until("the driver gave up", lambda: said("could not be switched on") > before, 60)
    for state in ("down", "up"):
        sh(f"ip link set {UP} {state}")
    assert not carrier(UP)
    sh("lab-qmp fault nsp-stuck=0")
    wait_carrier(UP)


@test("pulled out with VFs, rules and traffic: removed at once, and found again",
      noisy=True)
def pulled() -> None:
    sh(f"tc qdisc add dev {UP} clsact; tc " + drop_rule("10.9.0.1"))
    far = wire(0)
    sending = subprocess.Popen(["sh", "-c", f"while :; do ping -q -c 1 -W 1 -I {PF} "
                                "-b 192.0.2.255; done"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        for n in range(50):
            far.send(F.with_(ident=n).bytes())
        sh("lab-qmp fault surprise=1")
        with within(30, "removal"):
            sh(f"echo 1 > {SYS}/remove")
    finally:
        sending.kill()
        sending.wait()
        sh("lab-qmp fault surprise=0")
        far.close()
    with within(60, "rescan"):
        sh("echo 1 > /sys/bus/pci/rescan; udevadm settle -t 120")
    assert os.path.exists(f"{SYS}/driver")
    make_vfs(2)
    sh(f"ip link set {UP} up; ip link set {PF} up")
    wait_carrier(UP)
    far, near = wire(0), Port(UP)
    assert passes(near, far, F.bytes()) and passes(far, near, F.bytes())
    far.close()
    near.close()


@test("a shared skb is refused, and a panic's console isn't taken", noisy=True)
def flags() -> None:
    sh("modprobe pktgen")
    with open("/proc/net/pktgen/kpktgend_0", "w", encoding="ascii") as f:
        f.write(f"add_device {UP}\n")
    try:
        with open(f"/proc/net/pktgen/{UP}", "w", encoding="ascii") as f:
            f.write("count 1000\n")
        with open(f"/proc/net/pktgen/{UP}", "w", encoding="ascii") as f:
            f.write("clone_skb 50\n")
        refused = False
    except OSError:
        refused = True
    if not refused:
        with open("/proc/net/pktgen/pgctrl", "w", encoding="ascii") as f:
            f.write("start\n")
    sh("rmmod pktgen")
    assert refused, "clone_skb was taken"
    sh(f"ip addr add 192.0.2.1/24 dev {UP}")
    sh(f"modprobe netconsole netconsole=4444@192.0.2.1/{UP},"
       "5555@192.0.2.2/02:00:00:00:00:02", ok=False)
    text = sh("dmesg | tail -n 30")
    sh("rmmod netconsole", ok=False)
    sh(f"ip addr del 192.0.2.1/24 dev {UP}")
    assert f"{UP} doesn't support polling" in text, text


@test("VFs made anew have nothing of earlier ones", noisy=True)
def fresh_vfs() -> None:
    mac = "02:12:34:56:78:9a"
    sh(f"ip link set {PF} vf 0 mac {mac}; ip link set {PF} vf 0 vlan 77 qos 3; "
       f"ip link set {PF} vf 0 state disable")
    make_vfs(2)
    info = js(f"ip -j -d link show {PF}")[0]["vfinfo_list"][0]
    assert info["address"] == "00:00:00:00:00:00", info
    assert "77" not in str(info.get("vlan_list", "")), info
    assert info["link_state"] == "auto", info
    vf = os.environ["VF0"]
    own = js(f"ip -j link show {vf}")[0]["address"]
    assert own != mac
    wait_carrier(vf)
    wait_carrier(REP)
    src, dst = Port(vf), Port(REP)
    assert passes(dst, src, F.bytes())
    src.close()
    dst.close()
    # Nor the address that its own driver gave itself
    sh(f"ip link set {vf} down; ip link set {vf} address {mac}; "
       f"ip link set {vf} up")
    make_vfs(2)
    assert js(f"ip -j link show {os.environ['VF0']}")[0]["address"] != mac


@test("what asks for nothing succeeds, and uplink and representor take settings",
      noisy=True)
def asked_for_nothing() -> None:
    for dev in (PF, UP, REP):
        for what in ("spoofchk off", "trust off", "max_tx_rate 0",
                     "vlan 0 proto 802.1ad", "state auto"):
            sh(f"ip link set {dev} vf 0 {what}")
        for what in ("spoofchk on", "trust on", "rate 100"):
            fails(f"ip link set {dev} vf 0 {what}")
        sh(f"ip link set {dev} vf 0 vlan 5")
        for seen in (PF, UP, REP):
            info = js(f"ip -j -d link show {seen}")[0]["vfinfo_list"][0]
            assert "5" in str(info["vlan_list"]), (dev, seen, info)
        sh(f"ip link set {dev} vf 0 vlan 0")
    # A VF's representor is for that VF
    fails(f"ip link set {REP} vf 1 vlan 5")


@test("VFs that are there before the driver is are adopted", noisy=True)
def adopted() -> None:
    unbind()
    stub = "/sys/bus/pci/drivers/pci-pf-stub"
    ids = [open(f"{SYS}/{x}", encoding="ascii").read()[2:6]
           for x in ("vendor", "device")]
    sh(f"modprobe pci-pf-stub; echo {ids[0]} {ids[1]} > {stub}/new_id")
    if not os.path.exists(f"{stub}/{CARD}"):
        sh(f"echo {CARD} > {stub}/bind")
    sh(f"echo 2 > {SYS}/sriov_numvfs; echo {CARD} > {stub}/unbind; "
       "rmmod pci-pf-stub")
    bind(0)
    names = {phys(d) for d in os.listdir("/sys/class/net")}
    assert {"pf0vf0", "pf0vf1"} <= names, names
    until("the VFs have their driver", lambda: all(
        os.path.exists(f"{SYS}/virtfn{n}/net") for n in (0, 1)), 30)
    make_vfs(2)


@test("VFs' netdevs are named by the PF's place and their number")
def named() -> None:
    path = os.path.basename(PF)
    strange = []
    for _ in range(6):
        make_vfs(8)
        for n in range(8):
            (name,) = os.listdir(f"{SYS}/virtfn{n}/net")
            if name != f"{path}v{n}":
                strange.append(name)
    make_vfs(2)
    print(f"# {len(strange)} of 48 are named otherwise: {strange}", flush=True)
    assert len(strange) <= 6, strange


@test("an initramfs gets a file for each board, and media names are looked for")
def firmware_names() -> None:
    told = set(sh("modinfo -F firmware /lab/agilio.ko").split())
    top = "/usr/lib/firmware"
    have = [x for x in os.listdir(f"{top}/netronome/flower")
            if x.startswith("nic_")] if os.path.isdir(
                f"{top}/netronome/flower") else []
    if not have:
        raise ktest.Skip("no firmware package in the guest")
    files = {os.path.realpath(f"{top}/{x}") for x in told}
    for name in have:
        board = name.removesuffix(".nffw")[:len("nic_AMDA0099")]
        assert any(board in x for x in told), name
        assert os.path.realpath(f"{top}/netronome/flower/{name}") in files, name


if __name__ == "__main__":
    quiet()
    raise SystemExit(ktest.run("users", refusals=True))
