"""Medians of CPU time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

REPETITIONS = 5


def cpu_seconds(work: Callable[[], Any]) -> float:
    """Median of the CPU-seconds that `work` takes in this process, of `REPETITIONS` runs after one
    that counts for nothing."""
    work()
    seconds = []
    for _ in range(REPETITIONS):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return statistics.median(seconds)
