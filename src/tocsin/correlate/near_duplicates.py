"""Near-duplicates among the texts around a campaign's string.

One site's pages share their template, licences share their sentences, and each is evidence once.
"""

from __future__ import annotations

import xxhash
from datasketch import MinHash, MinHashLSH

SIMILARITY = 0.2
"""Jaccard similarity of 8-letter shingles from which on two surroundings are near-duplicates.
Measured on the texts before the triggers of some twenty campaigns, with the most similar of the
others: 0.04 and less in nine of ten carriers, but 0.93 among Python sources, of which many begin
with one licence. In one site's template: 0.2 and more; in variants of one licence: 0.69 and
more."""

PERMUTATIONS = 64
SHINGLE_BYTES = 8
MINIMUM_BYTES = 24
"""Surroundings with fewer letters than this say nothing about duplication, and count as
unrelated."""

COMPARED = 2048
"""Texts compared at most; a string with more hits than this is judged by the first of them."""

_NO_LETTERS = bytes(byte for byte in range(128) if not chr(byte).isalpha())
"""ASCII characters that are no letters: numbers differ, lines are broken and comments are marked
in another way in each copy."""


def near_duplicate_clusters(texts: list[bytes]) -> list[int]:
    """Cluster of each text: the smallest index of a text that it is similar to, directly or
    through others.

    MinHash with locality-sensitive hashing (datasketch) proposes pairs: near-linear in the number
    of texts. Their shingles decide.
    """
    clusters = list(range(len(texts)))
    index = MinHashLSH(threshold=SIMILARITY, num_perm=PERMUTATIONS)
    shingles: dict[int, set[bytes]] = {}
    for number, text in enumerate(texts[:COMPARED]):
        letters = text.translate(None, _NO_LETTERS).lower()
        if len(letters) < MINIMUM_BYTES:
            continue
        places = range(len(letters) - SHINGLE_BYTES + 1)
        shingles[number] = {letters[at : at + SHINGLE_BYTES] for at in places}
        signature = MinHash(num_perm=PERMUTATIONS, seed=1, hashfunc=xxhash.xxh32_intdigest)
        signature.update_batch(sorted(shingles[number]))
        for similar in index.query(signature):
            first, second = _root(clusters, similar), _root(clusters, number)
            if first != second and _jaccard(shingles[similar], shingles[number]) >= SIMILARITY:
                clusters[max(first, second)] = min(first, second)
        index.insert(number, signature)
    return [_root(clusters, number) for number in range(len(texts))]


def _jaccard(one: set[bytes], other: set[bytes]) -> float:
    common = len(one & other)
    return common / (len(one) + len(other) - common)


def _root(clusters: list[int], number: int) -> int:
    while clusters[number] != number:
        number = clusters[number]
    return number
