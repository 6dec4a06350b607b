# SPDX-License-Identifier: GPL-2.0-only
"""Debian's Open vSwitch, tenants behind VFs, and who handled the packets."""
from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass

from .net import WAIT, js, sh, until

RUN = "/run/openvswitch"
DB = "/tmp/ovs.db"
DAEMON = "--detach --no-chdir --pidfile"


def start(hw_offload: bool, tc_policy: str = "none") -> None:
    """A fresh Open vSwitch; it looks at hw-offload only when it starts."""
    sh(f"mkdir -p {RUN}; rm -f {DB}; modprobe openvswitch; "
       f"ovsdb-tool create {DB} /usr/share/openvswitch/vswitch.ovsschema")
    sh(f"ovsdb-server {DB} --remote=punix:{RUN}/db.sock {DAEMON} "
       f"--log-file=/tmp/ovsdb.log 2>&1")
    sh("ovs-vsctl --no-wait init")
    sh(f"ovs-vsctl --no-wait set Open_vSwitch . "
       f"other_config:hw-offload={'true' if hw_offload else 'false'} "
       f"other_config:tc-policy={tc_policy}")
    sh(f"ovs-vswitchd unix:{RUN}/db.sock {DAEMON} "
       f"--log-file=/tmp/vswitchd.log 2>&1")


def stop() -> None:
    sh("ovs-vsctl --if-exists del-br br0", ok=False)
    sh("ovs-appctl -t ovs-vswitchd exit --cleanup; "
       "ovs-appctl -t ovsdb-server exit", ok=False)
    until("Open vSwitch is gone",
          lambda: not os.path.exists(f"{RUN}/ovs-vswitchd.pid") and
          not os.path.exists(f"{RUN}/ovsdb-server.pid"))


@dataclass
class Flow:
    """A flow of the datapath, as dpctl/dump-flows -m prints it."""
    text: str

    @property
    def offloaded(self) -> bool:
        return "offloaded:yes" in self.text and "dp:tc" in self.text

    @property
    def packets(self) -> int:
        m = re.search(r"packets:(\d+)", self.text)
        return int(m.group(1)) if m else 0

    @property
    def match(self) -> str:
        return self.brief.split(", packets:")[0]

    @property
    def brief(self) -> str:
        keep = re.sub(r"ufid:\S+ |skb_priority\([^)]*\),|skb_mark\([^)]*\),|"
                      r"ct_[a-z]+\([^)]*\),|dp_hash\([^)]*\),|recirc_id\(0\),|"
                      r"packet_type\([^)]*\),", "", self.text)
        return re.sub(r"/0\.0\.0\.0|=0\.0\.0\.0", "", keep).strip()


def flows(kind: str = "") -> list[Flow]:
    extra = f"type={kind}" if kind else ""
    out = sh(f"ovs-appctl dpctl/dump-flows -m {extra}")
    return [Flow(x) for x in out.splitlines() if "actions:" in x]


@dataclass
class Counts:
    """Packets that came in through the card's ports and of these the ones that
    the host saw: once by the driver, once by the card model."""
    total: int = 0
    host: int = 0
    model_total: int = 0
    model_host: int = 0

    def __sub__(self, o: Counts) -> Counts:
        return Counts(self.total - o.total, self.host - o.host,
                      self.model_total - o.model_total,
                      self.model_host - o.model_host)

    def __add__(self, o: Counts) -> Counts:
        return Counts(self.total + o.total, self.host + o.host,
                      self.model_total + o.model_total,
                      self.model_host + o.model_host)

    @property
    def card(self) -> int:
        return self.model_total - self.model_host

    @property
    def percent(self) -> float:
        return 100 * self.card / self.model_total if self.model_total else 0.0

    @property
    def agree(self) -> bool:
        return (self.total, self.host) == (self.model_total, self.model_host)


def driver_counts(ports: list[str]) -> tuple[int, int]:
    total = host = 0
    for dev in ports:
        (link,) = js(f"ip -s -j link show dev {dev}")
        total += link["stats64"]["rx"]["packets"]
        (group,) = js(f"ip -j stats show dev {dev} group offload subgroup cpu_hit")
        host += group["stats64"]["rx"]["packets"]
    return total, host


def model_counts() -> tuple[int, int]:
    hits, misses, fallbacks = map(int, sh(
        "lab-qmp counter lookup_hits lookup_misses fallbacks").split())
    return hits + misses, fallbacks


def counts(ports: list[str]) -> Counts:
    """Both, of one moment: read again while packets are on their way."""
    def read() -> Counts | None:
        first, model = driver_counts(ports), model_counts()
        same = first == driver_counts(ports) and model == model_counts()
        return Counts(*first, *model) if same else None

    got = until("the counters stand still", read)
    assert isinstance(got, Counts)
    return got


def tenant(name: str, dev: str, address: str) -> None:
    """A namespace with a VF in it."""
    sh(f"ip netns add {name}; "
       f"ip netns exec {name} sysctl -qw net.ipv6.conf.all.disable_ipv6=1 "
       f"net.ipv6.conf.default.disable_ipv6=1; ip link set {dev} netns {name}; "
       f"ip -n {name} link set lo up; ip -n {name} link set {dev} mtu 1500 up; "
       f"ip -n {name} addr add {address} dev {dev}")


def mac(dev: str, ns: str | None = None) -> str:
    (link,) = js(f"ip {f'-n {ns}' if ns else ''} -j link show dev {dev}")
    return str(link["address"])


def ping(ns: str, to: str) -> None:
    until(f"{ns} reaches {to}", lambda: not subprocess.run(
        ["ip", "netns", "exec", ns, "ping", "-c1", "-W1", to],
        capture_output=True, check=False).returncode, WAIT)


def iperf(client: str, server: str, to: str, seconds: int, reverse: bool = False
          ) -> float:
    """TCP from one namespace to another. Return: bits per second received."""
    with subprocess.Popen(["ip", "netns", "exec", server, "iperf3", "-s", "-1",
                           "--forceflush"], stdout=subprocess.PIPE,
                          text=True) as srv:
        assert srv.stdout
        for line in srv.stdout:
            if "listening" in line:
                break
        out = sh(f"ip netns exec {client} iperf3 -J -c {to} -t {seconds} "
                 f"{'-R' if reverse else ''}")
        srv.stdout.read()
    return float(json.loads(out)["end"]["sum_received"]["bits_per_second"])
