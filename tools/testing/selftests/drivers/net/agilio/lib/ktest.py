# SPDX-License-Identifier: GPL-2.0-only
"""Tests as functions: a line for each, the kernel's log checked after each. The
first line says how many there will be, as 1..N."""
from __future__ import annotations

import os
import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from . import hw, slab
from .net import Skip as Skip
from .net import nothing_wrong

hw.prepare()

BAD = re.compile(r"WARNING: |BUG[ :]|Oops|refcount_t|unregister_netdevice: "
                 r"waiting|general protection|blocked for more than|UBSAN: |"
                 r"list_(add|del) corruption|NETDEV WATCHDOG")
# What nfp.ko says on a real card, or about our tests being rough with it
DRIVER_BAD = re.compile(r"(nfp|agilio)[^:]* 0000:[0-9a-f:.]+:.*"
                        r"(error|fail|timeout|timed out|invalid|unknown|"
                        r"incorrect|broken)", re.I)
# The firmware loader says so of every name that is looked for in vain
LOADER = "firmware: failed to load"

Test = Callable[[], None]


@dataclass
class Case:
    name: str
    run: Test
    # It makes the driver complain on purpose
    noisy: bool = False
    # What the kernel must say, and is no complaint then
    says: str = ""


tests: list[Case] = []


def test(name: str, noisy: bool = False, says: str = "") -> Callable[[Test], Test]:
    """A test; noisy ones make the driver complain on purpose, and some have the
    kernel say something."""
    def add(fn: Test) -> Test:
        tests.append(Case(name, fn, noisy, says))
        return fn
    return add


class Kmsg:
    """Lines of the kernel log since the last look."""

    def __init__(self) -> None:
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)

    def lines(self) -> list[str]:
        out: list[str] = []
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


def chosen(words: list[str]) -> list[Case]:
    """The tests whose names contain a word; each word must choose one."""
    for word in words:
        if not any(word in t.name for t in tests):
            sys.exit(f"no test has {word!r} in its name")
    return [t for t in tests
            if not words or any(w in t.name for w in words)]


def where(e: BaseException) -> str:
    """The line of the test that an exception came out of."""
    frames = traceback.extract_tb(e.__traceback__)
    at = ([f for f in frames if "test_" in f.filename] or list(frames))[-1]
    return f"{at.filename.rsplit('/', 1)[-1]}:{at.lineno}"


def line(verdict: str, n: int, name: str, why: str) -> str:
    """A test's; in kselftest's way with a number, and a skip is ok there."""
    if not hw.here():
        return f"{verdict} - {name}" + (f": {why}" if why else "")
    if verdict == "skip":
        return f"ok {n} {name} # SKIP {why}"
    return f"{verdict} {n} {name}"


class Refusals:
    """The words that agilio.ko refuses rules with, from its trace events."""

    ROOT = "/sys/kernel/tracing"
    HERE = f"{ROOT}/instances/refusals"

    def __init__(self) -> None:
        if not os.path.exists(f"{self.ROOT}/instances"):
            subprocess.run(["mount", "-t", "tracefs", "nodev", self.ROOT], check=True)
        os.mkdir(self.HERE)
        self._write("events/agilio/agilio_refused/enable", "1")

    def _write(self, name: str, value: str) -> None:
        with open(f"{self.HERE}/{name}", "w", encoding="ascii") as f:
            f.write(value)

    def end(self) -> None:
        """Print them, each once, for scripts/test to see which are missing."""
        self._write("events/agilio/agilio_refused/enable", "0")
        with open(f"{self.HERE}/trace", encoding="ascii", errors="replace") as f:
            texts = {m.group(1) for x in f
                     if (m := re.search(r" tc_refused_\w+: (.*)", x))}
        for text in sorted(texts):
            print(f"# refusal: {text}")
        os.rmdir(self.HERE)


def run(title: str, met: tuple[str, ...] = (), refusals: bool = False,
        slabs: bool = False) -> int:
    """Run all tests, or those whose names contain an argument. @met: what the
    model counts as wrong, and meets here on purpose. @refusals: agilio.ko
    refuses rules here, and with which words is to be known. @slabs: where the
    kernel keeps track, it has as much memory in the end as in the beginning."""
    todo = chosen(sys.argv[1:])
    if slabs and driver() == "agilio" and slab.known():
        before = slab.sites()
        todo.append(Case("the driver has no more memory than before",
                         lambda: slab.no_more_than(before)))
    words = Refusals() if refusals and driver() == "agilio" else None
    todo.append(Case("the model met nothing wrong", lambda: nothing_wrong(met)))
    kmsg = Kmsg()
    if hw.here():
        kmsg.lines()    # of before
    qdiscs = hw.with_clsact()
    boot = [x for x in kmsg.lines() if complaint(x)]
    bad = 0
    said = 0

    def report(verdict: str, name: str, log: list[str], why: str = "") -> int:
        """Return: 1 for a failure."""
        nonlocal said
        for x in log:
            print(f"# kernel: {x}")
        if log:
            verdict = "not ok"
        said += 1
        print(line(verdict, said, f"{title} ({driver()}): {name}", why), flush=True)
        return int(verdict == "not ok")

    if hw.here():
        print("TAP version 13")
    print(f"1..{len(todo) + 1}")
    bad += report("ok", "nothing wrong in the kernel log since boot", boot)
    for t in todo:
        verdict, why = "ok", ""
        try:
            t.run()
        except Skip as e:
            verdict, why = "skip", str(e)
            hw.put_back(qdiscs)
        except Exception as e:  # a test must not end the others
            verdict = "not ok"
            print(f"# {where(e)}: {type(e).__name__}: {e}")
        log = kmsg.lines()
        if verdict == "ok" and t.says and not any(t.says in x for x in log):
            verdict = "not ok"
            print(f"# the kernel did not say {t.says!r}")
        bad += report(verdict, t.name, [x for x in log if complaint(x, t.noisy) and
                                        not (t.says and t.says in x)], why)
    if words:
        words.end()
    return 1 if bad else 0
