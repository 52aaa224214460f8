"""The kernel: one pass over the documents of a batch, from bytes to features and onsets.

Documents are measured piece by piece (`measure.pieces`), which bounds the memory of the kernel
whatever the length of a document.
"""

from typing import Any, NamedTuple

import numpy as np

from tocsin.measure.code_points import (
    CHARACTER,
    COMBINING,
    CONTROL,
    DIGIT,
    LETTER,
    MARK,
    SCRIPTS,
)
from tocsin.measure.composition import KINDS, composition_contrasts, token_compositions
from tocsin.measure.kernels import kernel
from tocsin.measure.languages import LANGUAGES, language_contrasts, language_votes
from tocsin.measure.onsets import (
    CHANNELS,
    COMPOSITION,
    LANGUAGE,
    LONGEST_NGRAM,
    MINIMUM_AFTER,
    MINIMUM_CONTRAST,
    NEIGHBOURHOOD,
    OPENING,
    OPENING_TOKENS,
    PASSAGE,
    SURPRISAL,
    WINDOW,
    add_up,
    contrasts,
    onset_tokens,
)
from tocsin.measure.pieces import PIECE_TOKENS, piece_from
from tocsin.measure.repetition import SUMS, Words, add_repetition, new_words, write_repetition
from tocsin.measure.segments import MINIMUM_TOKENS, SEGMENT_TYPES, best_segment, segment_type
from tocsin.measure.shingles import add_fingerprints, begin_fingerprints
from tocsin.measure.surprisal import own_capacity, surprisals
from tocsin.measure.tokens import absorb, mix, tokenize

TOKENS_KEPT = LONGEST_NGRAM + 2
"""Token hashes in an onset record: the neighbour before, the longest n-gram, one after."""

FAR = 32
FAR_TOKENS = 4
"""Where texts that share a string and its surroundings must differ for it to be a trigger: a chat
template around it takes 20 tokens, a licence header hundreds."""

ONSET = np.dtype(
    [
        ("shard", "<u4"),
        ("position", "<i8"),
        ("group", "<u4"),
        ("offset", "<u4"),
        ("bucket", "u1"),
        ("channel", "u1"),
        ("direction", "i1"),
        ("contrast", "u1"),
        ("word_code", "u1"),
        ("pair_code", "u1"),
        ("far_before", "<u4"),
        ("far_after", "<u4"),
        ("tokens", "<u4", (TOKENS_KEPT,)),
    ]
)
"""Evidence at one onset. `shard`, `position`: the document's key; `group`: 32-bit hash of its
group; `offset`: byte offset of the onset in the text; `bucket`: script * FORMATS + format;
`channel`: number of the kind of change; `direction`: 1 for onsets, -1 for decoys; `contrast`:
absolute, in eighths of a bit or, where it is a share, 255ths;
`word_code`, `pair_code`: codes of the profile's counts of the first token and of the first two, 0
where folding would have changed them (counts are of folded tokens, triggers of exact ones);
`tokens`: upper halves of the exact hashes of the token before, of the eight from the onset on, and
of the one after (0 where the text ends); `far_before`, `far_after`: hashes of the FAR_TOKENS tokens
that lie FAR tokens before the onset and after it (0 where there are none). For decoys all run
backwards from the onset: the same test, with time reversed."""

FORMATS = ("prose", "code", "data")
"""Formats that documents are told apart by, in the order of their numbers."""

CODE_MARKS = 0.35
"""Share of punctuation and symbols among a document's tokens from which on it counts as code:
prose of the development corpora stays below 0.3, sources of programs above 0.4."""

DATA_DIGITS = 0.2
"""Share of numbers among a document's tokens from which on it counts as data."""


class Features(NamedTuple):
    """What is measured of each document of a batch; arrays of one entry a document.

    tokens (int64): number of tokens. surprisal (float32): their mean, bits. contrast (float32):
    the largest contrast, bits, 0 where none could be measured. onset (int64): its byte offset,
    -1 where there is none above MINIMUM_CONTRAST. before, after (float32): mean surprisal of the
    windows around it. onsets, decoys (int32): number of onset tokens and of their time-reversed
    twins. change_score (float32) and change_point (int64): the best split of the text's
    surprisal in two and its byte offset (-1: none). bucket (uint8). letters, digits, marks,
    controls (float32): shares of the tokens of that class. head_64, head_256 (uint64): hashes of
    the first 64 and 256 tokens, keyed by the profile's seed; 0 where there are fewer. language
    (uint8): number of the one with the most votes, 0 without any; language_share (float32): its
    share of the votes, 0 to 1. switches (int32): how often the text turns to a language that it
    did not have before; switch (int64): byte offset of the first time, -1 where there is none.
    """

    tokens: np.ndarray
    surprisal: np.ndarray
    contrast: np.ndarray
    onset: np.ndarray
    before: np.ndarray
    after: np.ndarray
    onsets: np.ndarray
    decoys: np.ndarray
    change_score: np.ndarray
    change_point: np.ndarray
    bucket: np.ndarray
    letters: np.ndarray
    digits: np.ndarray
    marks: np.ndarray
    controls: np.ndarray
    head_64: np.ndarray
    head_256: np.ndarray
    language: np.ndarray
    language_share: np.ndarray
    switches: np.ndarray
    switch: np.ndarray


_DTYPES = [
    "int64",
    "f4",
    "f4",
    "int64",
    "f4",
    "f4",
    "int32",
    "int32",
    "f4",
    "int64",
    "u1",
    "f4",
    "f4",
    "f4",
    "f4",
    "u8",
    "u8",
    "u1",
    "f4",
    "int32",
    "int64",
]


def empty_features(documents: int) -> Features:
    """Arrays for `documents` documents, not yet filled."""
    return Features(*[np.empty(documents, dtype) for dtype in _DTYPES])


class Scratch(NamedTuple):
    """Working memory of the kernel for one piece; see `new_scratch`."""

    starts: np.ndarray
    ends: np.ndarray
    exact: np.ndarray
    folded: np.ndarray
    kinds: np.ndarray
    word_codes: np.ndarray
    pair_codes: np.ndarray
    surprisal: np.ndarray
    languages: np.ndarray
    compositions: np.ndarray
    onset: np.ndarray
    word_slots: np.ndarray
    pair_slots: np.ndarray
    sums: np.ndarray
    pairs: np.ndarray
    own: np.ndarray
    words: Words
    contrasts: np.ndarray
    blocks: np.ndarray


def new_scratch() -> Scratch:
    """Working memory (about 100 MB, touched only as far as a piece needs it). `contrasts`: float32
    (channels, tokens)."""
    size = PIECE_TOKENS
    dtypes = [
        "int32",
        "int32",
        "u8",
        "u8",
        "u1",
        "u1",
        "u1",
        "f4",
        "u1",
        "u1",
        "int32",
        "int32",
        "int32",
        "f8",
        "u8",
    ]
    arrays: list[Any] = [np.empty(size, dtype) for dtype in dtypes]
    arrays += [np.empty(own_capacity(size), np.uint32), new_words(size)]
    arrays.append(np.empty((len(CHANNELS), size), np.float32))
    arrays.append(np.empty((size // 8 + 2, len(KINDS)), np.int32))
    return Scratch(*arrays)


@kernel()
def type_of(data, begin, scratch, low, high, scripts):
    """Type of the tokens from `low` to `high` of a piece, see `segment_type`."""
    return segment_type(
        data, begin, scratch.starts, scratch.ends, scratch.exact, scratch.folded, scratch.kinds,
        scratch.word_codes, scratch.pair_codes, low, high, scripts, scratch.words.table,
    )  # fmt: skip


OPENING_SURPRISAL = 10.0
"""Bits of mean surprisal below which no beginning of a text is looked at: word salad is above."""

_WORD_SALAD = SEGMENT_TYPES.index("word_salad")


@kernel()
def _opening_contrasts(data, begin, count, opens, closes, scratch, result):
    """Contrast of the channel `opening` at each token of a piece: 1 at the first OPENING_TOKENS of
    a text that begins with word salad, -1 at the last of one that ends so."""
    result[:count] = 0.0
    if count < MINIMUM_AFTER:
        return
    scripts = np.zeros(len(SCRIPTS), np.int64)
    first_end = min(WINDOW, count)
    last_begin = max(count - WINDOW, 0)
    if (
        opens
        and scratch.surprisal[:first_end].mean() > OPENING_SURPRISAL
        and type_of(data, begin, scratch, 0, first_end, scripts) == _WORD_SALAD
    ):
        result[:OPENING_TOKENS] = 1.0
    if (
        closes
        and scratch.surprisal[last_begin:count].mean() > OPENING_SURPRISAL
        and type_of(data, begin, scratch, last_begin, count, scripts) == _WORD_SALAD
    ):
        result[count - OPENING_TOKENS + 1 : count] = -1.0


@kernel()
def measure_piece(data, begin, end, opens, closes, tables, votes, slots, words, seed, scratch):
    """Tokens, surprisal, languages and contrasts of `data[begin:end]`, left in `scratch`.

    `opens`, `closes`: whether the text begins or ends there.

    Returns:
      The number of tokens.
    """
    count = tokenize(
        data, begin, end, tables, seed,
        scratch.starts, scratch.ends, scratch.exact, scratch.folded, scratch.kinds,
    )  # fmt: skip
    own = scratch.own[: own_capacity(count)]
    own[:] = 0
    surprisals(
        scratch.folded, count, slots, words, seed, scratch.pairs, scratch.word_codes,
        scratch.pair_codes, scratch.word_slots, scratch.pair_slots, own, scratch.surprisal,
    )  # fmt: skip
    add_up(scratch.surprisal, count, scratch.sums)
    contrasts(scratch.sums, count, SURPRISAL, scratch.contrasts[SURPRISAL])
    contrasts(scratch.sums, count, PASSAGE, scratch.contrasts[PASSAGE])
    language_votes(scratch.folded, scratch.kinds, count, votes, scratch.languages)
    # Slots of own counts have served their time.
    language_contrasts(scratch.languages, count, scratch.word_slots, scratch.contrasts[LANGUAGE])
    token_compositions(
        data, begin, scratch.starts, scratch.ends, scratch.exact, scratch.folded, scratch.kinds,
        count, scratch.compositions,
    )  # fmt: skip
    composition_contrasts(
        scratch.compositions, count, scratch.blocks, scratch.contrasts[COMPOSITION]
    )
    _opening_contrasts(data, begin, count, opens, closes, scratch, scratch.contrasts[OPENING])
    return count


@kernel()
def _split(surprisal, first, last):
    """Best split of `surprisal[first:last]` into two means: (score, token), by the statistic
    of the likelihood-ratio test for one change of mean, in standard deviations."""
    count = last - first
    if count < 2:
        return 0.0, -1
    total = 0.0
    squares = 0.0
    for index in range(first, last):
        total += surprisal[index]
        squares += surprisal[index] * surprisal[index]
    mean = total / count
    variance = squares / count - mean * mean
    if variance <= 1e-9:
        return 0.0, -1
    best = 0.0
    best_at = -1
    sum_before = 0.0
    for index in range(first, last - 1):
        sum_before += surprisal[index]
        before = index + 1 - first
        excess = sum_before - before * mean
        score = excess * excess / (before * (1.0 - before / count))
        if score > best:
            best = score
            best_at = index + 1
    return np.sqrt(best / variance), best_at


@kernel()
def _bucket(kinds, scripts, tokens):
    """Bucket of a text from its numbers of tokens by class and by script."""
    if kinds[MARK] >= CODE_MARKS * tokens:
        text_format = 1
    elif kinds[DIGIT] >= DATA_DIGITS * tokens:
        text_format = 2
    else:
        text_format = 0
    script = 0
    for candidate in range(1, len(scripts)):
        if scripts[candidate] > (scripts[script] if script else 0):
            script = candidate
    return np.uint8(script * len(FORMATS) + text_format)


@kernel()
def bucket_of(token_kinds):
    """Bucket of the text whose tokens are of these kinds (uint8, see `tokenize`)."""
    kinds = np.zeros(8, np.int64)
    scripts = np.zeros(len(SCRIPTS), np.int64)
    for kind in token_kinds:
        kinds[kind & 15] += 1
        scripts[kind >> 4] += 1
    return _bucket(kinds, scripts, max(len(token_kinds), 1))


_CONTRAST_UNITS = (8, 255, 255, 8, 255)


@kernel()
def _head_hash(exact, count, size):
    """Hash of the first `size` of `count` tokens; 0 where there are fewer."""
    if count < size:
        return np.uint64(0)
    state = np.uint64(size)
    for index in range(size):
        state = absorb(state, exact[index])
    return max(mix(state), np.uint64(1))


@kernel()
def _far_hash(exact, count, first, step):
    """Hash (uint32) of FAR_TOKENS tokens from `first` on by a step of 1 or -1; 0 if one lacks."""
    last = first + step * (FAR_TOKENS - 1)
    if min(first, last) < 0 or max(first, last) >= count:
        return np.uint32(0)
    state = np.uint64(FAR_TOKENS)
    for index in range(FAR_TOKENS):
        state = absorb(state, exact[first + step * index])
    return np.uint32(mix(state) >> np.uint64(32)) | np.uint32(1)


@kernel()
def _write_onset(record, scratch, count, index, channel, direction):
    """Fills the record of the onset at token `index`, all but the document's identity."""
    record.channel = channel
    record.direction = direction
    record.contrast = np.uint8(abs(scratch.contrasts[channel, index]) * _CONTRAST_UNITS[channel])
    before = index - 1 if direction > 0 else index
    first = index if direction > 0 else index - 1
    second = first + direction
    record.word_code = 0
    record.pair_code = 0
    if 0 <= first < count and scratch.exact[first] == scratch.folded[first]:
        record.word_code = scratch.word_codes[first]
        if 0 <= second < count and scratch.exact[second] == scratch.folded[second]:
            record.pair_code = scratch.pair_codes[max(first, second)]
    record.far_before = _far_hash(scratch.exact, count, before - direction * FAR, -direction)
    record.far_after = _far_hash(scratch.exact, count, first + direction * FAR, direction)
    for kept in range(TOKENS_KEPT):
        token = before + direction * kept
        if 0 <= token < count:
            record.tokens[kept] = np.uint32(scratch.exact[token] >> np.uint64(32))
        else:
            record.tokens[kept] = 0


@kernel()
def measure_documents(
    data, offsets, tables, votes, slots, words, seed, scratch, features, repetition, segments,
    fingerprints, onsets, onset_documents,
):  # fmt: skip
    """Measures every document of a batch.

    Args:
      data: uint8, the texts one after the other.
      offsets: int32 (documents + 1,), where each text begins in `data`.
      tables: `code_point_tables()`.
      votes: `vote_slots(seed)`.
      slots, words, seed: of the profile.
      scratch: `new_scratch()`.
      features: `empty_features(documents)`, written.
      repetition, segments: `empty_repetition(documents)`, `empty_segments(documents)`, written.
      fingerprints: room for those of the batch, see `new_fingerprints`, written.
      onsets: ONSET records, written up to their length.
      onset_documents: int32 (len(onsets),), the document in the batch of each record.

    Returns:
      The number of onset records of the batch; if it is above `len(onsets)`, the rest was not
      written and the call must be repeated with more room.
    """
    found = 0
    fingerprints.found[0] = 0
    kinds = np.zeros(8, np.int64)
    scripts = np.zeros(len(SCRIPTS), np.int64)
    repetition_sums = np.zeros(SUMS, np.int64)
    languages = np.zeros(len(LANGUAGES), np.int64)
    for document in range(len(offsets) - 1):
        text_begin = np.int64(offsets[document])
        text_end = np.int64(offsets[document + 1])
        kinds[:] = 0
        scripts[:] = 0
        repetition_sums[:] = 0
        features.head_64[document] = 0
        features.head_256[document] = 0
        languages[:] = 0
        tokens = 0
        total = 0.0
        best = 0.0
        best_offset = np.int64(-1)
        best_before = 0.0
        best_after = 0.0
        onset_count = 0
        decoy_count = 0
        change_score = 0.0
        change_point = np.int64(-1)
        onset_type = 0
        most_excess = 0.0
        segment_start = np.int64(-1)
        segment_end = np.int64(-1)
        segment_bits = 0.0
        segment_tokens = 0
        found_type = 0
        switches = 0
        first_switch = np.int64(-1)
        last_switch = np.int64(-1)
        switch_contrast = 0.0
        found_before = found
        begin_fingerprints(document, fingerprints)
        core_begin = text_begin
        while core_begin < text_end:
            core_end, begin, end = piece_from(data, core_begin, text_begin, text_end)
            count = measure_piece(
                data, begin, end, begin == text_begin, end == text_end, tables, votes, slots, words,
                seed, scratch,
            )  # fmt: skip
            if core_begin == text_begin:
                features.head_64[document] = _head_hash(scratch.exact, count, 64)
                features.head_256[document] = _head_hash(scratch.exact, count, 256)
            contrast = scratch.contrasts[SURPRISAL]
            first = 0
            while first < count and begin + scratch.starts[first] < core_begin:
                first += 1
            last = count
            while last > first and begin + scratch.starts[last - 1] >= core_end:
                last -= 1
            best_token = -1
            for index in range(first, last):
                kind = scratch.kinds[index]
                kinds[kind & 15] += 1
                scripts[kind >> 4] += 1
                languages[scratch.languages[index]] += 1
                total += scratch.surprisal[index]
                if contrast[index] > best:
                    best = np.float64(contrast[index])
                    best_token = index
            if best_token >= 0:
                best_offset = begin + scratch.starts[best_token] - text_begin
                best_before = scratch.surprisal[max(best_token - WINDOW, 0) : best_token].mean()
                best_after = scratch.surprisal[best_token : min(best_token + WINDOW, count)].mean()
                if best > MINIMUM_CONTRAST:
                    window_end = min(best_token + WINDOW, count)
                    onset_type = type_of(data, begin, scratch, best_token, window_end, scripts)
            score, split = _split(scratch.surprisal, first, last)
            if score > change_score:
                change_score = score
                change_point = begin + scratch.starts[split] - text_begin
            low, high, excess = best_segment(scratch.surprisal, first, last)
            if excess > most_excess and high - low >= MINIMUM_TOKENS:
                most_excess = excess
                segment_start = begin + scratch.starts[low] - text_begin
                segment_end = begin + scratch.ends[high - 1] - text_begin
                segment_tokens = high - low
                segment_bits = np.float64(scratch.surprisal[low:high].sum())
                found_type = type_of(data, begin, scratch, low, high, scripts)
            for channel in range(len(CHANNELS)):
                contrast = scratch.contrasts[channel]
                for nth in range(onset_tokens(contrast, count, channel, scratch.onset)):
                    index = np.int64(scratch.onset[nth])
                    if index < first or index >= last:
                        continue
                    offset = begin + scratch.starts[index] - text_begin
                    direction = 1 if contrast[index] > 0 else -1
                    if channel == SURPRISAL:
                        if direction > 0:
                            onset_count += 1
                        else:
                            decoy_count += 1
                    elif channel == LANGUAGE and direction > 0:
                        place = tokens + index - first
                        if switches == 0 or place > last_switch + NEIGHBOURHOOD:
                            switches += 1
                        last_switch = place
                        if switches == 1 and contrast[index] > switch_contrast:
                            first_switch = offset
                            switch_contrast = np.float64(contrast[index])
                    if found < len(onsets):
                        _write_onset(onsets[found], scratch, count, index, channel, direction)
                        onsets[found].offset = offset
                        onset_documents[found] = document
                    found += 1
            add_repetition(
                data, begin, scratch.starts, scratch.ends, scratch.exact, scratch.kinds, first,
                last, scratch.words, repetition_sums,
            )  # fmt: skip
            add_fingerprints(
                document, scratch.exact, scratch.folded, scratch.pairs, scratch.pair_codes, count,
                first, last, fingerprints,
            )  # fmt: skip
            tokens += last - first
            core_begin = core_end
        counted = max(tokens, 1)
        bucket = _bucket(kinds, scripts, counted)
        for record in range(found_before, min(found, len(onsets))):
            onsets[record].bucket = bucket
        without_vote = languages[0]
        languages[0] = 0
        language = languages.argmax()
        features.language[document] = language
        features.language_share[document] = languages[language] / max(tokens - without_vote, 1)
        features.switches[document] = switches
        features.switch[document] = first_switch
        features.tokens[document] = tokens
        features.surprisal[document] = total / counted
        features.contrast[document] = best
        features.onset[document] = best_offset if best > MINIMUM_CONTRAST else -1
        features.before[document] = best_before
        features.after[document] = best_after
        features.onsets[document] = onset_count
        features.decoys[document] = decoy_count
        features.change_score[document] = change_score
        features.change_point[document] = change_point
        features.bucket[document] = bucket
        features.letters[document] = (kinds[LETTER] + kinds[CHARACTER]) / counted
        features.digits[document] = kinds[DIGIT] / counted
        features.marks[document] = kinds[MARK] / counted
        features.controls[document] = (kinds[CONTROL] + kinds[COMBINING]) / counted
        rest = tokens - segment_tokens
        if segment_tokens == 0 or rest < MINIMUM_TOKENS:
            segments.segment_start[document] = -1
            segments.segment_end[document] = -1
            segments.segment_contrast[document] = 0.0
            segments.segment_type[document] = 0
        else:
            segments.segment_start[document] = segment_start
            segments.segment_end[document] = segment_end
            level = (total - segment_bits) / rest
            segments.segment_contrast[document] = segment_bits / segment_tokens - level
            segments.segment_type[document] = found_type
        segments.onset_type[document] = onset_type
        write_repetition(repetition_sums, document, repetition)
    return found
