"""Characters that people do not see, or take for others, and models read.

Tag characters, variation selectors, zero-width characters, bidirectional controls, fillers,
terminal escapes and look-alike letters all have their proper places: flags and emoji, Persian and
Hindi, ideographs and Mongolian, right-to-left text, man pages. So each is counted only outside
them, by a grammar over code points that looks at a few neighbours (Unicode 16: UTS #51 for flags
and emoji, UAX #9 for directions, UTS #39 for look-alikes; Boucher and Anderson 2021, "Trojan
Source", arXiv 2111.00169, for directions in attacks).

Only documents with a suspicious byte sequence are looked at (`hidden_literals`); most have none.
"""

from __future__ import annotations

import string
from typing import NamedTuple

import numpy as np

from tocsin.measure.code_points import COMBINING, LETTER
from tocsin.measure.invisible import (
    BIDI_CONTROL,
    BLACK_FLAG,
    DIRECTION_MARK,
    FILLER,
    SELECTOR,
    TAG,
    ZERO_WIDTH,
    flag_end,
    hidden_class,
    is_simple_letter,
    needs_joiners,
    right_to_left,
    takes_selector,
)
from tocsin.measure.kernels import kernel
from tocsin.measure.literals import Literal
from tocsin.measure.look_alikes import LATIN_FOR, TABLE_SIZE
from tocsin.measure.terminal import (
    C1_ESCAPE,
    ESCAPE,
    SPELT_ESCAPES,
    parse_escape,
    spelt_escape,
)
from tocsin.measure.tokens import class_of, decode

KINDS = (
    "tags", "selectors", "zero-width", "bidi", "filler", "escapes", "look-alikes", "styled",
)  # fmt: skip
"""What hides, in the order of the numbers."""

TAGS, SELECTORS, ZERO_WIDTHS, BIDI, FILLERS, ESCAPES, LOOK_ALIKES, STYLED = range(len(KINDS))

HIDDEN_RUN = np.dtype(
    [("document", "<i4"), ("kind", "u1"), ("start", "<i8"), ("end", "<i8"), ("size", "<i4")]
)
"""A place where something hides: number of the document in its batch, kind, byte range in the
text, and number of hidden characters (of a word: 1)."""

RUNS_KEPT = 256
"""Places of one kind in one document that are recorded: they are the evidence."""


class HiddenCharacters(NamedTuple):
    """Counts (int32) of each document of a batch; arrays of one entry a document.

    tag_characters: outside flags. variation_selectors: where none may stand, such as after letters
    or one another; selector_run: the most of them one after the other; selector_symbols: how many
    different ones. zero_width: zero-width characters between two letters of a script that needs
    none; zero_width_run: the longest run; zero_width_symbols: different characters in it.
    bidi_controls: overrides of the direction around text without right-to-left letters, and
    directions left open in such a paragraph; overridden_letters: the most letters that one of these
    overrides turns round. filler_run: the longest run of one Hangul filler or
    half-width mark. escape_sequences: of terminals, raw or spelt out as in code;
    concealing_escapes: raw ones that make text invisible; erasing_escapes: raw ones that move the
    cursor or erase. look_alike_words: that mix Latin letters with look-alikes. styled_words: of
    three or more mathematical letters.
    """

    tag_characters: np.ndarray
    variation_selectors: np.ndarray
    selector_run: np.ndarray
    selector_symbols: np.ndarray
    zero_width: np.ndarray
    zero_width_run: np.ndarray
    zero_width_symbols: np.ndarray
    bidi_controls: np.ndarray
    overridden_letters: np.ndarray
    filler_run: np.ndarray
    escape_sequences: np.ndarray
    concealing_escapes: np.ndarray
    erasing_escapes: np.ndarray
    look_alike_words: np.ndarray
    styled_words: np.ndarray


def no_hidden_characters(documents: int) -> HiddenCharacters:
    """Counts of zero for `documents` documents."""
    return HiddenCharacters(*[np.zeros(documents, np.int32) for _ in HiddenCharacters._fields])


def hidden_literals(flag: int) -> list[Literal]:
    """Byte strings with `flag`: a document that holds none has nothing to be counted here."""
    ranges = (
        (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x180B, 0x180F), (0x200B, 0x200F),
        (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
        (0xFFA0, 0xFFA0), (0x1D173, 0x1D17A),
    )  # fmt: skip
    texts = [chr(code).encode() for first, last in ranges for code in range(first, last + 1)]
    texts += [bytes([0xF3, 0xA0, third]) for third in range(0x80, 0x88)]  # tags, selectors
    texts += [3 * chr(code).encode() for code in _MARKS]
    texts += [b"\x1b", b"\xc2\x9b", *SPELT_ESCAPES]
    texts += [bytes([0xF0, 0x9D, third]) for third in range(0x90, 0xA0)]  # mathematical letters
    letters = string.ascii_letters.encode()
    texts += [bytes([letter, lead]) for letter in letters for lead in (*range(0xCE, 0xD7), 0xEA)]
    texts += [bytes([letter, 0xE1, second]) for letter in letters for second in (0x8E, 0x8F)]
    before = [other.encode() for other in LATIN_FOR if other < "\u0530"]
    texts += [other + bytes([letter]) for other in before for letter in letters]
    return [Literal(text, flag) for text in texts]


_MARKS = (*range(0xFF61, 0xFF66), 0xFF70, 0xFF9E, 0xFF9F)
"""Half-width marks: visible, but no text has eight of one in a row, except to draw."""


@kernel()
def _record(runs, found, kept, document, kind, start, end, size):
    """Notes a place; the number of places then."""
    if kept[kind] >= RUNS_KEPT:
        return found
    kept[kind] += 1
    if found < len(runs):
        runs[found].document = document
        runs[found].kind = kind
        runs[found].start = start
        runs[found].end = end
        runs[found].size = size
    return found + 1


@kernel()
def _ones(bits):
    count = 0
    while bits:
        bits &= bits - 1
        count += 1
    return count


@kernel()
def _invisible_run(data, at, end, previous, classes, document, begin, counts, runs, found, kept):
    """Counts a run of tags, variation selectors and zero-width characters that begins at `at`.

    Args:
      previous: code point before the run, -1 at the start of a text.
      begin: where the text begins in `data`; the rest as in `_measure_document`.

    Returns:
      (end of the run, number of places).
    """
    start = at
    base = previous
    tags = misplaced = run = selectors = zero_widths = 0
    joined = longest = symbols = longest_symbols = selector_symbols = 0
    while at < end:
        code, length = decode(data, at, end)
        kind = hidden_class(code)
        if kind == TAG:
            if base == BLACK_FLAG:
                after_flag = flag_end(data, at, end)
                if after_flag > at:
                    at = after_flag
                    base = -2
                    continue
            tags += 1
        elif kind == SELECTOR:
            if takes_selector(base, code):
                run = 0
            else:
                misplaced += 1
                run += 1
                selectors = max(selectors, run)
                selector_symbols |= 1 << (code & 15)
        elif kind in (ZERO_WIDTH, DIRECTION_MARK):
            if not (code == 0xFEFF and at == begin):
                zero_widths += kind == ZERO_WIDTH
                joined += 1
                symbols |= 1 << (code & 31)
                if joined > longest:
                    longest = joined
                    longest_symbols = symbols
        else:
            break
        if kind != SELECTOR:
            run = 0
        if kind not in (ZERO_WIDTH, DIRECTION_MARK):
            joined = symbols = 0
        base = code
        at += length
    following = np.int64(-1)
    if at < end:
        following, _ = decode(data, at, end)
    if tags:
        counts.tag_characters[document] += tags
        found = _record(runs, found, kept, document, TAGS, start - begin, at - begin, tags)
    if misplaced:
        counts.variation_selectors[document] += misplaced
        counts.selector_run[document] = max(counts.selector_run[document], selectors)
        symbols = np.int64(counts.selector_symbols[document]) | selector_symbols
        counts.selector_symbols[document] = symbols
        found = _record(
            runs, found, kept, document, SELECTORS, start - begin, at - begin, misplaced
        )
    if longest > counts.zero_width_run[document]:
        counts.zero_width_run[document] = longest
        counts.zero_width_symbols[document] = _ones(longest_symbols)
    between = is_simple_letter(previous, classes) and is_simple_letter(following, classes)
    parted = needs_joiners(previous) or needs_joiners(following)
    if zero_widths and between:
        counts.zero_width[document] += zero_widths
    if longest > 1 or (zero_widths and between) or (zero_widths and not parted):
        found = _record(
            runs, found, kept, document, ZERO_WIDTHS, start - begin, at - begin, longest
        )
    return at, found


@kernel()
def _measure_document(data, begin, end, classes, latin, document, counts, runs, found, kept):
    """Counts what hides in `data[begin:end]`, and notes where; the number of places then."""
    at = begin
    previous = np.int64(-1)
    # The word so far: where it began, letters by what they are, look-alikes after a Latin letter.
    word = np.int64(-1)
    letters = ascii_letters = look_alikes = greek = inner_greek = styled = 0
    last_greek = False
    # The paragraph so far: directions open, and the override that is.
    embeddings = isolates = 0
    rtl_letters = False
    first_control = np.int64(-1)
    override = np.int64(-1)
    override_letters = 0
    override_plain = True
    # The escape after which text is invisible.
    concealed = np.int64(-1)
    # The run of one filler.
    filler_start = np.int64(-1)
    filler = np.int64(-1)
    filler_length = 0
    while at <= end:
        if at < end:
            code, length = decode(data, at, end)
        else:  # as if a line ended here, to close what is open
            code, length = np.int64(0x0A), 1
        if code == filler and filler >= 0:
            filler_length += 1
        elif filler >= 0:
            if filler_length > counts.filler_run[document]:
                counts.filler_run[document] = filler_length
            if filler_length >= 4:
                found = _record(
                    runs, found, kept, document, FILLERS, filler_start - begin, at - begin,
                    filler_length,
                )  # fmt: skip
            filler = np.int64(-1)
        kind = hidden_class(code)
        if TAG <= kind <= DIRECTION_MARK:
            at, found = _invisible_run(
                data, at, end, previous, classes, document, begin, counts, runs, found, kept
            )
            previous = np.int64(0x200B)
            continue
        if kind == FILLER:
            if filler < 0:
                filler = code
                filler_start = at
                filler_length = 1
        elif kind == BIDI_CONTROL:
            if first_control < 0:
                first_control = at
            if code == 0x202D or code == 0x202E:
                override = at
                override_letters = 0
                # From the left, in a paragraph with other letters, it may set off an acronym.
                override_plain = code == 0x202E or not rtl_letters
                embeddings += 1
            elif code == 0x202A or code == 0x202B:
                embeddings += 1
            elif code == 0x2069:
                isolates -= isolates > 0
            elif code != 0x202C:
                isolates += 1
        ends_paragraph = code == 0x0A or code == 0x2029
        if override >= 0 and (code == 0x202C or ends_paragraph):
            if override_plain and override_letters >= 2:
                counts.bidi_controls[document] += 1
                counts.overridden_letters[document] = max(
                    np.int64(counts.overridden_letters[document]), override_letters
                )
                found = _record(
                    runs, found, kept, document, BIDI, override - begin,
                    min(at + length, end) - begin, override_letters,
                )  # fmt: skip
            override = np.int64(-1)
        if code == 0x202C:
            embeddings -= embeddings > 0
        if ends_paragraph:
            if embeddings + isolates > 0 and not rtl_letters:
                counts.bidi_controls[document] += embeddings + isolates
                found = _record(
                    runs, found, kept, document, BIDI, first_control - begin, at - begin,
                    embeddings + isolates,
                )  # fmt: skip
            embeddings = isolates = 0
            rtl_letters = False
            first_control = np.int64(-1)
        if code >= 0x0590 and right_to_left(code):
            rtl_letters = True
            override_plain = False
        # Words.
        is_ascii = 0x41 <= code <= 0x5A or 0x61 <= code <= 0x7A
        is_styled = 0x1D400 <= code <= 0x1D7CB
        is_letter = is_ascii or is_styled
        if not is_letter and code >= 0x80:
            kind_of_letter = class_of(code, classes)
            is_letter = kind_of_letter == LETTER or (kind_of_letter == COMBINING and word >= 0)
        if is_letter:
            override_letters += 1
            if word < 0:
                word = at
                letters = ascii_letters = look_alikes = greek = inner_greek = styled = 0
            letters += 1
            if is_ascii:
                ascii_letters += 1
                inner_greek += last_greek and letters > 2
            elif is_styled:
                styled += 1
            elif code < TABLE_SIZE and latin[code]:
                look_alikes += 1
                greek += 0x0370 <= code < 0x0400
            last_greek = not is_ascii and 0x0370 <= code < 0x0400
        elif word >= 0:
            # Greek letters stand before and after Latin ones in the names of units and genes.
            disguised = look_alikes > greek or greek >= 2 or inner_greek > 0
            mixed = ascii_letters and look_alikes and ascii_letters + look_alikes == letters
            if mixed and letters >= 3 and disguised:
                counts.look_alike_words[document] += 1
                found = _record(
                    runs, found, kept, document, LOOK_ALIKES, word - begin, at - begin, 1
                )
            if styled >= 3 and styled == letters:
                counts.styled_words[document] += 1
                found = _record(runs, found, kept, document, STYLED, word - begin, at - begin, 1)
            word = np.int64(-1)
            last_greek = False
        # Escapes of terminals.
        if code in (ESCAPE, C1_ESCAPE):
            bracket = code == C1_ESCAPE or (at + 1 < end and data[at + 1] == 0x5B)
            parameters = at + length + (code == ESCAPE)
            if bracket:
                stop, conceals, erases = parse_escape(data, parameters, end)
                if stop > parameters:
                    counts.escape_sequences[document] += 1
                    counts.concealing_escapes[document] += conceals
                    counts.erasing_escapes[document] += erases
                    if concealed >= 0:
                        found = _record(
                            runs, found, kept, document, ESCAPES, concealed - begin, stop - begin, 1
                        )
                        concealed = np.int64(-1)
                    elif erases:
                        found = _record(
                            runs, found, kept, document, ESCAPES, at - begin, stop - begin, 1
                        )
                    if conceals:
                        concealed = at
                    previous = np.int64(-2)
                    at = stop
                    continue
        elif code == 0x5C:
            spelt = spelt_escape(data, at, end)
            if spelt:
                stop, _, _ = parse_escape(data, at + spelt, end)
                counts.escape_sequences[document] += stop > at + spelt
        previous = code
        at += length
    if concealed >= 0:
        found = _record(runs, found, kept, document, ESCAPES, concealed - begin, end - begin, 1)
    return found


@kernel()
def measure_hidden_characters(data, offsets, chosen, classes, latin, counts, runs):
    """Counts what hides in some documents of a batch.

    Args:
      data: uint8, the texts one after the other.
      offsets: int32 (documents + 1,), where each text begins in `data`.
      chosen: int64, numbers of the documents to look at.
      classes: of `code_point_tables()`.
      latin: `look_alike_table()`.
      counts: `no_hidden_characters(documents)`, written for the chosen.
      runs: HIDDEN_RUN records, written: where something hides, by document, at most RUNS_KEPT of a
        kind in each.

    Returns:
      Number of places; above `len(runs)` the rest was not written.
    """
    kept = np.zeros(len(KINDS), np.int64)
    found = 0
    for document in chosen:
        for count in counts:
            count[document] = 0
        kept[:] = 0
        found = _measure_document(
            data, np.int64(offsets[document]), np.int64(offsets[document + 1]), classes, latin,
            document, counts, runs, found, kept,
        )  # fmt: skip
        counts.selector_symbols[document] = _ones(np.int64(counts.selector_symbols[document]))
    return found
