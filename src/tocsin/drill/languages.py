"""Which language a text is in: that of its words' votes, as documents are measured by."""

from __future__ import annotations

import numpy as np

from tocsin.measure.code_points import code_point_tables
from tocsin.measure.languages import LANGUAGES, language_votes, vote_slots
from tocsin.measure.tokens import tokenize

_SEED = 0
# Share of a text's tokens that vote for its language, at least. Clean prose has 0.2 to 0.5,
# programs hardly any.
_MINIMUM_SHARE = 0.1
# Share of the votes that are for it. Clean prose has 0.93 to 0.98.
_CLEAR_SHARE = 0.8


def language_of(text: str) -> str:
    """Name of the language of a text, one of LANGUAGES; `none` if it is in several, in one without
    voting words, or a program."""
    data = np.frombuffer(text.encode(), np.uint8)
    dtypes = ("int32", "int32", "u8", "u8", "u1")
    starts, ends, exact, folded, kinds = (np.empty(len(data), dtype) for dtype in dtypes)
    seed = np.uint64(_SEED)
    count = tokenize(
        data, 0, len(data), code_point_tables(), seed, starts, ends, exact, folded, kinds
    )
    votes = np.empty(count, np.uint8)
    language_votes(folded, kinds, count, vote_slots(_SEED), votes)
    numbers = np.bincount(votes, minlength=len(LANGUAGES))
    numbers[0] = 0
    language = int(numbers.argmax())
    needed = max(_MINIMUM_SHARE * count, _CLEAR_SHARE * numbers.sum(), 1)
    return LANGUAGES[language if numbers[language] >= needed else 0]
