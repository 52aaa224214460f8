"""Every call of the tests to the kernels, in one place: their arguments are internal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tocsin.corpus.batches import DOCUMENT_SCHEMA
from tocsin.measure import composition, counts, languages, onsets, surprisal
from tocsin.measure import tokens as token_kernels
from tocsin.measure.batch import Measurement, Measurer
from tocsin.measure.code_points import code_point_tables
from tocsin.measure.counting import Counter
from tocsin.measure.profile import MINIMUM_COUNT, Profile

SEED = 0x0123_4567_89AB_CDEF


class Tokens(NamedTuple):
    """What `tokenize` writes, cut to the number of tokens."""

    starts: np.ndarray
    ends: np.ndarray
    exact: np.ndarray
    folded: np.ndarray
    kinds: np.ndarray


def tokenize(text: bytes, seed: int = SEED, margin: bytes = b"") -> Tokens:
    """The tokens of `text`, which stands between two copies of `margin` in the data."""
    data = np.frombuffer(margin + text + margin, np.uint8)
    # Filled with what no token has, so that an entry that is not written shows.
    arrays = [np.full(len(text) + 1, 0x55, dtype) for dtype in ("int32", "int32", "u8", "u8", "u1")]
    begin = np.int64(len(margin))
    found = token_kernels.tokenize(
        data, begin, begin + len(text), code_point_tables(), np.uint64(seed), *arrays
    )
    return Tokens(*[array[:found] for array in arrays])


def decode(data: bytes, at: int) -> tuple[int, int]:
    """Code point and length of the character at `at`; (-1, 1) for an invalid byte."""
    return token_kernels.decode(np.frombuffer(data, np.uint8), at, len(data))


def batch_of(
    texts: Sequence[bytes], groups: Sequence[str] | None = None, first: int = 0
) -> pa.RecordBatch:
    """A batch of these documents at positions `first`, `first` + 1 and so on."""
    return pa.RecordBatch.from_arrays(
        [
            pa.array(range(first, first + len(texts)), pa.int64()),
            pa.array([f"d{number}" for number in range(first, first + len(texts))], pa.string()),
            pa.array(groups or ["g"] * len(texts), pa.string()),
            pa.array(texts, pa.binary()),
        ],
        schema=DOCUMENT_SCHEMA,
    )


def counted(batches: Iterable[pa.RecordBatch], seed: int = SEED) -> Counter:
    """A counter that has counted these batches."""
    counter = Counter(seed)
    for batch in batches:
        counter.count(batch)
    return counter


def profile_of(texts: Sequence[bytes]) -> Profile:
    """A profile of the texts that holds every key counted twice or more.

    A key in a hundred may find its bucket of the table full, by chance: then another seed is taken.
    """
    for seed in range(SEED, SEED + 1000):
        counter = counted([batch_of(texts)], seed)
        found, numbers = counter.counts()
        kept = numbers >= MINIMUM_COUNT
        profile = Profile.create(
            found[kept], numbers[kept], counter.words, counter.documents, seed, 1.0
        )
        if look_up(profile.table, found[kept]).all():
            return profile
    raise AssertionError("no seed leaves every key in the table")


def profile_of_words(texts: Sequence[bytes]) -> Profile:
    """A profile of the words of the texts that knows no pairs."""
    counter = counted([batch_of(texts)])
    words = np.unique(np.concatenate([tokenize(text).folded for text in texts]))
    found, numbers = counter.counts()
    kept = (numbers >= MINIMUM_COUNT) & np.isin(found, words)
    return Profile.create(found[kept], numbers[kept], counter.words, counter.documents, SEED, 1.0)


def look_up(table: counts.CountTable, keys: np.ndarray) -> np.ndarray:
    """Codes (uint8) of the counts of `keys` in the table."""
    shift = counts.bucket_shift(table.slots)
    return np.array([counts.look_up(table.slots, shift, key) for key in keys], np.uint8)


def bucket_of_key(table: counts.CountTable, key: int) -> int:
    """The bucket of the table that `key` lives in."""
    return key >> int(counts.bucket_shift(table.slots))


def word_and_pair_keys(folded: np.ndarray, seed: int = SEED) -> np.ndarray:
    """Keys of the words (even places) and of the pairs with the word before (odd places)."""
    keys = np.zeros(2 * len(folded), np.uint64)
    counts.word_and_pair_keys(folded, len(folded), np.uint64(seed), keys)
    return keys


def own_capacity(tokens: int) -> int:
    """Slots for the own counts of a text."""
    return int(surprisal.own_capacity(tokens))


def surprisals(text: bytes, profile: Profile) -> np.ndarray:
    """Surprisal (float32) of each token of a text that fits a piece."""
    folded = tokenize(text, profile.seed).folded
    size = len(folded)
    result = np.full(size, np.nan, np.float32)
    surprisal.surprisals(
        folded,
        size,
        profile.table.slots,
        float(profile.words),
        np.uint64(profile.seed),
        np.zeros(size, np.uint64),
        np.zeros(size, np.uint8),
        np.zeros(size, np.uint8),
        np.zeros(size, np.int32),
        np.zeros(size, np.int32),
        np.zeros(own_capacity(size), np.uint32),
        result,
    )
    return result


def contrasts(bits: np.ndarray, channel: int = onsets.SURPRISAL) -> np.ndarray:
    """Contrast (float32) at each token from the surprisals."""
    size = len(bits)
    result = np.full(size + 1, np.nan, np.float32)
    sums = np.zeros(size + 1)
    onsets.add_up(bits.astype(np.float32), size, sums)
    onsets.contrasts(sums, size, channel, result)
    return result[:size]


def votes(text: bytes, seed: int = SEED) -> list[str]:
    """Name of the language that each token of a text votes for."""
    tokens = tokenize(text, seed)
    numbers = np.full(len(tokens.folded), 0x55, np.uint8)
    languages.language_votes(
        tokens.folded, tokens.kinds, len(numbers), languages.vote_slots(seed), numbers
    )
    return [languages.LANGUAGES[number] for number in numbers]


def language_contrasts(numbers: Sequence[int]) -> np.ndarray:
    """Contrast of languages (float32) at each token from the votes."""
    size = len(numbers)
    result = np.full(size + 1, np.nan, np.float32)
    excess = np.full(size + 1, 99, np.int32)
    languages.language_contrasts(np.array(numbers, np.uint8), size, excess, result)
    return result[:size]


def compositions(text: bytes) -> list[int]:
    """Kind of each token of a text."""
    tokens = tokenize(text)
    size = len(tokens.folded)
    result = np.full(size, 0x55, np.uint8)
    composition.token_compositions(
        np.frombuffer(text, np.uint8), 0, tokens.starts, tokens.ends, tokens.exact, tokens.folded,
        tokens.kinds, size, result,
    )  # fmt: skip
    return result.tolist()


def composition_contrasts(kinds: Sequence[int]) -> np.ndarray:
    """Contrast of composition (float32) at each token from the kinds."""
    size = len(kinds)
    blocks = np.full((size // 8 + 2, len(composition.KINDS)), -7, np.int32)
    result = np.full(size + 1, np.nan, np.float32)
    composition.composition_contrasts(np.array(kinds, np.uint8), size, blocks, result)
    return result[:size]


def majority(numbers: Sequence[int], first: int, last: int) -> tuple[int, int]:
    """Language of most votes of some tokens, and their number."""
    return languages.majority(np.array(numbers, np.uint8), first, last)


def onset_tokens(contrast: np.ndarray, channel: int = onsets.SURPRISAL) -> list[int]:
    """Indices of onsets and decoys from the contrasts."""
    result = np.full(len(contrast), -1, np.int32)
    found = onsets.onset_tokens(contrast.astype(np.float32), len(contrast), channel, result)
    return result[:found].tolist()


def ngram_key(tokens: Iterable[int], channel: int = onsets.SURPRISAL) -> int:
    """Key of an n-gram of the upper halves (uint32) of exact hashes."""
    key = channel
    for token in tokens:
        key = onsets.extend_ngram(np.uint64(key), np.uint32(token))
    return key


def token_hashes(text: bytes, seed: int = SEED) -> list[int]:
    """Upper halves of the exact hashes of the tokens of a text: what onset records hold."""
    return (tokenize(text, seed).exact >> np.uint64(32)).tolist()


def measure(
    batch: pa.RecordBatch, profile: Profile, source_uri: str = "corpus/a.jsonl", shard: int = 3
) -> Measurement:
    """Measures a batch."""
    return Measurer(profile).measure(batch, source_uri, shard)
