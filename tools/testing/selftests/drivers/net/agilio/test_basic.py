#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Ports, traffic of every kind, offloads: what works without a rule."""
from __future__ import annotations

import re
import socket
import struct

from lib import ktest, net
from lib.ktest import test
from lib.net import (Port, arrival, counter, env, every, fails, js, quiet, sh, tcp,
                     wait_carrier, wire)
from lib.pkt import TCP, Frame, csum

BOARDS = {"AMDA0081": "00:15:4d:12:00:80", "AMDA0096": "00:15:4d:13:00:90",
          "AMDA0097": "00:15:4d:13:01:00", "AMDA0099": "00:15:4d:13:02:00"}


def expected_ports() -> list[tuple[str, int, int]]:
    """(phys_port_name, speed, offset of the MAC from the serial)"""
    media = env("LAB_MEDIA")
    lanes4 = env("LAB_BOARD") in ("AMDA0081", "AMDA0097")
    out, cage = [], 0
    for run in media.split("_"):
        n, speed = map(int, run.split("x"))
        if lanes4 and speed == 10:
            for i in range(n):
                c = cage + i // 4
                out.append((f"p{c}s{i % 4}", 10, 4 * c + i % 4))
            cage += n // 4
        else:
            for _ in range(n):
                out.append((f"p{cage}", speed, 4 * cage if lanes4 else cage))
                cage += 1
    return out


def shifted(serial: str, by: int) -> str:
    return f"{int(serial.replace(':', ''), 16) + by:012x}"


@test("a representor for every port, with its name, MAC address and speed")
def ports() -> None:
    want = expected_ports()
    have = every("UPLINK")
    assert len(have) == len(want), f"{have} for {want}"
    serial = BOARDS[env("LAB_BOARD")]
    for dev, (name, speed, off) in zip(have, want):
        sys = f"/sys/class/net/{dev}"
        assert sh(f"cat {sys}/phys_port_name").strip() == name
        mac = sh(f"cat {sys}/address").strip().replace(":", "")
        assert mac == shifted(serial, 1 + off), mac
        wait_carrier(dev)
        assert int(sh(f"cat {sys}/speed")) == 1000 * speed
        assert sh(f"cat {sys}/phys_switch_id").strip() == \
            serial.replace(":", "")


def devlink_ports() -> dict[str, dict[str, object]]:
    """By the name of the netdev."""
    return {p["netdev"]: p for p in js("devlink -j port show")["port"].values()
            if p.get("netdev")}


@test("devlink: switchdev and nothing else; a port for each netdev, by its kind")
def devlink() -> None:
    if ktest.driver() == "nfp":
        raise ktest.Skip("mainline has no devlink ports with this firmware")
    card = f"pci/{env('CARD')}"
    show = js(f"devlink -j dev eswitch show {card}")["dev"][card]
    assert show["mode"] == "switchdev", show
    text = fails(f"devlink dev eswitch set {card} mode legacy")
    assert "no mode but switchdev" in text, text
    have = devlink_ports()
    for n, dev in enumerate(every("UPLINK")):
        want = {"flavour": "physical", "port": n}
        assert want.items() <= have[dev].items(), have[dev]
    want = {"flavour": "pcipf", "controller": 0, "pfnum": 0}
    assert want.items() <= have[env("PFREP")].items(), have[env("PFREP")]
    for n, dev in enumerate(every("REP")):
        want = {"flavour": "pcivf", "pfnum": 0, "vfnum": n}
        assert want.items() <= have[dev].items(), have[dev]


@test("devlink: the card's serial number, board and running firmware")
def devlink_info() -> None:
    if env("LAB_BOARD") != "AMDA0099":
        raise ktest.Skip("the numbers of another board")
    card = f"pci/{env('CARD')}"
    info = js(f"devlink -j dev info {card}")["info"][card]
    # 01-platform.md, end of section 4
    assert info["serial_number"] == "SMCAMDA0099-000117340001", info
    assert info["driver"] == ktest.driver(), info
    fixed, running = info["versions"]["fixed"], info["versions"]["running"]
    assert fixed["board.id"] == "AMDA0099-0001", fixed
    assert fixed["board.rev"] == "11" and fixed["board.model"] == "carbon", fixed
    assert fixed["board.manufacture"] == "SMC", fixed
    assert running["fw.mgmt"] == "24.07-9" and running["fw.cpld"] == "0x3030000", running


@test("as many VFs and representors as asked for, all with carrier")
def vfs() -> None:
    n = int(env("LAB_VFS"))
    assert len(every("VF")) == n and len(every("REP")) == n
    for dev in every("VF") + every("REP"):
        wait_carrier(dev)


def crosses(a: Port, b: Port, frame: Frame) -> None:
    b.drain()
    data = frame.bytes()
    a.send(data)
    got = arrival([b], lambda f: data[:14] == f[:14])
    assert got, f"nothing on {b.dev}"
    assert got[1][:len(data)] == data, got[1].hex()


SIZES = (60, 61, 64, 127, 128, 500, 1499, 1514)


def sized(n: int, src: str) -> Frame:
    return Frame(src=src, payload=bytes(i & 255 for i in range(n - 42)))


def both_ways(a: Port, b: Port) -> None:
    for i, n in enumerate(SIZES):
        crosses(a, b, sized(n, f"02:01:00:00:00:{i:02x}"))
        crosses(b, a, sized(n, f"02:02:00:00:00:{i:02x}"))
    a.close()
    b.close()


@test("uplink representor and wire, frames of all sizes, each way")
def uplinks() -> None:
    for n, dev in enumerate(every("UPLINK")):
        wait_carrier(dev)
        both_ways(Port(dev), wire(n))


@test("VF and its representor, frames of all sizes, each way")
def vf_rep() -> None:
    for vf, rep in zip(every("VF"), every("REP")):
        wait_carrier(rep)
        wait_carrier(vf)
        both_ways(Port(vf), Port(rep))


@test("PF and its representor, frames of all sizes, each way")
def pf_rep() -> None:
    wait_carrier(env("PFREP"))
    both_ways(Port(env("PF")), Port(env("PFREP")))


@test("VLAN tags come through as they were, stripped by the card or not")
def vlans() -> None:
    up, far = Port(env("UPLINK0")), wire(0)
    for state in ("off", "on"):
        sh(f"ethtool -K {env('PF')} rx-vlan-offload {state}")
        for tags in ([(0x8100, 0x6064)], [(0x8100, 1)],
                     [(0x88a8, 5), (0x8100, 6)]):
            crosses(far, up, Frame(vlans=tags))
            crosses(up, far, Frame(vlans=tags))
    up.close()
    far.close()


@test("a damaged checksum is reported as damaged, a good one as good")
def rx_csum() -> None:
    pf = env("PF")

    def stat(name: str) -> int:
        out = sh(f"ethtool -S {pf}")
        m = re.search(rf"^\s*{name}: (\d+)$", out, re.M)
        assert m, f"no {name} in ethtool -S"
        return int(m.group(1))

    if ktest.driver() != "nfp":
        good, bad = "rx_csum_good", "rx_csum_bad"
    else:
        good, bad = "hw_rx_csum_ok", "hw_rx_csum_err"
    up, far = Port(env("UPLINK0")), wire(0)
    for proto in (TCP, 17):
        for v6 in (False, True):
            ips = {"ip": "fd00::1", "to": "fd00::2"} if v6 else {}
            f = Frame(proto=proto, **ips)  # type: ignore[arg-type]
            before = stat(good), stat(bad)
            crosses(far, up, f)
            assert (stat(good), stat(bad)) == (before[0] + 1, before[1])
            crosses(far, up, f.with_(bad_l4=True))
            assert (stat(good), stat(bad)) == (before[0] + 1, before[1] + 1)
    up.close()
    far.close()


def address(dev: str, ip: str, ns: str = "") -> None:
    pre = f"-n {ns}" if ns else ""
    sh(f"ip {pre} addr flush dev {dev}; ip {pre} addr add {ip}/24 dev {dev}")


@test("TCP between VF and its representor, TSO and checksums in the card")
def tcp_vf() -> None:
    vf, rep = env("VF0"), env("REP0")
    sh("ip netns add t0")
    try:
        sh(f"ip link set {vf} netns t0; ip -n t0 link set {vf} up")
        wait_carrier(vf, ns="t0")
        address(rep, "10.9.0.1")
        address(vf, "10.9.0.2", "t0")
        out = sh(f"ip netns exec t0 ethtool -k {vf}")
        assert "tcp-segmentation-offload: on" in out
        before = counter("tx_frames")
        tcp("t0", None, "10.9.0.1")
        # 4 MiB in segments of 1448 bytes: the card made the frames
        assert counter("tx_frames") - before > 2500
        tcp(None, "t0", "10.9.0.2")
        sh(f"ip addr flush dev {rep}")
    finally:
        sh(f"ip -n t0 link set {vf} netns 1; ip netns del t0")
        sh(f"ip link set {vf} up")


@test("TCP between uplink representor and wire")
def tcp_uplink() -> None:
    up = env("UPLINK0")
    address(up, "10.8.0.1")
    address("wire0", "10.8.0.2", "wire0")
    tcp("wire0", None, "10.8.0.1")
    tcp(None, "wire0", "10.8.0.2")
    sh(f"ip addr flush dev {up}; ip -n wire0 addr flush dev wire0")


def address6(dev: str, ip: str, ns: str = "") -> None:
    pre = f"ip netns exec {ns} " if ns else ""
    sh(f"{pre}sysctl -qw net.ipv6.conf.{dev}.disable_ipv6=0; "
       f"{pre}ip addr add {ip}/64 dev {dev} nodad")


class Apart:
    """with Apart(): the first VF is in a namespace of its own, with addresses,
    and so has its representor."""

    def __enter__(self) -> None:
        self.vf, self.rep = env("VF0"), env("REP0")
        sh(f"ip netns add t6; ip link set {self.vf} netns t6; "
           f"ip -n t6 link set {self.vf} up; ip -n t6 link set lo up")
        wait_carrier(self.vf, ns="t6")
        wait_carrier(self.rep)
        address(self.rep, "10.7.0.1")
        address(self.vf, "10.7.0.2", "t6")
        address6(self.rep, "fd00:7::1")
        address6(self.vf, "fd00:7::2", "t6")

    def __exit__(self, *_: object) -> None:
        sh(f"ip -n t6 link set {self.vf} netns 1; ip netns del t6; "
           f"ip addr flush dev {self.rep}; "
           f"sysctl -qw net.ipv6.conf.{self.rep}.disable_ipv6=1; "
           f"sysctl -qw net.ipv6.conf.{self.vf}.disable_ipv6=1; "
           f"ip link set {self.vf} up")
        wait_carrier(self.vf)


@test("TCP over IPv6 between VF and its representor, TSO in the card")
def tcp_vf6() -> None:
    with Apart():
        before = counter("tx_frames")
        tcp("t6", None, "fd00:7::1")
        assert counter("tx_frames") - before > 2500
        tcp(None, "t6", "fd00:7::2")


@test("TCP over IPv6 behind a header that is too long for the card to segment")
def tcp_long_head() -> None:
    # One option that nobody knows and everybody skips, RFC 4727
    options = bytes([0, 29, 0x1e, 236]) + bytes(236)
    with Apart():
        tcp("t6", None, "fd00:7::1", 1 << 20, options)
        tcp(None, "t6", "fd00:7::2", 1 << 20, options)


def of(frame: bytes, proto: int) -> bool:
    """Whether an untagged frame is a packet of TCP, of UDP."""
    return frame[23 if frame[12:14] == b"\x08\0" else 20] == proto


def l4_sum(frame: bytes) -> int:
    """What the checksum of an IP packet's UDP or TCP comes to, 0 if it is right."""
    ip = frame[14:]
    if ip[0] >> 4 == 4:
        head, size = 4 * (ip[0] & 15), struct.unpack_from(">H", ip, 2)[0]
        pseudo = ip[12:20] + struct.pack(">HH", ip[9], size - head)
    else:
        head, size = 40, 40 + struct.unpack_from(">H", ip, 4)[0]
        pseudo = ip[8:40] + struct.pack(">II", size - head, ip[6])
    return csum(pseudo + ip[head:size])


@test("what sockets send has right checksums, UDP and TCP, IPv4 and IPv6")
def socket_sums() -> None:
    with Apart():
        for src, dst, to4, to6 in (("t6", Port(env("REP0")), "10.7.0.1", "fd00:7::1"),
                                   (None, Port(env("VF0"), "t6"), "10.7.0.2", "fd00:7::2")):
            for to in (to4, to6):
                family = socket.AF_INET6 if ":" in to else socket.AF_INET
                with net.in_ns(src):
                    udp = socket.socket(family, socket.SOCK_DGRAM)
                    conn = socket.socket(family, socket.SOCK_STREAM)
                for size in (1, 2, 33, 1400):
                    udp.sendto(b"sums" + bytes(size), (to, 9999))
                    got = arrival([dst], lambda f: b"sums" in f and of(f, 17))
                    assert got and not l4_sum(got[1]), f"UDP to {to}, {size}: {got}"
                conn.setblocking(False)
                conn.connect_ex((to, 9998))
                got = arrival([dst], lambda f: of(f, TCP))
                assert got and not l4_sum(got[1]), f"TCP to {to}: {got}"
                udp.close()
                conn.close()
            dst.close()


@test("a damaged frame reaches no socket, a good one does")
def damaged() -> None:
    up, far = env("UPLINK0"), wire(0)
    mac = sh(f"cat /sys/class/net/{up}/address").strip()
    address(up, "10.8.0.1")
    address6(up, "fd00:8::1")
    try:
        for ip, to in (("10.8.0.2", "10.8.0.1"), ("fd00:8::2", "fd00:8::1")):
            s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET,
                              socket.SOCK_DGRAM)
            s.bind((to, 7777))
            s.settimeout(net.WAIT)
            f = Frame(dst=mac, ip=ip, to=to, dport=7777)
            for n in range(20):
                far.send(f.with_(payload=b"bad %04d bad bad bad" % n, bad_l4=True).bytes())
            far.send(f.with_(payload=b"good good good good").bytes())
            # In order, so what is damaged would have come before
            assert s.recv(100).startswith(b"good"), to
            s.close()
    finally:
        sh(f"ip addr flush dev {up}; sysctl -qw net.ipv6.conf.{up}.disable_ipv6=1")
        far.close()


@test("link follows the cable, and traffic comes back")
def flap() -> None:
    up = env("UPLINK0")
    for _ in range(3):
        sh("lab-qmp cable 0 off")
        wait_carrier(up, False)
        sh("lab-qmp cable 0 on")
        wait_carrier(up)
    both_ways(Port(up), wire(0))


@test("carrier of VF and representor: both only if both are up")
def vf_link() -> None:
    vf, rep = env("VF0"), env("REP0")
    for vf_up in (True, False):
        for rep_up in (True, False):
            sh(f"ip link set {vf} {'up' if vf_up else 'down'}")
            sh(f"ip link set {rep} {'up' if rep_up else 'down'}")
            both = vf_up and rep_up
            wait_carrier(vf, both)
            wait_carrier(rep, both)
    sh(f"ip link set {vf} up; ip link set {rep} up")
    wait_carrier(vf)


@test("representor MTU is the card's limit for what leaves the port")
def mtu() -> None:
    up = env("UPLINK0")
    sh(f"ip link set {up} mtu 9000")
    try:
        crosses(Port(up), wire(0), sized(9014, "02:01:00:00:00:77"))
    finally:
        sh(f"ip link set {up} mtu 1500")


@test("rates and MAC statistics of the uplink count frames and their FCS")
def mac_stats() -> None:
    up = env("UPLINK0")

    def stat(name: str) -> int:
        m = re.search(rf"^\s*{re.escape(name)}: (\d+)$", sh(f"ethtool -S {up}"),
                      re.M)
        assert m, name
        return int(m.group(1))

    a, b = Port(up), wire(0)
    before = stat("mac.tx_pkts_65_to_127_octets"), stat("mac.tx_octets")
    crosses(a, b, sized(100, "02:01:00:00:00:66"))
    assert stat("mac.tx_pkts_65_to_127_octets") - before[0] == 1
    assert stat("mac.tx_octets") - before[1] == 104
    a.close()
    b.close()


if __name__ == "__main__":
    quiet()
    raise SystemExit(ktest.run("basic"))
