from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tocsin.beam.measure import _ShardTotals
from tocsin.beam.totals import Totals
from tocsin.measure.batch import BUCKETS
from tocsin.measure.onsets import CHANNELS


def _receipt(shard: int, groups: range, **changes: Any) -> dict[str, Any]:
    """As a worker writes it, of a shard with documents of `groups` and nothing else."""
    totals = _ShardTotals()
    for group in groups:
        totals.groups.update(f"group-{group}.org".encode())
    letters = pa.table({"reason": pa.array([], pa.string())})
    by_bucket = np.arange(len(BUCKETS)) * (shard + 1)
    return {
        **totals.receipt(letters),
        "shard": shard,
        "records": 10 * shard + 3,
        "documents": 10 * shard + 1,
        "dead_letters": 2,
        "dead_letter_reasons": {"missing_text": 1, f"reason-{shard}": 1},
        "other_records": shard,
        "text_bytes": 1 << 40,
        "tokens": 100,
        "surprisal": 0.1 * (shard + 1),
        "bucket_tokens": by_bucket.tolist(),
        "bucket_onsets": [(by_bucket // (2 + n)).tolist() for n in range(len(CHANNELS))],
        "bucket_decoys": [(by_bucket // (3 + n)).tolist() for n in range(len(CHANNELS))],
        **changes,
    }


@pytest.fixture
def receipts() -> list[dict[str, Any]]:
    return [_receipt(shard, range(100 * shard, 100 * shard + 200)) for shard in range(4)]


def test_sums(receipts: list[dict[str, Any]]) -> None:
    totals = Totals.of(receipts)
    assert (totals.records, totals.documents, totals.dead_letters) == (72, 64, 8)
    assert (totals.other_records, totals.text_bytes, totals.tokens) == (6, 4 << 40, 400)
    assert totals.surprisal == pytest.approx(1.0)
    assert totals.bucket_tokens.tolist() == (10 * np.arange(len(BUCKETS))).tolist()
    assert totals.dead_letter_reasons == {
        "missing_text": 4, "reason-0": 1, "reason-1": 1, "reason-2": 1, "reason-3": 1,
    }  # fmt: skip


def test_groups_of_several_shards_count_once(receipts: list[dict[str, Any]]) -> None:
    """500 different ones; a HyperLogLog of 1,024 registers errs by 3 %."""
    assert Totals.of(receipts).groups == pytest.approx(500, rel=0.1)
    assert Totals.of([receipts[0]] * 3).groups == Totals.of(receipts[:1]).groups


def test_the_order_of_receipts_does_not_matter(receipts: list[dict[str, Any]]) -> None:
    expected = Totals.of(receipts)
    for order in itertools.permutations(receipts):
        totals = Totals.of(order)
        assert totals.surprisal == expected.surprisal  # to the last bit
        assert list(totals.dead_letter_reasons.items()) == list(
            expected.dead_letter_reasons.items()
        )
        assert totals.groups == expected.groups


def test_no_shards() -> None:
    totals = Totals.of([])
    assert (totals.records, totals.groups, totals.dead_letter_reasons) == (0, 0, {})
    corpus = totals.corpus()
    assert corpus.rates.shape == (len(CHANNELS), len(BUCKETS))
    assert np.isfinite(corpus.rates).all()
    assert ((corpus.decoy_rates > 0) & (corpus.decoy_rates <= 1)).all()


def test_what_the_test_for_campaigns_needs(receipts: list[dict[str, Any]]) -> None:
    corpus = Totals.of(receipts).corpus()
    assert corpus.surprisal == pytest.approx(1.0 / 400)
    assert np.isfinite(corpus.rates).all()
