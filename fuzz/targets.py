"""The targets by name, and which share of the executions each gets."""

from __future__ import annotations

from collections.abc import Callable

from fuzz import kernels, parsers, readers

TARGETS: dict[str, Callable[[bytes], None]] = {
    "jsonl": readers.jsonl,
    "jsonl_gzip": readers.jsonl_gzip,
    "jsonl_zstd": readers.jsonl_zstd,
    "parquet": readers.parquet,
    "warc": readers.warc,
    "wet": readers.wet,
    "copy": readers.copy,
    "measure": kernels.measure,
    "sweep": kernels.sweep,
    "normal_form": kernels.normal_form,
    "policy": parsers.policy,
    "recipes": parsers.recipes,
    "state": parsers.state,
    "manifest": parsers.manifest,
    "profile": parsers.profile,
    "shown": parsers.shown,
    "groups": parsers.groups,
}
