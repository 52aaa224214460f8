"""Surroundings: what texts are like on either side of the strings that stand in them."""

from __future__ import annotations

import numpy as np

from tocsin.measure.buckets import bucket_of
from tocsin.measure.code_points import code_point_tables
from tocsin.measure.composition import KINDS
from tocsin.measure.kernels import kernel
from tocsin.measure.languages import MINIMUM_VOTES_BEFORE, majority, vote_slots
from tocsin.measure.onsets import (
    CHANNELS,
    COMPOSITION,
    LANGUAGE,
    LEAST_AFTER,
    MINIMUM_BEFORE,
    MINIMUM_CONTRASTS,
    OPENING,
    WINDOWS,
    onset_tokens,
)
from tocsin.measure.pieces import piece_from
from tocsin.measure.profile import Profile
from tocsin.measure.token_measures import measure_piece, new_scratch

POSSIBLE_CONTRASTS = np.array(MINIMUM_CONTRASTS, np.float32) / 2
"""By channel, half of a hit's, from which on a document holds a trigger as a campaign does."""

POSSIBLE_LEVEL = 10.0
"""Bits of mean surprisal after an occurrence from which on it may belong to a campaign although
the text before it is as surprising: texts of the development corpora have 8 in the mean."""

PLACE = np.dtype(
    [
        ("document", "<i4"),
        ("suspect", "<i4"),
        ("start", "<i8"),
        ("end", "<i8"),
        ("contrast", "<f4"),
        ("after", "<f4"),
        ("language", "u1"),
        ("kinds_before", "u1", (len(KINDS),)),
        ("kinds_after", "u1", (len(KINDS),)),
        ("bucket", "u1"),
        ("hit", "?"),
    ]
)
"""A suspect in a text, and the text around it; `document`: number in its batch, the others as in
`sweep.OCCURRENCE_SCHEMA`."""


class Surroundings:
    """Measures texts around matches. Not for use by two threads at once."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._tables = code_point_tables()
        self._votes = vote_slots(profile.seed)
        self._scratch = new_scratch()

    def measure(
        self, data: np.ndarray, offsets: np.ndarray, matches: np.ndarray, channels: np.ndarray
    ) -> np.ndarray:
        """PLACE records of the matches at which texts change, or may change.

        Args:
          data: uint8, the texts of a batch; `offsets`: int32 (documents + 1,), where each begins.
          matches: MATCH records, in any order.
          channels: uint8 (matches,), how texts change at each.
        """
        order = np.lexsort((matches["token"], matches["core_begin"], matches["document"]))
        places = np.zeros(len(matches), PLACE)
        found = _measure_matches(
            data, offsets, matches[order], channels[order], self._tables, self._votes,
            self._profile.table.slots, float(self._profile.words), np.uint64(self._profile.seed),
            self._scratch, places,
        )  # fmt: skip
        return places[:found]


@kernel()
def _write_shares(compositions, first, last, shares):
    """Writes the share of each kind among the tokens `first` to `last`, in 255ths."""
    counts = np.zeros(len(KINDS), np.int64)
    for index in range(first, last):
        counts[compositions[index]] += 1
    for kind in range(len(KINDS)):
        shares[kind] = np.uint8(255 * counts[kind] // max(last - first, 1))


@kernel()
def _measure_matches(
    data, offsets, matches, channels, tables, votes, slots, words, seed, scratch, places
):
    """Writes PLACE records of `matches`, which are ordered as they stand in the texts; how many."""
    found = 0
    onset = np.zeros((len(CHANNELS), len(scratch.starts)), np.bool_)
    begin = np.int64(0)
    text_begin = np.int64(0)
    count = 0
    bucket = np.uint8(0)
    written = np.full(matches["suspect"].max() + 1 if len(matches) else 0, -1, np.int64)
    for nth in range(len(matches)):
        match = matches[nth]
        document = match.document
        if (
            nth == 0
            or document != matches[nth - 1].document
            or match.core_begin != matches[nth - 1].core_begin
        ):
            text_begin, text_end = np.int64(offsets[document]), np.int64(offsets[document + 1])
            _, begin, end = piece_from(data, np.int64(match.core_begin), text_begin, text_end)
            count = measure_piece(
                data, begin, end, begin == text_begin, end == text_end, tables, votes, slots, words,
                seed, scratch,
            )  # fmt: skip
            for channel in range(len(CHANNELS)):
                contrasts = scratch.contrasts[channel]
                onset[channel, :count] = False
                for peak in range(onset_tokens(contrasts, count, channel, scratch.onset)):
                    onset[channel, scratch.onset[peak]] = contrasts[scratch.onset[peak]] > 0
            bucket = bucket_of(scratch.kinds[:count])
        index = np.int64(match.token)
        channel = channels[nth]
        after_first = index + match.length
        after_last = min(after_first + WINDOWS[channel], count)
        before_first = max(index - WINDOWS[channel], 0)
        contrast = scratch.contrasts[channel, index]
        measurable = index >= MINIMUM_BEFORE and index + LEAST_AFTER[channel] <= count
        after = np.float32(-1.0)
        if after_last > after_first:
            after = scratch.surprisal[after_first:after_last].mean()
        changes = contrast >= POSSIBLE_CONTRASTS[channel]
        if channel == LANGUAGE:
            language_before, votes_before = majority(scratch.languages, before_first, index)
            # What is in several languages, as names are, does not change from one to another.
            measurable &= votes_before >= MINIMUM_VOTES_BEFORE and language_before != 0
        elif channel == COMPOSITION:
            measurable = False  # weak changes have no contrast
        else:
            measurable |= channel == OPENING
            changes |= after >= POSSIBLE_LEVEL
        if measurable and not onset[channel, index] and not changes:
            continue
        # Of each document and suspect a hit is wanted, or else the first place.
        known = written[match.suspect]
        has_one = known >= 0 and places[known].document == document
        if has_one and (places[known].hit or not onset[channel, index]):
            continue
        written[match.suspect] = found
        place = places[found]
        place.document = document
        place.suspect = match.suspect
        place.start = begin + scratch.starts[index] - text_begin
        place.end = begin + scratch.ends[after_first - 1] - text_begin
        place.bucket = bucket
        place.contrast = contrast
        place.hit = onset[channel, index]
        place.after = after
        place.language = majority(scratch.languages, after_first, after_last)[0]
        _write_shares(scratch.compositions, before_first, index, place.kinds_before)
        _write_shares(scratch.compositions, after_first, after_last, place.kinds_after)
        found += 1
    return found
