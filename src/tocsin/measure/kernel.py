"""The kernel: one pass over the documents of a batch, from bytes to features and onsets.

Documents are measured piece by piece (`measure.pieces`), which bounds the memory of the kernel
whatever the length of a document.
"""

from typing import NamedTuple

import numpy as np

from tocsin.measure.buckets import bucket_from
from tocsin.measure.code_points import (
    CHARACTER,
    COMBINING,
    CONTROL,
    DIGIT,
    LETTER,
    MARK,
    SCRIPTS,
)
from tocsin.measure.kernels import kernel
from tocsin.measure.languages import LANGUAGES
from tocsin.measure.onset_records import write_onset
from tocsin.measure.onsets import (
    CHANNELS,
    LANGUAGE,
    MINIMUM_CONTRAST,
    NEIGHBOURHOOD,
    SURPRISAL,
    WINDOW,
    onset_tokens,
)
from tocsin.measure.pieces import piece_from
from tocsin.measure.repetition import SUMS, add_repetition, write_repetition
from tocsin.measure.segments import MINIMUM_TOKENS, best_segment
from tocsin.measure.shingles import add_fingerprints, begin_fingerprints
from tocsin.measure.token_measures import measure_piece, type_of
from tocsin.measure.tokens import absorb, mix


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
def _head_hash(exact, count, size):
    """Hash of the first `size` of `count` tokens; 0 where there are fewer."""
    if count < size:
        return np.uint64(0)
    state = np.uint64(size)
    for index in range(size):
        state = absorb(state, exact[index])
    return max(mix(state), np.uint64(1))


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
                        write_onset(onsets[found], scratch, count, index, channel, direction)
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
        bucket = bucket_from(kinds, scripts, counted)
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
