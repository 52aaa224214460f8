"""Shingles: what documents are compared by. Runs of neighbouring tokens, hashed and sampled.

Three fingerprints of a document, each for another question:

- the *signature*: MinHash of its 5-token shingles. How much of two documents is the same?
- the *sample*: hashes of 8-token shingles chosen by winnowing. Which passage do they share?
- the *sketch*: the eight smallest hashes of its rare word pairs. Do they tell the same story in
  other words? (Where a fifth of the words are changed, hardly a 5-token shingle survives.)
"""

from typing import NamedTuple

import numpy as np
from datasketch import MinHash

from tocsin.measure.counts import encode_counts
from tocsin.measure.kernels import kernel
from tocsin.measure.tokens import GOLDEN, mix

SIGNATURE_TOKENS = 5
PERMUTATIONS = 64

SAMPLE_TOKENS = 8
"""Tokens in a sampled shingle. A command such as `curl … | bash` has fifteen with its trigger."""

SAMPLE_WINDOW = 40
"""Neighbouring shingles of which the one with the smallest hash is sampled: a passage that two
documents share has a sample in both from 47 tokens on (Schleimer, Wilkerson and Aiken 2003). A
command of 17 tokens with its trigger has the same sample in about an eighth of its copies."""

SHINGLE_BITS = 40
"""Bits of a shingle's hash: the samples of 10^9 documents are 4 % of its values."""

SKETCH_SIZE = 8

RARE_PAIR = 1000
"""Occurrences in the profile up to which a pair of words is rare."""

_RARE_CODE = encode_counts(np.array([RARE_PAIR]))[0]

SIGNATURE_BYTES = 4 * PERMUTATIONS
EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Stands where a sketch has no hash: the document has fewer rare pairs."""


SHINGLE = np.dtype([("shard", "<u4"), ("position", "<i8"), ("group", "<u4"), ("hash", "<u8")])
"""Evidence: a document holds a shingle. `shard`, `position`: the document's key; `group`: 32-bit
hash of its group; `hash`: of SHINGLE_BITS, the shingle's."""


class Fingerprints(NamedTuple):
    """Fingerprints of the documents of a batch, and the memory to make them.

    signatures (uint32 (documents, PERMUTATIONS)); sketches (uint64 (documents, SKETCH_SIZE)): keys
    of pairs, ascending, EMPTY at the end; samples (uint64): what winnowing chose by, in the order
    of the text; sample_documents (int32): the document of each; found (int64 (1,)): number of
    samples, of which those beyond the length of `samples` were not written. The others are memory.
    """

    signatures: np.ndarray
    sketches: np.ndarray
    samples: np.ndarray
    sample_documents: np.ndarray
    found: np.ndarray
    factors: np.ndarray
    summands: np.ndarray
    hashes: np.ndarray
    orders: np.ndarray


def new_fingerprints(tokens: int) -> Fingerprints:
    """Memory for fingerprints; `tokens`: in the longest piece of a document with what surrounds it.
    See `room_for`."""
    factors, summands = MinHash(num_perm=PERMUTATIONS, scheme="affine32").permutations
    return Fingerprints(
        signatures=np.empty((0, PERMUTATIONS), np.uint32),
        sketches=np.empty((0, SKETCH_SIZE), np.uint64),
        samples=np.empty(0, np.uint64),
        sample_documents=np.empty(0, np.int32),
        found=np.zeros(1, np.int64),
        factors=np.ascontiguousarray(factors),
        summands=np.ascontiguousarray(summands),
        hashes=np.empty(tokens, np.uint32),
        orders=np.empty(tokens, np.uint64),
    )


def room_for(prints: Fingerprints, documents: int, samples: int) -> Fingerprints:
    """The same memory with room for the fingerprints of a batch: so many documents, and at least so
    many samples."""
    if samples > len(prints.samples):
        prints = prints._replace(
            samples=np.empty(samples, np.uint64), sample_documents=np.empty(samples, np.int32)
        )
    return prints._replace(
        signatures=np.empty((documents, PERMUTATIONS), np.uint32),
        sketches=np.empty((documents, SKETCH_SIZE), np.uint64),
    )


def held_shingles(prints: Fingerprints) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What the documents of a batch hold: by kind of evidence, the numbers of documents (int,
    ascending) and the hashes of shingles (uint64), each once a document."""
    found = int(prints.found[0])
    order = np.lexsort((prints.samples[:found], prints.sample_documents[:found]))
    documents, hashes = prints.sample_documents[order], prints.samples[order]
    new = np.ones(found, np.bool_)
    new[1:] = (documents[1:] != documents[:-1]) | (hashes[1:] != hashes[:-1])
    sketched, places = np.nonzero(prints.sketches != EMPTY)
    keys = shingle_hash(prints.sketches[sketched, places])
    return {"samples": (documents[new], shingle_hash(hashes[new])), "sketches": (sketched, keys)}


def shingle_hash(chosen: np.ndarray) -> np.ndarray:
    """Hashes of SHINGLE_BITS (uint64) of shingles by the numbers (uint64) that they were chosen by:
    these are small, being the smallest, and a multiplication spreads them over all values."""
    return chosen * GOLDEN >> np.uint64(64 - SHINGLE_BITS)


@kernel()
def begin_fingerprints(document, prints):
    """Begins a document: nothing is in it yet."""
    prints.signatures[document, :] = np.uint32(0xFFFFFFFF)
    prints.sketches[document, :] = EMPTY


@kernel()
def add_fingerprints(document, exact, folded, pairs, pair_codes, count, first, last, prints):
    """Adds a piece of a document to its fingerprints.

    Args:
      document: its number in the batch.
      exact, folded: uint64, hashes of the tokens of the piece and its surroundings.
      pairs: uint64, keys of each token with the one before it (`pair_key`).
      pair_codes: uint8, codes of the profile's counts of these pairs.
      count: number of tokens.
      first, last: range of the tokens that are the piece's own.
      prints: `new_fingerprints`, written.
    """
    _add_signature(folded, count, first, last, document, prints)
    _add_sketch(pairs, pair_codes, first, last, prints.sketches[document])
    _add_samples(exact, count, first, last, document, prints)


@kernel()
def signature_hashes(folded, count, first, last, hashes):
    """Hashes (uint32) of the shingles of SIGNATURE_TOKENS that begin from `first` to `last`: the
    sum of their tokens' hashes, each times an odd number of its own.

    Returns:
      How many there are.
    """
    shingles = max(min(last, count - SIGNATURE_TOKENS + 1) - first, 0)
    for at in range(shingles):
        token = first + at
        hashes[at] = np.uint32(
            np.uint32(folded[token]) * np.uint32(0x9E3779B1)
            + np.uint32(folded[token + 1]) * np.uint32(0x85EBCA77)
            + np.uint32(folded[token + 2]) * np.uint32(0xC2B2AE3D)
            + np.uint32(folded[token + 3]) * np.uint32(0x27D4EB2F)
            + np.uint32(folded[token + 4]) * np.uint32(0x165667B1)
        )
    return shingles


@kernel()
def _add_signature(folded, count, first, last, document, prints):
    """MinHash in datasketch's scheme `affine32`: each hash is mixed once by the finaliser of
    MurmurHash3; a permutation multiplies by an odd number and adds another, modulo 2^32."""
    hashes = prints.hashes
    shingles = signature_hashes(folded, count, first, last, hashes)
    for at in range(shingles):
        value = hashes[at]
        value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
        value = np.uint32((value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
        hashes[at] = np.uint32(value ^ (value >> np.uint32(16)))
    # Permutations outside: the inner loop is a reduction, which compilers make vectors of.
    for permutation in range(PERMUTATIONS):
        factor = prints.factors[permutation]
        summand = prints.summands[permutation]
        least = prints.signatures[document, permutation]
        for at in range(shingles):
            value = np.uint32(hashes[at] * factor + summand)
            least = value if value < least else least
        prints.signatures[document, permutation] = least


@kernel()
def _add_sketch(pairs, pair_codes, first, last, sketch):
    """Keeps the smallest keys of rare pairs, each once, in ascending order."""
    for token in range(max(first, 1), last):
        key = pairs[token]
        if pair_codes[token] > _RARE_CODE or key >= sketch[SKETCH_SIZE - 1]:
            continue
        place = SKETCH_SIZE - 1
        while place > 0 and sketch[place - 1] > key:
            place -= 1
        if place > 0 and sketch[place - 1] == key:
            continue
        for moved in range(SKETCH_SIZE - 1, place, -1):
            sketch[moved] = sketch[moved - 1]
        sketch[place] = key


@kernel()
def sample_hashes(exact, count, first, last, orders):
    """Hashes (uint64) of the shingles of SAMPLE_TOKENS that begin from `first` to `last`, which the
    caller has kept within `count`: winnowing chooses by them."""
    # Tokens' hashes as the digits of a number to an odd base: the next needs one step.
    leading = np.uint64(1)
    for _ in range(SAMPLE_TOKENS - 1):
        leading *= GOLDEN
    value = np.uint64(0)
    for token in range(first, min(first + SAMPLE_TOKENS - 1, count)):
        value = value * GOLDEN + exact[token]
    for at in range(last - first):
        token = first + at
        value = value * GOLDEN + exact[token + SAMPLE_TOKENS - 1]
        orders[at] = mix(value)
        value -= exact[token] * leading


@kernel()
def _add_samples(exact, count, first, last, document, prints):
    """Winnowing: of each SAMPLE_WINDOW neighbouring shingles the one with the smallest hash, the
    last of equals; of a document with fewer shingles the smallest."""
    shingles = count - SAMPLE_TOKENS + 1
    low = max(first - SAMPLE_WINDOW + 1, 0)
    high = min(last + SAMPLE_WINDOW - 1, shingles)
    if high <= low:
        return
    orders = prints.orders
    sample_hashes(exact, count, low, high, orders)
    found = prints.found[0]
    window = min(SAMPLE_WINDOW, high - low)
    best = -1
    for end in range(window, high - low + 1):
        start = end - window
        if best < start:
            best = start
            for at in range(start + 1, end):
                if orders[at] <= orders[best]:
                    best = at
        elif orders[end - 1] <= orders[best]:
            best = end - 1
        else:
            continue
        if first <= low + best < last:
            if found < len(prints.samples):
                prints.samples[found] = orders[best]
                prints.sample_documents[found] = document
            found += 1
    prints.found[0] = found
