from __future__ import annotations

import pytest
from wordfreq import top_n_list

from tocsin.drill.languages import language_of


def text_in(language: str) -> str:
    return " ".join(top_n_list(language, 300))


@pytest.mark.parametrize("language", ["de", "en", "fr", "ru", "hu"])
def test_texts_of_one_language(language: str) -> None:
    assert language_of(text_in(language)) == language


def test_scripts_of_one_language() -> None:
    assert language_of("吾輩は猫である。名前はまだ無い。" * 5) == "zh-ja"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x = y[0] + z(1, 2)\n" * 20,  # a program
        text_in("de") + " " + text_in("fr"),
        "xq zv " * 100,
    ],
)
def test_no_language(text: str) -> None:
    assert language_of(text) == "none"


def test_a_language_with_hardly_a_word_in_it() -> None:
    """As in a program with a comment."""
    assert language_of("und der die das " + "x1 += y2;\n" * 100) == "none"
