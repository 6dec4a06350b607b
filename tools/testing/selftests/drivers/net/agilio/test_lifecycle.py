#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Loading and unloading, VFs up and down, faults of the card."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lib import ktest
from lib.ktest import test
from lib.net import (Port, counter, env, every, fails, js, phys, quiet, sh, until,
                     wait_carrier)
from lib.ovs import mac
from lib.pkt import Frame

CARD = env("CARD")
SYS = f"/sys/bus/pci/devices/{CARD}"
FRAME = Frame()
ROUNDS = 20


def insert() -> None:
    sh("modprobe nfp" if ktest.driver() == "nfp" else "insmod /lab/agilio.ko")
    sh("udevadm settle -t 180")


def remove() -> None:
    sh(f"rmmod {ktest.driver()}")


def netdevs() -> set[str]:
    return set(os.listdir("/sys/class/net"))


def representors(prefix: str = "p") -> list[str]:
    return [d for d in sorted(netdevs()) if phys(d).startswith(prefix)]


def set_vfs(n: int) -> None:
    with open(f"{SYS}/sriov_numvfs", "w", encoding="ascii") as f:
        f.write(str(n))


@test("the VF limit is the firmware's")
def vf_limit() -> None:
    with open(f"{SYS}/sriov_totalvfs", encoding="ascii") as f:
        assert int(f.read()) == 61
    set_vfs(0)
    try:
        set_vfs(62)
    except OSError:
        return
    raise AssertionError("62 VFs were made")


@test("60 VFs with a netdev and a representor each, twice, then none")
def sixty() -> None:
    set_vfs(0)
    before = netdevs()
    for _ in range(2):
        set_vfs(60)
        until("60 VF netdevs", lambda: len(
            [v for v in range(60) if os.path.isdir(f"{SYS}/virtfn{v}/net")])
            == 60, 60)
        sh("udevadm settle -t 180")
        assert len(representors("pf0vf")) == 60
        assert len(netdevs() - before) == 120
        last_rep = next(d for d in representors("pf0vf") if open(
            f"/sys/class/net/{d}/phys_port_name").read().strip() == "pf0vf59")
        last_vf = os.listdir(f"{SYS}/virtfn59/net")[0]
        sh(f"ip link set {last_rep} up; ip link set {last_vf} up")
        wait_carrier(last_vf)
        wait_carrier(last_rep)
        set_vfs(0)
        assert netdevs() == before, netdevs() - before


@test("removed and loaded again, twenty times, with the same netdevs")
def reload() -> None:
    set_vfs(0)
    before = len(netdevs())
    ports = len(every("UPLINK"))
    for i in range(20):
        if i % 5 == 0:
            set_vfs(3)
        remove()
        assert not representors()
        insert()
        assert len(netdevs()) == before, f"round {i}: {netdevs()}"
        assert len(representors()) == ports + 1
    assert counter("rules") == 0 and counter("masks") == 0


@test("rules are gone with the driver that made them")
def rules_gone() -> None:
    (dev, *_) = representors("p0")
    sh(f"ip link set {dev} up; tc qdisc add dev {dev} clsact")
    for n in range(20):
        sh(f"tc filter add dev {dev} ingress prot ip pref 1 flower skip_sw "
           f"dst_ip 10.0.0.{n} action drop")
    assert counter("rules") == 20
    remove()
    assert counter("rules") == 0
    insert()


@test("removed with tunnels, chains and an internal port in use, and back again")
def in_use() -> None:
    if ktest.driver() == "nfp":
        raise ktest.Skip("mainline refuses most of these rules")
    sh("modprobe openvswitch; ovs-dpctl add-dp br-phy; ip link set br-phy up; "
       "ip addr add 192.168.8.1/24 dev br-phy; "
       "ip link add t0 type vxlan external dstport 4789 nolearning; ip link set t0 up; "
       "tc qdisc add dev t0 clsact; tc qdisc add dev br-phy clsact")
    for again in (False, True):
        dev, pf = representors("p0")[0], representors("pf0")[0]
        sh(f"ip link set {dev} up; ip link set {pf} up; tc qdisc add dev {dev} clsact; "
           f"tc qdisc add dev {pf} clsact")
        wait_carrier(dev)
        sh(f"ip addr add 192.168.5.1/24 dev {dev}; "
           f"ip neigh replace 192.168.5.2 lladdr 02:00:00:00:00:aa dev {dev}")
        phy = mac("br-phy")
        for line in (
                "t0 ingress prot ip pref 1 flower enc_dst_ip 192.168.5.1 enc_key_id 5 "
                f"enc_dst_port 4789 action mirred egress redirect dev {pf}",
                f"{pf} ingress prot ip pref 1 flower skip_sw dst_mac 02:00:00:00:00:02 "
                "action tunnel_key set src_ip 192.168.5.1 dst_ip 192.168.5.2 id 5 "
                "dst_port 4789 pipe action mirred egress redirect dev t0",
                f"{dev} ingress prot ip pref 1 flower skip_sw dst_mac {phy} action "
                "skbedit ptype host pipe action mirred ingress redirect dev br-phy",
                "br-phy egress prot ip pref 1 flower action mirred egress redirect "
                f"dev {dev}",
                f"{dev} ingress prot ip pref 2 flower skip_sw dst_mac 02:00:00:00:00:01 "
                "ip_proto udp dst_port 10-20 action goto chain 1",
                f"{dev} ingress chain 1 prot ip pref 2 flower skip_sw dst_ip 10.0.0.2 "
                f"action mirred egress redirect dev {pf}"):
            sh(f"tc filter add dev {line}")
        until("all of it is in the card", lambda: counter("rules") == 7 and
              counter("neighs") == 1 and counter("tun_ips") == 1)
        remove()
        for name in ("rules", "masks", "neighs", "tun_ips", "tun_macs"):
            assert counter(name) == 0, f"{name} is {counter(name)}, again: {again}"
        sh("tc filter del dev t0 ingress; tc filter del dev br-phy egress")
        insert()
    sh("ip link del t0; ovs-dpctl del-dp br-phy")


@test("rules added and deleted in bulk leave nothing behind")
def bulk() -> None:
    (dev, *_) = representors("p0")
    sh(f"ip link set {dev} up; tc qdisc add dev {dev} clsact")
    base = counter("flow_add")
    n = 2000
    with open("/tmp/rules", "w", encoding="ascii") as f:
        for i in range(n):
            f.write(f"filter add dev {dev} ingress prot ip pref 1 flower skip_sw "
                    f"dst_ip 10.{i >> 16}.{i >> 8 & 255}.{i & 255} action drop\n")
    sh("tc -b /tmp/rules")
    assert counter("rules") == n and counter("masks") == 1
    assert counter("flow_add") - base == n
    sh(f"tc qdisc del dev {dev} clsact")
    assert counter("rules") == 0 and counter("masks") == 0
    assert counter("flow_missing") == 0 and counter("flow_dup") == 0


@test("VFs go while the PF's queue still has packets of their representors")
def packets_outlive() -> None:
    set_vfs(2)
    sh("udevadm settle -t 180")
    pf = env("PF")
    rep = next(d for d in representors("pf0vf") if open(
        f"/sys/class/net/{d}/phys_port_name").read().strip() == "pf0vf0")
    (vf,) = os.listdir(f"{SYS}/virtfn0/net")
    sh(f"ip link set {pf} up; ip link set {rep} up; ip link set {vf} up")
    wait_carrier(pf)
    wait_carrier(rep)
    sh(f"tc qdisc add dev {pf} root netem delay 2s limit 1000")
    port = Port(rep)
    for n in range(100):
        port.send(FRAME.with_(ident=n).bytes())
    port.close()

    def waiting() -> int:
        return int(js(f"tc -s -j qdisc show dev {pf}")[0]["qlen"])

    assert waiting() == 100, "the packets didn't wait"
    set_vfs(0)
    assert waiting() == 100, "removing VFs took longer than the delay"
    until("they are sent", lambda: not waiting())
    # What their memory would be used for next
    set_vfs(2)
    sh(f"udevadm settle -t 180; tc qdisc del dev {pf} root")
    set_vfs(0)


@test("devlink is asked all the time while the driver comes and goes",
      noisy=True)
def devlink_asked() -> None:
    if ktest.driver() == "nfp":
        raise ktest.Skip("of agilio.ko")
    drv = "/sys/bus/pci/drivers/agilio"
    asking = subprocess.Popen(
        ["sh", "-c", f"while :; do devlink dev info pci/{CARD}; done"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(ROUNDS):
            sh(f"echo {CARD} > {drv}/unbind; echo {CARD} > {drv}/bind")
    finally:
        asking.kill()
        asking.wait()
    sh("udevadm settle -t 180")
    assert len(representors()) == len(every("UPLINK")) + 1
    assert "fw.app" in sh(f"devlink dev info pci/{CARD}")


@test("devlink: switchdev is its only mode, and it says so")
def eswitch() -> None:
    if ktest.driver() == "nfp":
        raise ktest.Skip("of agilio.ko")
    mode = js(f"devlink -j dev eswitch show pci/{CARD}")["dev"][f"pci/{CARD}"]
    assert mode["mode"] == "switchdev", mode
    sh(f"devlink dev eswitch set pci/{CARD} mode switchdev")
    assert "no mode but switchdev" in fails(
        f"devlink dev eswitch set pci/{CARD} mode legacy")


@test("a firmware that does not answer: probe fails with an error, no hang",
      noisy=True)
def no_reply() -> None:
    remove()
    sh("lab-qmp fault drop-reply=1000")
    if ktest.driver() == "nfp":
        sh("modprobe nfp")
    else:
        sh("insmod /lab/agilio.ko")
    assert not representors()
    assert not os.path.exists(f"{SYS}/driver")
    sh("lab-qmp fault drop-reply=0")
    remove()
    insert()
    assert len(representors()) == len(every("UPLINK")) + 1


@test("an unknown fault is refused by the model")
def unknown_fault() -> None:
    assert "no such fault" in fails("lab-qmp fault no-such-thing=1")


@test("each fault of the model is listed, off, and documented")
def listed_faults() -> None:
    page = Path("/repo/Documentation/dev-tools/agilio-lab.rst").read_text("utf-8")
    faults = sh("lab-qmp faults").splitlines()
    assert len(faults) > 15, faults
    for line in faults:
        name, value = line.split("\t")[0].split("=")
        assert value == "off", line
        assert f"``{name}=" in page, f"{name} is not documented"


if __name__ == "__main__":
    quiet()
    raise SystemExit(ktest.run("lifecycle"))
