"""What a job counts, under names that stay: engines show them while it runs.

Work that an engine repeats is counted again; the manifest has what is exact.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any

from apache_beam.metrics import Metrics
from apache_beam.metrics.metric import Metrics as _Metrics

NAMESPACE = "tocsin"

COUNTERS = {
    "ranges": "ranges of large shards that were counted",
    "profile_documents": "documents that a profile was learned from",
    "documents": "documents measured",
    "text_bytes": "bytes of their texts",
    "dead_letters": "records that could not be read",
    "dead_letters_REASON": "the same, for each reason",
    "evidence_KIND": "records of evidence, for each kind",
    "findings": "findings of single documents",
    "onsets_left_out": "onsets of too frequent a first token that the search has left out",
    "suspects": "strings, of all channels, that the sweep looked for",
    "swept_documents": "documents read again by the sweep",
    "campaigns": "campaigns found",
    "flagged": "documents flagged",
    "flagged_DETECTOR": "findings of flagged documents, for each detector",
    "kept_documents": "documents that a filter has copied",
    "removed_documents": "documents that a filter has left out",
}
"""Counters by name, and what they count."""

DISTRIBUTIONS = {
    "piece_stored_bytes": "bytes as stored of the shards and ranges that were measured",
    "piece_milliseconds": "CPU time of measuring one, reading and writing included",
    "kernel_milliseconds": "the part of it that kernels took",
}
"""Distributions by name, and what they are of."""

_LOGGER = logging.getLogger("tocsin")


def counter(name: str, of: str | None = None) -> _Metrics.DelegatingCounter:
    """The counter `name`; or, of one that ends in a word of capitals, that for `of`."""
    stem = name.rpartition("_")[0] if of is not None else name
    assert name in COUNTERS
    return Metrics.counter(NAMESPACE, name if of is None else f"{stem}_{of}")


def count_each(name: str, values: Iterable[tuple[str, int]]) -> None:
    """Adds to the counters of several reasons, kinds or detectors."""
    for of, number in values:
        if number:
            counter(name, of).inc(number)


def distribution(name: str) -> _Metrics.DelegatingDistribution:
    """The distribution `name`."""
    assert name in DISTRIBUTIONS
    return Metrics.distribution(NAMESPACE, name)


def log(event: str, scan_id: str, **fields: Any) -> None:
    """Logs one line of JSON: what happened, in which scan, to which shard."""
    _LOGGER.info("%s", json.dumps({"event": f"tocsin.{event}", "scan_id": scan_id, **fields}))
