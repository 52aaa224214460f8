"""Totals of a scan, added up from the receipts of its shards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from datasketch import HyperLogLogPlusPlus

from tocsin.beam.measure import GROUPS_PRECISION
from tocsin.correlate.campaigns import Corpus
from tocsin.correlate.statistics import bucket_rates
from tocsin.measure.batch import BUCKETS
from tocsin.measure.onsets import LONGEST_NGRAM

_SUMMED = ("records", "documents", "dead_letters", "other_records", "text_bytes", "tokens")


@dataclass(frozen=True)
class Totals:
    """Sums over all shards; arrays are int64 (buckets,); `groups` is an estimate (HyperLogLog)."""

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
        """Adds up receipts, in the order of their shards whatever the order given."""
        ordered = sorted(receipts, key=lambda receipt: receipt["shard"])
        groups = HyperLogLogPlusPlus(GROUPS_PRECISION)
        reasons: dict[str, int] = {}
        for receipt in ordered:
            groups.reg = np.maximum(
                groups.reg, np.frombuffer(bytes.fromhex(receipt["groups"]), np.uint8)
            )
            for reason, count in receipt["dead_letter_reasons"].items():
                reasons[reason] = reasons.get(reason, 0) + count

        def by_bucket(name: str) -> np.ndarray:
            rows = [np.zeros(len(BUCKETS), np.int64), *[receipt[name] for receipt in ordered]]
            return np.array(rows, np.int64).sum(axis=0)

        return cls(
            **{name: sum(receipt[name] for receipt in ordered) for name in _SUMMED},
            groups=round(groups.count()),
            surprisal=sum(receipt["surprisal"] for receipt in ordered),
            dead_letter_reasons=dict(sorted(reasons.items())),
            bucket_tokens=by_bucket("bucket_tokens"),
            bucket_onsets=by_bucket("bucket_onsets"),
            bucket_decoys=by_bucket("bucket_decoys"),
        )

    def corpus(self) -> Corpus:
        """What the test for campaigns needs to know."""
        return Corpus(
            rates=bucket_rates(self.bucket_onsets, self.bucket_tokens),
            decoy_rate=(int(self.bucket_decoys.sum()) + 1) / (self.tokens + 2),
            strings=int(self.bucket_onsets.sum()) * LONGEST_NGRAM,
            surprisal=self.surprisal / max(self.tokens, 1),
        )
