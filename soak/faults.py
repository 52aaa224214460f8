"""Faults: each is set up in the process of a scan before it starts, or comes from outside."""

from __future__ import annotations

import builtins
import errno
import os
import random
import resource
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MIB = 1 << 20

INSIDE: dict[str, Callable[[random.Random], None]] = {}
"""Faults by name that a process brings on itself, at a place that the dice choose."""


def _inside(function: Callable[[random.Random], None]) -> Callable[[random.Random], None]:
    INSIDE[function.__name__] = function
    return function


@_inside
def file_too_large(dice: random.Random) -> None:
    """The system refuses to let any file grow beyond a limit: a write fails in mid-part."""
    limit = int(2 ** dice.uniform(8, 17))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


@_inside
def out_of_memory(dice: random.Random) -> None:
    """The address space ends somewhere above what the process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + int(dice.uniform(0, 400) * MIB)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


@_inside
def too_many_files(dice: random.Random) -> None:
    """No more descriptors than a few."""
    used = len(os.listdir("/proc/self/fd"))
    limit = used + dice.randrange(12)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


@_inside
def clock_jumps(dice: random.Random) -> None:
    """The wall clock jumps by up to twenty years, to and fro, at every twentieth look."""
    real, offset = time.time, [0.0]

    def jumping() -> float:
        if dice.random() < 0.05:
            offset[0] = dice.uniform(-6e8, 6e8)
        return real() + offset[0]

    time.time = jumping


@_inside
def failing_writes(dice: random.Random) -> None:
    """One of the calls that make a file last fails: as a disk does that is full or breaks."""
    name = dice.choice(["fsync", "replace", "unlink"])
    at = dice.randrange(1, 25)
    error = dice.choice([errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
    real, calls = getattr(os, name), [0]

    def failing(*arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] >= at:
            raise OSError(error, os.strerror(error))
        return real(*arguments, **options)

    setattr(os, name, failing)


class _BadStream:
    """A shard that is slow, and whose reading fails at one point."""

    def __init__(self, stream: Any, dice: random.Random, is_failing: bool) -> None:
        self._stream = stream
        self._dice = dice
        self._left = dice.randrange(200_000) if is_failing else 1 << 60

    def read(self, size: int = -1) -> bytes:
        if self._dice.random() < 0.1:
            time.sleep(0.02)
        data = self._stream.read(min(size, 20_000) if size > 0 else size)
        self._left -= len(data)
        if self._left < 0:
            raise OSError(errno.EIO, "injected")
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> _BadStream:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()


def _bad_reads(dice: random.Random, is_failing: bool) -> None:
    real = builtins.open

    def bad(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        opened = real(file, mode, *arguments, **options)
        if mode == "rb" and str(file).endswith((".jsonl", ".gz", ".zst")):
            return _BadStream(opened, dice, is_failing)
        return opened

    builtins.open = bad  # type: ignore[assignment]


@_inside
def slow_storage(dice: random.Random) -> None:
    """Reads are short and stall."""
    _bad_reads(dice, is_failing=False)


@_inside
def failing_storage(dice: random.Random) -> None:
    """Reads are short, stall, and fail somewhere in a shard."""
    _bad_reads(dice, is_failing=True)


@_inside
def killed(dice: random.Random) -> None:
    """SIGKILL after a while."""
    _later(dice.uniform(0, 2.5), lambda: os.kill(os.getpid(), signal.SIGKILL))


@_inside
def terminated(dice: random.Random) -> None:
    """SIGTERM after a while."""
    _later(dice.uniform(0, 2.5), lambda: os.kill(os.getpid(), signal.SIGTERM))


def _later(seconds: float, action: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()


class SmallDisk:
    """A file system of its own, of a size, for root only: `mount` with the real kernel's errors."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))

    def change(self, options: str) -> None:
        """Remounts, e.g. with `size=1g` or `ro`."""
        _mount("-o", f"remount,{options}", str(self._folder))


def unmount(folder: Path) -> None:
    """Ends a small disk: what was on it is gone."""
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def can_mount() -> bool:
    """Whether this user may mount file systems."""
    probe = Path(tempfile.mkdtemp(prefix="tocsin-mount-"))
    try:
        SmallDisk(probe, 4096)
        unmount(probe)
        probe.rmdir()
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
