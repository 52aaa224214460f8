"""Totals of a scan, added up from the receipts of its shards."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from datasketch import HyperLogLogPlusPlus

from tocsin.beam.measure import GROUPS_PRECISION
from tocsin.correlate.campaigns import Corpus
from tocsin.correlate.statistics import bucket_rates
from tocsin.measure.batch import BUCKETS
from tocsin.measure.onsets import CHANNELS, LONGEST_NGRAM

_SUMMED = ("records", "documents", "dead_letters", "other_records", "text_bytes", "tokens")


def statistics_of(receipts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What Totals adds up, added up as one receipt: what a later night needs of this one."""
    receipts = list(receipts)
    totals = Totals.of(receipts)
    return {
        "shard": 0,
        **{name: getattr(totals, name) for name in (*_SUMMED, "surprisal", "dead_letter_reasons")},
        "groups": _groups(receipts).reg.astype(np.uint8).tobytes().hex(),
        "bucket_tokens": totals.bucket_tokens.tolist(),
        "bucket_onsets": totals.bucket_onsets.tolist(),
        "bucket_decoys": totals.bucket_decoys.tolist(),
    }


def _groups(receipts: Iterable[dict[str, Any]]) -> HyperLogLogPlusPlus:
    groups = HyperLogLogPlusPlus(GROUPS_PRECISION)
    for receipt in receipts:
        registers = np.frombuffer(bytes.fromhex(receipt["groups"]), np.uint8)
        groups.reg = np.maximum(groups.reg, registers)
    return groups


@dataclass(frozen=True)
class Totals:
    """Sums over all shards; `bucket_tokens`: int64 (buckets,); `bucket_onsets`, `bucket_decoys`:
    int64 (channels, buckets); `groups` is an estimate (HyperLogLog)."""

    records: int
    documents: int
    dead_letters: int
    other_records: int
    text_bytes: int
    tokens: int
    groups: int
    surprisal: float
    dead_letter_reasons: dict[str, int]
    bucket_tokens: np.ndarray
    bucket_onsets: np.ndarray
    bucket_decoys: np.ndarray

    @classmethod
    def of(cls, receipts: Iterable[dict[str, Any]]) -> Totals:
        """Adds up receipts; the result does not depend on their order, nor on how the corpus is cut
        into shards and ranges."""
        found = list(receipts)
        reasons: dict[str, int] = {}
        for receipt in found:
            for reason, count in receipt["dead_letter_reasons"].items():
                reasons[reason] = reasons.get(reason, 0) + count

        def by_bucket(name: str, *shape: int) -> np.ndarray:
            zeros = np.zeros((*shape, len(BUCKETS)), np.int64)
            return np.array([zeros, *[receipt[name] for receipt in found]], np.int64).sum(axis=0)

        return cls(
            **{name: sum(receipt[name] for receipt in found) for name in _SUMMED},
            groups=round(_groups(found).count()),
            surprisal=math.fsum(receipt["surprisal"] for receipt in found),
            dead_letter_reasons=dict(sorted(reasons.items())),
            bucket_tokens=by_bucket("bucket_tokens"),
            bucket_onsets=by_bucket("bucket_onsets", len(CHANNELS)),
            bucket_decoys=by_bucket("bucket_decoys", len(CHANNELS)),
        )

    def corpus(self) -> Corpus:
        """What the test for campaigns needs to know."""
        return Corpus(
            rates=np.array(
                [bucket_rates(onsets, self.bucket_tokens) for onsets in self.bucket_onsets]
            ),
            decoy_rates=(self.bucket_decoys.sum(axis=1) + 1) / (self.tokens + 2),
            strings=self.bucket_onsets.sum(axis=1) * LONGEST_NGRAM,
            surprisal=self.surprisal / max(self.tokens, 1),
        )
