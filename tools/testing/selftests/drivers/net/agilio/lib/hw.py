# SPDX-License-Identifier: GPL-2.0-only
"""A machine with a real card, in kselftest's way: NETIF names one of its
uplinks. What the lab would say of the card is looked up here, under the same
names, so that a test needn't know where it runs."""
from __future__ import annotations

import os
import re
import sys
import types
from pathlib import Path

from .net import Skip, js, sh

NET = Path("/sys/class/net")
PCI = Path("/sys/bus/pci/devices")
KSFT_SKIP = 4


def here() -> bool:
    """Is this a machine of its own, and not the lab's guest?"""
    return "AGILIO_HW" in os.environ


def skip_all(reason: str) -> None:
    """None of this program's tests can run."""
    print(f"TAP version 13\n1..0 # SKIP {reason}", flush=True)
    os._exit(KSFT_SKIP)


def unmet(kind: type[BaseException], e: BaseException,
          tb: types.TracebackType | None) -> None:
    """What a program needs before its first test isn't there."""
    if issubclass(kind, Skip):
        skip_all(str(e))
    sys.__excepthook__(kind, e, tb)


def device(dev: Path) -> str:
    link = dev / "device"
    return os.path.basename(os.path.realpath(link)) if link.exists() else ""


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def version_key(port: str) -> list[int]:
    return [int(x) for x in re.findall(r"\d+", port)]


def names(card: str) -> None:
    """UPLINK0.., REP0.., VF0.., PF, PFREP, as scripts/guest/lab-env has them."""
    ports = {read(d / "phys_port_name"): d.name for d in NET.iterdir()
             if device(d) == card}
    os.environ["PF"] = ports.pop("", "")
    os.environ["PFREP"] = ports.pop("pf0", "")
    ups = sorted((p for p in ports if re.match(r"p\d", p)), key=version_key)
    for n, port in enumerate(ups):
        os.environ[f"UPLINK{n}"] = ports[port]
    for port, dev in ports.items():
        if m := re.fullmatch(r"pf0vf(\d+)", port):
            os.environ[f"REP{m.group(1)}"] = dev
    for fn in (PCI / card).glob("virtfn*"):
        for vf in fn.glob("net/*"):
            os.environ[f"VF{fn.name.removeprefix('virtfn')}"] = vf.name


def two_vfs(card: str) -> None:
    """Most tests need them. What there is already stays as it is."""
    path = PCI / card / "sriov_numvfs"
    if read(path) != "0":
        return
    path.write_text("2", encoding="ascii")
    sh("udevadm settle")


def wires(peers: list[str]) -> None:
    """The far ends of the cables, one namespace each."""
    for n, dev in enumerate(peers):
        ns = os.environ[f"WIRE{n}"] = f"wire{n}"
        if not os.path.exists(f"/run/netns/{ns}"):
            sh(f"ip netns add {ns}; ip link set {dev} netns {ns} name {ns}")
        sh(f"ip -n {ns} link set lo up; "
           f"ip -n {ns} link set {ns} mtu 9000 promisc on up")


def clean() -> None:
    """Nothing that an earlier program has left on the card's netdevs."""
    for key, dev in os.environ.items():
        if re.fullmatch(r"(UPLINK|REP|VF)\d+|PF|PFREP", key) and dev:
            sh(f"tc qdisc del dev {dev} clsact; ip addr flush dev {dev}; "
               f"ip link set {dev} up", ok=False)


def with_clsact() -> list[str]:
    """Netdevs that have one; the lab's needn't be known."""
    if not here():
        return []
    return [q["dev"] for q in js("tc -j qdisc show") if q["kind"] == "clsact"]


def put_back(devs: list[str]) -> None:
    """A test was left where it asked for what isn't here: nothing of it stays on
    netdevs, and @devs have a clsact as before."""
    for dev in with_clsact():
        sh(f"tc qdisc del dev {dev} clsact")
    for dev in devs:
        sh(f"tc qdisc add dev {dev} clsact")


def prepare() -> None:
    """Once, before anything else of a program."""
    if "LAB_DRIVER" in os.environ or here():
        return
    netif = os.environ.get("NETIF", "")
    card = device(NET / netif) if netif else ""
    if os.getuid():
        skip_all("needs root")
    if not card or not (PCI / card / "driver").exists():
        skip_all("NETIF must name an uplink of the card")
    os.environ["AGILIO_HW"] = "1"
    os.environ["CARD"] = card
    os.environ["LAB_DRIVER"] = os.path.basename(os.path.realpath(PCI / card / "driver"))
    sys.excepthook = unmet
    two_vfs(card)
    names(card)
    wires(os.environ.get("PEERS", "").split())
    clean()
