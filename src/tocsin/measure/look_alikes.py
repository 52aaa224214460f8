"""Letters of other alphabets that look like Latin ones.

A word that mixes the two is read by people as one word and by a model as quite another. The pairs
are those of Unicode's confusables (UTS #39) that look the same in common typefaces.
"""

from __future__ import annotations

import functools

import numpy as np

_CYRILLIC = (
    ("aceijopsxyhdqwlvr", "асеіјорѕхуһԁԛԝӏѵг"),
    ("ABCEHIJKMOPSTXYGV", "АВСЕНІЈКМОРЅТХУԌѴ"),
)
_GREEK = (("aopvuiynk", "αορνυιγηκ"), ("ABEHIKMNOPTXYZ", "ΑΒΕΗΙΚΜΝΟΡΤΧΥΖ"))
_ARMENIAN = (("ohnugsl", "օհոսցտլ"), ("OSUL", "ՕՏՍԼ"))
_CHEROKEE = (("DRTiAJEWMHYGhZSVLCPKB", "ᎠᎡᎢᎥᎪᎫᎬᎳᎷᎻᎽᏀᏂᏃᏚᏙᏞᏟᏢᏦᏴ"),)
_LISU = (("BPDTGKJCZFMNLSRVHWXYAEIOU", "ꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ"),)

TABLE_SIZE = 0xA500
"""Code points from here on look like no Latin letter that matters here."""


def _pairs() -> dict[str, str]:
    """Look-alike -> Latin letter."""
    alphabets = (*_CYRILLIC, *_GREEK, *_ARMENIAN, *_CHEROKEE, *_LISU)
    return {other: latin for letters, others in alphabets for latin, other in zip(letters, others)}


LATIN_FOR = _pairs()
"""Look-alike -> the Latin letter that it looks like."""

_LOWERED = str.maketrans(LATIN_FOR)


def as_latin(text: str) -> str:
    """The text with every look-alike replaced by its Latin letter."""
    return text.translate(_LOWERED)


@functools.lru_cache(maxsize=1)
def look_alike_table() -> np.ndarray:
    """uint8 (TABLE_SIZE,): the ASCII letter that a code point looks like, 0 for none."""
    table = np.zeros(TABLE_SIZE, np.uint8)
    for other, latin in LATIN_FOR.items():
        table[ord(other)] = ord(latin)
    table.setflags(write=False)
    return table
