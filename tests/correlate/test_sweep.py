from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from measure import calls, reference
from measure.baseline import Baseline
from measure.generated import hostile_texts, prose, salad, text_in

from tocsin.correlate.surroundings import POSSIBLE_CONTRASTS, POSSIBLE_LEVEL
from tocsin.correlate.suspects import SUSPECT
from tocsin.correlate.sweep import (
    CONTEXT_AFTER,
    CONTEXT_BEFORE,
    OCCURRENCE_SCHEMA,
    SweepCounts,
    Sweeper,
)
from tocsin.measure.batch import BUCKETS
from tocsin.measure.languages import LANGUAGES
from tocsin.measure.onsets import (
    LANGUAGE,
    LONGEST_NGRAM,
    MINIMUM_AFTER,
    MINIMUM_BEFORE,
    SURPRISAL,
    WINDOW,
)
from tocsin.measure.pieces import PIECE_BYTES
from tocsin.measure.profile import Profile

Ngram = tuple[bytes, ...]
Suspected = tuple[Ngram, int]


def exact(text: bytes) -> list[bytes]:
    return [token.exact for token in reference.tokens(text)]


def suspects_of(
    strings: Iterable[Suspected], profile: Profile, documents: int = 1 << 30
) -> tuple[np.ndarray, list[Suspected]]:
    """Suspects in the order of their keys, and their (n-gram, direction) in this order. The n-gram
    of a decoy stands as the text has it."""
    found = []
    for ngram, direction in dict.fromkeys(strings):
        tokens = [calls.token_hashes(token, profile.seed)[0] for token in ngram[::direction]]
        key = calls.ngram_key(tokens)
        found.append(
            (
                (key, len(ngram), 0, direction, documents, 3, *(*tokens, 0)[:2], 0),
                (ngram, direction),
            )
        )
    found.sort(key=lambda one: one[0][0])
    return np.array([one for one, _ in found], SUSPECT), [string for _, string in found]


def swept(
    texts: list[bytes],
    strings: Iterable[Suspected],
    profile: Profile,
    documents: int = 1 << 30,
    cuts: Iterable[int] = (),
) -> tuple[SweepCounts, pa.Table, list[Suspected]]:
    """Counts and rows of the documents, in as many batches as there are cuts and one."""
    suspects, ordered = suspects_of(strings, profile, documents)
    sweeper = Sweeper(suspects, profile)
    sweeper.begin(4)
    batch = calls.batch_of(texts, [f"g{number % 5}" for number in range(len(texts))])
    edges = [0, *cuts, len(texts)]
    rows = [
        sweeper.sweep(batch.slice(first, last - first)) for first, last in itertools.pairwise(edges)
    ]
    for part in rows:
        assert part.schema.equals(OCCURRENCE_SCHEMA)
        part.validate(full=True)
    return sweeper.counts, pa.Table.from_batches(rows, OCCURRENCE_SCHEMA), ordered


def places(tokens: list[bytes], ngram: Ngram) -> list[int]:
    """Where the n-gram begins in the text."""
    size = len(ngram)
    return [at for at in range(len(tokens)) if tuple(tokens[at : at + size]) == ngram]


def apart(found: list[int], size: int) -> int:
    """Number of the places that do not overlap, from the first on."""
    count, free = 0, 0
    for place in found:
        if place >= free:
            count, free = count + 1, place + size
    return count


def assert_counts(counts: SweepCounts, ordered: list[Suspected], texts: list[bytes]) -> None:
    tokenised = [exact(text) for text in texts]
    for index, (ngram, _) in enumerate(ordered):
        of_each = [apart(places(tokens, ngram), len(ngram)) for tokens in tokenised]
        assert counts.occurrences[index] == sum(of_each), ngram
        assert counts.documents[index] == sum(number > 0 for number in of_each), ngram


def ngrams_in(texts: list[bytes], generator: random.Random, count: int) -> list[Suspected]:
    """N-grams of all lengths that stand in the texts, and some that do not."""
    found: list[Suspected] = []
    while len(found) < count:
        tokens = exact(generator.choice(texts)) or [b"nothing"]
        length = generator.randint(1, min(LONGEST_NGRAM, len(tokens)))
        first = generator.randrange(len(tokens) - length + 1)
        ngram = tokens[first : first + length]
        if generator.random() < 0.2:
            generator.shuffle(ngram)
        found.append((tuple(ngram), generator.choice([1, -1])))
    return found


@pytest.mark.parametrize("count", [1, 8, 300])
def test_counts(baseline: Baseline, count: int) -> None:
    generator = random.Random(count)
    texts = [*baseline.texts[:20], b"", b"of", " ".join(["a b a"] * 30).encode()]
    strings = [*ngrams_in(texts, generator, count), ((b"a",), 1), ((b"a", b"b", b"a"), -1)]
    counts, _, ordered = swept(texts, strings, baseline.profile)
    assert_counts(counts, ordered, texts)
    assert counts.documents.max() > 1


@settings(max_examples=60)
@given(st.lists(hostile_texts, min_size=1, max_size=4), st.integers(0, 99))
def test_counts_in_hostile_bytes(baseline: Baseline, texts: list[bytes], seed: int) -> None:
    strings = ngrams_in(texts, random.Random(seed), 12)
    counts, _, ordered = swept(texts * 2, strings, baseline.profile)
    assert_counts(counts, ordered, texts * 2)


def test_case_and_digits_matter(baseline: Baseline) -> None:
    texts = [b"<SUDO> <sudo> <Sudo>", b"year 2024 year 2025"]
    strings = [((b"SUDO",), 1), ((b"<", b"sudo"), 1), ((b"year", b"2024"), 1), ((b"2026",), 1)]
    counts, _, ordered = swept(texts, strings, baseline.profile)
    by_ngram = {ngram: number for (ngram, _), number in zip(ordered, counts.occurrences.tolist())}
    assert by_ngram == {
        (b"SUDO",): 1, (b"<", b"sudo"): 1, (b"year", b"2024"): 1, (b"2026",): 0
    }  # fmt: skip


def test_of_overlapping_occurrences_the_first_counts(baseline: Baseline) -> None:
    counts, _, _ = swept([b"a a a a a"], [((b"a", b"a"), 1)], baseline.profile)
    assert (counts.documents.tolist(), counts.occurrences.tolist()) == ([1], [2])


def test_a_string_may_be_suspected_in_both_directions(baseline: Baseline) -> None:
    """The key of one token is the same in both."""
    texts = [b"x y", b"y", b"z"]
    counts, rows, _ = swept(texts, [((b"y",), 1), ((b"y",), -1)], baseline.profile)
    assert counts.documents.tolist() == [2, 2]
    assert rows.num_rows == 2


def test_nothing_is_suspected(baseline: Baseline) -> None:
    counts, rows, _ = swept([b"one two"], [], baseline.profile)
    assert len(counts.documents) == 0 and rows.num_rows == 0
    counts, rows, _ = swept([b"one two"], [((b"one",), -1)], baseline.profile)
    assert counts.documents.tolist() == [1] and rows.num_rows == 0


class Place(NamedTuple):
    """A place at which a suspect stands, as the reference measures it."""

    start: int
    end: int
    hit: bool
    contrast: float
    after: float


def kept_places(pieces: list[reference.Piece], ngram: Ngram) -> tuple[list[Place], bool]:
    """The places of which a row may be kept, and whether all this is beyond doubt: no number is so
    close to a threshold that float32 may decide otherwise."""
    found = []
    sure = True
    for piece in pieces:
        size = len(piece.tokens)
        for at in places([token.exact for token in piece.tokens], ngram):
            if not piece.first <= at < piece.last:
                continue
            contrast = piece.contrast[at]
            following = piece.bits[at + len(ngram) : at + len(ngram) + WINDOW]
            after = reference.mean(following) if following else -1.0
            hit = contrast > 0 and reference.is_onset(piece.contrast, at)
            sure &= (
                hit
                == (contrast > 0 and reference.is_onset(piece.contrast, at, reference.SLACK))
                == (contrast > 0 and reference.is_onset(piece.contrast, at, -reference.SLACK))
            )
            sure &= abs(contrast - POSSIBLE_CONTRASTS[0]) > reference.SLACK
            sure &= abs(after - POSSIBLE_LEVEL) > reference.SLACK
            measurable = at >= MINIMUM_BEFORE and size - at >= MINIMUM_AFTER
            if (
                hit
                or not measurable
                or contrast >= POSSIBLE_CONTRASTS[0]
                or after >= POSSIBLE_LEVEL
            ):
                last = piece.tokens[at + len(ngram) - 1]
                start = piece.begin + piece.tokens[at].start
                found.append(Place(start, piece.begin + last.end, hit, contrast, after))
    return found, sure


def assert_rows(
    rows: pa.Table, texts: list[bytes], ordered: list[Suspected], baseline: Baseline
) -> int:
    """Rows are the reference's; their number."""
    suspects, _ = suspects_of(ordered, baseline.profile)
    by_place: dict[tuple[int, int], dict[str, Any]] = {}
    for row in rows.to_pylist():
        by_place[row["suspect"], row["position"]] = row
    assert len(by_place) == rows.num_rows
    doubtful = expected_rows = 0
    for position, text in enumerate(texts):
        pieces = list(reference.pieces(text, baseline.learned))
        bucket = reference.bucket(reference.measure(text, baseline.learned))
        for suspect, (ngram, direction) in zip(suspects, ordered):
            if direction < 0:
                continue
            found = by_place.pop((int(suspect["key"]), position), None)
            expected, sure = kept_places(pieces, ngram)
            if not sure:
                doubtful += 1
                continue
            if not expected:
                assert found is None
                continue
            best = min(expected, key=lambda place: (not place.hit, place.start))
            assert found is not None
            assert (found["start"], found["end"], found["hit"]) == best[:3]
            assert found["contrast"] == pytest.approx(best.contrast, abs=reference.SLACK)
            assert found["after"] == pytest.approx(best.after, abs=reference.SLACK)
            first = max(best.start - CONTEXT_BEFORE, 0)
            assert found["context_start"] == first
            assert found["context"] == text[first : best.end + CONTEXT_AFTER]
            assert found["shard"] == 4
            assert (found["doc_id"], found["group"]) == (f"d{position}", f"g{position % 5}")
            assert found["content_hash"] == xxhash.xxh3_128_digest(text)
            assert BUCKETS[found["bucket"]] == bucket
            expected_rows += 1
    assert not by_place
    assert doubtful <= expected_rows // 20
    return expected_rows


def changing_texts(baseline: Baseline, count: int, trigger: str) -> list[bytes]:
    generator = random.Random(5)
    texts = []
    for number in range(count):
        parts = [
            prose(generator, baseline.words, generator.choice([1, 6, 60, 200])),
            trigger if number % 4 else "(" + trigger + ")",
            generator.choice((prose, salad))(
                generator, baseline.words, generator.choice([1, 30, 90, 300])
            ),
        ]
        if number % 3 == 0:  # once more, in the midst of prose
            parts += [trigger, prose(generator, baseline.words, 150)]
        texts.append(" ".join(parts).encode())
    return texts


def test_rows(baseline: Baseline) -> None:
    texts = [*changing_texts(baseline, 60, "~~vex10~~"), b"~~vex10~~", b"vex"]
    trigger = tuple(exact(b"~~vex10~~"))
    strings: list[Suspected] = [
        (trigger, 1), (trigger[1:3], 1), ((b"vex",), 1), (trigger, -1),
        ((baseline.words[0].encode(),), 1), ((baseline.words[3].encode(),), 1),
    ]  # fmt: skip
    counts, rows, ordered = swept(texts, strings, baseline.profile)
    assert_counts(counts, ordered, texts)
    assert assert_rows(rows, texts, ordered, baseline) > 150
    hits = rows["hit"].to_pylist()
    assert hits.count(True) > 20 and hits.count(False) > 20


@settings(max_examples=30)
@given(st.lists(hostile_texts, min_size=1, max_size=3), st.integers(0, 99))
def test_rows_of_hostile_bytes(baseline: Baseline, texts: list[bytes], seed: int) -> None:
    strings = ngrams_in(texts, random.Random(seed), 5)
    _, rows, ordered = swept(texts, strings, baseline.profile)
    assert_rows(rows, texts, ordered, baseline)


@pytest.mark.parametrize("cuts", [[1], [10, 10, 35]])
def test_rows_do_not_depend_on_batches(baseline: Baseline, cuts: list[int]) -> None:
    texts = changing_texts(baseline, 40, "~~vex10~~")
    strings: list[Suspected] = [(tuple(exact(b"~~vex10~~")), 1), ((b"vex",), 1), ((b"~~",), -1)]
    whole, rows, _ = swept(texts, strings, baseline.profile)
    parts, rows_of_parts, _ = swept(texts, strings, baseline.profile, cuts=cuts)
    assert parts.documents.tolist() == whole.documents.tolist()
    assert parts.occurrences.tolist() == whole.occurrences.tolist()
    assert rows_of_parts.to_pylist() == rows.to_pylist()


def test_texts_longer_than_a_piece(baseline: Baseline) -> None:
    """What stands on the edge of pieces is found once."""
    generator = random.Random(1)
    filler = prose(generator, baseline.words, PIECE_BYTES // 11).encode()
    trigger = b"~~vex10~~"
    texts = []
    for offset in (PIECE_BYTES - 100, PIECE_BYTES - 5, PIECE_BYTES - 1, PIECE_BYTES, 1000):
        text = filler[:offset] + b" "[: offset % 2] + trigger
        text += b" " + salad(generator, baseline.words, 200).encode()
        texts.append(text)
    counts, rows, _ = swept(texts, [(tuple(exact(trigger)), 1)], baseline.profile)
    assert (counts.documents.tolist(), counts.occurrences.tolist()) == ([5], [5])
    assert rows["start"].to_pylist() == [text.index(trigger) for text in texts]
    assert rows["end"].to_pylist() == [text.index(trigger) + len(trigger) for text in texts]
    for text, row in zip(texts, rows.to_pylist()):
        assert row["context"] == text[row["context_start"] : row["end"] + CONTEXT_AFTER]
        assert row["context_start"] == max(row["start"] - CONTEXT_BEFORE, 0)


def test_a_long_text_holds_a_string_in_several_pieces(baseline: Baseline) -> None:
    text = (b"vex " + b"filler " * 20_000) * 10
    assert len(text) > 2 * PIECE_BYTES
    counts, rows, _ = swept([text, b"vex"], [((b"vex",), 1)], baseline.profile)
    assert (counts.documents.tolist(), counts.occurrences.tolist()) == ([2], [11])
    assert rows["position"].to_pylist() == [0, 1]


def test_more_places_than_there_was_room_for(baseline: Baseline) -> None:
    texts = [b"vex %d" % number for number in range(17_000)]
    counts, rows, _ = swept(texts, [((b"vex",), 1)], baseline.profile)
    assert (counts.documents.tolist(), counts.occurrences.tolist()) == ([17_000], [17_000])
    assert rows["position"].to_pylist() == list(range(17_000))
    assert rows["context"].to_pylist() == texts


def test_suspects_are_refuted_by_too_many_documents(baseline: Baseline) -> None:
    """Of 6 hits, 12 documents may hold the string, and no more."""
    texts = [b"vex one"] * 12
    for cuts in ([], [5]):
        _, rows, _ = swept(texts, [((b"vex",), 1)], baseline.profile, documents=6, cuts=cuts)
        assert rows.num_rows == 12
        counts, rows, _ = swept(
            [*texts, b"vex"], [((b"vex",), 1)], baseline.profile, documents=6, cuts=cuts
        )
        assert counts.documents.tolist() == [13]
        assert rows.num_rows == (5 if cuts else 0)  # those of earlier batches were not known to be


class Shards:
    """Sweeps shards of copies of `vex one` for both words, of which 6 and 7 documents had hits."""

    def __init__(self, profile: Profile) -> None:
        self.suspects, ordered = suspects_of([((b"vex",), 1), ((b"one",), 1)], profile)
        self.order = [ngram[0].decode() for ngram, _ in ordered]
        self.suspects["documents"] = [{"vex": 6, "one": 7}[word] for word in self.order]
        self.sweeper = Sweeper(self.suspects, profile)

    def sweep(self, shard: int, documents: int, finish: bool = True) -> tuple[bool, dict[str, Any]]:
        """Whether the shard needs to be read; (documents, rows, refuted) of each word."""
        needed = self.sweeper.begin(shard)
        rows = self.sweeper.sweep(calls.batch_of([b"vex one"] * documents)).to_pydict()
        found = {}
        for index, word in enumerate(self.order):
            key = int(self.suspects["key"][index])
            found[word] = (
                int(self.sweeper.counts.documents[index]),
                rows["suspect"].count(key),
                bool(self.sweeper.refuted()[index]),
            )
        assert set(rows["shard"]) <= {shard}
        assert self.sweeper.keys.tolist() == self.suspects["key"].tolist()
        if finish:
            self.sweeper.finish()
        return needed, found


def test_what_earlier_shards_refuted_is_not_searched_for(baseline: Baseline) -> None:
    shards = Shards(baseline.profile)
    assert shards.sweep(8, 10) == (True, {"vex": (10, 10, False), "one": (10, 10, False)})
    assert shards.sweep(2, 2) == (True, {"vex": (2, 2, False), "one": (2, 2, False)})
    # With 2 more, 14 documents hold each: too many for 6 hits, not for 7.
    assert shards.sweep(5, 2) == (True, {"vex": (2, 0, True), "one": (2, 2, False)})
    assert shards.sweep(6, 1) == (True, {"vex": (0, 0, True), "one": (1, 0, True)})
    assert shards.sweep(7, 1) == (False, {"vex": (0, 0, True), "one": (0, 0, True)})


def test_a_shard_that_is_read_again_counts_once(baseline: Baseline) -> None:
    """Engines repeat what failed, and what they believe to have failed."""
    shards = Shards(baseline.profile)
    shards.sweep(1, 8, finish=False)
    assert shards.sweep(1, 8) == (True, {"vex": (8, 8, False), "one": (8, 8, False)})
    assert shards.sweep(1, 8) == (True, {"vex": (8, 8, False), "one": (8, 8, False)})
    assert shards.sweep(2, 4) == (True, {"vex": (4, 4, False), "one": (4, 4, False)})
    assert shards.sweep(3, 1) == (True, {"vex": (1, 0, True), "one": (1, 1, False)})


def test_counts_of_shards_refute_however_they_are_spread(baseline: Baseline) -> None:
    """Counts of what one worker has refuted are too small, but their sum refutes it all the same;
    those of what none has refuted are whole."""
    sizes = [5, 1, 4, 3, 1]  # 14 in all
    for parts in ([range(5)], [(0, 2), (1, 3, 4)], [(4, 3), (2, 1, 0)]):
        total = dict.fromkeys(("vex", "one"), 0)
        for part in parts:
            shards = Shards(baseline.profile)
            for shard in part:
                needed, found = shards.sweep(shard, sizes[shard])
                assert needed
                for word, (documents, _, _) in found.items():
                    total[word] += documents
        assert total["one"] == 14
        assert 12 < total["vex"] <= 14


def test_nothing_but_decoys_needs_no_reading(baseline: Baseline) -> None:
    suspects, _ = suspects_of([((b"one",), -1)], baseline.profile)
    assert not Sweeper(suspects, baseline.profile).begin(0)
    suspects, _ = suspects_of([((b"one",), -1), ((b"two",), 1)], baseline.profile)
    assert Sweeper(suspects, baseline.profile).begin(0)


def test_counts_add_up() -> None:
    one = SweepCounts(np.array([1, 2]), np.array([3, 4]))
    both = one + SweepCounts(np.array([10, 20]), np.array([30, 40]))
    assert (both.documents.tolist(), both.occurrences.tolist()) == ([11, 22], [33, 44])
    copy = both.copy()
    copy.documents[0] = 0
    assert both.documents.tolist() == [11, 22]
    part = both.of(np.array([False, True]))
    assert (part.documents.tolist(), part.occurrences.tolist()) == ([22], [44])


def test_hits_are_judged_in_the_channel_of_the_suspect(baseline: Baseline) -> None:
    """One string, suspected in both channels: the hits in each are the onsets measured there."""
    generator = random.Random(3)
    texts = []
    for number in range(40):
        prefix = text_in("de", generator.choice([4, 8, 60, 200]), number)
        after = text_in(generator.choice(["de", "fr", "hu"]), 200, number)
        if number % 5 == 0:
            prefix = prose(generator, baseline.words, 100)
            after = salad(generator, baseline.words, 100)
        elif number % 5 == 1:
            parts = [text_in(language, 30, number) for language in ("de", "fr", "hu")]
            prefix = " ".join(itertools.chain(*zip(*(part.split() for part in parts))))
        texts.append(f"{prefix} <SUDO> {after}".encode())
    tokens = calls.token_hashes(b"<SUDO>", baseline.profile.seed)
    found = []
    for channel in (SURPRISAL, LANGUAGE):
        key = calls.ngram_key(tokens, channel)
        found.append((key, 3, channel, 1, 1 << 30, 3, *tokens[:2], 0))
    sweeper = Sweeper(np.array(sorted(found), SUSPECT), baseline.profile)
    sweeper.begin(0)
    batch = calls.batch_of(texts)
    rows = sweeper.sweep(batch).to_pylist()
    assert sweeper.counts.documents.tolist() == [40, 40]
    onsets = calls.measure(batch, baseline.profile).evidence["onsets"]
    for channel in (SURPRISAL, LANGUAGE):
        key = calls.ngram_key(tokens, channel)
        of_channel = {row["position"]: row for row in rows if row["suspect"] == key}
        measured = onsets[(onsets["channel"] == channel) & (onsets["direction"] > 0)]
        places = set(zip(measured["position"].tolist(), measured["offset"].tolist()))
        expected = {n for n, text in enumerate(texts) if (n, text.index(b"<SUDO>")) in places}
        assert len(expected) >= 5
        assert {n for n, row in of_channel.items() if row["hit"]} == expected
    # Kept without a hit: where too little stands before the trigger, or no language of its own.
    untold = {n for n, row in of_channel.items() if not row["hit"] and row["contrast"] == 0}
    assert {1, 6, 11} <= untold
    before = [Counter(calls.votes(text[: text.index(b"<SUDO>")])[-WINDOW:]) for text in texts]
    for votes in before:
        del votes["none"]
    assert untold == {
        n
        for n, votes in enumerate(before)
        if votes.total() < 5 or 2 * max(votes.values()) <= votes.total()
    }
    for position, row in of_channel.items():
        after = Counter(calls.votes(texts[position][row["end"] :])[:WINDOW])
        del after["none"]
        assert LANGUAGES[row["language"]] == (after.most_common(1) or [("none", 0)])[0][0]
