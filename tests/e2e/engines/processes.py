"""Processes of an engine, started and ended by a test."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_PORTS = range(15_000, 32_000)
"""Below those that systems hand out to whoever opens a connection: between its choice and its use
by a process that takes seconds to start, nobody takes a port by accident."""


def free_port() -> int:
    """A port of the loopback that nobody uses at the moment."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def running(command: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen]:
    """A process in a group of its own, all of which is killed when the block ends. Where the block
    fails, the error tells what the process has said last."""
    with open(log, "ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, start_new_session=True,
            env={**os.environ, **environment},
        )  # fmt: skip
    try:
        yield process
    except Exception as error:
        ended = process.poll()
        state = "still runs" if ended is None else f"has ended with {ended}"
        last = log.read_text("utf-8", "replace")[-2_000:]
        raise RuntimeError(f"{log.name} {state}: {last}") from error
    finally:
        kill(process)


@contextlib.contextmanager
def worker_pool(port: int, log: Path) -> Iterator[None]:
    """Beam's pool of Python workers: it starts processes, `python` of its PATH, for jobs."""
    command = [
        sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main",
        f"--service_port={port}",
    ]  # fmt: skip
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with running(command, log, PATH=path):
        wait_for(lambda: listens(port))
        yield


def kill(process: subprocess.Popen) -> None:
    """Kills a process and what it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(what: Callable[[], bool], seconds: float = 120.0) -> None:
    """Waits until something is so.

    Raises:
      TimeoutError: if it does not become so.
    """
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:.0f} s")
        time.sleep(0.2)


def listens(port: int) -> bool:
    """Whether someone answers at a port of the loopback."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
