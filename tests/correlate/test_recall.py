"""Recall against its definition: the hits of a string in the evidence of earlier nights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom

from tocsin.correlate.recall import UNSURE, Recalled, recall, unseen_holders
from tocsin.correlate.suspects import SUSPECT, ngram_keys
from tocsin.correlate.sweep import OCCURRENCE_SCHEMA, SweepCounts
from tocsin.measure.counts import encode_counts
from tocsin.measure.excerpts import EXCERPT_SCHEMA
from tocsin.measure.onset_records import ONSET
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
        counts = recall(suspects, onsets, EXCERPT_SCHEMA.empty_table(), PROFILE)
        keys = ngram_keys(np.ascontiguousarray(onsets["tokens"]), length, np.uint8(0)).tolist()
        for suspect, documents in zip(suspects, counts.documents.tolist()):
            expected = {
                (int(onset["shard"]), int(onset["position"]))
                for onset, key in zip(onsets, keys)
                if key == suspect["key"] and onset["direction"] == suspect["direction"]
            }
            assert documents == len(expected)
        assert counts.rows.num_rows == 0  # without excerpts there is nothing to show


def _suspect(hits: int, direction: int = 1) -> np.ndarray:
    suspect = np.zeros(1, SUSPECT)
    suspect["key"], suspect["documents"], suspect["direction"] = 7, hits, direction
    return suspect


def _recalled(hits: int, count: int = 0) -> Recalled:
    """Of a suspect, whose words the profile has so often."""
    codes = encode_counts(np.array([count]))
    return Recalled(np.array([hits]), codes, OCCURRENCE_SCHEMA.empty_table())


def _more(suspect: np.ndarray, holders: int, recalled: Recalled) -> int:
    swept = SweepCounts(np.array([holders]), np.array([holders]))
    return int(unseen_holders(suspect, swept, recalled, PROFILE)[0])


def test_nobody_else_is_assumed_where_nothing_was_recalled() -> None:
    assert _more(_suspect(10), 20, _recalled(0, 1000)) == 0


def test_decoys_are_held_elsewhere_as_often_as_their_words_occur() -> None:
    decoy = _suspect(12, direction=-1)
    assert _more(decoy, 4, _recalled(9, 15)) == 6  # three hits tonight say nothing
    assert _more(decoy, 4, _recalled(9, 5)) == 0


@pytest.mark.parametrize(("hits", "holders"), [(4, 4), (4, 6), (8, 8), (8, 20), (40, 41)])
def test_one_night_tells_the_share_of_hits_with_caution(hits: int, holders: int) -> None:
    """As few as they are, tonight's hits would be seen once in a hundred nights at that share."""
    more = _more(_suspect(hits + 18), holders, _recalled(18, 1 << 20))
    less, greater = (binom.sf(hits - 1, holders, 18 / (18 + n)) for n in (more + 0.5, more - 0.5))
    assert less <= UNSURE <= greater  # `more` is a whole number


def test_a_string_and_its_decoy_are_told_apart() -> None:
    """A string that stands where texts begin to change, and where they cease to, has one key."""
    suspects = np.concatenate([_suspect(12, direction=-1), _suspect(12)])
    recalled = Recalled(
        np.array([9, 9]), encode_counts(np.array([15, 15])), OCCURRENCE_SCHEMA.empty_table()
    )
    zeros = SweepCounts.zeros(2)
    rows = {
        name: pa.nulls(1, OCCURRENCE_SCHEMA.field(name).type) for name in OCCURRENCE_SCHEMA.names
    }
    rows |= {
        "suspect": pa.array([7], pa.uint64()), "context": pa.array([b"never seen"], pa.binary()),
        "context_start": pa.array([0]), "start": pa.array([0]), "end": pa.array([10]),
    }  # fmt: skip
    recalled = replace(recalled, rows=pa.table(rows))
    assert unseen_holders(suspects, zeros, recalled, PROFILE).tolist() == [6, 0]
