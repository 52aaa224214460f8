"""What a scan imports and compiles, done once: every scan of a soak is forked from this."""

import matplotlib.figure  # noqa: F401
from fuzz.kernels import sweep

import tocsin.beam.run
import tocsin.cli
import tocsin.commands.scan
import tocsin.report.page  # noqa: F401

sweep(b"some words " * 90)
