"""Suspects: strings that stand at the onsets of several otherwise unrelated documents.

A suspect is an n-gram of 1 to 8 tokens at which texts change in enough documents of enough
variety. Whether it is a trigger depends on how often it occurs where nothing changes, which
only the sweep can count; suspects decide whether there is anything to sweep for.
"""

from __future__ import annotations

import numpy as np

from tocsin.measure.counts import DECODED_COUNTS
from tocsin.measure.kernels import kernel
from tocsin.measure.onsets import LONGEST_NGRAM, OPENING, extend_ngram

MINIMUM_DOCUMENTS = 4
"""Documents with a hit. Clean development corpora hold no string with a hit in 3 documents of
which even a third of all occurrences are hits; a fourth document is the margin."""

MINIMUM_DIVERSITY = 0.8
"""Probability that the neighbours of the string in two of its documents differ, on either side.
Real triggers: 0.93 and more. Licence headers, man-page headers, credits: below 0.7."""

MINIMUM_HIT_SHARE = 0.5
"""Share of the documents with the string in which the text changes at it. Triggers: 0.85 to 1.
The largest of clean development corpora: 0.33."""

MINIMUM_ONCE_SHARE = 0.4
"""Documents over occurrences: a trigger stands once or twice in a document, words of a language do
not."""

WIDESPREAD_GROUPS = 3
"""Groups with a hit from which on a string can't be one site's template. It is compared with decoys
of as many groups: templates of one or two sites give the best decoys, and must not hide what no
single template can be."""

HOPELESS = 8.0
"""A string that the profile has seen this many times as often as a trigger of so many hits may
occur is no suspect. It has to be clearly above 1, for the profile may be of another night."""

SUSPECT = np.dtype(
    [
        ("key", "<u8"),
        ("length", "u1"),
        ("channel", "u1"),
        ("direction", "i1"),
        ("documents", "<u4"),
        ("groups", "<u4"),
        ("first_token", "<u4"),
        ("second_token", "<u4"),
        ("framed", "u1"),
    ]
)
"""`key`: hash of the n-gram (`extend_ngram`), `length`: its tokens; `channel`: the kind of change
that it was found by; `direction`: 1 or, for decoys, -1; `documents`, `groups`: distinct ones with a
hit; `first_token`, `second_token`: hashes of the n-gram's first two tokens, 0 where there is no
second. Decoys run backwards: their first token is the last in the text. `framed`: 1 if the text
right next to the string is the same in most documents, and differs further off only."""


def find_suspects(onsets: np.ndarray, scale: float) -> np.ndarray:
    """Suspects among the onsets of one partition (all records with some first tokens).

    Args:
      onsets: ONSET records of one channel and direction, in any order (it does not matter).
      scale: tokens in the corpus over words in the profile.

    Returns:
      SUSPECT records in ascending order of `key`.
    """
    onsets = onsets[np.lexsort((onsets["offset"], onsets["position"], onsets["shard"]))]
    if not len(onsets):
        return np.empty(0, SUSPECT)
    places = onsets[["shard", "position"]]
    documents = np.cumsum(np.append(0, places[1:] != places[:-1]))
    found = []
    for length in range(1, LONGEST_NGRAM + 1):
        reaching = onsets["tokens"][:, length] != 0  # the others end before
        onsets, documents = onsets[reaching], documents[reaching]
        found.append(_suspects_of_length(onsets, documents, length, scale))
    suspects = np.concatenate(found)
    return suspects[np.argsort(suspects["key"], kind="stable")]


def _suspects_of_length(
    onsets: np.ndarray, documents: np.ndarray, length: int, scale: float
) -> np.ndarray:
    """SUSPECT records of one length, by key; `documents`: number of each onset's, ascending."""
    if not len(onsets):
        return np.empty(0, SUSPECT)
    channel, direction = onsets["channel"][0], onsets["direction"][0]
    tokens = np.ascontiguousarray(onsets["tokens"])
    keys = ngram_keys(tokens, length, channel)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    ends = np.append(starts[1:], len(ordered))
    enough = ends - starts >= MINIMUM_DOCUMENTS
    starts, ends = starts[enough], ends[enough]
    known = np.zeros(len(onsets))
    if length <= 2:
        known = DECODED_COUNTS[onsets["word_code" if length == 1 else "pair_code"]] * scale
    suspects = np.zeros(len(starts), SUSPECT)
    passed = np.zeros(len(starts), np.bool_)
    _test_runs(
        order, starts, ends, documents, tokens, np.ascontiguousarray(onsets["group"]),
        np.ascontiguousarray(onsets["far_before"]), np.ascontiguousarray(onsets["far_after"]),
        known, length, channel != OPENING, suspects, passed,
    )  # fmt: skip
    suspects["key"] = ordered[starts]
    suspects["length"] = length
    suspects["channel"] = channel
    suspects["direction"] = direction
    return suspects[passed]


@kernel()
def _test_runs(
    order, starts, ends, documents, tokens, groups, far_before, far_after, known, length, is_inside,
    suspects, passed,
):  # fmt: skip
    """Tests every run `order[starts[i] : ends[i]]` of onsets at one string.

    Args:
      order: int64, numbers of onsets; within a run, ascending.
      documents: int64, the document of each onset, ascending.
      tokens, groups, far_before, far_after: of each onset, as in ONSET.
      known: float64, occurrences of the string of each in the whole corpus, by the profile; 0 where
        it does not say.
      length: tokens of the string.
      is_inside: whether texts must differ before the string too.
      suspects: SUSPECT records (runs,), written.
      passed: bool (runs,), set where the string is a suspect.
    """
    for run in range(len(starts)):
        hits = order[starts[run] : ends[run]]
        occurrences = known[hits[0]]
        if _is_hopeless(occurrences, len(hits)):
            continue
        first = np.ones(len(hits), np.bool_)  # one hit for each document
        for index in range(1, len(hits)):
            first[index] = documents[hits[index]] != documents[hits[index - 1]]
        hits = hits[first]
        if len(hits) < MINIMUM_DOCUMENTS or _is_hopeless(occurrences, len(hits)):
            continue
        distinct = len(np.unique(groups[hits]))
        framed = False
        diverse = True
        for side in range(2 if is_inside else 1):
            next_to = np.empty(len(hits), np.uint32)
            for index in range(len(hits)):
                next_to[index] = tokens[hits[index], 0 if side else length + 1]
            if diversity(next_to) < MINIMUM_DIVERSITY:
                framed = True
                far = far_before[hits] if side else far_after[hits]
                far = far[far != 0]
                diverse &= len(far) >= MINIMUM_DOCUMENTS and diversity(far) >= MINIMUM_DIVERSITY
        if not diverse or (framed and distinct < WIDESPREAD_GROUPS):
            continue
        passed[run] = True
        suspects[run].documents = len(hits)
        suspects[run].groups = distinct
        suspects[run].first_token = tokens[hits[0], 1]
        suspects[run].second_token = tokens[hits[0], 2] if length > 1 else 0
        suspects[run].framed = framed


@kernel()
def diversity(values):
    """Probability that two values drawn without replacement differ (Simpson's index, unbiased)."""
    size = len(values)
    if size < 2:
        return 1.0
    ordered = np.sort(values)
    alike = 0.0
    run = 1
    for index in range(1, size + 1):
        if index < size and ordered[index] == ordered[index - 1]:
            run += 1
        else:
            alike += run * (run - 1.0)
            run = 1
    return 1.0 - alike / (size * (size - 1.0))


@kernel()
def _is_hopeless(occurrences, documents):
    """Whether a string of so many occurrences is far too common for a trigger with so many hits."""
    most = documents / (MINIMUM_HIT_SHARE * MINIMUM_ONCE_SHARE)
    return occurrences > HOPELESS * most


@kernel()
def ngram_keys(tokens, length, channel):
    """Keys (uint64) of the n-grams that begin each row of `tokens` (uint32 (n, TOKENS_KEPT))."""
    keys = np.empty(len(tokens), np.uint64)
    for row in range(len(tokens)):
        key = np.uint64(channel)
        for token in range(1, length + 1):
            key = extend_ngram(key, tokens[row, token])
        keys[row] = key
    return keys
