# SPDX-License-Identifier: GPL-2.0-only
"""Build steps: each has a name, a key made of its inputs, and a result in the
cache that appears under its final name only when it is complete."""
from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
START = time.monotonic()
LOG_LINES = 25
KEEP_SECONDS = 6 * 3600
held_locks: list[int] = []


class LabError(Exception):
    """Something that the user is told about in one line, or a few."""


def cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(base) / "agilio"
    path.mkdir(parents=True, exist_ok=True)
    return path


def elapsed() -> float:
    """Seconds since the command began."""
    return time.monotonic() - START


def say(text: str) -> None:
    print(f"[lab {elapsed():6.1f} s] {text}", file=sys.stderr,
          flush=True)


def digest(parts: Iterable[str | bytes | Path]) -> str:
    """A key of texts and of the contents of files and folders."""
    h = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            files = sorted(p for p in part.rglob("*") if p.is_file()) \
                if part.is_dir() else [part]
            for f in files:
                if f.suffix in (".o", ".d", ".ko", ".pyc", ".cmd", ".mod"):
                    continue
                h.update(str(f.relative_to(part) if part.is_dir()
                             else f.name).encode())
                h.update(f.read_bytes())
        else:
            h.update(part.encode() if isinstance(part, str) else part)
        h.update(b"\0")
    return h.hexdigest()[:16]


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """One lab at a time builds a step; others wait for it."""
    with open(cache_dir() / f"{name}.lock", "w", encoding="ascii") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{name}: another lab is building it, waiting")
            fcntl.flock(f, fcntl.LOCK_EX)
        # Children hold it, too: one that outlives a killed lab still builds
        held_locks.append(f.fileno())
        try:
            yield
        finally:
            held_locks.remove(f.fileno())


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def need_space(gib: float) -> None:
    free = shutil.disk_usage(cache_dir()).free / 2**30
    if free < gib:
        raise LabError(f"{cache_dir()} has {free:.1f} GiB free, "
                       f"{gib:.1f} GiB are needed; set XDG_CACHE_HOME to a "
                       "place with more")


def command(log: Path, argv: Sequence[str | Path], **kw: object) -> None:
    """Run a command into a log; show the log's end if it fails."""
    with open(log, "ab") as f:
        f.write(("+ " + " ".join(map(str, argv)) + "\n").encode())
        f.flush()
        try:
            done = subprocess.run([str(a) for a in argv], stdout=f, stderr=f,
                                  stdin=subprocess.DEVNULL, check=False,
                                  pass_fds=held_locks,
                                  **kw)  # type: ignore[call-overload]
        except FileNotFoundError as e:
            raise LabError(f"{argv[0]} is not installed") from e
    if done.returncode:
        tail = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        raise LabError("\n".join(tail) + f"\n{argv[0]} failed with status "
                       f"{done.returncode}; all of it: {log}")


def step(name: str, key: str, build: Callable[[Path, Path], None],
         what: str, lock: str = "") -> Path:
    """The result of a step, built unless the cache has it.

    `build` gets a temporary path to create and a log file; others that want
    the same @lock, or the same step, wait for it. Results of the
    same step with other keys are removed, but for the newest and what was used
    within KEEP_SECONDS: another checkout's guest may be about to boot it.
    """
    final = cache_dir() / f"{name}-{key}"
    if final.exists():
        os.utime(final)
        return final
    with locked(lock or name):
        if final.exists():
            return final
        for stale in cache_dir().glob(f"{final.name if lock else name}*.tmp"):
            remove(stale)
        say(f"{name}: {what}")
        began = time.monotonic()
        log = cache_dir() / f"{lock or name}.log"
        log.write_text("")
        tmp = final.with_name(final.name + ".tmp")
        try:
            build(tmp, log)
        except shutil.Error as e:
            raise LabError(f"{name}: {e.args[0][0][2]}, and {len(e.args[0]) - 1} "
                           f"more; the log is {log}") from e
        except OSError as e:
            raise LabError(f"{name}: {e}; the log is {log}") from e
        tmp.rename(final)
        say(f"{name}: done in {time.monotonic() - began:.0f} s")
    old = sorted((p for p in cache_dir().glob(f"{name}-*")
                  if p != final and p.suffix not in (".log", ".lock", ".tmp")),
                 key=lambda p: p.stat().st_mtime)
    for p in old[:-1]:
        if p.stat().st_mtime < time.time() - KEEP_SECONDS:
            remove(p)
    return final
