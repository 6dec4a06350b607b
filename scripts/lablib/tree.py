# SPDX-License-Identifier: GPL-2.0-only
"""The Debian system tree: where everything is compiled, and the guest's root.
The mirror is the one that the host's apt uses."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .steps import LabError, REPO, command, digest, need_space, say, step

PACKAGES = """
linux-image-amd64 linux-headers-amd64 linux-source-6.12 kmod udev busybox-static
openvswitch-switch iproute2 ethtool iperf3 tcpdump python3-scapy jq iputils-ping
procps netcat-openbsd strace socat
qemu-system-x86 gcc clang libclang-rt-19-dev make sparse pkgconf
libglib2.0-dev python3 shellcheck bc flex bison xz-utils dpkg-dev
ca-certificates dkms python3-docutils mypy
""".split()
FIRMWARE = "firmware-netronome"
HOST_TOOLS = {"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs",
              "cpio": "cpio", "gzip": "gzip"}
OLD_DAYS = 14
# Nobody reads manuals in the guest
EXCLUDE = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*",
           "/usr/share/info/*"]


@dataclass
class Tree:
    path: Path
    release: str

    @property
    def kernel(self) -> Path:
        return self.path / "boot" / f"vmlinuz-{self.release}"


def host_mirror() -> str:
    """URI of the Debian archive in the host's apt configuration."""
    apt = Path("/etc/apt")
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    for f in files:
        if not f.is_file():
            continue
        text = f.read_text(errors="replace")
        for line in text.splitlines():
            m = re.match(r"URIs:\s*(\S+)", line) or \
                re.match(r"deb\s+(?:\[[^]]*\]\s+)?(\S+)", line)
            if m and m.group(1).rstrip("/").endswith("/debian"):
                return m.group(1)
    raise LabError("no Debian mirror in /etc/apt/sources.list*: the lab takes "
                   "its packages from where the host's apt does")


def host_tools() -> None:
    missing = [pkg for tool, pkg in HOST_TOOLS.items() if not shutil.which(tool)]
    if not missing:
        return
    if os.geteuid():
        raise LabError("install " + " ".join(missing) + ", or run as root")
    say("host: installing " + " ".join(missing))
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for argv in (["apt-get", "update"], ["apt-get", "install", "-y",
                                         "--no-install-recommends", *missing]):
        done = subprocess.run(argv, env=env, capture_output=True, text=True,
                              check=False)
        if done.returncode:
            raise LabError(done.stdout[-800:] + done.stderr[-800:] +
                           "\n" + " ".join(argv) + " failed")


def chroot(tree: Path, log: Path, script: str) -> None:
    """Run a shell script inside the tree, without the host's environment."""
    command(log, ["chroot", tree, "/usr/bin/env", "-i",
                  "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                  "DEBIAN_FRONTEND=noninteractive", "sh", "-ec", script])


# The headers need the generated QAPI files and a configuration, not a build
QEMU_HEADERS = """
cd /usr/src
apt-get source --download-only qemu="$(dpkg-query -Wf '${source:Version}' qemu-system-x86)"
mkdir qemu.all
tar -C qemu.all --strip-components=1 -xf qemu_*.orig.tar.*
rm qemu_*
mkdir -p qemu/generated/qapi
cd qemu.all
python3 scripts/qapi-gen.py -o ../qemu/generated/qapi -b qapi/qapi-schema.json
mv include linux-headers COPYING ../qemu/
cd ..
rm -rf qemu.all
: > qemu/generated/config-poison.h
cat > qemu/generated/config-host.h <<END
#define CONFIG_POSIX 1
#define CONFIG_LINUX 1
#define CONFIG_IOVEC 1
#define CONFIG_INT128 1
#define CONFIG_INT128_TYPE 1
#define CONFIG_TCG 1
#define HAVE_STRCHRNUL 1
#define HAVE_SYSTEM_FUNCTION 1
#define HOST_X86_64 1
END
"""


def build_tree(suite: str, tmp: Path, log: Path) -> None:
    need_space(6)
    if os.geteuid():
        raise LabError("building the system tree needs root")
    mirror = host_mirror()
    sources = log.with_suffix(".list")
    kinds = ("deb", "deb-src")
    parts = "main non-free-firmware"
    sources.write_text("".join(f"{k} {mirror} {suite} {parts}\n"
                               for k in kinds))
    command(log, ["mmdebstrap", "--variant=apt", "--mode=root",
                  "--skip=check/qemu", "--include=" + ",".join(PACKAGES),
                  *[f"--dpkgopt=path-exclude={e}" for e in EXCLUDE],
                  "--dpkgopt=force-confold",
                  # Initramfs of the distribution: not wanted, and slow
                  "--essential-hook=mkdir -p $1/etc/initramfs-tools && "
                  "printf 'update_initramfs=no\\n' > "
                  "$1/etc/initramfs-tools/update-initramfs.conf",
                  "--skip=cleanup/apt/lists",
                  suite, tmp, sources])
    try:
        chroot(tmp, log, f"apt-get install -y {FIRMWARE}")
    except LabError:
        say(f"tree: {FIRMWARE} can't be had, a stand-in will serve")
    chroot(tmp, log, QEMU_HEADERS)
    chroot(tmp, log, "apt-get clean; rm -rf /var/lib/apt/lists/*")


def get_tree(suite: str) -> Tree:
    host_tools()
    key = digest([suite, " ".join(PACKAGES), QEMU_HEADERS, host_mirror()])
    path = step(f"tree-{suite}", key,
                lambda tmp, log: build_tree(suite, tmp, log),
                f"Debian {suite} with kernel, Open vSwitch, QEMU and compilers "
                "(about 3 minutes)")
    age = (time.time() - (path / "var/lib/dpkg/status").stat().st_mtime) / 86400
    if age > OLD_DAYS:
        say(f"tree-{suite}: {age:.0f} days old; `scripts/lab clean` for Debian's "
            "newer packages")
    releases = sorted(p.name for p in (path / "lib/modules").iterdir())
    return Tree(path, releases[-1])


def bind_run(tree: Tree, log: Path, binds: dict[Path, str],
             script: str) -> None:
    """Run a script in the tree with host folders bound into it, in a mount
    namespace of its own, so that nothing stays mounted."""
    mounts = ""
    for host, inside in binds.items():
        (tree.path / inside.lstrip("/")).mkdir(parents=True, exist_ok=True)
        mounts += f"mount --bind '{host}' '{tree.path}{inside}'\n"
    inner = (f"{mounts}exec chroot '{tree.path}' /usr/bin/env -i "
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "
             'sh -ec "$1"')
    command(log, ["unshare", "-m", "sh", "-ec", inner, "sh", script],
            cwd=str(REPO))
