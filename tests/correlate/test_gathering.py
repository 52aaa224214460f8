"""Gathering onsets: within bounds whatever a corpus holds, and the same in any order."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tocsin.correlate.gathering import MOST_ONSETS, Gathered, document_hashes, suspects_of
from tocsin.correlate.suspects import find_suspects
from tocsin.measure.onset_records import ONSET, TOKENS_KEPT

_TRIGGER = [7, 11, 12]


def onsets(count: int, seed: int, first: int | None = None) -> np.ndarray:
    """Onsets in documents of their own, with tokens at random; `first`: their first token."""
    chance = np.random.default_rng(seed)
    records = np.zeros(count, ONSET)
    records["shard"] = seed
    records["position"] = np.arange(count)
    records["group"] = records["position"] % 97
    records["direction"] = 1
    records["tokens"] = chance.integers(1_000, 2**32, (count, TOKENS_KEPT))
    if first is not None:
        records["tokens"][:, 1] = first
    return records


def planted(count: int, seed: int) -> np.ndarray:
    """Onsets at one string of three tokens, of which the first is the hot one."""
    records = onsets(count, seed)
    records["tokens"][:, 1:4] = _TRIGGER
    return records


def gathered(blocks: list[np.ndarray], most: int, pending: int = 500) -> Gathered:
    result = Gathered(most, pending)
    for block in blocks:
        result.add(block)
    return result


def everything(gathered: Gathered) -> dict[int, set[tuple[int, int]]]:
    """Documents kept, by level."""
    return {
        level: set(zip(some["shard"].tolist(), some["position"].tolist()))
        for level, some in gathered.by_level()
    }


def naive(records: np.ndarray, most: int) -> dict[int, set[tuple[int, int]]]:
    """By the definition: of each token the lowest level that leaves no more than `most`."""
    result: dict[int, set[tuple[int, int]]] = {}
    for token in set(records["tokens"][:, 1].tolist()):
        own = records[records["tokens"][:, 1] == token]
        hashes = document_hashes(own["shard"].copy(), own["position"].copy()).tolist()
        level = 0
        while sum(one % 2**level == 0 for one in hashes) > most:
            level += 1
        for record, one in zip(own, hashes):
            if one % 2**level == 0:
                place = int(record["shard"]), int(record["position"])
                result.setdefault(level, set()).add(place)
    return result


@pytest.mark.parametrize("most", [1, 10, 100, 5_000])
def test_what_is_kept_is_what_the_definition_says(most: int) -> None:
    """In whatever order blocks come."""
    records = np.concatenate([onsets(3_000, 1, 7), onsets(400, 2, 8), onsets(300, 3)])
    expected = naive(records, most)
    for seed in range(3):
        mixed = records[np.random.default_rng(seed).permutation(len(records))]
        found = gathered(np.array_split(mixed, 11), most)
        assert everything(found) == expected
        assert found.seen == len(records)
        assert found.kept == sum(len(documents) for documents in expected.values())


def test_nothing_is_left_out_below_the_bound() -> None:
    records = np.concatenate([planted(40, 1), onsets(2_000, 2, 7), onsets(2_000, 3)])
    found = gathered(np.array_split(records, 7), 5_000)
    assert found.kept == found.seen == len(records)
    np.testing.assert_array_equal(
        np.sort(suspects_of(found, 1.0), order="key"), find_suspects(records, 1.0)
    )


def test_a_campaign_behind_a_hot_token_stays_suspected() -> None:
    """Three of a hundred onsets at the token are those of a campaign: its string is a suspect on
    the sample, with a number of documents that is near the true one."""
    records = np.concatenate([onsets(30_000, 1, 7), planted(1_000, 2)])
    found = gathered(np.array_split(records, 31), 4_000, pending=5_000)
    by_length = {int(one["length"]): int(one["documents"]) for one in suspects_of(found, 1.0)}
    assert found.kept <= 4_000 < found.seen == 31_000
    assert set(by_length) == {1, 3}  # the token alone, and the whole string
    assert by_length[3] == pytest.approx(1_000, rel=0.25)


def test_memory_is_bounded_where_one_token_begins_everything() -> None:
    """Four million onsets, 300 MB: by far most of what a partition can be skewed by."""
    block = onsets(250_000, 1, 7)
    found = Gathered()
    tracemalloc.start()
    for number in range(16):
        block["shard"] = number
        found.add(block)
    assert sum(len(some) for _, some in found.by_level()) <= MOST_ONSETS
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.seen == 4_000_000
    assert peak < 250e6, peak


def test_one_group_with_half_of_the_documents_changes_nothing() -> None:
    """Groups are counted, not gathered: a hot one is no key of anything."""
    records = planted(1_000, 1)
    records["tokens"][:, 1] = 9
    spread = suspects_of(gathered([records], 5_000), 1.0)
    records["group"][::2] = 1
    skewed = suspects_of(gathered([records], 5_000), 1.0)
    assert skewed["documents"].tolist() == spread["documents"].tolist()
    assert (skewed["groups"] >= 49).all()
