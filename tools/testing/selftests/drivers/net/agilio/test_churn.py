#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every setting changed while frames come and go: over the wire, between VFs
and their representors, and through the PF, in both directions all the time.
After each change frames still pass."""
from __future__ import annotations

import ctypes
import fcntl
import os
import re
import select
import signal
import socket
import struct
import time
from collections.abc import Callable
from functools import partial

from lib import ktest
from lib.ktest import test
from lib.net import (Port, counter, env, fails, in_ns, js, quiet, sh, until,
                     wait_carrier, wire)
from lib.pkt import Frame

PF, UP, VF, REP, PFREP = (env(x) for x in ("PF", "UPLINK0", "VF0", "REP0",
                                           "PFREP"))
CARD = f"/sys/bus/pci/devices/{env('CARD')}"
SIOCETHTOOL, SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFMTU = 0x8946, 0x8913, 0x8914, 0x8922
IFF_UP = 1
SRINGPARAM, SCHANNELS, SCOALESCE, SRXFHINDIR = 0x11, 0x3d, 0x0f, 0x39
GCOALESCE, GSTRINGS, GSSET_INFO, SFEATURES = 0x0e, 0x1b, 0x37, 0x3b
ETH_SS_FEATURES = 4
SO_SNDBUFFORCE = 32
IPV6 = 0x86dd

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def ifreq(dev: str, what: int, data: bytes) -> bytes:
    return fcntl.ioctl(sock, what, dev.encode().ljust(16, b"\0") +
                       data.ljust(24, b"\0"))[16:]


def set_up(dev: str, up: bool) -> None:
    flags = struct.unpack_from("=H", ifreq(dev, SIOCGIFFLAGS, b""))[0]
    flags = flags | IFF_UP if up else flags & ~IFF_UP
    ifreq(dev, SIOCSIFFLAGS, struct.pack("=H", flags))


def set_mtu(dev: str, mtu: int) -> None:
    ifreq(dev, SIOCSIFMTU, struct.pack("=i", mtu))


def ethtool(dev: str, words: bytes) -> bytes:
    buf = ctypes.create_string_buffer(words, len(words))
    ifreq(dev, SIOCETHTOOL, struct.pack("=Q", ctypes.addressof(buf)))
    return buf.raw


def set_rings(dev: str, rx: int, tx: int) -> None:
    ethtool(dev, struct.pack("=9I", SRINGPARAM, 0, 0, 0, 0, rx, 0, 0, tx))


def set_channels(dev: str, n: int) -> None:
    ethtool(dev, struct.pack("=9I", SCHANNELS, 0, 0, 0, 0, 0, 0, 0, n))


def set_moderation(dev: str, usecs: int, frames: int) -> None:
    c = list(struct.unpack("=23I", ethtool(dev, struct.pack("=23I", GCOALESCE,
                                                            *[0] * 22))))
    c[0], c[1], c[2], c[5], c[6] = SCOALESCE, usecs, frames, usecs, frames
    ethtool(dev, struct.pack("=23I", *c))


def set_table(dev: str, rings: list[int]) -> None:
    ethtool(dev, struct.pack(f"=2I{len(rings)}I", SRXFHINDIR, len(rings), *rings))


def feature_bit(dev: str, name: str) -> tuple[int, int]:
    """Its number, and how many there are."""
    info = ethtool(dev, struct.pack("=IIQI", GSSET_INFO, 0, 1 << ETH_SS_FEATURES, 0))
    n = struct.unpack_from("=I", info, 16)[0]
    text = ethtool(dev, struct.pack("=3I", GSTRINGS, ETH_SS_FEATURES, n) + bytes(32 * n))
    names = [text[12 + 32 * i:44 + 32 * i].rstrip(b"\0").decode() for i in range(n)]
    return names.index(name), n


def set_feature(dev: str, feature: tuple[int, int], on: bool) -> None:
    bit, n = feature
    blocks = [[0, 0] for _ in range((n + 31) // 32)]
    blocks[bit // 32] = [1 << bit % 32, (1 << bit % 32) if on else 0]
    ethtool(dev, struct.pack("=2I", SFEATURES, len(blocks)) +
            b"".join(struct.pack("=2I", *b) for b in blocks))


def cpu_share() -> None:
    """The senders take what is left over."""
    os.nice(5)


def sender(dev: str, ns: str | None, frames: list[bytes]) -> int:
    """A process that sends for ever. Devices go down under it."""
    pid = os.fork()
    if pid:
        return pid
    try:
        cpu_share()
        with in_ns(ns):
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            s.bind((dev, 0))
        s.setblocking(False)
        while True:
            for f in frames:
                try:
                    s.send(f)
                except OSError:
                    time.sleep(0.0005)
    finally:
        os._exit(1)


def flows(into: str) -> list[bytes]:
    """Frames of several flows and sizes."""
    return [Frame(dst="ff:ff:ff:ff:ff:ff", src=f"02:0c:00:00:{into}:{i:02x}",
                  sport=5000 + i, payload=bytes(40 * (i % 8) * (i % 8) + 18)).bytes()
            for i in range(16)]


class Traffic:
    """with Traffic(): all directions at once."""

    def __enter__(self) -> None:
        self.pids = [sender(dev, ns, flows(f"{n:02x}")) for n, (dev, ns) in enumerate([
            (VF, None), (REP, None), (PF, None), (PFREP, None), (UP, None),
            ("wire0", "wire0")])]

    def __exit__(self, *_: object) -> None:
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
        for pid in self.pids:
            os.waitpid(pid, 0)


class Path:
    """Two ends of which each must get what the other sends."""

    def __init__(self, *ends: Port) -> None:
        self.ends = ends
        for p in ends:
            p.sock.bind((p.dev, IPV6))  # the senders' frames are IPv4
            p.sock.setblocking(False)
        self.n = 0

    def one_way(self, src: Port, dst: Port) -> None:
        """Several flows, so that it goes by each ring."""
        want = set()
        for i in range(4):
            self.n += 1
            want.add(Frame(ip="fd00::1", to="fd00::2", sport=1000 + self.n % 5000,
                           dport=7 + i, payload=b"%030d" % self.n).bytes())
        deadline = time.monotonic() + 10
        while want:
            for f in want:
                try:
                    src.sock.send(f)
                except OSError:
                    pass            # not up yet
            again = time.monotonic() + 0.05
            while want and (left := again - time.monotonic()) > 0:
                select.select([dst.sock], [], [], left)
                try:
                    want.discard(dst._read())
                except OSError:
                    pass            # nothing there, or it was down
            assert not want or time.monotonic() < deadline, \
                f"{src.dev} to {dst.dev}: {len(want)} of 4 never came"

    def works(self) -> None:
        for src, dst in (self.ends, self.ends[::-1]):
            self.one_way(src, dst)


paths: dict[str, Path] = {}


def churn(rounds: int, *steps: Callable[[], None]) -> None:
    """The steps in turn, and frames pass after each."""
    with Traffic():
        for i in range(rounds):
            steps[i % len(steps)]()
            for p in paths.values():
                p.works()


@test("VF down and up, 100 times")
def vf_updown() -> None:
    def again() -> None:
        set_up(VF, False)
        set_up(VF, True)
    churn(100, again)


@test("PF down and up, 100 times")
def pf_updown() -> None:
    def again() -> None:
        set_up(PF, False)
        set_up(PF, True)
    churn(100, again)


@test("MTU of PF and VF, 60 times each")
def mtu() -> None:
    churn(120, *[lambda d=dev, m=m: set_mtu(d, m) for m in (1500, 9216)
                 for dev in (PF, VF)])
    assert counter("rx_too_long") == 0


@test("ring sizes of PF and VF, 60 times each")
def rings() -> None:
    churn(120, *[lambda d=dev, r=r: set_rings(d, *r) for r in ((512, 256), (1024, 1024))
                 for dev in (PF, VF)])


@test("channels of the PF, 100 times")
def channels() -> None:
    churn(100, lambda: set_channels(PF, 1), lambda: set_channels(PF, 2))


@test("moderation of PF and VF, 40 times each")
def coalesce() -> None:
    churn(80, *[lambda d=dev, m=m: set_moderation(d, *m) for m in ((20, 8), (50, 64))
                 for dev in (PF, VF)])


@test("RSS table of the PF, 60 times")
def rss() -> None:
    churn(60, *[lambda t=t: set_table(PF, t) for t in ([0] * 128, [1] * 128,
                                                       [0, 1] * 64)])
    # A table of the user's keeps channels from going
    sh(f"ethtool -X {PF} default")


@test("VLAN stripping and receive checksums of PF and VF, 80 times")
def features() -> None:
    bits = [feature_bit(PF, n) for n in ("rx-vlan-hw-parse", "rx-checksum")]
    churn(80, *[lambda d=dev, b=b, on=on: set_feature(d, b, on)
                 for on in (False, True) for b in bits for dev in (PF, VF)])


@test("VLAN of the VF set and taken away, 40 times")
def vf_vlan() -> None:
    with Traffic():
        for i in range(40):
            sh(f"ip link set {PF} vf 0 vlan {0 if i % 2 else 77}")
            paths["wire"].works()
            if i % 2:
                paths["vf"].works()


@test("promiscuous mode and everything above at once, 40 times")
def together() -> None:
    def all_of_it() -> None:
        sh(f"ip link set {PF} promisc on; ip link set {PF} promisc off")
        set_rings(PF, 512, 512)
        set_channels(PF, 1)
        set_mtu(PF, 1500)
        set_up(VF, False)
        set_rings(VF, 2048, 256)
        set_up(VF, True)
        set_mtu(PF, 9216)
        set_channels(PF, 2)
        set_rings(PF, 1024, 1024)
    churn(40, all_of_it)


def stat(dev: str, name: str) -> int:
    (n,) = re.findall(rf"^\s*{name}: (\d+)$", sh(f"ethtool -S {dev}"), re.M)
    return int(n)


# Before the representors were up some found nobody
had: dict[tuple[str, str], int] = {}


@test("no completion or frame was out of place")
def clean() -> None:
    for dev in (PF, VF):
        for name in ("rx_drops", "tx_bad_completions"):
            n = stat(dev, name) - had[dev, name]
            assert not n, f"{dev}: {n} {name}"


# From here on the card does what no card should

def all_work() -> None:
    for p in paths.values():
        p.works()


def is_up(dev: str) -> bool:
    return bool(struct.unpack_from("=H", ifreq(dev, SIOCGIFFLAGS, b""))[0] & IFF_UP)


def refused(fn: Callable[[], object], seconds: float) -> None:
    began = time.monotonic()
    try:
        fn()
    except OSError:
        took = time.monotonic() - began
        assert took < seconds, f"{took:.1f} s"
        return
    raise AssertionError("it was not refused")


@test("a refused change changes nothing: MAC, moderation, RSS, VLAN stripping",
      noisy=True)
def update_err() -> None:
    (old,) = js(f"ip -j link show {VF}")
    sh("lab-qmp fault update-err=1")
    fails(f"ip link set {VF} address 02:00:00:00:00:77")
    assert js(f"ip -j link show {VF}")[0]["address"] == old["address"]
    before = js(f"ethtool --json -c {PF}"), js(f"ethtool --json -x {PF}")
    sh("lab-qmp fault update-err=1")
    refused(lambda: set_moderation(PF, 77, 7), 2)
    sh("lab-qmp fault update-err=1")
    refused(lambda: set_table(PF, [1] * 128), 2)
    assert (js(f"ethtool --json -c {PF}"), js(f"ethtool --json -x {PF}")) == before
    bit = feature_bit(PF, "rx-vlan-hw-parse")
    sh("lab-qmp fault update-err=1")
    set_feature(PF, bit, False)
    assert "rx-vlan-offload: on" in sh(f"ethtool -k {PF}")
    # And all of it can be done afterwards
    set_feature(PF, bit, False)
    set_feature(PF, bit, True)
    all_work()


@test("a restart that is refused at first is done", noisy=True)
def restart_err() -> None:
    for n in (1, 2):
        sh(f"lab-qmp fault update-err={n}")
        try:
            set_mtu(VF, 1400 + n)
        except OSError:
            assert n > 1
            set_up(VF, True)
        sh("lab-qmp fault off")
        all_work()
    set_mtu(VF, 1500)


@test("a refused opening: the VF stays down, and comes up when asked again",
      noisy=True)
def open_err() -> None:
    set_up(VF, False)
    sh("lab-qmp fault update-err=1")
    refused(lambda: set_up(VF, True), 2)
    assert not is_up(VF)
    set_up(VF, True)
    all_work()


@test("a card that doesn't answer to a change: closed in words, dead without "
      "waiting, alive when it answers", noisy=True, says="and is closed")
def update_dead() -> None:
    with Traffic():
        for dev, mtu in ((VF, 1400), (PF, 1500)):
            sh("lab-qmp fault update-dead=1")
            refused(partial(set_mtu, dev, mtu), 8)
            assert not is_up(dev), dev
            refused(partial(set_up, dev, True), 1)
            sh("lab-qmp fault update-dead=0")
            set_up(dev, True)
            set_mtu(dev, 9216)
            all_work()


@test("unanswered beside a setting that needs no restart: closed as well",
      noisy=True, says="and is closed")
def moderation_dead() -> None:
    sh("lab-qmp fault update-dead=1")
    refused(lambda: set_moderation(VF, 10, 10), 8)
    until("it is closed", lambda: not is_up(VF))
    sh("lab-qmp fault update-dead=0")
    set_up(VF, True)
    all_work()


def anew(dev: str) -> int:
    """How often a vNIC was started because it was out of step."""
    return len(re.findall(rf" {dev}: is started anew", sh("dmesg")))


@test("completions that can't be are counted, sending goes on, and the vNIC is "
      "started anew", noisy=True, says="has sent what it doesn't have")
def qc_ones() -> None:
    before = {d: (stat(d, "tx_bad_completions"), anew(d)) for d in (PF, VF)}
    with Traffic():
        sh("lab-qmp fault qc-ones=40")
        met = until("they were noticed", lambda: [
            d for d in before if stat(d, "tx_bad_completions") > before[d][0]])
        for d in met:
            until(f"{d} is started anew", lambda d=d: anew(d) > before[d][1])
        all_work()
    sh("lab-qmp fault off")


@test("an interrupt that is lost: the watchdog starts the VF anew", noisy=True,
      says="NETDEV WATCHDOG")
def irq_lost() -> None:
    with open("/proc/sys/kernel/printk", "r+", encoding="ascii") as f:
        level = f.read()
        f.seek(0)
        f.write("1")        # The watchdog is no complaint here
    before = anew(VF)
    # The VF's own interrupt is the next one, and its ring is soon full
    set_rings(VF, 1024, 256)
    set_moderation(VF, 0, 1)
    set_moderation(PF, 600, 2000)
    raw = Port(VF)
    raw.sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 64 << 20)
    raw.sock.setblocking(False)
    sh("lab-qmp fault irq-lost=1")
    try:
        until("the VF is started anew", lambda: flooded(raw) and
              anew(VF) > before, 40)
    finally:
        sh("lab-qmp fault off")
        raw.close()
        set_moderation(VF, 50, 64)
        set_moderation(PF, 50, 64)
        set_rings(VF, 1024, 1024)
        with open("/proc/sys/kernel/printk", "w", encoding="ascii") as f:
            f.write(level)
    all_work()


def flooded(port: Port) -> bool:
    for f in flows("77"):
        try:
            port.sock.send(f)
        except OSError:
            pass                # no room
    return True


def vf_address() -> str:
    return os.path.basename(os.path.realpath(f"{CARD}/virtfn0"))


def unbind_vf() -> None:
    drv = os.path.realpath(f"/sys/bus/pci/devices/{vf_address()}/driver")
    sh(f"echo {vf_address()} > {drv}/unbind")


def bind_vf(ok: bool = True) -> None:
    global VF
    sh(f"echo {vf_address()} > /sys/bus/pci/drivers/agilio_vf/bind", ok)
    sh("udevadm settle -t 60")
    if ok:
        (VF,) = os.listdir(f"{CARD}/virtfn0/net")
        set_up(VF, True)
        wait_carrier(VF)
        paths["vf"] = Path(Port(VF), Port(REP))


@test("wrong values in a VF's control BAR: refused, or kept within bounds",
      noisy=True)
def limits() -> None:
    unbind_vf()
    for fault in ("start-txq=0xfffffffc", "max-mtu=0", "rx-offset=65",
                  "max-txrings=0", "max-rxrings=65"):
        sh(f"lab-qmp fault {fault}")
        bind_vf(False)
        assert not os.path.exists(f"{CARD}/virtfn0/net"), fault
        sh("lab-qmp fault off")
    sh("lab-qmp fault max-mtu=0xffffffff")
    bind_vf()
    assert js(f"ip -j -d link show {VF}")[0]["max_mtu"] < 32768
    paths["vf"].works()
    unbind_vf()
    sh("lab-qmp fault off")
    bind_vf()
    paths["vf"].works()


@test("frames at another place than the card says: dropped if they would leave "
      "the buffer")
def rx_offset() -> None:
    unbind_vf()
    sh("lab-qmp fault rx-offset=64")
    bind_vf_only()
    sh(f"ip link set {REP} mtu 9000")
    rep = Port(REP)
    try:
        # 3712 bytes are what the card may write for an MTU of 1500
        for n in range(3640, 3720, 2):
            rep.send(Frame(dst="ff:ff:ff:ff:ff:ff", payload=bytes(n - 42)).bytes())
        until("some were dropped", lambda: stat(VF, "rx_drops") > 0)
    finally:
        rep.close()
        sh(f"ip link set {REP} mtu 1500")
        unbind_vf()
        sh("lab-qmp fault off")
        bind_vf()
    paths["vf"].works()


def bind_vf_only() -> None:
    global VF
    sh(f"echo {vf_address()} > /sys/bus/pci/drivers/agilio_vf/bind; udevadm settle -t 60")
    (VF,) = os.listdir(f"{CARD}/virtfn0/net")
    set_up(VF, True)
    wait_carrier(VF)


if __name__ == "__main__":
    quiet()
    for _dev in (PF, UP, VF, REP, PFREP):
        wait_carrier(_dev)
    paths["wire"] = Path(wire(0), Port(UP))
    paths["vf"] = Path(Port(VF), Port(REP))
    paths["pf"] = Path(Port(PF), Port(PFREP))
    all_work()
    for _dev in (PF, VF):
        for _name in ("rx_drops", "tx_bad_completions"):
            had[_dev, _name] = stat(_dev, _name)
    raise SystemExit(ktest.run("churn", met=("reconfig_errors",)))
