"""The machine and the versions that a measurement was made with."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import dataclass
from pathlib import Path

_PACKAGES = ("tocsin", "apache-beam", "numba", "numpy", "pyarrow")


@dataclass(frozen=True)
class Machine:
    """Processor, number of cores, and versions by package; `python` is one of them."""

    processor: str
    cores: int
    versions: dict[str, str]

    @property
    def line(self) -> str:
        """One sentence."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"Measured on {self.processor}, {self.cores} cores, with {versions}."


def this_machine() -> Machine:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return Machine(_processor(), os.cpu_count() or 1, versions)


def _processor() -> str:
    """The model name where Linux tells it, else what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
