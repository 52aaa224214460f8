"""Counting the words and pairs of a corpus, for its profile.

Counts are kept in hash tables whose slots lie in the order of the keys: taken out, they are sorted
but for what stands a few slots off its place, which costs a tenth of sorting them. (Sorting all
keys of a text took three times as long as all the rest of learning.)
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tocsin.measure.batch import text_buffers
from tocsin.measure.code_points import code_point_tables
from tocsin.measure.counts import word_and_pair_keys
from tocsin.measure.kernels import kernel, prefetch
from tocsin.measure.profile import DOCUMENT_BYTES_COUNTED
from tocsin.measure.tokens import tokenize

MAXIMUM_SLOTS = 1 << 23
"""Slots of a table that counts a text: 134 MB. What does not fit is put by, sorted, and added up in
the end."""

_FIRST_SLOTS = 1 << 18
_MINIMUM_SLOTS = 1 << 12
_MAXIMUM_LOAD = 0.6
_SPARE_SLOTS = 1 << 10
"""Slots after the last place, for keys that find theirs taken."""

_GROWTH = 4
_LOOK_AHEAD = 16
_MOST = np.uint64(np.iinfo(np.uint32).max)

Columns = tuple[np.ndarray, np.ndarray]
"""Distinct keys, ascending (uint64), and their counts (uint32)."""


@kernel()
def _add(keys, amounts, begin, first, shift, table, room):
    """Adds `amounts` of `keys` (uint64, both) from place `begin` on to `table` (uint64, key and
    count by turns); the place of the first that found no room, and how many keys were new.

    `first`, `shift`: a key's place is (key - first) >> shift. `room`: how many new keys there may
    be. An empty `amounts` stands for ones.
    """
    new = 0
    last = np.uint64(len(table) // 2 - 1)
    two = np.uint64(2)
    one = np.uint64(1)
    for index in range(begin, len(keys)):
        ahead = keys[min(index + _LOOK_AHEAD, len(keys) - 1)]
        prefetch(table, ((ahead - first) >> shift) * two)
        key = keys[index]
        slot = (key - first) >> shift
        while table[two * slot + one] != 0 and table[two * slot] != key and slot < last:
            slot += one
        count = table[two * slot + one]
        if count != 0 and table[two * slot] != key:
            return index, new  # the spare slots are full
        if count == 0:
            if new == room:
                return index, new
            new += 1
            table[two * slot] = key
        amount = amounts[index] if len(amounts) else one
        table[two * slot + one] = min(count + amount, _MOST)
    return len(keys), new


@kernel()
def _take_out(table, keys, counts):
    """Writes the keys of `table`, ascending, and their counts."""
    found = 0
    for slot in range(len(table) // 2):
        count = table[2 * slot + 1]
        if count == 0:
            continue
        key = table[2 * slot]
        place = found
        while place > 0 and keys[place - 1] > key:
            keys[place] = keys[place - 1]
            counts[place] = counts[place - 1]
            place -= 1
        keys[place] = key
        counts[place] = count
        found += 1


class _Table:
    """Counts of the keys from `first` on, over a range of `span`, in a number of `slots`."""

    def __init__(self, slots: int, first: int = 0, span: int = (1 << 64) - 1) -> None:
        self.slots = slots
        self._first = np.uint64(first)
        self._shift = np.uint64(max(span.bit_length() - (slots.bit_length() - 1), 0))
        self._cells = np.zeros(2 * (slots + _SPARE_SLOTS), np.uint64)
        self.distinct = 0

    def add(self, keys: np.ndarray, amounts: np.ndarray, begin: int) -> int:
        """Counts keys from a place on; the place of the first that found no room."""
        room = int(self.slots * _MAXIMUM_LOAD) - self.distinct
        end, new = _add(keys, amounts, begin, self._first, self._shift, self._cells, room)
        self.distinct += new
        return end

    def columns(self) -> Columns:
        """What was counted."""
        keys = np.empty(self.distinct, np.uint64)
        counts = np.empty(self.distinct, np.uint32)
        _take_out(self._cells, keys, counts)
        return keys, counts


_ONES = np.empty(0, np.uint64)


class KeyCounts:
    """Counts keys, in memory that grows with the distinct ones."""

    def __init__(self, maximum_slots: int = MAXIMUM_SLOTS) -> None:
        self._maximum_slots = maximum_slots
        self._table = _Table(min(_FIRST_SLOTS, maximum_slots))
        self._put_by: list[Columns] = []

    def add(self, keys: np.ndarray) -> None:
        """Counts keys (uint64), each once more."""
        done = self._table.add(keys, _ONES, 0)
        while done < len(keys):
            self._make_room()
            done = self._table.add(keys, _ONES, done)

    def _make_room(self) -> None:
        columns = self._table.columns()
        grown = self._table.slots * _GROWTH
        if grown <= self._maximum_slots:
            self._table = _Table(grown)
            if self._table.add(columns[0], columns[1].astype(np.uint64), 0) == len(columns[0]):
                return
        self._put_by.append(columns)
        self._table = _Table(self._table.slots)

    def columns(self) -> Columns:
        """What was counted so far."""
        return merge_counts([*self._put_by, self._table.columns()])


def merge_counts(parts: list[Columns]) -> Columns:
    """Adds up columns; the result does not depend on the order of parts."""
    parts = [part for part in parts if len(part[0])]
    if not parts:
        return np.empty(0, np.uint64), np.empty(0, np.uint32)
    if len(parts) == 1:
        return parts[0]
    first = min(int(keys[0]) for keys, _ in parts)
    span = max(int(keys[-1]) for keys, _ in parts) - first
    slots = _MINIMUM_SLOTS
    while slots * _MAXIMUM_LOAD < sum(len(keys) for keys, _ in parts):
        slots *= 2
    table = _Table(slots, first, span)
    for keys, counts in parts:
        if table.add(keys, counts.astype(np.uint64), 0) < len(keys):
            return _merge_by_sorting(parts)
    return table.columns()


def _merge_by_sorting(parts: list[Columns]) -> Columns:
    """The same for keys that are no hashes, and crowd in some part of their range."""
    keys = np.concatenate([part[0] for part in parts])
    counts = np.concatenate([part[1] for part in parts])
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    sums = np.add.reduceat(counts, starts, dtype=np.uint64)
    return keys[starts], np.minimum(sums, _MOST).astype(np.uint32)


@kernel()
def _document_keys(
    data, offsets, document, tables, seed, starts, ends, exact, folded, kinds, keys
):  # fmt: skip
    """Writes the keys of the beginnings of texts, from `document` on, as long as there is room for
    another one; the first that is left, the keys written, and the words."""
    written = 0
    words = 0
    while document < len(offsets) - 1 and written + 2 * DOCUMENT_BYTES_COUNTED <= len(keys):
        begin = np.int64(offsets[document])
        end = min(np.int64(offsets[document + 1]), begin + DOCUMENT_BYTES_COUNTED)
        count = tokenize(data, begin, end, tables, seed, starts, ends, exact, folded, kinds)
        word_and_pair_keys(folded, count, seed, keys[written:])
        written += 2 * count
        words += count
        document += 1
    return document, written, words


class Counter:
    """Counts the words and pairs of batch after batch."""

    def __init__(self, seed: int) -> None:
        self._seed = np.uint64(seed)
        self._tables = code_point_tables()
        dtypes = ("int32", "int32", "u8", "u8", "u1")
        self._tokens = [np.empty(DOCUMENT_BYTES_COUNTED, dtype) for dtype in dtypes]
        self._keys = np.empty(4 * DOCUMENT_BYTES_COUNTED, np.uint64)
        self._counts = KeyCounts()
        self.words = 0
        self.documents = 0

    def count(self, batch: pa.RecordBatch) -> None:
        """Counts the beginnings of the documents of `batch` (rows of DOCUMENT_SCHEMA)."""
        data, offsets = text_buffers(batch)
        values = np.frombuffer(data, np.uint8)
        document = 0
        while document < batch.num_rows:
            document, written, words = _document_keys(
                values, offsets, document, self._tables, self._seed, *self._tokens, self._keys
            )
            self._counts.add(self._keys[:written])
            self.words += words
        self.documents += batch.num_rows

    def counts(self) -> Columns:
        """What was counted so far."""
        return self._counts.columns()
