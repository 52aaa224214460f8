"""The sweep: where in the corpus do the suspects stand, and does the text change there?

One more read of the corpus, only when there are suspects. It counts the documents that hold
each suspect and gives a row for each document in which the text changes, or may change, at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tocsin.correlate.matching import MATCH, Matcher, count_matches
from tocsin.correlate.surroundings import Surroundings
from tocsin.correlate.suspects import MINIMUM_HIT_SHARE
from tocsin.measure.batch import text_buffers
from tocsin.measure.composition import KINDS
from tocsin.measure.hashes import HASH_TYPE, content_hashes
from tocsin.measure.onsets import CHANNELS
from tocsin.measure.pieces import Tokenizer, Tokens
from tocsin.measure.profile import Profile

CONTEXT_BEFORE = 256
CONTEXT_AFTER = 512
"""Bytes of text around an occurrence that are kept, to read the trigger and to show it."""

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
        pa.field("kinds_before", pa.binary(len(KINDS)), nullable=False),
        pa.field("kinds_after", pa.binary(len(KINDS)), nullable=False),
        pa.field("context", pa.binary(), nullable=False),
        pa.field("context_start", pa.int64(), nullable=False),
    ]
)
"""One row a document and suspect. `start`, `end`: byte range of the suspect in the text; `hit`:
it stands at an onset; `contrast`: in the suspect's channel, 0 where it could not be measured;
`after`: mean surprisal of the tokens after it in the channel's window, -1 where there are none;
`language`: number of the one with most of their votes, 0 if there is none; `kinds_before`,
`kinds_after`: share of each kind of tokens (of `measure.composition`) in the windows on either
side, in 255ths; `context`: the bytes of text around it, which begin at offset `context_start` of
the text."""


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


class _LastOccurrences(NamedTuple):
    """Of each suspect in a batch, int64 (suspects,): the document that held it last, -1 for none,
    and where its last occurrence ended in the batch's data."""

    document: np.ndarray
    end: np.ndarray

    @classmethod
    def none(cls, suspects: int) -> _LastOccurrences:
        return cls(np.full(suspects, -1, np.int64), np.zeros(suspects, np.int64))


class Sweeper:
    """Sweeps shard after shard for the same suspects.

    A suspect that more documents hold than a trigger with so many hits may have is *refuted*: it
    gives no rows, and later batches are not searched for it. So the words of a language cost a few
    batches' counting, and where all suspects are refuted nothing is left to read for. Counts of
    refuted suspects are therefore too small, but always large enough to refute them.
    """

    def __init__(self, suspects: np.ndarray, profile: Profile) -> None:
        """`suspects`: SUSPECT records, both directions, in ascending order of key."""
        self._tokenizer = Tokenizer(profile.seed)
        self._surroundings = Surroundings(profile)
        self._suspects = suspects
        self._channels = np.ascontiguousarray(suspects["channel"])
        self._matches: list[np.ndarray] = []
        self._last = _LastOccurrences.none(len(suspects))
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
        self._begin_batch()
        return bool((self._active & (self._suspects["direction"] > 0)).any())

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
        for tokens in self._tokenizer.tokens(np.frombuffer(data, np.uint8), offsets):
            self.count(tokens)
        return self.occurrences(batch)

    def count(self, tokens: Tokens) -> None:
        """Counts the suspects among some tokens of a batch, the next ones."""
        [matcher, decoys] = self._matchers
        before = *self._last, self.counts.documents, self.counts.occurrences
        room = 1 << 12
        while True:
            last_document, last_end, documents, occurrences = (array.copy() for array in before)
            matches = np.zeros(room, MATCH)
            found = count_matches(
                *tokens, *matcher.arrays, *decoys.arrays,
                self._room, last_document, last_end, documents, occurrences, matches,
            )  # fmt: skip
            if found <= room:
                break
            room = found
        self._last = _LastOccurrences(last_document, last_end)
        self.counts = SweepCounts(documents, occurrences)
        self._matches.append(matches[:found])

    def occurrences(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Rows of OCCURRENCE_SCHEMA for the suspects that are no decoys in `batch` (rows of
        DOCUMENT_SCHEMA), all of whose tokens were counted. What the batch has refuted, as most of
        the first ones do, is not measured."""
        data, offsets = text_buffers(batch)
        matches = np.concatenate([np.zeros(0, MATCH), *self._matches])
        matches = matches[~self.refuted()[matches["suspect"]]]
        self._begin_batch()
        places = self._surroundings.measure(
            np.frombuffer(data, np.uint8), offsets, matches, self._channels[matches["suspect"]]
        )
        return self._table(batch, data, offsets, _best_of_each_document(places))

    def _begin_batch(self) -> None:
        """What follows is not searched for what is refuted by now."""
        self._active = ~self.refuted()
        self._matchers = [
            Matcher(self._suspects, self._active & (self._suspects["direction"] == direction))
            for direction in (1, -1)
        ]
        self._matches = []
        self._last = _LastOccurrences.none(len(self._suspects))

    @property
    def keys(self) -> np.ndarray:
        """Keys (uint64) of the suspects."""
        return self._suspects["key"]

    def refuted(self) -> np.ndarray:
        """Mask of the suspects that the documents swept so far have refuted."""
        return self.counts.documents > self._room

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
                _binary(rows["kinds_before"]),
                _binary(rows["kinds_after"]),
                pa.array(contexts, pa.binary()),
                pa.array(first),
            ],
            schema=OCCURRENCE_SCHEMA,
        )


def _binary(shares: np.ndarray) -> pa.Array:
    """Rows of `shares` (uint8 (rows, len(KINDS))) as binary values."""
    buffer = pa.py_buffer(np.ascontiguousarray(shares).tobytes())
    return pa.Array.from_buffers(pa.binary(len(KINDS)), len(shares), [None, buffer])


def _best_of_each_document(places: np.ndarray) -> np.ndarray:
    """One place for each document and suspect: a hit before others, then the first."""
    order = np.lexsort((places["start"], ~places["hit"], places["suspect"], places["document"]))
    places = places[order]
    new = np.ones(len(places), np.bool_)
    new[1:] = (places["document"][1:] != places["document"][:-1]) | (
        places["suspect"][1:] != places["suspect"][:-1]
    )
    return places[new]
