# SPDX-License-Identifier: GPL-2.0-only
"""Connections: a tenant behind VF 0 and a host at the far end of cable 0, real
sockets, and the tc rules that Open vSwitch makes of its ct() actions."""
from __future__ import annotations

import socket
from dataclasses import dataclass

from .net import WAIT, Port, counter, env, in_ns, sh, until
from .ovs import mac

TENANT, FAR = "tenant", "wire0"
MARK = b"agilio-test-payload"
MESSAGE = 64


@dataclass
class Net:
    """The addresses of one test: its own, as mainline's driver leaves flows of
    connections in the card when these end."""
    n: int
    v6: bool = False

    def host(self, x: int) -> str:
        return f"fd09:{self.n:x}::{x:x}" if self.v6 else f"10.9.{self.n}.{x}"

    @property
    def tenant(self) -> str:
        return self.host(1)

    @property
    def far(self) -> str:
        return self.host(2)

    def up(self) -> None:
        """Addresses and neighbours: no ARP between our packets."""
        length, nodad = (64, "nodad") if self.v6 else (24, "")
        for ns, dev, mine in ((TENANT, env("VF0"), self.tenant),
                              (FAR, "wire0", self.far)):
            sh(f"ip netns exec {ns} sysctl -qw net.ipv6.conf.{dev}.disable_ipv6=0; "
               f"ip -n {ns} addr add {mine}/{length} dev {dev} {nodad}")
        self.neighbour(TENANT, self.far)
        self.neighbour(FAR, self.tenant)

    def neighbour(self, ns: str, address: str) -> None:
        """@address is the other side's."""
        dev, other = (env("VF0"), mac("wire0", FAR)) if ns == TENANT else \
            ("wire0", mac(env("VF0"), TENANT))
        sh(f"ip -n {ns} neigh replace {address} lladdr {other} dev {dev} nud permanent")

    def down(self) -> None:
        for ns, dev in ((TENANT, env("VF0")), (FAR, "wire0")):
            sh(f"ip -n {ns} addr flush dev {dev}; ip -n {ns} neigh flush nud permanent "
               f"dev {dev}; ip netns exec {ns} sysctl -qw "
               f"net.ipv6.conf.{dev}.disable_ipv6=1")


class Talk:
    """One connection from the tenant to the far end, and messages on it."""

    def __init__(self, net: Net, tcp: bool, to: str = "", port: int = 0,
                 far_port: int = 0) -> None:
        self.tcp, self.n = tcp, 0
        family = socket.AF_INET6 if net.v6 else socket.AF_INET
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        with in_ns(FAR):
            self.listener = socket.socket(family, kind)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind((net.far, far_port))
        with in_ns(TENANT):
            self.client = socket.socket(family, kind)
            self.client.bind((net.tenant, 0))
        for s in (self.listener, self.client):
            s.settimeout(WAIT)
        if tcp:
            self.listener.listen()
        self.to = (to or net.far, port or self.listener.getsockname()[1])
        self.client.connect(self.to)
        self.server = self.listener
        if tcp:
            self.server, self.peer = self.listener.accept()
            self.server.settimeout(WAIT)
            self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _get(self, s: socket.socket) -> bytes:
        if not self.tcp:
            data, peer = s.recvfrom(2048)
            if s is self.server:
                self.peer = peer
            return data
        out = b""
        while len(out) < MESSAGE:
            part = s.recv(MESSAGE - len(out))
            assert part, "the connection ended"
            out += part
        return out

    def exchange(self, times: int = 1) -> None:
        """A message there and one back, which must arrive as they were sent."""
        for _ in range(times):
            self.n += 1
            for there, s, to in ((True, self.client, self.server),
                                 (False, self.server, self.client)):
                text = MARK + f" {self.n} {there}".encode()
                text += b"." * (MESSAGE - len(text))
                if there or self.tcp:
                    s.sendall(text)
                else:
                    s.sendto(text, self.peer)
                got = self._get(to)
                assert got == text, f"{got!r} instead of {text!r}"

    def close(self) -> None:
        for s in {self.client, self.server, self.listener}:
            s.close()

    def offloaded(self, before: int, want: int = 2) -> None:
        """Talk until the card has so many rules more than before."""
        def try_it() -> bool:
            self.exchange()
            return counter("rules") >= before + want
        until(f"{want} rules in the card", try_it, 15)


class Host:
    """Does the host see packets of connections?"""

    def __init__(self) -> None:
        self.ports = [Port(env("UPLINK0")), Port(env("REP0"))]

    def drain(self) -> None:
        for p in self.ports:
            p.drain()

    def seen(self) -> int:
        return sum(MARK in x for p in self.ports for x in p.waiting())


def setup() -> None:
    sh(f"ip netns add {TENANT}; ip link set {env('VF0')} netns {TENANT}; "
       f"ip -n {TENANT} link set lo up; ip -n {TENANT} link set {env('VF0')} up")
    for ns, dev in ((TENANT, env("VF0")), (FAR, "wire0")):
        sh(f"ip netns exec {ns} ethtool -K {dev} gro off gso off tso off", ok=False)
    for dev in (env("REP0"), env("UPLINK0")):
        sh(f"tc qdisc add dev {dev} clsact")


def flush() -> None:
    """No filter, no connection."""
    for dev in (env("REP0"), env("UPLINK0")):
        sh(f"tc qdisc del dev {dev} clsact; tc qdisc add dev {dev} clsact")
