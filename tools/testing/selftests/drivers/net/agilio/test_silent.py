#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A card that leaves one thing unanswered: each message, each command to the
service processor, each reconfiguration; and one that offers less. The driver
says so, nobody waits for long, and afterwards it works. The guest's clock counts
instructions, so waiting costs no time."""
from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from lib import ktest
from lib.ktest import test
from lib.net import (Port, arrival, counter, env, fails, js, phys, quiet, sh, tcp,
                     until, vf_names, wait_carrier, wire)
from lib.pkt import Frame

CARD = env("CARD")
SYS = f"/sys/bus/pci/devices/{CARD}"
DRV = "/sys/bus/pci/drivers/agilio"
UP = env("UPLINK0")
MARK = b"agilio-test-payload"
F = Frame()


def fault(what: str) -> None:
    sh(f"lab-qmp fault {what}")


KMSG, SAID = ktest.Kmsg(), list[str]()


def log() -> str:
    """What the kernel has said; asked often, so no process for it."""
    SAID.extend(KMSG.lines())
    return "\n".join(SAID)


@contextmanager
def says(words: str, seconds: float) -> Iterator[None]:
    """The driver does it, and nobody waits longer."""
    before, began = log().count(words), time.monotonic()
    yield
    took = time.monotonic() - began
    assert log().count(words) > before, f"nobody said {words!r}"
    assert took < seconds, f"{words}: {took:.1f} s"


def bound() -> bool:
    return os.path.exists(f"{SYS}/driver")


def unbind() -> None:
    if bound():
        sh(f"echo {CARD} > {DRV}/unbind")


def bind() -> None:
    sh(f"echo {CARD} > {DRV}/bind", ok=False)
    sh("udevadm settle -t 120")


def until_still(name: str) -> None:
    """What the card counts stands still: for longer than anything is put off."""
    def still() -> bool:
        before = counter(name)
        time.sleep(1.2)
        return counter(name) == before

    until(f"{name} stands still", still)


def set_vfs(n: int) -> None:
    """Written once: closing a file would write again what was refused."""
    fd = os.open(f"{SYS}/sriov_numvfs", os.O_WRONLY)
    try:
        os.write(fd, b"%d" % n)
    finally:
        os.close(fd)


def passes(dst: Port, src: Port, frame: bytes) -> bool:
    src.send(frame)
    got = arrival([dst], lambda f: MARK in f)
    return got is not None and got[1] == frame


def all_works() -> None:
    """A rule, frames in both directions, and a VF."""
    if not pf():
        bind()
    sh(f"ip link set {UP} up; ip link set {pf()} up")
    wait_carrier(UP)
    far, near = wire(0), Port(UP)
    assert passes(near, far, F.bytes()) and passes(far, near, F.bytes())
    sh(f"tc qdisc add dev {UP} clsact; tc filter add dev {UP} ingress prot ip pref 1 "
       "flower skip_sw dst_ip 10.7.0.1 action drop")
    until("the rule is in the card", lambda: counter("rules") == 1)
    sh(f"tc qdisc del dev {UP} clsact")
    until("and is not", lambda: not counter("rules"))
    far.close()
    near.close()


def pf() -> str:
    """The PF's netdev, if the driver has the card."""
    if not os.path.isdir(f"{SYS}/net"):
        return ""
    (dev,) = [d for d in os.listdir(f"{SYS}/net") if not phys(d)]
    return dev


def vf() -> str:
    """The first VF's netdev, the other side of which is up."""
    if not os.path.exists(f"{SYS}/virtfn0"):
        set_vfs(1)
        sh("udevadm settle -t 120")
    (rep,) = [d for d in os.listdir("/sys/class/net") if phys(d) == "pf0vf0"]
    sh(f"ip link set {rep} up")
    (dev,) = os.listdir(f"{SYS}/virtfn0/net")
    return dev


# Messages that the firmware answers

@test("REIFY of an uplink unanswered: probe fails in words, the next one doesn't",
      noisy=True)
def reify() -> None:
    unbind()
    fault("mute-type=6")
    with says("firmware does not answer for port", 20):
        bind()
    assert not bound()
    bind()
    all_works()


@test("REIFY of a VF unanswered: no VFs, in words, and some the next time",
      noisy=True)
def reify_vf() -> None:
    fault("mute-type=6")
    with says("firmware does not answer for port", 20):
        try:
            set_vfs(2)
            raise AssertionError("there are VFs")
        except OSError:
            pass
    assert not os.path.exists(f"{SYS}/virtfn0"), os.listdir(SYS)
    set_vfs(2)
    sh("udevadm settle -t 120")
    vf_names()
    all_works()


@test("an MTU that the firmware doesn't acknowledge is refused, the next isn't",
      noisy=True)
def mtu() -> None:
    before = js(f"ip -j link show {UP}")[0]["mtu"]
    fault("mute-type=8")
    with says("the firmware does not answer to messages", 10):
        fails(f"ip link set {UP} mtu 1400")
    assert js(f"ip -j link show {UP}")[0]["mtu"] == before
    sh(f"ip link set {UP} mtu 1400; ip link set {UP} mtu {before}")
    all_works()


# Those that it takes without a word: what one of them asked for isn't there, and
# nothing else is amiss

def flow(n: int) -> str:
    """Two masks."""
    return (f"tc filter add dev {UP} ingress prot ip pref {n} flower skip_sw "
            f"{'ip_proto udp ' * (n - 1)}dst_ip 10.7.0.{n} action drop")


@test("FLOW_ADD and FLOW_DEL that get lost: others are as they should be")
def flows() -> None:
    sh(f"tc qdisc add dev {UP} clsact")
    fault("mute-type=0")
    sh(f"{flow(1)}; {flow(2)}")
    until("the second is in the card", lambda: counter("rules") == 1)
    # The card doesn't know the first, nor its mask, and says nothing
    sh(f"tc filter del dev {UP} ingress pref 1; {flow(1)}")
    until("both are there", lambda: counter("rules") == 2)
    fault("mute-type=2")
    sh(f"tc filter del dev {UP} ingress pref 1")
    sh(f"tc filter del dev {UP} ingress pref 2")
    # One stays for ever: what the card doesn't do it doesn't say
    until("one is gone", lambda: counter("rules") == 1)
    unbind()
    bind()
    sh(f"ip link set {UP} up")
    assert counter("rules") == 0
    all_works()


@test("PORT_MOD, MAC_REPR and LAG_CONFIG that get lost: bind works")
def at_bind() -> None:
    for kind in (4, 7, 8):
        unbind()
        fault(f"mute-type={kind}")
        began = time.monotonic()
        bind()
        assert bound(), f"message {kind}"
        assert time.monotonic() - began < 30, f"message {kind}"
        fault("mute-type=off")
        # What was lost is said again with the port's state
        sh(f"ip link set {UP} up; ip link set {UP} down")
        unbind()
        bind()
        all_works()


# Commands to the service processor, 01-platform.md section 6: when each is sent
NSP_AT_BIND = {0: "NOOP", 4: "MAC_INIT", 6: "FW_LOAD", 7: "ETH_RESCAN", 13: "IDENTIFY",
               17: "HWINFO_LOOKUP",
               19: "FW_LOADED", 21: "VERSIONS"}


def nsp_unanswered(code: int) -> None:
    unbind()
    before = counter("nsp_commands")
    fault(f"nsp=delay:100000:{code}")
    with says(f"NSP command {code}: no answer", 100):
        bind()
    taken = bound()
    assert counter("nsp_commands") > before
    fault("nsp=off")
    unbind()
    bind()
    assert bound(), f"it worked {'with' if taken else 'not even without'} the fault"
    all_works()


for _code, _name in NSP_AT_BIND.items():
    test(f"service processor: {_name} unanswered: said once, waited for once",
         noisy=True)(partial(nsp_unanswered, _code))


def nsp_refused(code: int) -> None:
    unbind()
    fault(f"nsp=err:5:{code}")
    began = time.monotonic()
    bind()
    assert time.monotonic() - began < 60
    if bound():
        sh(f"devlink dev info pci/{CARD}")
    fault("nsp=off")
    unbind()
    bind()
    all_works()


for _code, _name in NSP_AT_BIND.items():
    test(f"service processor: {_name} refused: bound or not, and bound afterwards",
         noisy=True)(partial(nsp_refused, _code))


@test("service processor: SOFT_RESET unanswered: unbind ends, bind works afterwards",
      noisy=True)
def soft_reset() -> None:
    fault("nsp=delay:100000:1")
    with says("NSP command 1: no answer", 60):
        unbind()
    fault("nsp=off")
    bind()
    all_works()


@test("service processor: ETH_CONTROL unanswered: the port is switched later",
      noisy=True)
def eth_control() -> None:
    sh(f"ip link set {UP} down; udevadm settle")
    fault("nsp=delay:100000:8")
    before = log().count("NSP command 8: no answer")
    began = time.monotonic()
    sh(f"ip link set {UP} up")
    assert time.monotonic() - began < 5
    until("it is said", lambda: log().count("NSP command 8: no answer") > before, 60)
    fault("nsp=off")
    wait_carrier(UP)
    all_works()


@test("locks that another interface holds: waited for once, in words", noisy=True)
def locks() -> None:
    sh(f"ip link set {UP} down; udevadm settle")
    fault("lock-held=1")
    with says("a lock in the card is held for ever", 100):
        before = log().count("is held by 0x0a11")
        sh(f"ip link set {UP} up")
        until("it is said", lambda: log().count("is held by 0x0a11") > before, 90)
    began = time.monotonic()
    sh(f"devlink dev info pci/{CARD}")
    unbind()
    assert time.monotonic() - began < 20, "it was waited for again"
    bind()
    assert not bound()
    fault("lock-held=0")
    bind()
    all_works()


# Reconfigurations of a vNIC

SETTINGS: dict[str, Callable[[str], str]] = {
    "up": lambda d: f"ip link set {d} down; ip link set {d} up",
    "down": lambda d: f"ip link set {d} down",
    "MTU": lambda d: f"ip link set {d} mtu 1400",
    "rings": lambda d: f"ethtool -G {d} rx 512 tx 512",
    "address": lambda d: f"ip link set {d} address 02:00:00:00:00:51",
    "moderation": lambda d: f"ethtool -C {d} rx-usecs 20",
    "hash table": lambda d: f"ethtool -X {d} hkey " + ":".join(["5a"] * 40),
    "VLAN stripping": lambda d: f"ethtool -K {d} rx-vlan-offload off",
    "promiscuous mode": lambda d: f"ip link set {d} promisc on",
}
UNDO = ("ip link set {0} promisc off; ethtool -K {0} rx-vlan-offload on; "
        "ethtool -G {0} rx 1024 tx 1024; ip link set {0} mtu 1500; "
        "ip link set {0} up")


def flags(dev: str) -> list[str]:
    return list(js(f"ip -j link show {dev}")[0]["flags"])


def update_unanswered(which: Callable[[], str], change: Callable[[str], str]
                      ) -> None:
    # Without representors it is the PF's netdev alone that has the vNIC run
    for rep in os.listdir("/sys/class/net"):
        if phys(rep):
            sh(f"ip link set {rep} down")
    dev = which()
    # ethtool is off the disk then: to wait for the host makes the clock leap
    sh(f"ip link set {dev} up; ethtool -g {dev}; ethtool -x {dev}")
    # What a device that is new tells by a work of its own is not the one
    until_still("reconfigs")
    before = log().count("vNIC update 0x")
    fault("update-mute=1")
    # Five seconds; but a clock of instructions leaps while the disk is waited for
    with says("vNIC update 0x", 30):
        sh(change(dev), ok=False)
        # Some of it is told later, by a work of its own
        until("it is said", lambda: log().count("vNIC update 0x") > before, 30)
    until("it is closed", lambda: "UP" not in flags(dev))
    anew = log().count("is started anew")
    fault("update-mute=off")
    # The kernel still wants features that it could not get: other ones first
    sh(UNDO.format(dev), ok=False)
    sh(f"ip link set {dev} up; {change(dev)}")
    sh(UNDO.format(dev))
    # Nobody comes late and does more than that
    until_still("reconfigs")
    assert log().count("is started anew") == anew
    assert log().count("vNIC update 0x") == before + 1
    assert "UP" in flags(dev)
    all_works()
    wait_carrier(dev)


for _name, _change in SETTINGS.items():
    for _kind, _which in (("PF", pf), ("VF", vf)):
        test(f"{_kind}: {_name}, unanswered: in words, and it works afterwards",
             noisy=True)(partial(update_unanswered, _which, _change))


# What is not offered

BITS = {1: "PROMISC", 2: "L2BC", 3: "L2MC", 4: "RXCSUM", 5: "TXCSUM", 9: "GATHER",
        15: "RXVLAN_V2", 16: "RINGCFG", 18: "IRQMOD", 28: "LSO2", 29: "RSS2",
        31: "LIVE_ADDR"}
LOST = {4: "rx-checksumming", 5: "tx-checksumming", 9: "scatter-gather",
        15: "rx-vlan-offload", 28: "tcp-segmentation-offload",
        29: "receive-hashing"}


def less(bit: int) -> None:
    unbind()
    fault(f"cap-off={1 << bit}")
    bind()
    assert bound(), log()[-500:]
    all_works()
    for dev in (pf(), vf()):
        sh(f"ip link set {dev} up")
        on = f"{LOST.get(bit)}: on" in sh(f"ethtool -k {dev}")
        assert not on, f"{dev} has {LOST[bit]}"
    sh(f"ip addr add 192.0.2.1/24 dev {UP}; "
       "ip -n wire0 addr add 192.0.2.2/24 dev wire0")
    try:
        tcp(None, "wire0", "192.0.2.2", 1 << 18)
        tcp("wire0", None, "192.0.2.1", 1 << 18)
    finally:
        sh(f"ip addr del 192.0.2.1/24 dev {UP}; "
           "ip -n wire0 addr del 192.0.2.2/24 dev wire0")
        set_vfs(0)
        fault("cap-off=off")


for _bit, _name in BITS.items():
    test(f"without {_name}: bound, and all of it works")(partial(less, _bit))


@test("the model met nothing unknown or malformed")
def clean() -> None:
    for name in ("cmsg_bad", "cmsg_unknown", "cpp_bad", "tx_bad_desc"):
        assert counter(name) == 0, f"{name} is {counter(name)}"


if __name__ == "__main__":
    quiet()
    raise SystemExit(ktest.run("silent", met=("flow_missing", "mask_unknown")))
