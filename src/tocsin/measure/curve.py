"""The surprisal of a short text token by token, for people to look at."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tocsin.measure.code_points import code_point_tables
from tocsin.measure.languages import vote_slots
from tocsin.measure.pieces import PIECE_BYTES
from tocsin.measure.profile import Profile
from tocsin.measure.token_measures import measure_piece, new_scratch


class SurprisalCurve(NamedTuple):
    """`starts`: int32 (tokens,), byte offset of each token in the text; `surprisal`: float32
    (tokens,), bits."""

    starts: np.ndarray
    surprisal: np.ndarray


class CurveMeasurer:
    """Measures text after text against one profile. Not for use by two threads at once."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._tables = code_point_tables()
        self._votes = vote_slots(profile.seed)
        self._scratch = new_scratch()

    def measure(self, text: bytes) -> SurprisalCurve:
        """The curve of the first PIECE_BYTES of a text.

        A token's own count is left out as in a scan, but only as far as this text goes: of an
        excerpt, a word that the whole document repeats comes out less surprising than in the scan.
        """
        data = np.frombuffer(text[:PIECE_BYTES], np.uint8)
        count = measure_piece(
            data, 0, len(data), True, True, self._tables, self._votes, self._profile.table.slots,
            float(self._profile.words), np.uint64(self._profile.seed), self._scratch,
        )  # fmt: skip
        return SurprisalCurve(
            self._scratch.starts[:count].copy(), self._scratch.surprisal[:count].copy()
        )
