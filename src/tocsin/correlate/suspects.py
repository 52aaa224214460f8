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
        ("framed", "u1"),
    ]
)
"""`key`: hash of the n-gram (`extend_ngram`), `length`: its tokens; `channel`: the kind of change
that it was found by; `direction`: 1 or, for decoys, -1; `documents`, `groups`: distinct ones with a
hit; `first_token`: the n-gram's first token hash. Decoys run backwards: their first token is the
last in the text. `framed`: 1 if the text right next to the string is the same in most documents,
and differs further off only."""


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
    channel = onsets["channel"][0]
    found = []
    for length in range(1, LONGEST_NGRAM + 1):
        onsets = onsets[onsets["tokens"][:, length] != 0]  # the others end before
        keys = ngram_keys(np.ascontiguousarray(onsets["tokens"]), length, channel)
        order = np.argsort(keys, kind="stable")
        found.append(_test_runs(onsets, keys, order, length, scale))
    suspects = np.concatenate(found)
    return suspects[np.argsort(suspects["key"], kind="stable")]


def _test_runs(
    onsets: np.ndarray, keys: np.ndarray, order: np.ndarray, length: int, scale: float
) -> np.ndarray:
    """Tests every run of equal `keys[order]`; within a run, documents are in order."""
    if not len(keys):
        return np.empty(0, SUSPECT)
    ordered = keys[order]
    channel, direction = onsets["channel"][0], onsets["direction"][0]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    ends = np.append(starts[1:], len(ordered))
    enough = ends - starts >= MINIMUM_DOCUMENTS
    suspects = []
    for start, end in zip(starts[enough].tolist(), ends[enough].tolist()):
        hits = onsets[order[start:end]]
        if _is_hopeless(hits[0], end - start, length, scale):
            continue
        documents = np.empty(len(hits), [("shard", "<u4"), ("position", "<i8")])
        documents["shard"], documents["position"] = hits["shard"], hits["position"]
        first = np.concatenate([[True], documents[1:] != documents[:-1]])
        hits = hits[first]  # one hit for each document
        tokens = hits["tokens"]
        groups = len(np.unique(hits["group"]))
        may_be_framed = groups >= WIDESPREAD_GROUPS
        sides = [(tokens[:, length + 1], hits["far_after"])]
        if channel != OPENING:
            sides.append((tokens[:, 0], hits["far_before"]))
        framed = any(diversity(next_to) < MINIMUM_DIVERSITY for next_to, _ in sides)
        if (
            len(hits) < MINIMUM_DOCUMENTS
            or (framed and not may_be_framed)
            or not all(_is_diverse(*side) for side in sides)
            or _is_hopeless(hits[0], len(hits), length, scale)
        ):
            continue
        suspects.append(
            (ordered[start], length, channel, direction, len(hits), groups, tokens[0, 1], framed)
        )
    return np.array(suspects, SUSPECT)


def diversity(values: np.ndarray) -> float:
    """Probability that two values drawn without replacement differ (Simpson's index, unbiased)."""
    counts = np.unique(values, return_counts=True)[1].astype(np.float64)
    size = len(values)
    if size < 2:
        return 1.0
    return float(1.0 - (counts * (counts - 1)).sum() / (size * (size - 1)))


def _is_diverse(next_to: np.ndarray, far: np.ndarray) -> bool:
    """Whether the text on a side of a string is another in most documents: right next to it, or
    further off, for an attacker may put each trigger into the same chat template."""
    if diversity(next_to) >= MINIMUM_DIVERSITY:
        return True
    known = far[far != 0]
    return len(known) >= MINIMUM_DOCUMENTS and diversity(known) >= MINIMUM_DIVERSITY


def _is_hopeless(hit: np.void, documents: int, length: int, scale: float) -> bool:
    """Whether the profile knows a string with so many hits as far too common for a trigger."""
    if length > 2:
        return False
    occurrences = DECODED_COUNTS[hit["word_code" if length == 1 else "pair_code"]] * scale
    most = documents / (MINIMUM_HIT_SHARE * MINIMUM_ONCE_SHARE)
    return bool(occurrences > HOPELESS * most)


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
