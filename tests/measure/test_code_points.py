from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from measure import reference
from tocsin.measure.code_points import (
    CHARACTER,
    LETTER,
    SCRIPTS,
    SPACE,
    TABLE_SIZE,
    code_point_tables,
)

# How the names of letters of each script begin.
LETTERS_OF = {
    "latin": ("LATIN SMALL LETTER A", "LATIN CAPITAL LETTER Z"),
    "greek": ("GREEK SMALL LETTER OMEGA", "GREEK CAPITAL LETTER ALPHA"),
    "cyrillic": ("CYRILLIC SMALL LETTER YA", "CYRILLIC CAPITAL LETTER IE WITH GRAVE"),
    "hebrew": ("HEBREW LETTER ALEF", "HEBREW LETTER TAV"),
    "arabic": ("ARABIC LETTER ALEF", "ARABIC LETTER FARSI YEH"),
    "indic": (
        "DEVANAGARI LETTER KA", "BENGALI LETTER KA", "GURMUKHI LETTER KA", "GUJARATI LETTER KA",
        "ORIYA LETTER KA", "TAMIL LETTER KA", "TELUGU LETTER KA", "KANNADA LETTER KA",
        "MALAYALAM LETTER KA", "SINHALA LETTER ALPAPRAANA KAYANNA",
    ),
    "thai": ("THAI CHARACTER KO KAI", "LAO LETTER KO"),
    "han": ("CJK UNIFIED IDEOGRAPH-4E00", "CJK UNIFIED IDEOGRAPH-3400", "KANGXI RADICAL ONE"),
    "kana": ("HIRAGANA LETTER A", "KATAKANA LETTER VO", "HALFWIDTH KATAKANA LETTER A"),
    "hangul": ("HANGUL SYLLABLE GA", "HANGUL CHOSEONG KIYEOK", "HANGUL LETTER KIYEOK"),
    "other": ("ARMENIAN SMALL LETTER AYB", "GEORGIAN LETTER AN", "ETHIOPIC SYLLABLE HA"),
}  # fmt: skip


def test_classes() -> None:
    classes = code_point_tables().classes
    assert classes.shape == (TABLE_SIZE,) and classes.dtype == np.uint8
    surrogates = range(0xD800, 0xE000)  # no text holds them
    for code_point in set(range(TABLE_SIZE)).difference(surrogates):
        assert classes[code_point] == reference.kind_of(chr(code_point)), hex(code_point)


def test_white_space_is_pythons_but_for_separators_of_files() -> None:
    classes = code_point_tables().classes
    white = {code for code in range(TABLE_SIZE) if chr(code).isspace()} - set(range(0x1C, 0x20))
    assert set(np.flatnonzero(classes == SPACE).tolist()) == white


def test_lower_is_pythons_where_it_is_one_character() -> None:
    tables = code_point_tables()
    for code_point in np.flatnonzero(tables.classes == LETTER).tolist():
        lower = chr(code_point).lower()
        expected = ord(lower) if len(lower) == 1 else code_point
        assert tables.lower[code_point] == expected, hex(code_point)


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts(script: str) -> None:
    scripts = code_point_tables().scripts
    for name in LETTERS_OF[script]:
        assert SCRIPTS[scripts[ord(unicodedata.lookup(name))]] == script, name


@pytest.mark.parametrize("script", ["latin", "greek", "cyrillic", "hebrew", "hangul", "thai"])
def test_letters_of_other_scripts_have_another_name(script: str) -> None:
    tables = code_point_tables()
    of_script = tables.scripts == SCRIPTS.index(script)
    letters = np.flatnonzero(of_script & np.isin(tables.classes, (LETTER, CHARACTER)))
    others = {name.upper() for name in SCRIPTS} - {script.upper(), "OTHER"}
    for code_point in letters.tolist():
        assert unicodedata.name(chr(code_point)).split()[0] not in others


def test_tables_cannot_be_changed() -> None:
    for table in code_point_tables():
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 1
