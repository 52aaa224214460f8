"""Recall against its definition: the hits of a string in the evidence of earlier nights."""

from __future__ import annotations

import numpy as np

from tocsin.correlate.recall import recall, unseen_holders
from tocsin.correlate.suspects import SUSPECT, ngram_keys
from tocsin.correlate.sweep import OCCURRENCE_SCHEMA, SweepCounts
from tocsin.measure.excerpts import EXCERPT_SCHEMA
from tocsin.measure.kernel import ONSET
from tocsin.measure.profile import Profile

PROFILE = Profile.create(np.empty(0, np.uint64), np.empty(0, np.uint32), 1000, 10, 7, 1.0)


def _onsets(count: int) -> np.ndarray:
    """Onsets of few tokens and documents, so that strings meet."""
    random = np.random.default_rng(count)
    onsets = np.zeros(count, ONSET)
    onsets["shard"] = random.integers(0, 2, count)
    onsets["position"] = random.integers(0, 4, count)
    onsets["offset"] = np.arange(count)
    onsets["direction"] = random.choice([1, -1], count)
    onsets["tokens"] = random.integers(1, 4, onsets["tokens"].shape)
    return onsets


def _suspects(onsets: np.ndarray, length: int) -> np.ndarray:
    """A suspect for every n-gram of this length, in both directions."""
    rows = {}
    tokens = np.ascontiguousarray(onsets["tokens"])
    keys = ngram_keys(tokens, length, np.uint8(0))
    for key, onset in zip(keys.tolist(), onsets):
        rows[key, int(onset["direction"])] = onset["tokens"][1:3] * [1, length > 1]
    suspects = np.zeros(len(rows), SUSPECT)
    for number, (key, direction) in enumerate(sorted(rows)):
        suspects[number]["key"], suspects[number]["length"] = key, length
        suspects[number]["direction"] = direction
        suspects[number]["first_token"], suspects[number]["second_token"] = rows[key, direction]
    return suspects


def test_hits_are_counted_once_a_document() -> None:
    for length in (1, 2, 3):
        onsets = _onsets(60)
        suspects = _suspects(onsets, length)
        counts, rows = recall(suspects, onsets, EXCERPT_SCHEMA.empty_table(), PROFILE)
        keys = ngram_keys(np.ascontiguousarray(onsets["tokens"]), length, np.uint8(0)).tolist()
        for suspect, documents in zip(suspects, counts.documents.tolist()):
            expected = {
                (int(onset["shard"]), int(onset["position"]))
                for onset, key in zip(onsets, keys)
                if key == suspect["key"] and onset["direction"] == suspect["direction"]
            }
            assert documents == len(expected)
        assert rows.num_rows == 0  # without excerpts there is nothing to show


def test_nobody_else_is_assumed_where_nothing_was_recalled() -> None:
    suspects = _suspects(_onsets(10), 1)
    zeros = SweepCounts.zeros(len(suspects))
    more = unseen_holders(suspects, zeros, zeros, OCCURRENCE_SCHEMA.empty_table(), PROFILE)
    assert not more.documents.any()
