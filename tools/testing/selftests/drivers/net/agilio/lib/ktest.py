# SPDX-License-Identifier: GPL-2.0-only
"""Tests as functions: a line for each, the kernel's log checked after each."""
from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable

BAD = re.compile(r"WARNING: |BUG: |Oops|refcount_t|unregister_netdevice: "
                 r"waiting|general protection|blocked for more than")
# What nfp.ko says on a real card, or about our tests being rough with it
DRIVER_BAD = re.compile(r"(nfp|agilio)[^:]* 0000:[0-9a-f:.]+:.*"
                        r"(error|fail|timeout|timed out|invalid|unknown|"
                        r"incorrect|broken)", re.I)
# The firmware loader says so of every name that is looked for in vain
LOADER = "firmware: failed to load"

Test = Callable[[], None]
tests: list[tuple[str, Test, bool]] = []


class Skip(Exception):
    """This can't be tested here, and why."""


def test(name: str, noisy: bool = False) -> Callable[[Test], Test]:
    """A test; noisy ones make the driver complain on purpose."""
    def add(fn: Test) -> Test:
        tests.append((name, fn, noisy))
        return fn
    return add


class Kmsg:
    """Lines of the kernel log since the last look."""

    def __init__(self) -> None:
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)

    def lines(self) -> list[str]:
        out = []
        while True:
            try:
                record = os.read(self.fd, 8192).decode(errors="replace")
            except BlockingIOError:
                return out
            except BrokenPipeError:
                continue
            out.append(record.split(";", 1)[-1].split("\n", 1)[0])


def complaint(line: str, noisy: bool = False) -> bool:
    if BAD.search(line):
        return True
    return bool(not noisy and LOADER not in line and DRIVER_BAD.search(line))


def driver() -> str:
    return os.environ["LAB_DRIVER"]


def run(title: str) -> int:
    """Run all tests, or those whose names contain an argument."""
    wanted = sys.argv[1:]
    kmsg = Kmsg()
    boot = [x for x in kmsg.lines() if complaint(x)]
    bad = 0

    def report(ok: bool, name: str) -> None:
        print(f"{'ok' if ok else 'not ok'} - {title} ({driver()}): {name}",
              flush=True)

    report(not boot, "nothing wrong in the kernel log since boot")
    for line in boot:
        print(f"# {line}")
    bad += bool(boot)
    for name, fn, noisy in tests:
        if wanted and not any(w in name for w in wanted):
            continue
        try:
            fn()
            ok = True
        except Skip as e:
            print(f"skip - {title} ({driver()}): {name}: {e}", flush=True)
            continue
        except Exception as e:  # a test must not end the others
            ok = False
            where = traceback.extract_tb(e.__traceback__)[-1]
            at = [f for f in traceback.extract_tb(e.__traceback__)
                  if "test_" in f.filename]
            where = at[-1] if at else where
            print(f"# {where.filename.rsplit('/', 1)[-1]}:{where.lineno}: "
                  f"{type(e).__name__}: {e}")
        log = kmsg.lines()
        hits = [x for x in log if complaint(x, noisy)]
        for line in hits:
            print(f"# kernel: {line}")
        ok = ok and not hits
        report(ok, name)
        bad += not ok
    return 1 if bad else 0
