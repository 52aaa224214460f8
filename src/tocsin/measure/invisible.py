"""Which characters are invisible, and where each has its place.

The ranges are those of Unicode 16: Default_Ignorable_Code_Point for what is invisible, UTS #51 for
flags and emoji, StandardizedVariants.txt and the Ideographic Variation Database for selectors.
"""

from __future__ import annotations

from tocsin.measure.code_points import LETTER
from tocsin.measure.kernels import kernel
from tocsin.measure.tokens import class_of, decode

PLAIN, TAG, SELECTOR, ZERO_WIDTH, DIRECTION_MARK, FILLER, BIDI_CONTROL = range(7)
"""Classes of code points. DIRECTION_MARK: invisible characters of a direction; FILLER: blank
letters of Hangul, and half-width marks."""

BLACK_FLAG = 0x1F3F4
_CANCEL_TAG = 0xE007F


@kernel(forceinline=True)
def hidden_class(code):
    if code < 0x034F:
        return PLAIN
    if code < 0x2000:
        if code == 0x034F:
            return ZERO_WIDTH
        if code == 0x115F or code == 0x1160:
            return FILLER
        if 0x180B <= code <= 0x180D or code == 0x180F:
            return SELECTOR
        if code == 0x180E:
            return ZERO_WIDTH
        return DIRECTION_MARK if code == 0x061C else PLAIN
    if code < 0x2070:
        if 0x200B <= code <= 0x200D or 0x2060 <= code <= 0x2065 or code >= 0x206A:
            return ZERO_WIDTH
        if code == 0x200E or code == 0x200F:
            return DIRECTION_MARK
        if 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069:
            return BIDI_CONTROL
        return PLAIN
    if code < 0xFE00:
        return FILLER if code == 0x3164 else PLAIN
    if code < 0x1D173:
        if code <= 0xFE0F:
            return SELECTOR
        if code == 0xFEFF:
            return ZERO_WIDTH
        marks = 0xFF61 <= code <= 0xFF65 or code == 0xFF70 or code == 0xFF9E or code == 0xFF9F
        return FILLER if marks or code == 0xFFA0 else PLAIN
    if code <= 0x1D17A:
        return ZERO_WIDTH
    if 0xE0000 <= code <= 0xE007F:
        return TAG
    return SELECTOR if 0xE0100 <= code <= 0xE01EF else PLAIN


@kernel()
def needs_joiners(code):
    """Whether a character is of a script whose letters zero-width characters join or part, or is a
    symbol, as emoji are."""
    return (
        0x0590 <= code <= 0x109F  # Hebrew, Arabic, Indian, Thai, Tibetan, Myanmar
        or 0x1700 <= code <= 0x1CFF  # Philippine, Khmer, Mongolian, of Indonesia
        or 0x2190 <= code <= 0x2BFF
        or 0xA800 <= code <= 0xABFF
        or 0xFB1D <= code <= 0xFDFF
        or 0xFE70 <= code <= 0xFEFC
        or 0x10A00 <= code <= 0x11FFF
        or 0x1E900 <= code <= 0x1FAFF
    )


@kernel()
def right_to_left(code):
    return (
        0x0590 <= code <= 0x08FF
        or 0xFB1D <= code <= 0xFDFF
        or 0xFE70 <= code <= 0xFEFC
        or 0x10800 <= code <= 0x10FFF
        or 0x1E800 <= code <= 0x1EFFF
    )


@kernel()
def takes_selector(base, selector):
    """Whether a variation selector may follow a character."""
    if selector >= 0xE0100:  # ideographic variation sequences, of which the database uses few
        return selector <= 0xE011F and (0x2E80 <= base <= 0xFAFF or 0x20000 <= base < 0x40000)
    if selector < 0xFE00:
        return 0x1800 <= base <= 0x18AF
    if base < 0x1000:
        keycap = base == 0x23 or base == 0x2A or 0x30 <= base <= 0x39
        return keycap or base == 0xA9 or base == 0xAE
    return base < 0xE0000 and not 0xFE00 <= base <= 0xFE0F


@kernel()
def is_simple_letter(code, classes):
    """Whether a character is a letter or digit of a script that needs no zero-width characters."""
    if 0x30 <= code <= 0x39:
        return True
    return 0 <= code < 0x0590 and class_of(code, classes) == LETTER


@kernel()
def flag_end(data, at, end):
    """End of the tags of a flag that begin at `at`: a region of two letters, one to three letters
    or digits, and the cancel tag. `at` if there are none."""
    place = at
    for index in range(6):
        code, length = decode(data, place, end)
        place += length
        letter = 0xE0061 <= code <= 0xE007A
        if code == _CANCEL_TAG and index >= 3:
            return place
        if not letter and not (index >= 2 and 0xE0030 <= code <= 0xE0039):
            return at
        if place >= end:
            return at
    return at
