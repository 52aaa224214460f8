"""Matching: where the tokens of texts make one of thousands of strings."""

from __future__ import annotations

import numpy as np

from tocsin.measure.kernels import kernel
from tocsin.measure.onsets import CHANNELS, LONGEST_NGRAM, extend_ngram

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


class Matcher:
    """Some suspects of one direction as an open-addressed table, and a filter before it.

    `keys` (uint64), `values` (int32): the table. `lengths` (uint64 (65536,)): for the lower 16 bits
    of a first token, LONGEST_NGRAM bits for each channel: how long the strings are that may begin
    with it.
    """

    def __init__(self, suspects: np.ndarray, chosen: np.ndarray) -> None:
        """`suspects`: SUSPECT records; `chosen`: bool, which of them."""
        indices = np.flatnonzero(chosen)
        capacity = 16
        while capacity < 4 * len(indices):
            capacity *= 2
        self.keys = np.zeros(capacity, np.uint64)
        self.values = np.zeros(capacity, np.int32)
        _insert(self.keys, self.values, suspects["key"][indices], indices.astype(np.int32))
        self.lengths = np.zeros(1 << 16, np.uint64)
        places = LONGEST_NGRAM * suspects["channel"][indices] + suspects["length"][indices] - 1
        bits = np.uint64(1) << places.astype(np.uint64)
        np.bitwise_or.at(self.lengths, suspects["first_token"][indices] & 0xFFFF, bits)


def first_tokens(matchers: list[Matcher]) -> np.ndarray:
    """For the lower 16 bits of a token, whether a string of any matcher may begin with it (bool):
    nearly every token ends here."""
    return np.logical_or.reduce([matcher.lengths != 0 for matcher in matchers])


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
    documents, cores, bounds, starts, ends, exact, watched,
    keys, values, lengths, decoy_keys, decoy_values, decoy_lengths,
    room, last_document, last_end, documents_with, occurrences, matches,
):  # fmt: skip
    """Counts the suspects in some pieces, of overlapping occurrences the first; writes MATCH
    records of those that are no decoys and that not more than `room` documents hold so far.

    Args:
      documents, cores, bounds, starts, ends, exact: of `measure.pieces.Tokens`.
      watched: `first_tokens` of both matchers.
      keys, values, lengths; decoy_keys, decoy_values, decoy_lengths: of a Matcher each. Decoys run
        backwards.
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
        for index in range(first, last):
            token = _upper(exact[index])
            if not watched[token & np.uint32(0xFFFF)]:
                continue
            if starts[index] < cores[piece, 0] or starts[index] >= cores[piece, 1]:
                continue
            for step in (1, -1):
                all_lengths = (lengths if step > 0 else decoy_lengths)[token & np.uint32(0xFFFF)]
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
