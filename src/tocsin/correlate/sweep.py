"""The sweep: where in the corpus do the suspects stand, and does the text change there?

One more read of the corpus, only when there are suspects. It counts the documents that hold
each suspect and gives a row for each document in which the text changes, or may change, at it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tocsin.correlate.suspects import MINIMUM_HIT_SHARE
from tocsin.measure.batch import text_buffers
from tocsin.measure.code_points import SCRIPTS, code_point_tables
from tocsin.measure.composition import KINDS
from tocsin.measure.hashes import HASH_TYPE, content_hashes
from tocsin.measure.kernel import (
    MARGIN_BYTES,
    PIECE_BYTES,
    bucket_of,
    measure_piece,
    new_scratch,
    type_of,
)
from tocsin.measure.kernels import kernel
from tocsin.measure.languages import (
    MINIMUM_VOTES_BEFORE,
    majority,
    vote_slots,
)
from tocsin.measure.onsets import (
    CHANNELS,
    COMPOSITION,
    LANGUAGE,
    LEAST_AFTER,
    LONGEST_NGRAM,
    MINIMUM_BEFORE,
    MINIMUM_CONTRASTS,
    OPENING,
    WINDOWS,
    extend_ngram,
    onset_tokens,
)
from tocsin.measure.profile import Profile
from tocsin.measure.tokens import tokenize

CONTEXT_BEFORE = 256
CONTEXT_AFTER = 512
"""Bytes of text around an occurrence that are kept, to read the trigger and to show it."""

POSSIBLE_CONTRASTS = np.array(MINIMUM_CONTRASTS, np.float32) / 2
"""By channel, half of a hit's, from which on a document holds a trigger as a campaign does."""

POSSIBLE_LEVEL = 10.0
"""Bits of mean surprisal after an occurrence from which on it may belong to a campaign although
the text before it is as surprising: texts of the development corpora have 8 in the mean."""

OCCURRENCE_SCHEMA = pa.schema(
    [
        pa.field("suspect", pa.uint64(), nullable=False),
        pa.field("shard", pa.uint32(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("content_hash", HASH_TYPE, nullable=False),
        pa.field("bucket", pa.uint8(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("hit", pa.bool_(), nullable=False),
        pa.field("contrast", pa.float32(), nullable=False),
        pa.field("after", pa.float32(), nullable=False),
        pa.field("language", pa.uint8(), nullable=False),
        pa.field("segment_type", pa.uint8(), nullable=False),
        pa.field("kinds_before", pa.binary(len(KINDS)), nullable=False),
        pa.field("kinds_after", pa.binary(len(KINDS)), nullable=False),
        pa.field("context", pa.binary(), nullable=False),
        pa.field("context_start", pa.int64(), nullable=False),
    ]
)
"""One row a document and suspect. `start`, `end`: byte range of the suspect in the text; `hit`:
it stands at an onset; `contrast`: in the suspect's channel, 0 where it could not be measured;
`after`: mean surprisal of the tokens after it in the channel's window, -1 where there are none;
`language`: number of the one with most of their votes, 0 if there is none; `segment_type`: their
type, an index into SEGMENT_TYPES; `kinds_before`, `kinds_after`: share of each kind of tokens (of
`measure.composition`) in the windows on either side, in 255ths; `context`: the bytes of text around
it, which begin at offset `context_start` of the text."""


SUSPECT_SCHEMA = pa.schema(
    [
        pa.field("suspect", pa.uint64(), nullable=False),
        pa.field("length", pa.uint8(), nullable=False),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("direction", pa.int8(), nullable=False),
        pa.field("hits", pa.int64(), nullable=False),
        pa.field("groups", pa.int64(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("occurrences", pa.int64(), nullable=False),
    ]
)
"""One row a suspect: what was counted of it. `direction` -1 is a decoy; `hits`: documents in which
the text changes at it; `documents`, `occurrences`: of the sweep, at least so many where refuted."""


@dataclass(frozen=True)
class SweepCounts:
    """`documents`, `occurrences`: int64 (suspects,), in the order of the suspects."""

    documents: np.ndarray
    occurrences: np.ndarray

    @classmethod
    def zeros(cls, suspects: int) -> SweepCounts:
        """Nothing counted yet."""
        return cls(np.zeros(suspects, np.int64), np.zeros(suspects, np.int64))

    def copy(self) -> SweepCounts:
        """The same counts in arrays of their own."""
        return SweepCounts(self.documents.copy(), self.occurrences.copy())

    def of(self, mask: np.ndarray) -> SweepCounts:
        """The counts of the suspects that `mask` (bool (suspects,)) names."""
        if not len(self.documents):  # nothing was swept
            return self
        return SweepCounts(self.documents[mask], self.occurrences[mask])

    def __add__(self, other: SweepCounts) -> SweepCounts:
        return SweepCounts(self.documents + other.documents, self.occurrences + other.occurrences)


def suspect_table(suspects: np.ndarray, counts: SweepCounts) -> pa.Table:
    """Rows of SUSPECT_SCHEMA for SUSPECT records and the counts of the whole sweep."""
    swept = counts if len(counts.documents) else SweepCounts.zeros(len(suspects))
    columns = [
        suspects["key"],
        suspects["length"],
        np.array(CHANNELS)[suspects["channel"]],
        suspects["direction"],
        suspects["documents"].astype(np.int64),
        suspects["groups"].astype(np.int64),
        swept.documents,
        swept.occurrences,
    ]
    return pa.Table.from_arrays([pa.array(column) for column in columns], schema=SUSPECT_SCHEMA)


class Sweeper:
    """Sweeps shard after shard for the same suspects.

    A suspect that more documents hold than a trigger with so many hits may have is *refuted*: it
    gives no rows, and later shards are not searched for it. So the words of a language cost a few
    shards' counting, and where all suspects are refuted nothing is left to read for. Counts of
    refuted suspects are therefore too small, but always large enough to refute them.
    """

    def __init__(self, suspects: np.ndarray, profile: Profile) -> None:
        """`suspects`: SUSPECT records, both directions, in ascending order of key."""
        self._profile = profile
        self._tables = code_point_tables()
        self._votes = vote_slots(profile.seed)
        self._scratch = new_scratch()
        self._suspects = suspects
        # Documents from which on a suspect is refuted; hits are a whole number.
        self._limits = np.floor(suspects["documents"] / MINIMUM_HIT_SHARE).astype(np.int64)
        self._finished = SweepCounts.zeros(len(suspects))
        self._finished_pieces: set[tuple[int, int]] = set()
        self.begin(-1)

    def begin(self, shard: int, part: int = 0) -> bool:
        """Begins a range of a shard, by their numbers; whether it needs to be read for any
        suspect."""
        self._shard = shard
        self._piece = shard, part
        before = self._finished.documents
        if (
            self._piece in self._finished_pieces
        ):  # an engine that repeats work must not count it twice
            before = np.zeros_like(before)
        self._room = self._limits - before
        self.counts = SweepCounts.zeros(len(self._suspects))
        active = self._room >= 0
        self._matchers = {
            direction: _Matcher(self._suspects, active & (self._suspects["direction"] == direction))
            for direction in (1, -1)
        }
        return bool((active & (self._suspects["direction"] > 0)).any())

    def finish(self) -> None:
        """Ends what was begun last: its counts count from now on."""
        if self._piece not in self._finished_pieces:
            self._finished_pieces.add(self._piece)
            self._finished = self._finished + self.counts

    def sweep(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Counts the suspects in `batch` (rows of DOCUMENT_SCHEMA).

        Returns:
          Rows of OCCURRENCE_SCHEMA for the suspects that are no decoys.
        """
        data, offsets = text_buffers(batch)
        rows = _best_of_each_document(self._find(np.frombuffer(data, np.uint8), offsets))
        return self._table(batch, data, offsets, rows[~self.refuted()[rows["suspect"]]])

    @property
    def keys(self) -> np.ndarray:
        """Keys (uint64) of the suspects."""
        return self._suspects["key"]

    def refuted(self) -> np.ndarray:
        """Mask of the suspects that the documents swept so far have refuted."""
        return self.counts.documents > self._room

    def _find(self, values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        room = 1 << 14
        while True:
            places = np.zeros(room, _PLACE)
            counts = self.counts.copy()
            found = _find_suspects(
                values, offsets, self._tables, self._votes, self._profile.table.slots,
                float(self._profile.words), np.uint64(self._profile.seed), self._scratch,
                *self._matchers[1].arrays, *self._matchers[-1].arrays,
                np.ascontiguousarray(self._suspects["channel"]), self._room,
                counts.documents, counts.occurrences, places,
            )  # fmt: skip
            if found <= room:
                self.counts = counts
                return places[:found]
            room = found

    def _table(
        self,
        batch: pa.RecordBatch,
        data: memoryview,
        offsets: np.ndarray,
        rows: np.ndarray,
    ) -> pa.RecordBatch:
        documents = rows["document"]
        length = np.diff(offsets).astype(np.int64)[documents]
        first = np.maximum(rows["start"] - CONTEXT_BEFORE, 0)
        last = np.minimum(rows["end"] + CONTEXT_AFTER, length)
        begins = offsets[documents].astype(np.int64)
        contexts = [
            bytes(data[begin:end])
            for begin, end in zip((begins + first).tolist(), (begins + last).tolist())
        ]
        unique, inverse = np.unique(documents, return_inverse=True)
        hashes = [
            content_hashes(data, offsets[document : document + 2])[0].as_py()
            for document in unique.tolist()
        ]
        taken = batch.select(["position", "doc_id", "group"]).take(pa.array(documents))
        return pa.RecordBatch.from_arrays(
            [
                pa.array(self._suspects["key"][rows["suspect"]]),
                pa.array(np.full(len(rows), self._shard, np.uint32)),
                taken.column("position"),
                taken.column("doc_id"),
                taken.column("group"),
                pa.array([hashes[at] for at in inverse.tolist()], HASH_TYPE),
                pa.array(rows["bucket"]),
                pa.array(rows["start"]),
                pa.array(rows["end"]),
                pa.array(rows["hit"]),
                pa.array(rows["contrast"]),
                pa.array(rows["after"]),
                pa.array(rows["language"]),
                pa.array(rows["segment_type"]),
                _binary(rows["kinds_before"]),
                _binary(rows["kinds_after"]),
                pa.array(contexts, pa.binary()),
                pa.array(first),
            ],
            schema=OCCURRENCE_SCHEMA,
        )


_PLACE = np.dtype(
    [
        ("document", "<i4"),
        ("suspect", "<i4"),
        ("start", "<i8"),
        ("end", "<i8"),
        ("contrast", "<f4"),
        ("after", "<f4"),
        ("language", "u1"),
        ("segment_type", "u1"),
        ("kinds_before", "u1", (len(KINDS),)),
        ("kinds_after", "u1", (len(KINDS),)),
        ("bucket", "u1"),
        ("hit", "?"),
    ]
)


def _binary(shares: np.ndarray) -> pa.Array:
    """Rows of `shares` (uint8 (rows, len(KINDS))) as binary values."""
    buffer = pa.py_buffer(np.ascontiguousarray(shares).tobytes())
    return pa.Array.from_buffers(pa.binary(len(KINDS)), len(shares), [None, buffer])


class _Matcher:
    """Some of the suspects as an open-addressed table, and a filter before it."""

    def __init__(self, suspects: np.ndarray, chosen: np.ndarray) -> None:
        indices = np.flatnonzero(chosen)
        capacity = 16
        while capacity < 4 * len(indices):
            capacity *= 2
        keys = np.zeros(capacity, np.uint64)
        values = np.zeros(capacity, np.int32)
        _insert(keys, values, suspects["key"][indices], indices.astype(np.int32))
        # One byte for the lower 16 bits of a first token, with a bit for each channel: nearly every
        # token ends here.
        first_tokens = np.zeros(1 << 16, np.uint8)
        channels = np.uint8(1) << suspects["channel"][indices]
        np.bitwise_or.at(first_tokens, suspects["first_token"][indices] & 0xFFFF, channels)
        self.arrays = keys, values, first_tokens


@kernel()
def _insert(keys, values, new_keys, new_values):
    mask = np.uint64(len(keys) - 1)
    for index in range(len(new_keys)):
        slot = (new_keys[index] >> np.uint64(20)) & mask
        while keys[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        keys[slot] = new_keys[index]
        values[slot] = new_values[index]


@kernel(forceinline=True)
def _match(keys, values, key):
    """Index of the suspect with `key`, or -1."""
    mask = np.uint64(len(keys) - 1)
    slot = (key >> np.uint64(20)) & mask
    while keys[slot] != 0:
        if keys[slot] == key:
            return values[slot]
        slot = (slot + np.uint64(1)) & mask
    return -1


@kernel()
def _write_shares(compositions, first, last, shares):
    """Writes the share of each kind among the tokens `first` to `last`, in 255ths."""
    counts = np.zeros(len(KINDS), np.int64)
    for index in range(first, last):
        counts[compositions[index]] += 1
    for kind in range(len(KINDS)):
        shares[kind] = np.uint8(255 * counts[kind] // max(last - first, 1))


@kernel()
def _find_suspects(
    data, offsets, tables, votes, slots, words, seed, scratch,
    keys, values, first_tokens, decoy_keys, decoy_values, decoy_first_tokens,
    channels, room, documents, occurrences, places,
):  # fmt: skip
    """Counts the suspects of every document, of overlapping occurrences the first; writes places of
    those that are no decoys and that not more than `room` (int64 (suspects,)) documents hold.

    Returns:
      Number of places; above `len(places)` the rest was not written.
    """
    found = 0
    last_document = np.full(len(documents), -1, np.int64)
    last_end = np.zeros(len(documents), np.int64)  # bytes: where its last occurrence ended
    matched = np.empty(len(scratch.starts), np.int32)
    matched_length = np.empty(len(scratch.starts), np.int32)
    matched_suspect = np.empty(len(scratch.starts), np.int32)
    onset = np.zeros((len(CHANNELS), len(scratch.starts)), np.bool_)
    for document in range(len(offsets) - 1):
        text_begin = np.int64(offsets[document])
        text_end = np.int64(offsets[document + 1])
        core_begin = text_begin
        while core_begin < text_end:
            core_end = min(core_begin + PIECE_BYTES, text_end)
            begin = max(core_begin - MARGIN_BYTES, text_begin)
            end = min(core_end + MARGIN_BYTES, text_end)
            while begin < core_begin and data[begin] & 0xC0 == 0x80:
                begin += 1
            count = tokenize(
                data,
                begin,
                end,
                tables,
                seed,
                scratch.starts,
                scratch.ends,
                scratch.exact,
                scratch.folded,
                scratch.kinds,
            )
            matches = 0
            for index in range(count):
                start = begin + scratch.starts[index]
                if start < core_begin or start >= core_end:
                    continue
                token = np.uint32(scratch.exact[index] >> np.uint64(32))
                watched = first_tokens[token & np.uint32(0xFFFF)]
                for channel in range(len(CHANNELS)):
                    if not watched & (1 << channel):
                        continue
                    key = np.uint64(channel)
                    for length in range(1, min(LONGEST_NGRAM, count - index) + 1):
                        key = extend_ngram(
                            key, np.uint32(scratch.exact[index + length - 1] >> np.uint64(32))
                        )
                        suspect = _match(keys, values, key)
                        if suspect >= 0:
                            new = last_document[suspect] != document
                            # A run of one character holds shorter runs of it, but not many.
                            if new or start >= last_end[suspect]:
                                occurrences[suspect] += 1
                                last_end[suspect] = begin + scratch.ends[index + length - 1]
                            if new:
                                last_document[suspect] = document
                                documents[suspect] += 1
                            if documents[suspect] <= room[suspect] and matches < len(matched):
                                matched[matches] = index
                                matched_length[matches] = length
                                matched_suspect[matches] = suspect
                                matches += 1
                watched = decoy_first_tokens[token & np.uint32(0xFFFF)]
                for channel in range(len(CHANNELS)):
                    if not watched & (1 << channel):
                        continue
                    key = np.uint64(channel)
                    for length in range(1, min(LONGEST_NGRAM, index + 1) + 1):
                        key = extend_ngram(
                            key, np.uint32(scratch.exact[index - length + 1] >> np.uint64(32))
                        )
                        suspect = _match(decoy_keys, decoy_values, key)
                        if suspect >= 0:
                            new = last_document[suspect] != document
                            first_byte = begin + scratch.starts[index - length + 1]
                            if new or first_byte >= last_end[suspect]:
                                occurrences[suspect] += 1
                                last_end[suspect] = begin + scratch.ends[index]
                            if new:
                                last_document[suspect] = document
                                documents[suspect] += 1
            if matches:
                count = measure_piece(
                    data, begin, end, begin == text_begin, end == text_end, tables, votes, slots,
                    words, seed, scratch,
                )  # fmt: skip
                for channel in range(len(CHANNELS)):
                    contrasts = scratch.contrasts[channel]
                    onset[channel, :count] = False
                    for nth in range(onset_tokens(contrasts, count, channel, scratch.onset)):
                        onset[channel, scratch.onset[nth]] = contrasts[scratch.onset[nth]] > 0
                bucket = bucket_of(scratch.kinds[:count])
                scripts = np.zeros(len(SCRIPTS), np.int64)
                for index in range(count):
                    scripts[scratch.kinds[index] >> 4] += 1
                for nth in range(matches):
                    index = np.int64(matched[nth])
                    channel = channels[matched_suspect[nth]]
                    after_first = index + matched_length[nth]
                    after_last = min(after_first + WINDOWS[channel], count)
                    before_first = max(index - WINDOWS[channel], 0)
                    contrast = scratch.contrasts[channel, index]
                    measurable = index >= MINIMUM_BEFORE and index + LEAST_AFTER[channel] <= count
                    after = np.float32(-1.0)
                    if after_last > after_first:
                        after = scratch.surprisal[after_first:after_last].mean()
                    changes = contrast >= POSSIBLE_CONTRASTS[channel]
                    if channel == LANGUAGE:
                        votes_before = majority(scratch.languages, before_first, index)[1]
                        measurable &= votes_before >= MINIMUM_VOTES_BEFORE
                    elif channel == COMPOSITION:
                        measurable = False  # weak changes have no contrast
                    else:
                        measurable |= channel == OPENING
                        changes |= after >= POSSIBLE_LEVEL
                    if measurable and not onset[channel, index] and not changes:
                        continue
                    if found < len(places):
                        place = places[found]
                        place.document = document
                        place.suspect = matched_suspect[nth]
                        place.start = begin + scratch.starts[index] - text_begin
                        place.end = begin + scratch.ends[after_first - 1] - text_begin
                        place.bucket = bucket
                        place.contrast = contrast
                        place.hit = onset[channel, index]
                        place.after = after
                        place.language = majority(scratch.languages, after_first, after_last)[0]
                        place.segment_type = type_of(
                            data, begin, scratch, after_first, after_last, scripts
                        )
                        _write_shares(scratch.compositions, before_first, index, place.kinds_before)
                        _write_shares(
                            scratch.compositions, after_first, after_last, place.kinds_after
                        )
                    found += 1
            core_begin = core_end
    return found


def _best_of_each_document(places: np.ndarray) -> np.ndarray:
    """One place for each document and suspect: a hit before others, then the first."""
    order = np.lexsort((places["start"], ~places["hit"], places["suspect"], places["document"]))
    places = places[order]
    new = np.ones(len(places), np.bool_)
    new[1:] = (places["document"][1:] != places["document"][:-1]) | (
        places["suspect"][1:] != places["suspect"][:-1]
    )
    return places[new]
