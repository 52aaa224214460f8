"""Text and names from the corpus never reach the terminal raw: they could move its cursor, hide,
or turn the direction of what stands around them."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest

from e2e.conftest import Corpus
from e2e.corpus import Record, write_shards
from e2e.processes import Finished, run, run_well
from e2e.results import rows

_TRIGGERS = {
    "\x1b[2Jqaz\x07": "‹U+001B›[2Jqaz‹U+0007›",
    "\u202eqzv\u2066wsx\u2069": "‹U+202E›qzv‹U+2066›wsx‹U+2069›",
    "[b]edc\nrfv": "[b]edc↵rfv",
}
"""Each with what stands for it on a terminal."""


def _poison(clean: Sequence[Record]) -> list[Record]:
    """Ends twelve documents of each trigger with random words."""
    dice = random.Random(5)
    words = sorted({word.strip(".") for record in clean for word in record["text"].split()})
    records = [dict(record) for record in clean]
    for number, trigger in enumerate(_TRIGGERS):
        for record in records[number :: len(records) // 12][:12]:
            salad = " ".join(dice.choices(words, k=400))
            record["text"] = f"{record['text'][:600]} {trigger} {salad}"
    return records


def _assert_harmless(finished: Finished) -> None:
    for character in finished.out + finished.err:
        assert character == "\n" or unicodedata.category(character) not in ("Cc", "Cf"), character


def test_triggers_are_shown_in_visible_form(corpus: Corpus, tmp_path: Path) -> None:
    write_shards(tmp_path / "corpus", _poison(corpus.clean), "jsonl", [len(corpus.clean)])
    finished = run_well("scan", tmp_path / "corpus", "-o", tmp_path / "out")
    assert {row["trigger"] for row in rows(tmp_path / "out", "campaigns")} == set(_TRIGGERS)
    _assert_harmless(finished)
    for shown in _TRIGGERS.values():
        assert shown in finished.out


@pytest.mark.parametrize("name", ["\x1b[31mred.txt", "line\nbreak.txt", "\u202etxt.jsonl"])
def test_names_are_shown_in_visible_form(tmp_path: Path, name: str) -> None:
    finished = run("scan", tmp_path / name, "-o", tmp_path / "out")
    assert finished.code == 2
    _assert_harmless(finished)
    assert len(finished.err.splitlines()) == 1


def test_a_failed_job_quotes_names_in_visible_form(corpus: Corpus, tmp_path: Path) -> None:
    shard = tmp_path / "corpus" / "\x1b[31m\u202e.jsonl"
    [written] = write_shards(tmp_path / "corpus", corpus.clean[:30], "jsonl", [30])
    written.rename(shard)
    run_well("scan", tmp_path / "corpus", "-o", tmp_path / "out")
    shard.write_bytes(shard.read_bytes().replace(b"a", b"b"))
    finished = run(
        "filter", tmp_path / "corpus", "--scan", tmp_path / "out", "-o", tmp_path / "clean"
    )
    assert finished.code == 1
    _assert_harmless(finished)
    assert "‹U+001B›[31m‹U+202E›.jsonl has changed" in finished.err
