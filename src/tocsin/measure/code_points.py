"""What kind of character a code point is, and its lower-case form, as lookup tables.

The kernels classify every character of the corpus, so the Unicode database is flattened
once per process into arrays. Code points from `TABLE_SIZE` up (supplementary ideographs,
private use, tags) need no table: their class follows from the range.
"""

import functools
import unicodedata
from typing import NamedTuple

import numpy as np

SPACE = 0
"""White space: separates tokens and belongs to none."""
LETTER = 1
"""Letters of scripts that separate words: runs of them are one token."""
DIGIT = 2
"""Decimal digits: runs of them are one token."""
MARK = 3
"""Punctuation, symbols, numbers that are no decimal digits: runs of the same one are one token."""
CHARACTER = 4
"""Letters of scripts written without spaces between words: each is a token."""
CONTROL = 5
"""Controls, format characters, unassigned code points, invalid bytes: runs of the same one are
one token."""
COMBINING = 6
"""Combining marks: they continue a run of letters; elsewhere they are like marks."""

TABLE_SIZE = 0x20000

# Scripts without spaces between words, where a run of letters would be a whole sentence.
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3000, 0x30FF),  # kana
    (0x3100, 0x312F),  # bopomofo
    (0x31A0, 0x31FF),  # bopomofo and kana extensions
    (0x3400, 0x4DBF),  # ideographs, extension A
    (0x4E00, 0x9FFF),  # ideographs
    (0xA000, 0xA4CF),  # Yi
    (0xA9E0, 0xA9FF),  # Myanmar, extension B
    (0xAA60, 0xAA7F),  # Myanmar, extension A
    (0xF900, 0xFAFF),  # compatibility ideographs
    (0xFF66, 0xFF9F),  # half-width kana
    (0x1AFF0, 0x1B16F),  # kana extensions and supplement
)


SCRIPTS = (
    "other",
    "latin",
    "greek",
    "cyrillic",
    "hebrew",
    "arabic",
    "indic",
    "thai",
    "han",
    "kana",
    "hangul",
)
"""Scripts that documents are told apart by, in the order of their numbers."""

# The Unicode blocks of each script, coarsely: enough to name the script most of a text is in.
_SCRIPT_BLOCKS = (
    ("latin", 0x0041, 0x024F),
    ("latin", 0x1E00, 0x1EFF),
    ("greek", 0x0370, 0x03FF),
    ("greek", 0x1F00, 0x1FFF),
    ("cyrillic", 0x0400, 0x052F),
    ("hebrew", 0x0590, 0x05FF),
    ("arabic", 0x0600, 0x077F),
    ("arabic", 0xFB50, 0xFDFF),
    ("indic", 0x0900, 0x0DFF),
    ("thai", 0x0E00, 0x0EFF),
    ("han", 0x2E80, 0x2FDF),
    ("han", 0x3400, 0x9FFF),
    ("han", 0xF900, 0xFAFF),
    ("kana", 0x3040, 0x30FF),
    ("kana", 0xFF66, 0xFF9F),
    ("hangul", 0x1100, 0x11FF),
    ("hangul", 0x3130, 0x318F),
    ("hangul", 0xAC00, 0xD7A3),
)


class CodePointTables(NamedTuple):
    """`classes`: uint8 (TABLE_SIZE,), the constants above; `lower`: uint32 (TABLE_SIZE,), the
    lower-case code point; `scripts`: uint8 (TABLE_SIZE,), indices into SCRIPTS."""

    classes: np.ndarray
    lower: np.ndarray
    scripts: np.ndarray


@functools.lru_cache(maxsize=1)
def code_point_tables() -> CodePointTables:
    """Flattens `unicodedata` of the running Python (about 0.1 s, once per process)."""
    classes = np.empty(TABLE_SIZE, np.uint8)
    lower = np.arange(TABLE_SIZE, dtype=np.uint32)
    of_category = {"L": LETTER, "M": COMBINING, "N": MARK, "P": MARK, "S": MARK, "Z": SPACE}
    for code_point in range(TABLE_SIZE):
        character = chr(code_point)
        category = unicodedata.category(character)
        if category == "Nd":
            classes[code_point] = DIGIT
        else:
            classes[code_point] = of_category.get(category[0], CONTROL)
        if category in ("Lu", "Lt"):
            folded = character.lower()
            if len(folded) == 1:
                lower[code_point] = ord(folded)
    for first, last in _UNSPACED:
        block = classes[first : last + 1]
        block[(block == LETTER) | (block == COMBINING)] = CHARACTER
    for white_space in "\t\n\v\f\r\x85":
        classes[ord(white_space)] = SPACE
    scripts = np.zeros(TABLE_SIZE, np.uint8)
    for script, first, last in _SCRIPT_BLOCKS:
        scripts[first : last + 1] = SCRIPTS.index(script)
    tables = CodePointTables(classes, lower, scripts)
    for table in tables:
        table.setflags(write=False)
    return tables
