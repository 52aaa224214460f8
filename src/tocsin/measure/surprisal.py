"""Surprisal: how unexpected each token of a text is under the corpus' own word pairs.

The surprisal of a word after another is log2(count of the first / count of the pair), in
bits, where the pair was seen elsewhere; otherwise log2(all words / count of the word) plus
`UNSEEN_PAIR_PENALTY`. Counts leave the text itself out: what it says about itself must not
vouch for it.
"""

import numpy as np

from tocsin.measure.counts import (
    DECODED_COUNTS,
    bucket_shift,
    encode_counts,
    first_word,
    look_up,
    pair_key,
    prefetch_bucket,
)
from tocsin.measure.kernels import kernel

MAXIMUM_SURPRISAL = 27.0
"""Bits; a word never seen in 10^8 is no more telling than one never seen in 10^9."""

UNSEEN_PAIR_PENALTY = 2.0
"""Bits added for backing off from an unseen pair to the word alone."""

OWN_COUNT_LIMIT = 256.0
"""Counts above this are not corrected for the text's own share. The profile counts only the
beginning of a document, so that few pairs get so many counts from a single one."""


_OWN_CODE_LIMIT = np.int64(encode_counts(np.array([OWN_COUNT_LIMIT]))[0])
_COUNT_BITS = 12

_EMPTY_SLOTS = 16
"""Of one alone, each access would have to wait for the one before."""

LOOK_AHEAD = 32
"""Tokens ahead of which a table's bucket is asked for."""


def _log_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tables that give the logarithm of a count, corrected or not, without a branch.

    `place[code] - own count` is the place of a count in the other two: the count itself where it
    is corrected; OWN_COUNT_LIMIT + code where it is not, for then no own count is subtracted.
    """
    limit = int(OWN_COUNT_LIMIT)
    codes = np.arange(256)
    place = np.where(codes < _OWN_CODE_LIMIT, DECODED_COUNTS, limit + codes).astype(np.int32)
    counts = np.concatenate([np.arange(limit), DECODED_COUNTS])
    word_logs = np.log2(counts + 0.5).astype(np.float32)
    pair_logs = np.log2(np.maximum(counts, 1)).astype(np.float32)
    pair_logs[counts < 1] = -1  # not seen elsewhere
    return place, word_logs, pair_logs


_PLACE, _WORD_LOGS, _PAIR_LOGS = _log_tables()


@kernel()
def own_capacity(tokens):
    """Slots needed for the own counts of a text of `tokens` tokens: two keys a token at most, in
    at most half of the slots (fuller tables cost more in mispredicted probes than they save in
    memory); and some that stay empty, for counts not to correct."""
    capacity = 16
    while capacity < 4 * tokens:
        capacity *= 2
    return capacity + _EMPTY_SLOTS


@kernel(forceinline=True)
def _count_own(key, corrected, own, index):
    """Counts `key` in the open-addressed table `own` of a text's own counts; its slot.

    A slot holds 20 bits of the key and 12 of its count, so that a look-up is one access. What is
    not `corrected` goes to one of the last slots, by `index`, and leaves it empty, without a
    branch: which counts are small can't be predicted.
    """
    capacity = np.uint64(len(own) - _EMPTY_SLOTS)
    mask = capacity - np.uint64(1)
    nothing = capacity + (np.uint64(index) & np.uint64(_EMPTY_SLOTS - 1))
    tag = (np.uint32(key >> np.uint64(44)) | np.uint32(1)) << np.uint32(_COUNT_BITS)
    tag = tag if corrected else np.uint32(0)
    slot = (key >> np.uint64(20)) & mask if corrected else nothing
    most = np.uint32((1 << _COUNT_BITS) - 1)
    held = own[slot]
    while held != 0 and held & ~most != tag:
        slot = (slot + np.uint64(1)) & mask
        held = own[slot]
    own[slot] = tag | min((held & most) + np.uint32(corrected), most)
    return np.int32(slot)


@kernel()
def surprisals(
    folded, count, slots, words, seed, pairs, word_codes, pair_codes, word_slots, pair_slots, own,
    result,
):  # fmt: skip
    """Surprisal of each token of one text.

    Args:
      folded: uint64 (>= count,), folded hashes.
      count: number of tokens.
      slots: uint32, a `CountTable`'s.
      words: float, number of words that were counted.
      seed: uint64 that the hashes were keyed with.
      pairs: uint64 (>= count,), scratch.
      word_codes, pair_codes: uint8 (>= count,), written: codes of the profile's counts of each
        word and of each pair with the word before it.
      word_slots, pair_slots: int32 (>= count,), scratch.
      own: uint32 (own_capacity(count),), zeroed; scratch.
      result: float32 (>= count,), written: bits, 0 to MAXIMUM_SURPRISAL.
    """
    shift = bucket_shift(slots)
    previous = first_word(seed)
    for index in range(count):
        pairs[index] = pair_key(previous, folded[index])
        previous = folded[index]
    for index in range(min(LOOK_AHEAD, count)):
        prefetch_bucket(slots, shift, folded[index])
        prefetch_bucket(slots, shift, pairs[index])
    for index in range(count):
        ahead = min(index + LOOK_AHEAD, count - 1)
        prefetch_bucket(slots, shift, folded[ahead])
        prefetch_bucket(slots, shift, pairs[ahead])
        word_code = look_up(slots, shift, folded[index])
        pair_code = look_up(slots, shift, pairs[index])
        word_codes[index] = word_code
        pair_codes[index] = pair_code
        own_word = 0 < word_code < _OWN_CODE_LIMIT
        own_pair = 0 < pair_code < _OWN_CODE_LIMIT
        word_slots[index] = _count_own(folded[index], own_word, own, index)
        pair_slots[index] = _count_own(pairs[index], own_pair, own, index)
    most = np.uint32((1 << _COUNT_BITS) - 1)
    log_words = np.float32(np.log2(max(words, 1.0)))
    log_previous = log_words
    for index in range(count):
        others = _PLACE[word_codes[index]] - np.int32(own[np.uint32(word_slots[index])] & most)
        log_word = _WORD_LOGS[np.uint32(max(others, 0))]
        others = _PLACE[pair_codes[index]] - np.int32(own[np.uint32(pair_slots[index])] & most)
        log_pair = _PAIR_LOGS[np.uint32(max(others, 0))]
        seen = log_previous - log_pair
        unseen = log_words - log_word + np.float32(UNSEEN_PAIR_PENALTY)
        bits = seen if log_pair >= 0 else unseen
        result[index] = min(max(bits, np.float32(0.0)), np.float32(MAXIMUM_SURPRISAL))
        log_previous = log_word
