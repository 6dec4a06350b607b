# SPDX-License-Identifier: GPL-2.0-only
"""One guest: QEMU's command line, the channels into it, and its end."""
from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
import tty
from dataclasses import dataclass, field
from pathlib import Path

from . import build
from .steps import LabError, REPO, cache_dir, elapsed, say
from .tree import Tree

STATUS_KERNEL = 90
STATUS_HANG = 91
STATUS_DIED = 92
BOOT_SECONDS = 120
KERNEL_BAD = re.compile(
    r"WARNING: |BUG[ :]|Oops|Kernel panic|refcount_t|unregister_netdevice: "
    r"waiting|possible (recursive|circular)|general protection|UBSAN: |"
    r"list_(add|del) corruption|NETDEV WATCHDOG|"
    r"blocked for more than|rcu:.*stall|kmemleak:.*new suspected")
# A relayed QMP command that QEMU has not answered by then: the model hangs
QMP_SECONDS = 60
WIRES = {"1x40": 1, "4x10": 4, "2x10": 2, "2x40": 2, "8x10": 8,
         "4x10_1x40": 5, "2x25": 2, "1x10_1x25": 2}
MEDIA = {"AMDA0081": "1x40", "AMDA0096": "2x10", "AMDA0097": "2x40",
         "AMDA0099": "2x25"}


@dataclass
class Options:
    driver: str = "agilio"
    board: str = "AMDA0099"
    media: str = ""
    vfs: int = 2
    suite: str = "trixie"
    kernel: str = "stock"
    memory: int = 3072
    timeout: int = 600
    card: list[str] = field(default_factory=list)
    accel: str = "auto"
    firmware: str = "auto"
    cards: int = 1
    shell: bool = False
    out: Path | None = None
    append: str = ""
    icount: bool = False


def card_wires(opt: Options) -> int:
    return WIRES[opt.media or MEDIA[opt.board]]


def qemu_base(tree: Tree) -> list[str]:
    """Debian's QEMU, run out of the tree with the tree's own libraries."""
    lib = tree.path / "usr/lib/x86_64-linux-gnu"
    return [str(tree.path / "lib64/ld-linux-x86-64.so.2"),
            "--library-path", str(lib)]


def qemu_args(tree: Tree, opt: Options, run: Path, accel: str) -> list[str]:
    so = build.card_model(tree)
    argv = qemu_base(tree) + [
        "--preload", str(so), str(tree.path / "usr/bin/qemu-system-x86_64"),
        "-L", str(tree.path / "usr/share/qemu"),
        "-L", str(tree.path / "usr/share/seabios"),
        "-name", "agilio-lab", "-nodefaults", "-no-user-config", "-no-reboot",
        "-display", "none",
        # An HPET under emulation loses ticks, and a boot now and then with
        # them; the other devices only cost time
        "-machine", "q35,hpet=off,i8042=off,sata=off,smbus=off", "-cpu", "max",
        # An instruction takes a virtual nanosecond, and what is idle no time
        *(["-smp", "1", "-icount", "shift=0,sleep=off"] if opt.icount else
          ["-smp", "2"]),
        "-m", str(opt.memory), "-accel", accel,
        "-kernel", str(tree.kernel), "-initrd", str(build.initramfs(tree)),
        "-append", "console=ttyS0 loglevel=7 panic=-1 oops=panic nokaslr "
        "mitigations=off net.ifnames=1 modprobe.blacklist=nfp,agilio "
        "softlockup_all_cpu_backtrace=1 no_timer_check rcupdate.rcu_cpu_stall_timeout=120 " + opt.append,
        "-serial", f"file:{run}/console",
        "-drive", f"file={build.image(tree)},if=none,id=root,format=raw,"
        "snapshot=on,cache=unsafe",
        "-device", "virtio-blk-pci,drive=root",
        "-virtfs", f"local,path={REPO},mount_tag=repo,security_model=none,"
        "readonly=on",
        "-virtfs", f"local,path={run / 'share'},mount_tag=lab,"
        "security_model=none",
        "-device", "virtio-serial-pci",
        "-chardev", f"socket,id=io,path={run}/io,server=on,wait=off",
        "-device", ("virtconsole,chardev=io" if opt.shell else
                    "virtserialport,chardev=io,name=lab.io"),
        "-chardev", f"socket,id=gq,path={run}/gq,server=on,wait=off",
        "-device", "virtserialport,chardev=gq,name=lab.qmp",
        "-qmp", f"unix:{run}/qmp,server=on,wait=off",
    ]
    for n in range(opt.cards):
        argv += card_args(tree, opt, n)
    return argv


def card_args(tree: Tree, opt: Options, n: int) -> list[str]:
    wires = card_wires(opt)
    dev = f"agilio-card,id=card{n},bus=rp{n},board={opt.board},serial={16 * n}"
    if opt.media:
        dev += f",media={opt.media}"
    argv = ["-device", f"pcie-root-port,id=rp{n},slot={n + 1},chassis={n + 1},"
            "x-speed=8,x-width=8"]
    for w in range(wires):
        hub = 10 * n + w
        argv += ["-netdev", f"hubport,id=card{n}w{w},hubid={hub}",
                 "-netdev", f"hubport,id=far{n}w{w},hubid={hub}",
                 "-device", f"virtio-net-pci,netdev=far{n}w{w},"
                 f"mac=52:54:00:77:{n:02x}:{w:02x},romfile="]
        dev += f",wire{w}=card{n}w{w}"
    for extra in opt.card:
        if extra == "flash=auto":
            extra = f"flash={build.firmware(tree, opt.board)}"
        dev += "," + extra
    return argv + ["-device", dev]


# One thread for all virtual CPUs: with one each, a halted CPU was seen to miss
# its interrupt (a boot, and a test, that stood still), twice in thirty guests
def choose_accel(tree: Tree, wanted: str) -> str:
    """KVM where a guest really boots on it; that is tried once."""
    if wanted != "auto":
        return "tcg,thread=single" if wanted == "tcg" else wanted
    if not os.access("/dev/kvm", os.W_OK):
        if os.path.exists("/dev/kvm"):
            say("host: no right to use /dev/kvm, emulating")
        return "tcg,thread=single"
    memo = cache_dir() / f"accel-{os.uname().release}"
    if not memo.exists():
        say("host: does a guest boot under KVM?")
        argv = qemu_base(tree) + [
            str(tree.path / "usr/bin/qemu-system-x86_64"),
            "-L", str(tree.path / "usr/share/qemu"),
            "-L", str(tree.path / "usr/share/seabios"), "-nodefaults",
            "-no-reboot", "-display", "none", "-accel", "kvm", "-m", "512",
            "-kernel", str(tree.kernel),
            "-initrd", str(build.initramfs(tree)), "-append", "lab.probe"]
        try:
            ok = subprocess.run(argv, timeout=20, check=False,
                                capture_output=True).returncode == 0
        except subprocess.TimeoutExpired:
            ok = False
        memo.write_text("kvm" if ok else "tcg,thread=single")
        say("host: KVM works" if ok else "host: no, emulating")
    return memo.read_text()


def unix(path: Path, deadline: float) -> socket.socket:
    while True:
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(str(path))
            return s
        except OSError:
            s.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


class Guest:
    """A running guest. Use as a context manager: it leaves nothing behind."""

    def __init__(self, tree: Tree, opt: Options, script: Path | None,
                 args: list[str]) -> None:
        self.tree, self.opt = tree, opt
        self.run = Path(tempfile.mkdtemp(prefix="agilio-lab."))
        self.share = self.run / "share"
        self.share.mkdir()
        self.console = self.run / "console"
        self.booted = False
        self.proc: subprocess.Popen[bytes] | None = None
        self._fill_share(script, args)

    def _fill_share(self, script: Path | None, args: list[str]) -> None:
        opt = self.opt
        for f in (REPO / "scripts/guest").iterdir():
            if f.is_file():
                shutil.copy(f, self.share / f.name)
        if opt.driver != "nfp":
            shutil.copy(build.module(self.tree), self.share / "agilio.ko")
        if opt.firmware == "standin" or not build.has_firmware(self.tree):
            shutil.copy(build.standin(self.tree), self.share / "standin.nffw")
        env = {"LAB_DRIVER": opt.driver, "LAB_BOARD": opt.board,
               "LAB_MEDIA": opt.media or MEDIA[opt.board],
               "LAB_VFS": str(opt.vfs), "LAB_WIRES": str(card_wires(opt)),
               "LAB_CARD": " ".join(opt.card),
               "LAB_SHELL": "1" if opt.shell else "",
               # Seconds from the command to here; init adds those of the boot
               "LAB_BUILT": f"{elapsed():.1f}"}
        (self.share / "env").write_text(
            "".join(f"export {k}='{v}'\n" for k, v in env.items()))
        if script:
            inside = self._inside(script)
            if inside.startswith("/lab/"):
                shutil.copy(script, self.share / "script")
                (self.share / "script").chmod(0o755)
            (self.share / "script.path").write_text(inside)
            (self.share / "args").write_bytes(
                b"".join(a.encode() + b"\0" for a in args))

    @staticmethod
    def _inside(script: Path) -> str:
        """Where a script of the repository lies in the guest."""
        path = script.resolve()
        return "/repo/" + str(path.relative_to(REPO)) \
            if REPO in path.parents else "/lab/script"

    def __enter__(self) -> Guest:
        accel = "tcg,thread=single" if self.opt.icount else \
            choose_accel(self.tree, self.opt.accel)
        log = open(self.run / "qemu.log", "wb")
        argv = qemu_args(self.tree, self.opt, self.run, accel)
        self.proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                     stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        try:
            self.io = unix(self.run / "io", deadline)
            self.gq = unix(self.run / "gq", deadline)
            self.qmp = unix(self.run / "qmp", deadline)
            self.qmp.settimeout(QMP_SECONDS)
            self.qmp_file = self.qmp.makefile("rwb")
            self.qmp_file.readline()
            self._qmp_call(b'{"execute":"qmp_capabilities"}\n')
        except OSError as e:
            text = (self.run / "qemu.log").read_text(errors="replace")
            text += f" (exit status {self.proc.poll()})"
            self.__exit__()
            raise LabError(f"QEMU did not start: {text}") from e
        return self

    def __exit__(self, *_: object) -> None:
        if self.proc and self.proc.poll() is None:
            self.proc.kill()
        if self.proc:
            self.proc.wait()
        left = self.share / "out"
        if self.opt.out and left.is_dir():
            shutil.copytree(left, self.opt.out, dirs_exist_ok=True)
        keep = os.environ.get("LAB_KEEP")
        if keep:
            shutil.copytree(self.run, keep, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("io", "gq", "qmp"))
        shutil.rmtree(self.run, ignore_errors=True)

    def _qmp_call(self, line: bytes) -> bytes:
        while True:
            try:
                if line:
                    self.qmp_file.write(line)
                    self.qmp_file.flush()
                line = b""
                reply = self.qmp_file.readline()
            except TimeoutError as e:
                raise LabError(f"QEMU has not answered to a QMP command for "
                               f"{QMP_SECONDS} s: the card model hangs") from e
            if not reply:
                return b'{"error":{"desc":"QEMU is gone"}}\n'
            if b'"event"' not in reply or b'"return"' in reply:
                return reply

    def _serve_qmp(self, buf: bytearray) -> None:
        data = self.gq.recv(65536)
        buf += data
        while b"\n" in buf:
            line, _, rest = bytes(buf).partition(b"\n")
            buf[:] = rest
            try:
                json.loads(line)
                reply = self._qmp_call(line + b"\n")
            except ValueError:
                reply = b'{"error":{"desc":"not JSON"}}\n'
            self.gq.sendall(reply)

    def _serve(self, ready: list[object], fds: list[object], buf: bytearray) -> None:
        if self.gq in ready:
            self._serve_qmp(buf)
        if self.io in ready:
            data = self.io.recv(65536)
            if not data:
                fds.remove(self.io)
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        if sys.stdin in ready:
            self.io.sendall(os.read(0, 4096))

    def attend(self) -> int:
        """Relay until the guest is off. Return: what to exit with."""
        assert self.proc
        began = time.monotonic()
        deadline = began + self.opt.timeout
        fds: list[object] = [self.io, self.gq]
        if self.opt.shell and sys.stdin.isatty():
            fds.append(sys.stdin)
        buf = bytearray()
        while self.proc.poll() is None:
            self.booted = self.booted or (self.share / "booted").exists()
            if not self.booted and time.monotonic() > began + BOOT_SECONDS:
                self.show_console()
                print(f"lab: the guest did not boot in {BOOT_SECONDS} s",
                      file=sys.stderr)
                return STATUS_DIED
            if not self.opt.shell and time.monotonic() > deadline:
                self.show_console()
                print(f"lab: no end after {self.opt.timeout} s",
                      file=sys.stderr)
                return STATUS_HANG
            ready = select.select(fds, [], [], 0.5)[0]
            try:
                self._serve(ready, fds, buf)
            except ConnectionError:
                pass  # QEMU is going; verdict() tells whether it was told to
        self._rest()
        return self.verdict()

    def _rest(self) -> None:
        self.io.setblocking(False)
        try:
            while data := self.io.recv(65536):
                sys.stdout.buffer.write(data)
        except OSError:
            pass
        sys.stdout.buffer.flush()

    def console_text(self) -> str:
        return self.console.read_text(errors="replace") \
            if self.console.exists() else ""

    def show_console(self, lines: int = 40) -> None:
        print("lab: end of the guest's console:", file=sys.stderr)
        print("\n".join(self.console_text().splitlines()[-lines:]),
              file=sys.stderr)

    def verdict(self) -> int:
        bad = [x for x in self.console_text().splitlines()
               if KERNEL_BAD.search(x)]
        try:
            status = int((self.share / "status").read_text())
        except (OSError, ValueError):
            self.show_console()
            print("lab: the guest died", file=sys.stderr)
            return STATUS_DIED
        if bad:
            self.show_console()
            print("lab: the guest's kernel complained:", *bad[:5], sep="\n  ",
                  file=sys.stderr)
            return STATUS_KERNEL
        return status


def run_guest(tree: Tree, opt: Options, script: Path | None,
              args: list[str]) -> int:
    """Boot, run, and return the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    old = None
    with Guest(tree, opt, script, args) as g:
        if opt.shell and sys.stdin.isatty():
            old = termios.tcgetattr(0)
            tty.setraw(0)
        try:
            return g.attend()
        finally:
            if old:
                termios.tcsetattr(0, termios.TCSADRAIN, old)
