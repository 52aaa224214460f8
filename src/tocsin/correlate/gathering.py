"""Gathering: the onsets of one partition within bounded memory, however hot a token is.

All onsets that begin with one token must meet, and a token may stand at the onsets of a tenth of a
corpus: a word, a mark, or what an attacker floods. Of such a token a sample of the *documents* is
kept, chosen by a hash of the document, with the level at which they were chosen: adaptive sampling
(Wegman, described by Flajolet 1990, Computing 43). A string that begins with it is then tested on
the sample: strings of many documents stay suspects, and the second read counts those exactly.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tocsin.correlate.suspects import SUSPECT, find_suspects
from tocsin.measure.kernels import kernel
from tocsin.measure.onset_records import ONSET
from tocsin.measure.onsets import CHANNELS

MOST_ONSETS = 1 << 17
"""Onsets kept of one first token: 10 MB. In the Python sources of the demo the most frequent token
begins 5 % of the onsets, so that this is reached where a scan has 2.6 million of them: at about a
million documents."""

_PENDING = 1 << 19
"""Onsets taken in before tokens are looked through again: 39 MB."""


class Gathered:
    """The onsets of a partition. Which ones are kept does not depend on the order of the blocks.

    `seen`: onsets of all blocks; `kept`: how many of them are left, once `by_level` has told them.
    """

    def __init__(self, most: int = MOST_ONSETS, pending: int = _PENDING) -> None:
        """`most`: onsets to keep of each first token; `pending`: see _PENDING."""
        self._most = most
        self._pending = pending
        self._blocks: list[np.ndarray] = []
        self._size = 0
        self._look_at = pending
        self._hot = np.empty(0, np.uint32)
        self._levels = np.empty(0, np.uint8)
        self.seen = 0

    @property
    def kept(self) -> int:
        return self._size

    def add(self, onsets: np.ndarray) -> None:
        """Takes in a block of ONSET records."""
        self.seen += len(onsets)
        onsets = onsets[self._kept(onsets)]
        self._blocks.append(onsets)
        self._size += len(onsets)
        if self._size >= self._look_at:
            self._shrink()
            self._look_at = self._size + self._pending

    def by_level(self) -> Iterator[tuple[int, np.ndarray]]:
        """(level, ONSET records): of documents of which one in 2^level was kept. All onsets of a
        first token have one level, 0 for most."""
        onsets = self._shrink()
        levels = self._levels_of(onsets["tokens"][:, 1])
        for level in np.unique(levels).tolist():
            yield level, onsets[levels == level]

    def _shrink(self) -> np.ndarray:
        """Keeps at most `most` onsets of each first token; all that are kept."""
        onsets = np.concatenate([np.empty(0, ONSET), *self._blocks])
        while True:
            tokens, counts = np.unique(onsets["tokens"][:, 1], return_counts=True)
            over = tokens[counts > self._most]
            if not len(over):
                break
            raised = np.union1d(self._hot, over)
            levels = self._levels_of(raised) + np.isin(raised, over)
            self._hot, self._levels = raised, levels.astype(np.uint8)
            onsets = onsets[self._kept(onsets)]
        self._blocks, self._size = [onsets], len(onsets)
        return onsets

    def _levels_of(self, tokens: np.ndarray) -> np.ndarray:
        if not len(self._hot):
            return np.zeros(len(tokens), np.uint8)
        at = np.minimum(np.searchsorted(self._hot, tokens), len(self._hot) - 1)
        return np.where(self._hot[at] == tokens, self._levels[at], 0).astype(np.uint8)

    def _kept(self, onsets: np.ndarray) -> np.ndarray:
        """Mask of the onsets whose documents are kept at the level of their first token."""
        levels = self._levels_of(onsets["tokens"][:, 1])
        if not levels.any():
            return np.ones(len(onsets), np.bool_)
        documents = document_hashes(
            np.ascontiguousarray(onsets["shard"]), np.ascontiguousarray(onsets["position"])
        )
        return documents & ((np.uint64(1) << levels.astype(np.uint64)) - np.uint64(1)) == 0


@kernel()
def document_hashes(shards, positions):
    """uint64 (documents,): hashes of the keys of documents (uint32 and int64 (documents,)), the
    finalizer of MurmurHash3 (fmix64), which every bit of the key decides on."""
    hashes = np.empty(len(shards), np.uint64)
    for index in range(len(shards)):
        mixed = (np.uint64(shards[index]) << np.uint64(40)) ^ np.uint64(positions[index])
        mixed ^= mixed >> np.uint64(33)
        mixed *= np.uint64(0xFF51AFD7ED558CCD)
        mixed ^= mixed >> np.uint64(33)
        mixed *= np.uint64(0xC4CEB9FE1A85EC53)
        hashes[index] = mixed ^ (mixed >> np.uint64(33))
    return hashes


def suspects_of(gathered: Gathered, scale: float) -> np.ndarray:
    """SUSPECT records of all channels and directions among the onsets of a partition.

    Args:
      scale: tokens in the corpus over words in the profile.

    Where documents were sampled, `documents` of a suspect is an estimate, the number in the sample
    times 2^level; the second read counts the hits themselves.
    """
    found = [np.empty(0, SUSPECT)]
    for level, onsets in gathered.by_level():
        for channel in range(len(CHANNELS)):
            of_channel = onsets[onsets["channel"] == channel]
            for direction in (1, -1):
                chosen = of_channel[of_channel["direction"] == direction]
                suspects = find_suspects(chosen, scale / 2**level)
                suspects["documents"] <<= np.uint32(level)
                found.append(suspects)
    return np.concatenate(found)
