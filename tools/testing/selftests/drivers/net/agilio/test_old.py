#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Firmware that offers few features: what it can't do is refused by its name,
and stays in software. The lab gives profile=old."""
from __future__ import annotations

from collections.abc import Callable

from lib import ktest, tunnel
from lib.ktest import test
from lib.net import counter, env, quiet, rules, sh, wait_carrier

UP, REP = env("UPLINK0"), env("REP0")
OUT = f"action mirred egress redirect dev {REP}"
TO_VX = "pipe action mirred egress redirect dev t_vxlan"
# Device, protocol, rule, and what the user must read
REFUSED = [
    (UP, "802.1ad", f"vlan_id 5 vlan_ethtype ip {OUT}", "802.1Q only"),
    (UP, "802.1q", f"vlan_id 5 vlan_ethtype 802.1q cvlan_id 6 {OUT}", "cvlan"),
    (UP, "all", f"num_of_vlans 1 {OUT}", "sees one tag"),
    ("t_vxlan", "ip", f"enc_dst_ip fd00:5::1 enc_dst_port 4789 {OUT}",
     "this firmware can't"),
    (REP, "ip", "action tunnel_key set src_ip fd00:5::1 dst_ip fd00:5::2 id 1 dst_port "
     f"4789 {TO_VX}", "over IPv6: this firmware can't"),
]


def refusal(dev: str, proto: str, rule: str, words: str) -> Callable[[], None]:
    def run() -> None:
        text = sh(f"tc filter add dev {dev} ingress prot {proto} pref 1 flower verbose "
                  f"{rule} 2>&1")
        try:
            assert words in text, text
            assert not rules(dev)[0]["options"].get("in_hw"), rules(dev)
            assert not counter("rules")
        finally:
            sh(f"tc filter del dev {dev} ingress")
    return run


for _dev, _proto, _rule, _words in REFUSED:
    test(f"refused: {_proto} {_rule.split(' action ')[0]}: {_words}")(
        refusal(_dev, _proto, _rule, _words))


if __name__ == "__main__":
    quiet()
    for _dev in (UP, REP):
        wait_carrier(_dev)
        sh(f"tc qdisc add dev {_dev} clsact")
    sh(f"ip addr add 192.168.5.1/24 dev {UP}")
    tunnel.device("vxlan")
    raise SystemExit(ktest.run("old", refusals=True))
