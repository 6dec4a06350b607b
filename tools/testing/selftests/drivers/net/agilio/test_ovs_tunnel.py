#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tunnels as Debian's own Open vSwitch makes them, to a remote host that is
plain Linux: both directions in the card, and the host sees next to nothing."""
from __future__ import annotations

from collections.abc import Callable

from lib import ktest, ovs
from lib.ktest import test
from lib.net import (counter, env, quiet, sh, until,
                     wait_carrier)

UP, REP = env("UPLINK0"), env("REP0")
VF = env("VF0")
LOCAL = {False: "192.168.5.1", True: "fd00:5::1"}
REMOTE = {False: "192.168.5.2", True: "fd00:5::2"}
KEY, TENANT, SERVER = 42, "10.4.0.1", "10.4.0.100"
SECONDS = 2
# The remote host's own devices
DEVICES = {
    "vxlan": "type vxlan id {key} local {here} remote {there} dstport 4789 "
             "udp6zerocsumrx",
    "geneve": "type geneve id {key} remote {there} dstport 6081",
    "gre": "type {gretap} local {here} remote {there} key {key}",
}


def remote(kind: str, v6: bool) -> None:
    words = DEVICES[kind].format(key=KEY, here=REMOTE[v6], there=LOCAL[v6],
                                 gretap="ip6gretap" if v6 else "gretap")
    sh(f"ip -n wire0 link add tun0 {words}; ip -n wire0 addr add {SERVER}/24 "
       "dev tun0; ip -n wire0 link set tun0 mtu 1400 up")


def port(kind: str, v6: bool, more: str = "") -> None:
    kind = "ip6gre" if kind == "gre" and v6 else kind
    sh(f"ovs-vsctl add-br br0 -- add-port br0 {REP} -- add-port br0 tun -- set "
       f"interface tun type={kind} options:remote_ip={REMOTE[v6]} "
       f"options:key={KEY} {more}")


def offloaded(directions: int) -> None:
    """A packet each way makes the flows; then the card has all of it."""
    # The server's address is another one each time
    sh("ip -n tenant neigh flush all")
    ovs.ping("tenant", SERVER)
    ovs.iperf("tenant", "wire0", SERVER, 1)
    until("flows are in the card", lambda: counter("rules") >= directions)
    for reverse in (False, True):
        before, sums = ovs.counts([UP, REP]), (counter("encaps"), counter("decaps"))
        ovs.iperf("tenant", "wire0", SERVER, SECONDS, reverse)
        seen = ovs.counts([UP, REP]) - before
        assert seen.percent >= 99, f"the host saw {seen.host} of {seen.total}"
        inside = (counter("encaps") - sums[0], counter("decaps") - sums[1])
        assert sum(inside) > 0.98 * seen.total, (inside, seen)
    flows = [f for f in ovs.flows() if "eth_type(0x0800)" in f.text and
             "proto=6" not in f.text and f.packets > 1000]
    assert len(flows) >= directions and all(f.offloaded for f in flows), \
        [f.brief for f in flows if not f.offloaded] or "too few"


def both_ways(kind: str, v6: bool, more: str = "") -> Callable[[], None]:
    def run() -> None:
        if ktest.driver() == "nfp":
            raise ktest.Skip("mainline refuses what Open vSwitch 3.5 asks for")
        remote(kind, v6)
        port(kind, v6, more)
        try:
            offloaded(2)
        finally:
            sh("ovs-vsctl del-br br0; ip -n wire0 link del tun0")
        until("nothing is left in the card", lambda: counter("rules") == 0 and
              counter("tun_ips") + counter("tun_ips6") + counter("neighs") == 0)
    return run


for _kind, _more in (("vxlan", ""), ("vxlan", "options:csum=true"),
                     ("geneve", "options:csum=true"), ("gre", "")):
    for _v6 in (False, True):
        test(f"{_kind} {_more} over {'IPv6' if _v6 else 'IPv4'}, both ways")(
            both_ways(_kind, _v6, _more))


@test("the tunnel's address on an internal port: let through, and around again")
def internal() -> None:
    if ktest.driver() == "nfp":
        raise ktest.Skip("mainline refuses what Open vSwitch 3.5 asks for")
    sh(f"ip addr flush dev {UP}; ip -n wire0 addr add 192.168.7.2/24 dev wire0")
    sh(f"ovs-vsctl add-br br-phy -- add-port br-phy {UP}; ip link set br-phy up; "
       "ip addr add 192.168.7.1/24 dev br-phy")
    sh(f"ip -n wire0 link add tun0 type vxlan id {KEY} local 192.168.7.2 remote "
       f"192.168.7.1 dstport 4789; ip -n wire0 addr add {SERVER}/24 dev tun0; "
       "ip -n wire0 link set tun0 mtu 1400 up")
    sh(f"ovs-vsctl add-br br0 -- add-port br0 {REP} -- add-port br0 tun -- set "
       f"interface tun type=vxlan options:remote_ip=192.168.7.2 options:key={KEY}")
    try:
        # Encapsulation, the way out of br-phy, pre-tunnel rule, decapsulation
        offloaded(3)
    finally:
        sh("ovs-vsctl del-br br0; ovs-vsctl del-br br-phy; "
           "ip -n wire0 link del tun0; ip -n wire0 addr del 192.168.7.2/24 dev wire0")
    until("nothing is left in the card", lambda: counter("rules") == 0)


@test("an uplink that was a bridge's port is a tunnel's end again")
def left_bridge() -> None:
    sh(f"ip addr add {LOCAL[False]}/24 dev {UP}")
    both_ways("vxlan", False)()


@test("Open vSwitch had no error")
def no_error() -> None:
    ovs.stop()
    log = sh("cat /tmp/vswitchd.log")
    bad = [x for x in log.splitlines() if "|ERR|" in x or "failed to offload" in x]
    assert not bad, bad[:3]


if __name__ == "__main__":
    quiet()
    for _ns in ("", "ip netns exec wire0 "):
        _dev = UP if not _ns else "wire0"
        sh(f"{_ns}sysctl -qw net.ipv6.conf.{_dev}.disable_ipv6=0")
    for _a in (False, True):
        _len = "64 nodad" if _a else "24"
        sh(f"ip addr add {LOCAL[_a]}/{_len} dev {UP}; "
           f"ip -n wire0 addr add {REMOTE[_a]}/{_len} dev wire0")
    for _dev in (UP, REP, VF):
        wait_carrier(_dev)
    ovs.tenant("tenant", VF, f"{TENANT}/24")
    sh(f"ip -n tenant link set {VF} mtu 1400; ip -n wire0 link set wire0 mtu 1500")
    ovs.start(True)
    raise SystemExit(ktest.run("ovs tunnel"))
