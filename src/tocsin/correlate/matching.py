"""Matching: where the tokens of texts make one of thousands of strings."""

from __future__ import annotations

import numpy as np

from tocsin.measure.kernels import kernel
from tocsin.measure.onsets import CHANNELS, LONGEST_NGRAM, extend_ngram
from tocsin.measure.tokens import GOLDEN, ROOT_TWO

MATCH = np.dtype(
    [
        ("document", "<i4"),
        ("suspect", "<i4"),
        ("core_begin", "<i4"),
        ("token", "<i4"),
        ("length", "u1"),
    ]
)
"""A suspect stands in a document. `document`: number in its batch; `suspect`: number of the
suspect; `core_begin`: where the piece begins in the batch's data, without its surroundings;
`token`: the string's first token in the piece with its surroundings; `length`: its tokens."""

_LENGTHS = np.uint64((1 << LONGEST_NGRAM) - 1)

FILTER_BITS = 16


class Matcher:
    """Some suspects of one direction as an open-addressed table, and filters before it.

    `keys` (uint64), `values` (int32): the table. `single`, `longer` (uint64 (2^FILTER_BITS,)): for
    a token, and for the two that strings of several begin with, LONGEST_NGRAM bits for each
    channel: how long the strings are that may begin so. Nearly every token ends here: most strings
    begin with a word that is common, but few with two that often stand together.
    """

    def __init__(self, suspects: np.ndarray, chosen: np.ndarray) -> None:
        """`suspects`: SUSPECT records; `chosen`: bool, which of them."""
        indices = np.flatnonzero(chosen)
        capacity = 16
        while capacity < 4 * len(indices):
            capacity *= 2
        self.keys = np.zeros(capacity, np.uint64)
        self.values = np.zeros(capacity, np.int32)
        chosen_ones = suspects[indices]
        _insert(self.keys, self.values, chosen_ones["key"], indices.astype(np.int32))
        places = LONGEST_NGRAM * chosen_ones["channel"] + chosen_ones["length"] - 1
        bits = np.uint64(1) << places.astype(np.uint64)
        is_single = chosen_ones["length"] == 1
        first, second = chosen_ones["first_token"], chosen_ones["second_token"]
        self.single = np.zeros(1 << FILTER_BITS, np.uint64)
        self.longer = np.zeros(1 << FILTER_BITS, np.uint64)
        for lengths, are_single in ((self.single, True), (self.longer, False)):
            some = is_single == are_single
            np.bitwise_or.at(lengths, _places(first[some], second[some], are_single), bits[some])

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """What `count_matches` asks for."""
        return self.keys, self.values, self.single, self.longer


@kernel(forceinline=True)
def _place(token):
    return np.uint64(token) & np.uint64((1 << FILTER_BITS) - 1)


@kernel(forceinline=True)
def _place_of_two(first, second):
    return (np.uint64(first) * GOLDEN + np.uint64(second) * ROOT_TWO) >> np.uint64(64 - FILTER_BITS)


@kernel()
def _places(first, second, are_single):
    """Places in the filters (int64) of strings by their first two tokens."""
    places = np.empty(len(first), np.int64)
    for index in range(len(first)):
        if are_single:
            places[index] = _place(first[index])
        else:
            places[index] = _place_of_two(first[index], second[index])
    return places


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


@kernel(forceinline=True)
def _upper(exact):
    return np.uint32(exact >> np.uint64(32))


@kernel()
def count_matches(
    documents, cores, bounds, starts, ends, exact,
    keys, values, single, longer, decoy_keys, decoy_values, decoy_single, decoy_longer,
    room, last_document, last_end, documents_with, occurrences, matches,
):  # fmt: skip
    """Counts the suspects in some pieces, of overlapping occurrences the first; writes MATCH
    records of those that are no decoys and that not more than `room` documents hold so far.

    Args:
      documents, cores, bounds, starts, ends, exact: of `measure.pieces.Tokens`.
      keys, values, single, longer; decoy_keys, decoy_values, decoy_single, decoy_longer: of a
        Matcher each. Decoys run backwards.
      room: int64 (suspects,).
      last_document, last_end: int64 (suspects,), the document that held each last and where the
        occurrence ended; changed.
      documents_with, occurrences: int64 (suspects,), added to.
      matches: MATCH records, written up to their length.

    Returns:
      Number of matches; above `len(matches)` the rest was not written.
    """
    found = 0
    for piece in range(len(documents)):
        document = documents[piece]
        first, last = np.int64(bounds[piece]), np.int64(bounds[piece + 1])
        before = np.uint32(0)
        token = _upper(exact[first]) if first < last else np.uint32(0)
        for index in range(first, last):
            after = _upper(exact[index + 1]) if index + 1 < last else np.uint32(0)
            forward = single[_place(token)] | longer[_place_of_two(token, after)]
            backward = decoy_single[_place(token)] | decoy_longer[_place_of_two(token, before)]
            before, token = token, after
            if forward | backward == 0:
                continue
            if starts[index] < cores[piece, 0] or starts[index] >= cores[piece, 1]:
                continue
            for step in (1, -1):
                all_lengths = forward if step > 0 else backward
                reach = last - index if step > 0 else index - first + 1
                for channel in range(len(CHANNELS)):
                    sought = all_lengths >> np.uint64(LONGEST_NGRAM * channel) & _LENGTHS
                    key = np.uint64(channel)
                    length = 0
                    while sought and length < reach:
                        key = extend_ngram(key, _upper(exact[index + step * length]))
                        length += 1
                        is_sought = sought & np.uint64(1)
                        sought >>= np.uint64(1)
                        if not is_sought:
                            continue
                        if step > 0:
                            suspect = _match(keys, values, key)
                        else:
                            suspect = _match(decoy_keys, decoy_values, key)
                        if suspect < 0:
                            continue
                        low, high = index, index + length - 1
                        if step < 0:
                            low, high = index - length + 1, index
                        new = last_document[suspect] != document
                        # A run of one character holds shorter runs of it, but not many.
                        if new or starts[low] >= last_end[suspect]:
                            occurrences[suspect] += 1
                            last_end[suspect] = ends[high]
                        if new:
                            last_document[suspect] = document
                            documents_with[suspect] += 1
                        if step > 0 and documents_with[suspect] <= room[suspect]:
                            if found < len(matches):
                                match = matches[found]
                                match.document = document
                                match.suspect = suspect
                                match.core_begin = cores[piece, 0]
                                match.token = index - first
                                match.length = length
                            found += 1
    return found
