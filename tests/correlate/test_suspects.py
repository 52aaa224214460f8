from __future__ import annotations

import itertools
import random
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measure import calls

from tocsin.correlate.suspects import (
    HOPELESS,
    MINIMUM_DIVERSITY,
    MINIMUM_DOCUMENTS,
    MINIMUM_HIT_SHARE,
    MINIMUM_ONCE_SHARE,
    SUSPECT,
    WIDESPREAD_GROUPS,
    diversity,
    find_suspects,
)
from tocsin.measure.counts import DECODED_COUNTS, encode_counts
from tocsin.measure.onset_records import ONSET, TOKENS_KEPT
from tocsin.measure.onsets import LANGUAGE, LONGEST_NGRAM, SURPRISAL

Row = tuple[int, int, int, int, int, int, int]


def onset(
    ngram: list[int],
    position: int,
    *,
    shard: int = 0,
    group: int | None = None,
    offset: int = 100,
    word_count: int = 0,
    pair_count: int = 0,
    direction: int = 1,
    far: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """A record whose kept tokens begin with `ngram`; the first is the neighbour before."""
    record = np.zeros(1, ONSET)
    record["shard"], record["position"], record["offset"] = shard, position, offset
    record["group"] = position if group is None else group
    record["direction"] = direction
    for name, count in (("word_code", word_count), ("pair_code", pair_count)):
        record[name] = encode_counts(np.array([count]))[0] if count else 0
    record["tokens"][0, : len(ngram)] = ngram
    record["far_before"], record["far_after"] = far
    return record


def differ(values: list[int]) -> float:
    """Probability that two of the values, drawn without replacement, differ: by trying all."""
    pairs = list(itertools.combinations(values, 2))
    return sum(one != other for one, other in pairs) / len(pairs)


def is_diverse(next_to: list[int], far: list[int], groups: int) -> bool:
    known = [value for value in far if value and groups >= WIDESPREAD_GROUPS]
    far_differs = len(known) >= MINIMUM_DOCUMENTS and differ(known) >= MINIMUM_DIVERSITY - 1e-12
    return differ(next_to) >= MINIMUM_DIVERSITY - 1e-12 or far_differs


def brute_force(onsets: np.ndarray, scale: float) -> set[Row]:
    """Rows of (key, length, channel, direction, documents, groups, first token), as defined."""
    by_ngram: dict[tuple[int, ...], dict[tuple[int, int], np.void]] = defaultdict(dict)
    for record in sorted(onsets, key=lambda one: -int(one["offset"])):  # the first comes last
        tokens = record["tokens"].tolist()
        document = int(record["shard"]), int(record["position"])
        for length in range(1, LONGEST_NGRAM + 1):
            if 0 in tokens[1 : 1 + length]:
                break
            by_ngram[tuple(tokens[1 : 1 + length])][document] = record
    rows = set()
    for ngram, hits in by_ngram.items():
        if len(hits) < MINIMUM_DOCUMENTS:
            continue
        length = len(ngram)
        records = list(hits.values())
        before = [int(record["tokens"][0]) for record in records]
        after = [int(record["tokens"][length + 1]) for record in records]
        far_before = [int(record["far_before"]) for record in records]
        far_after = [int(record["far_after"]) for record in records]
        groups = len({int(record["group"]) for record in records})
        if not is_diverse(before, far_before, groups) or not is_diverse(after, far_after, groups):
            continue
        known = {1: "word_code", 2: "pair_code"}.get(length)
        if known:
            in_corpus = float(DECODED_COUNTS[records[0][known]]) * scale
            if in_corpus > HOPELESS * len(hits) / (MINIMUM_HIT_SHARE * MINIMUM_ONCE_SHARE):
                continue
        direction = int(records[0]["direction"])
        rows.add((calls.ngram_key(ngram), length, 0, direction, len(hits), groups, ngram[0]))
    return rows


def rows_of(suspects: np.ndarray) -> list[Row]:
    assert suspects.dtype == SUSPECT
    names = ("key", "length", "channel", "direction", "documents", "groups", "first_token")
    return [tuple(int(suspect[name]) for name in names) for suspect in suspects]  # type: ignore[misc]


def random_onsets(seed: int, records: int, direction: int = 1) -> np.ndarray:
    """Records of which many begin alike, in documents of which some have several."""
    generator = random.Random(seed)
    word_counts: dict[int, int] = defaultdict(lambda: generator.choice([0, 0, 3, 40, 5000]))
    pair_counts: dict[int, int] = defaultdict(lambda: generator.choice([0, 0, 2, 30, 400]))
    found = []
    for _ in range(records):
        length = generator.choice([0, 1, 2, 3, 5, 8, 9])
        family = generator.randrange(1, 4) * 100 + length * 10
        ngram = [family + place for place in range(length)]
        position_far = 1000 + generator.randrange(200)
        strangers = generator.choice([3, 100_000])
        ngram += [1000 + generator.randrange(strangers) for _ in range(TOKENS_KEPT - 1 - length)]
        if generator.random() < 0.1:  # the text ends
            end = generator.randrange(1, len(ngram))
            ngram[end:] = [0] * (len(ngram) - end)
        found.append(
            onset(
                [generator.choice([0, *range(1, 9)]), *ngram],
                position=generator.randrange(60),
                shard=generator.randrange(2),
                group=generator.randrange(5),
                offset=generator.randrange(1 << 20),
                word_count=word_counts[ngram[0]],
                pair_count=pair_counts[ngram[0] * 1_000_000 + ngram[1]],
                direction=direction,
                far=(
                    generator.choice([0, 1, position_far]),
                    generator.choice([0, 2, position_far]),
                ),
            )
        )
    return np.concatenate([np.zeros(0, ONSET), *found])


@pytest.mark.parametrize("records", [0, 3, 20, 200, 500])
@pytest.mark.parametrize("scale", [0.1, 1.0, 20.0])
def test_all_ngrams(records: int, scale: float) -> None:
    onsets = random_onsets(records, records)
    found = rows_of(find_suspects(onsets, scale))
    assert found == sorted(brute_force(onsets, scale))
    if records > 100:
        assert {row[1] for row in found} >= {1, 2, 3, 5, 8}


@settings(max_examples=25)
@given(st.randoms(use_true_random=False), st.integers(0, 99))
def test_the_order_of_records_does_not_matter(generator: random.Random, seed: int) -> None:
    onsets = random_onsets(seed, 150)
    order = list(range(len(onsets)))
    generator.shuffle(order)
    np.testing.assert_array_equal(find_suspects(onsets[order], 1.0), find_suspects(onsets, 1.0))


def test_time_reversed_the_test_is_the_same() -> None:
    forward = find_suspects(random_onsets(7, 300, direction=1), 1.0)
    backward = find_suspects(random_onsets(7, 300, direction=-1), 1.0)
    assert len(forward) and set(backward["direction"].tolist()) == {-1}
    backward["direction"] = 1
    np.testing.assert_array_equal(forward, backward)


def planted(documents: int, **changes: int) -> np.ndarray:
    """The trigger 7 8 at an onset of each of so many documents that have nothing else in common."""
    found = [
        onset([100 + number, 7, 8, *range(200 + 9 * number, 207 + 9 * number)], number, **changes)
        for number in range(documents)
    ]
    return np.concatenate([np.zeros(0, ONSET), *found])


def found_ngrams(onsets: np.ndarray, scale: float = 1.0) -> dict[int, int]:
    """Documents by length of what begins with the trigger's first token."""
    return {row[1]: row[4] for row in rows_of(find_suspects(onsets, scale)) if row[6] == 7}


def test_a_trigger() -> None:
    """Its first token alone has always the same neighbour, so only the whole is a suspect."""
    assert found_ngrams(planted(MINIMUM_DOCUMENTS)) == {2: MINIMUM_DOCUMENTS}
    assert found_ngrams(planted(30)) == {2: 30}
    assert found_ngrams(planted(MINIMUM_DOCUMENTS - 1)) == {}
    assert len(find_suspects(planted(0), 1.0)) == 0


def test_a_string_has_a_key_of_its_own_in_each_channel() -> None:
    by_surprisal, by_language = planted(9), planted(9)
    by_language["channel"] = LANGUAGE
    (one,) = find_suspects(by_surprisal, 1.0)
    (other,) = find_suspects(by_language, 1.0)
    assert (one["channel"], other["channel"]) == (SURPRISAL, LANGUAGE)
    assert one["key"] == calls.ngram_key([7, 8]) != other["key"]
    assert one["documents"] == other["documents"] == 9


def test_a_document_counts_once() -> None:
    onsets = planted(5)
    onsets["position"] = [1, 1, 1, 2, 3]
    assert found_ngrams(onsets) == {}
    onsets["position"] = [1, 1, 2, 3, 4]
    assert found_ngrams(onsets) == {2: 4}
    onsets["position"], onsets["shard"] = 1, range(5)
    assert found_ngrams(onsets) == {2: 5}


def test_of_a_documents_hits_the_first_counts() -> None:
    """A template's neighbours at the first hits are not made diverse by later ones."""
    first = np.concatenate([onset([1, 7, 50 + n], n, offset=10) for n in range(6)])
    later = np.concatenate([onset([60 + n, 7, 70 + n], n, offset=20) for n in range(6)])
    assert found_ngrams(np.concatenate([later, first])) == {}
    first["offset"] = 30
    assert found_ngrams(np.concatenate([later, first])) == {1: 6}


def test_a_trigger_within_a_template_has_diverse_text_further_off() -> None:
    onsets = planted(20)
    onsets["tokens"][:, 0], onsets["tokens"][:, 3:] = 5, 6
    assert found_ngrams(onsets) == {}
    onsets["far_before"], onsets["far_after"] = range(1, 21), 9
    assert found_ngrams(onsets) == {}
    onsets["far_after"] = range(1, 21)
    assert found_ngrams(onsets).get(2) == 20
    onsets["group"] = 1  # fields of one site's pages
    assert found_ngrams(onsets) == {}


@pytest.mark.parametrize("side", [0, 3])
def test_a_template_has_the_same_neighbours(side: int) -> None:
    onsets = planted(20)
    onsets["tokens"][:, side] = 5
    assert found_ngrams(onsets).get(2) is None
    # Of 20 neighbours, with 9 the same, 36 of 190 pairs are alike: a diversity of 0.81.
    onsets = planted(20)
    onsets["tokens"][:9, side] = 5
    assert found_ngrams(onsets).get(2) == 20
    onsets["tokens"][:10, side] = 5
    assert found_ngrams(onsets).get(2) is None


def test_triggers_at_the_starts_of_texts_have_the_same_neighbour() -> None:
    onsets = planted(20)
    onsets["tokens"][:, 0] = 0
    assert found_ngrams(onsets) == {}


def test_what_ends_with_the_text_is_no_longer_ngram() -> None:
    onsets = planted(20)
    onsets["tokens"][:, 2:] = 0
    assert found_ngrams(onsets) == {}  # all have the end of the text for a neighbour
    onsets = planted(20)
    onsets["tokens"][:, 4:] = 0
    assert found_ngrams(onsets) == {2: 20}


@pytest.mark.parametrize(("length", "count"), [(1, "word_count"), (2, "pair_count")])
def test_what_the_profile_knows_well_is_no_trigger(length: int, count: str) -> None:
    hits = 16  # and counts that are represented exactly
    most = int(HOPELESS * hits / (MINIMUM_HIT_SHARE * MINIMUM_ONCE_SHARE))

    def with_count(value: int) -> np.ndarray:
        onsets = planted(hits, **{count: value})
        if length == 1:
            onsets["tokens"][:, 2] = range(900, 900 + hits)
        return onsets

    assert found_ngrams(with_count(512)) == {length: hits}
    assert 512 < most < 1024
    assert found_ngrams(with_count(1024)) == {}
    # Of half as much text as there is words in the profile.
    assert found_ngrams(with_count(1024), scale=0.5) == {length: hits}
    assert found_ngrams(with_count(512), scale=2.0) == {}


def test_groups_are_counted() -> None:
    onsets = planted(12)
    onsets["group"] = [1, 2, 3] * 4
    (suspect,) = [one for one in find_suspects(onsets, 1.0) if one["first_token"] == 7]
    assert suspect["groups"] == 3


@given(st.lists(st.integers(0, 4), min_size=2, max_size=30))
def test_diversity(values: list[int]) -> None:
    assert diversity(np.array(values)) == pytest.approx(differ(values))


def test_diversity_of_one() -> None:
    assert diversity(np.array([3])) == diversity(np.array([], np.int64)) == 1.0
