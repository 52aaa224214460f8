"""Words made so that their pairs collide with known ones in the table of counts: a few million
tries, which are worth nothing to whoever does not know the profile's seed."""

from __future__ import annotations

import numpy as np
import pytest

from measure import calls
from tocsin.measure.counts import CountTable, bucket_shift
from tocsin.measure.profile import MINIMUM_COUNT, Profile
from tocsin.measure.tokens import GOLDEN

_TRIES = 4_000_000
_LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", np.uint8)


def _profile(seed: int) -> Profile:
    """Of 600 texts of 300 words."""
    random = np.random.default_rng(1)
    words = np.array([f"word{''.join(random.choice(list('abcdefgh'), 4))}" for _ in range(400)])
    texts = [" ".join(random.choice(words, 300)).encode() for _ in range(600)]
    counter = calls.counted([calls.batch_of(texts)], seed)
    keys, counts = counter.counts()
    kept = counts >= MINIMUM_COUNT
    return Profile.create(keys[kept], counts[kept], counter.words, counter.documents, seed, 1.0)


def _known_places(table: CountTable) -> np.ndarray:
    """Bucket and tag of each key in the table, in one number, ascending (uint64)."""
    slots = np.flatnonzero(table.slots)
    tags = (table.slots[slots] >> np.uint32(8)).astype(np.uint64)
    return np.sort((slots // 8).astype(np.uint64) << np.uint64(24) | tags)


def _colliding(profile: Profile, size: int) -> str:
    """Gibberish by somebody who knows profile and seed: words that make a pair with the one before
    them that the table takes for a known one, as often as there is one among _TRIES words."""
    random = np.random.default_rng(2)
    letters = random.choice(_LETTERS, (_TRIES, 9))
    letters[:, 8] = ord(" ")
    parts = np.array_split(letters, 8)
    hashes = np.concatenate([calls.tokenize(part.tobytes(), profile.seed).folded for part in parts])
    places = _known_places(profile.table)
    shift = bucket_shift(profile.table.slots)
    chosen = [0]
    while len(chosen) < size:
        keys = hashes[chosen[-1]] * GOLDEN + hashes
        wanted = (keys >> shift) << np.uint64(24) | keys & np.uint64(0xFFFFFF)
        at = np.minimum(np.searchsorted(places, wanted), len(places) - 1)
        found = np.flatnonzero(places[at] == wanted)
        chosen.append(int(found[0]) if len(found) else int(random.integers(_TRIES)))
    return " ".join(letters[at, :8].tobytes().decode() for at in chosen)


@pytest.fixture(scope="module")
def made() -> str:
    with np.errstate(over="ignore"):
        return _colliding(_profile(calls.SEED), 9)


def test_with_the_seed_gibberish_looks_known(made: str) -> None:
    bits = calls.surprisals(made.encode(), _profile(calls.SEED))
    assert (bits < 1.0).sum() >= 4


def test_without_the_seed_it_does_not(made: str) -> None:
    """The seed of a profile follows from all documents, see tests/beam/test_learn.py."""
    profile = _profile(calls.SEED + 1)
    bits = calls.surprisals(made.encode(), profile)
    assert bits.min() > 15.0  # as of any word that was never seen
