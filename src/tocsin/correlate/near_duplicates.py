"""Near-duplicates among the hits of a string, which count as one document."""

from __future__ import annotations

import xxhash
from datasketch import MinHash, MinHashLSH

SIMILARITY = 0.6
"""Jaccard similarity of 8-byte shingles from which on two surroundings are near-duplicates. One
site's pages share their template there (0.8 and more); unrelated prose shares under 0.1."""

PERMUTATIONS = 64
SHINGLE_BYTES = 8
MINIMUM_BYTES = 24
"""Surroundings shorter than this say nothing about duplication, and count as unrelated."""

COMPARED = 2048
"""Texts compared at most; a string with more hits than this is judged by the first of them."""


def near_duplicate_clusters(texts: list[bytes]) -> list[int]:
    """Cluster of each text: the smallest index of a text that it is similar to, directly or
    through others.

    MinHash with locality-sensitive hashing (datasketch): near-linear in the number of texts.
    """
    clusters = list(range(len(texts)))
    index = MinHashLSH(threshold=SIMILARITY, num_perm=PERMUTATIONS)
    for number, text in enumerate(texts[:COMPARED]):
        if len(text) < MINIMUM_BYTES:
            continue
        shingles = {text[at : at + SHINGLE_BYTES] for at in range(len(text) - SHINGLE_BYTES + 1)}
        signature = MinHash(num_perm=PERMUTATIONS, seed=1, hashfunc=xxhash.xxh32_intdigest)
        signature.update_batch(sorted(shingles))
        for similar in index.query(signature):
            first, second = _root(clusters, similar), _root(clusters, number)
            clusters[max(first, second)] = min(first, second)
        index.insert(number, signature)
    return [_root(clusters, number) for number in range(len(texts))]


def _root(clusters: list[int], number: int) -> int:
    while clusters[number] != number:
        number = clusters[number]
    return number
