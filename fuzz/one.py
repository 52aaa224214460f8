"""Fuzzes one target in this process: `python -m fuzz.one TARGET [libFuzzer's options]`."""

from __future__ import annotations

import sys

import atheris

# Kernels are compiled from their bytecode, which must stay as it is: they come first.
import fuzz.kernels  # noqa: F401

with atheris.instrument_imports(
    include=["tocsin.corpus", "tocsin.judge", "tocsin.ledger", "tocsin.report.visible"]
):
    from fuzz.seeds import seeds
    from fuzz.targets import TARGETS


def main() -> None:
    """Runs until libFuzzer's options say so; a failure leaves the input in a file."""
    target = TARGETS[sys.argv[1]]
    for content in seeds(sys.argv[1]):  # compiles kernels, which is not to count as slow
        target(content)
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
