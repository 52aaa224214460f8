"""Onset records: the evidence that a text leaves at each place where it changes."""

import numpy as np

from tocsin.measure.kernels import kernel
from tocsin.measure.onsets import LONGEST_NGRAM
from tocsin.measure.tokens import absorb, mix

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

_CONTRAST_UNITS = (8, 255, 255, 8, 255)


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
def write_onset(record, scratch, count, index, channel, direction):
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
