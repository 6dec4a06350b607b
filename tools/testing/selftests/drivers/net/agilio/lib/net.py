# SPDX-License-Identifier: GPL-2.0-only
"""Commands, namespaces and raw sockets."""
from __future__ import annotations

import functools
import json
import os
import random
import re
import select
import socket
import struct
import subprocess
import time
import types
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import SourceFileLoader
from typing import Any

SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
SO_RCVBUFFORCE = 33
TP_STATUS_VLAN_VALID = 0x10
WAIT = 10.0


class CommandError(AssertionError):
    pass


class Skip(Exception):
    """This can't be tested here, and why."""


LAB_QMP = "/usr/local/bin/lab-qmp"


def model() -> bool:
    """Is the card the lab's model, which can be asked?"""
    return os.path.exists(LAB_QMP)


def need(command: str) -> None:
    """Skip what a real card can't: the model is the lab's, and not every machine
    has the far ends of the card's cables."""
    if "lab-qmp" in command and not model():
        raise Skip("needs the card model")
    for n in re.findall(r"\bwire(\d)\b", command):
        if f"WIRE{n}" not in os.environ:
            raise Skip(f"needs the far end of cable {n}, see PEERS")


def sh(command: str, ok: bool = True) -> str:
    """Output of a command; raises with its error text if it fails. Of several
    the first that fails ends it."""
    need(command)
    done = subprocess.run(["/bin/sh", "-ec" if ok else "-c", command],
                          capture_output=True, text=True, check=False)
    if ok and done.returncode:
        raise CommandError(f"{command}: {done.stderr.strip() or done.stdout}")
    return done.stdout


def fails(command: str) -> str:
    """Error text of a command that must fail."""
    need(command)
    done = subprocess.run(command, shell=True, capture_output=True, text=True,
                          check=False)
    if not done.returncode:
        raise CommandError(f"{command}: succeeded")
    return done.stderr + done.stdout


def js(command: str) -> Any:
    return json.loads(sh(command) or "null")


def env(name: str) -> str:
    value = os.environ.get(name)
    if not value and "AGILIO_HW" in os.environ:
        raise Skip(f"needs ${name}")
    if not value:
        raise AssertionError(f"the lab did not set ${name}")
    return value


def every(prefix: str) -> list[str]:
    out: list[str] = []
    while value := os.environ.get(f"{prefix}{len(out)}"):
        out.append(value)
    return out


def until(what: str, check: Any, seconds: float = WAIT) -> Any:
    """Wait for something that no socket tells of."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.02)


class in_ns:
    """with in_ns("wire0"): the calling thread is in that namespace."""

    def __init__(self, name: str | None) -> None:
        self.name = name

    def __enter__(self) -> None:
        if self.name:
            need(self.name)
            self.old = os.open("/proc/self/ns/net", os.O_RDONLY)
            fd = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
            os.setns(fd, os.CLONE_NEWNET)
            os.close(fd)

    def __exit__(self, *_: object) -> None:
        if self.name:
            os.setns(self.old, os.CLONE_NEWNET)
            os.close(self.old)


class Port:
    """A raw socket on an interface: whole frames, VLAN tags put back."""

    def __init__(self, dev: str, ns: str | None = None) -> None:
        need(ns or "")
        self.dev, self.ns = dev, ns
        with in_ns(ns):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self.sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
            self.sock.bind((dev, 3))

    def close(self) -> None:
        self.sock.close()

    def send(self, frame: bytes) -> None:
        self.sock.send(frame)

    def _read(self) -> bytes:
        data, anc, _, _ = self.sock.recvmsg(70000, 256)
        for level, kind, value in anc:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH",
                                                              value[:20])
                if status & TP_STATUS_VLAN_VALID:
                    data = data[:12] + struct.pack(">HH", tpid, tci) + data[12:]
        return data

    def waiting(self) -> list[bytes]:
        """The frames that are there now."""
        out = []
        while select.select([self.sock], [], [], 0)[0]:
            out.append(self._read())
        return out

    def drain(self) -> None:
        self.waiting()


def arrival(ports: list[Port], match: Any, seconds: float = WAIT
            ) -> tuple[Port, bytes] | None:
    """The first frame on any of the ports that match() likes."""
    deadline = time.monotonic() + seconds
    by_fd = {p.sock.fileno(): p for p in ports}
    while (left := deadline - time.monotonic()) > 0:
        for fd in select.select(list(by_fd), [], [], left)[0]:
            data = by_fd[fd]._read()
            if match(data):
                return by_fd[fd], data
    return None


def tcp(client: str | None, server: str | None, to: str, size: int = 4 << 20,
        options: bytes = b"") -> None:
    """A TCP connection from one namespace to another: every byte arrives. @options:
    an IPv6 header of destination options between IP and TCP."""
    data = random.Random(size).randbytes(size)
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with in_ns(server):
        listener = socket.create_server((to, 0), family=family)
    with in_ns(client):
        sender = socket.create_connection(listener.getsockname()[:2], WAIT)
    if options:
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, options)
    receiver, _ = listener.accept()
    receiver.settimeout(WAIT)

    def send() -> None:
        with sender:
            sender.sendall(data)

    with listener, receiver, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send)
        got = bytearray()
        while part := receiver.recv(1 << 20):
            got += part
        sending.result()
    assert got == data, f"{len(got)} of {size} bytes, or damaged"


def wire(n: int) -> Port:
    return Port(f"wire{n}", f"wire{n}")


@functools.cache
def lab_qmp() -> Any:
    """The lab's program as a module: a process for each counter takes long."""
    need("lab-qmp")
    loader = SourceFileLoader("lab_qmp", LAB_QMP)
    module = types.ModuleType(loader.name)
    loader.exec_module(module)
    return module


def counters() -> dict[str, int]:
    """Everything that the card model counts."""
    return dict(lab_qmp().counters())


def counter(name: str) -> int:
    return counters()[name]


# What the model counts when the driver has done something wrong
WRONG = ("lookup_conflicts", "flow_dup", "flow_missing", "flow_bad_key",
         "flow_bad_action", "flow_bad_ctx", "flow_bad_shortcut", "flow_full",
         "flow_old_version", "mask_unknown", "mask_replaced", "cmsg_bad",
         "cmsg_unknown", "act_no_header", "out_unknown", "tun_full",
         "neigh_no_mac", "recirc_over", "tx_bad_desc", "cpp_bad",
         "cpp_unmapped", "explicit_kicks", "reconfig_errors", "qc_overflow")


def nothing_wrong(met: tuple[str, ...] = ()) -> None:
    """The model met nothing that it counts as wrong, but for @met."""
    have = counters()
    for name in WRONG:
        if name not in met:
            assert not have.get(name), f"{name} is {have[name]}"


def rules(dev: str) -> list[dict[str, Any]]:
    """Filters on a device's ingress, the ones with a handle."""
    out = js(f"tc -s -j filter show dev {dev} ingress")
    return [r for r in out if "options" in r and "handle" in r["options"]]


def hw_stats(dev: str) -> tuple[int, int]:
    """Packets and bytes that the hardware counted for the first action of
    the only rule on a device."""
    (rule,) = rules(dev)
    st = rule["options"]["actions"][0]["stats"]
    return st.get("hw_packets", 0), st.get("hw_bytes", 0)


def mtu_room(*devs: str) -> None:
    for d in devs:
        sh(f"ip link set {d} mtu 9000")


def carrier(dev: str, ns: str | None = None) -> bool:
    prefix = f"ip netns exec {ns} " if ns else ""
    return sh(f"{prefix}cat /sys/class/net/{dev}/carrier 2>/dev/null || echo 0"
              ).strip() == "1"


def wait_carrier(dev: str, up: bool = True, ns: str | None = None) -> None:
    until(f"carrier {'on' if up else 'off'} on {dev}",
          lambda: carrier(dev, ns) == up)


def quiet() -> None:
    """No neighbour discovery between our frames, in any namespace."""
    for prefix in ("", *(f"ip netns exec {x['name']} " for x in
                         js("ip -j netns list") or [])):
        for d in ("all", "default"):
            sh(f"{prefix}sysctl -qw net.ipv6.conf.{d}.disable_ipv6=1")


def phys(dev: str) -> str:
    """What a netdev says that it is for, or nothing."""
    try:
        with open(f"/sys/class/net/{dev}/phys_port_name", encoding="ascii") as f:
            return f.read().strip()
    except OSError:
        return ""


def vf_names() -> None:
    """Look the VFs' netdevs up again, after VFs were made anew. Their names
    are not always the same: udev looks through the PF's children for them, and
    takes a name by slot when one of these is being renamed just then."""
    card = f"/sys/bus/pci/devices/{env('CARD')}"
    for n in range(len(every("VF"))):
        (os.environ[f"VF{n}"],) = os.listdir(f"{card}/virtfn{n}/net")
