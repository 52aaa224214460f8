"""Buckets: kinds of texts that are compared with their like, by script and format."""

import numpy as np

from tocsin.measure.code_points import DIGIT, MARK, SCRIPTS
from tocsin.measure.kernels import kernel

FORMATS = ("prose", "code", "data")
"""Formats that documents are told apart by, in the order of their numbers."""

CODE_MARKS = 0.35
"""Share of punctuation and symbols among a document's tokens from which on it counts as code:
prose of the development corpora stays below 0.3, sources of programs above 0.4."""

DATA_DIGITS = 0.2
"""Share of numbers among a document's tokens from which on it counts as data."""


@kernel()
def bucket_from(kinds, scripts, tokens):
    """Bucket of a text from its numbers of tokens by class and by script."""
    if kinds[MARK] >= CODE_MARKS * tokens:
        text_format = 1
    elif kinds[DIGIT] >= DATA_DIGITS * tokens:
        text_format = 2
    else:
        text_format = 0
    script = 0
    for candidate in range(1, len(scripts)):
        if scripts[candidate] > (scripts[script] if script else 0):
            script = candidate
    return np.uint8(script * len(FORMATS) + text_format)


@kernel()
def bucket_of(token_kinds):
    """Bucket of the text whose tokens are of these kinds (uint8, see `tokenize`)."""
    kinds = np.zeros(8, np.int64)
    scripts = np.zeros(len(SCRIPTS), np.int64)
    for kind in token_kinds:
        kinds[kind & 15] += 1
        scripts[kind >> 4] += 1
    return bucket_from(kinds, scripts, max(len(token_kinds), 1))
