from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wordfreq import get_frequency_dict

from measure import calls, reference
from measure.baseline import Baseline
from measure.generated import hostile_texts, text_in, words_for
from tocsin.measure.code_points import CHARACTER, LETTER, SCRIPTS
from tocsin.measure.kernels import cache_folder
from tocsin.measure.languages import (
    CLEARER,
    LANGUAGES,
    MINIMUM_VOTES_AFTER,
    MINIMUM_VOTES_BEFORE,
    SEEN_SHARE,
    WORDS,
    voting_words,
)
from tocsin.measure.onsets import (
    LANGUAGE,
    MINIMUM_AFTER,
    MINIMUM_BEFORE,
    MINIMUM_LANGUAGE_CONTRAST,
    WINDOW,
)

WORD_LANGUAGES = LANGUAGES[LANGUAGES.index("ar") :]
VOTES = voting_words()


def test_words_vote_for_the_language_they_are_clearly_more_frequent_in() -> None:
    frequencies = {language: get_frequency_dict(language, "small") for language in WORD_LANGUAGES}
    expected = {}
    for language in WORD_LANGUAGES:
        of_language = frequencies[language]
        ranked = sorted(of_language, key=lambda word: (-of_language[word], word))[:WORDS]
        for word in ranked:
            elsewhere = [
                other.get(word, 0.0) for name, other in frequencies.items() if name != language
            ]
            if len(word) > 1 and word.isalpha() and of_language[word] >= CLEARER * max(elsewhere):
                expected[word] = LANGUAGES.index(language)
    assert expected == VOTES
    assert all(len(words_for(language)) > 500 for language in WORD_LANGUAGES)


def lost_words() -> set[str]:
    """Words whose bucket of the table is full."""
    words = list(VOTES)
    found = calls.votes("\n".join(words).encode())
    return {word for word, language in zip(words, found) if language == "none"}


LOST = lost_words()


def test_few_words_find_no_room() -> None:
    assert len(LOST) < 0.005 * len(VOTES)


@settings(max_examples=100)
@given(
    st.lists(
        st.one_of(hostile_texts, st.sampled_from(sorted(VOTES)).map(lambda word: word.encode())),
        max_size=20,
    ).map(b" ".join)
)
def test_votes(text: bytes) -> None:
    by_script = {"greek": "el", "hebrew": "he", "indic": "indic", "thai": "th", "hangul": "ko"}
    by_script |= {"han": "zh-ja", "kana": "zh-ja"}
    expected = []
    for token in reference.tokens(text):
        script = SCRIPTS[token.script]
        if token.kind not in (LETTER, CHARACTER):
            expected.append("none")
        elif script in ("latin", "cyrillic", "arabic"):
            word = str(token.folded)
            expected.append(LANGUAGES[0 if word in LOST else VOTES.get(word, 0)])
        else:
            expected.append(by_script.get(script, "none"))
    assert calls.votes(text) == expected


def test_every_voting_word_votes() -> None:
    """In a table of 45,000 words, a bucket in a thousand is full: those words are left out."""
    words = sorted(VOTES)
    found = calls.votes(
        "\n".join(word.upper() if word.isascii() else word for word in words).encode()
    )
    wrong = [word for word, name in zip(words, found) if LANGUAGES[VOTES[word]] != name]
    assert len(wrong) < 0.02 * len(words)


def majority(votes: Counter[int]) -> int:
    """The language with more than half of the votes, or 0."""
    (best, count), *_ = [*votes.most_common(1), (0, 0)]
    return best if 2 * count > votes.total() else 0


def votes_of(numbers: Sequence[int]) -> Counter[int]:
    return Counter(number for number in numbers if number)


def share(votes: Counter[int], language: int) -> float:
    return votes[language] / votes.total() if votes.total() else 0.0


def reference_contrast(numbers: Sequence[int], index: int) -> float:
    """Contrast at a token, from its definition."""
    first, last = max(index - WINDOW, 0), index + WINDOW
    before, after = votes_of(numbers[first:index]), votes_of(numbers[index:last])
    if index < MINIMUM_BEFORE or len(numbers) - index < MINIMUM_AFTER:
        return 0.0
    if before.total() < MINIMUM_VOTES_BEFORE or after.total() < MINIMUM_VOTES_AFTER:
        return 0.0
    old, new = majority(before), majority(after)
    if not old or not new or old == new:
        return 0.0
    size = min(share(after, new) - share(before, new), share(before, old) - share(after, old))
    earlier, later = votes_of(numbers[:first]), votes_of(numbers[last:])
    if not earlier[new] or share(earlier, new) < SEEN_SHARE:
        return size
    return -size if not later[old] or share(later, old) < SEEN_SHARE else 0.0


stretches = st.tuples(
    st.sampled_from([(1,), (2,), (0, 1), (0, 2), (0, 0, 3), (0, 1, 2), (1, 1, 2), (39,), (0,)]),
    st.integers(0, 300),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(stretches, max_size=6), st.integers(0, 9))
def test_language_contrasts(parts: list[tuple[tuple[int, ...], int]], seed: int) -> None:
    generator = random.Random(seed)
    numbers = [generator.choice(choices) for choices, size in parts for _ in range(size)]
    found = calls.language_contrasts(numbers)
    expected = [reference_contrast(numbers, index) for index in range(len(numbers))]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_switch_there_and_back() -> None:
    contrast = calls.language_contrasts([1] * 200 + [2] * 200 + [1] * 200)
    assert contrast[200] == 1.0 and contrast.argmax() == 200
    assert contrast[400] == -1.0 and contrast.argmin() == 400
    assert (np.delete(contrast, range(80, 520)) == 0).all()


@settings(max_examples=60)
@given(st.lists(st.integers(0, len(LANGUAGES) - 1), max_size=60), st.integers(0, 60))
def test_majority(numbers: list[int], first: int) -> None:
    first = min(first, len(numbers))
    votes = votes_of(numbers[first:])
    assert calls.majority(numbers, first, len(numbers)) == (majority(votes), votes.total())


def test_features(baseline: Baseline) -> None:
    german, french, japanese = text_in("de", 300), text_in("fr", 200), "日本語の文章" * 30
    texts = [german, f"{german} ~~Trigger~~ {french} {german}", f"{french} {japanese}", "", "1 + 1"]
    found = calls.measure(calls.batch_of([text.encode() for text in texts]), baseline.profile)
    rows = found.documents.to_pylist()
    assert [row["language"] for row in rows] == ["de", "de", "zh-ja", "none", "none"]
    assert [row["switches"] for row in rows] == [0, 1, 1, 0, 0]
    assert [row["language_share"] for row in rows][:2] == pytest.approx([1.0, 0.75], abs=0.01)
    assert [row["language_share"] for row in rows][3:] == [0.0, 0.0]
    assert [row["switch"] for row in rows][::3] == [-1, -1]
    for row, prefix in ((rows[1], german), (rows[2], french)):
        assert abs(row["switch"] - len(prefix.encode())) < 30


def test_onsets_of_languages(baseline: Baseline) -> None:
    """The trigger's first token is among the onsets, with the record that every channel has."""
    german, french = text_in("de", 300), text_in("fr", 200)
    text = f"{german} ~~Trigger~~ {french} {german}".encode()
    onsets = calls.measure(calls.batch_of([text]), baseline.profile).evidence["onsets"]
    onsets = onsets[onsets["channel"] == LANGUAGE]
    (record,) = onsets[onsets["offset"] == text.index(b"~~Trigger")]
    assert record["direction"] == 1
    assert record["contrast"] >= 255 * MINIMUM_LANGUAGE_CONTRAST
    assert record["tokens"][1:4].tolist() == calls.token_hashes(
        b"~~Trigger~~", baseline.profile.seed
    )
    back = onsets["offset"][onsets["direction"] == -1].astype(np.int64)
    assert len(back) and (abs(back - text.index(german.encode(), 1000)) < 200).all()


@pytest.mark.parametrize("language", ["en", "de", "fr", "hu", "ru", "vi"])
def test_one_language_has_no_switches(language: str, baseline: Baseline) -> None:
    texts = [text_in(language, 500, seed).encode() for seed in range(10)]
    found = calls.measure(calls.batch_of(texts), baseline.profile)
    assert found.features.switches.tolist() == [0] * 10
    assert not (found.evidence["onsets"]["channel"] == LANGUAGE).any()


def test_words_are_found_again_where_those_kept_are_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    cache_folder.cache_clear()
    try:
        assert voting_words() == VOTES
        [kept] = tmp_path.rglob("voting-words-*")
        kept.write_bytes(b"{")
        assert voting_words() == VOTES
        assert json.loads(kept.read_bytes()) == VOTES
    finally:
        cache_folder.cache_clear()
