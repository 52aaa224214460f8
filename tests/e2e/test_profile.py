"""`tocsin profile` depends on nothing but the documents."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from e2e.conftest import Corpus
from e2e.corpus import write_shards
from e2e.processes import run_well, start
from e2e.results import files_below
from tocsin.beam.learn import load_profile
from tocsin.measure.profile import COUNTS_FILE, DESCRIPTION_FILE


@pytest.fixture(scope="module")
def profile(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("profiled") / "profile"
    finished = run_well("profile", corpus.folder, "-o", folder, "--direct_num_workers=1")
    assert f"profile of {len(corpus.records):,} documents (100% of the corpus)" in finished.out
    assert str(folder) in finished.out
    return folder


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in files_below(folder)}


def test_the_files_hold_the_whole_profile(profile: Path) -> None:
    contents = _contents(profile)
    assert set(contents) == {COUNTS_FILE, DESCRIPTION_FILE}
    assert load_profile(str(profile)).to_files() == contents


def test_it_counts_the_words_of_the_corpus(corpus: Corpus, profile: Path) -> None:
    """Words in the sense of a text editor: a token may also be a mark, so there are no fewer."""
    learned = load_profile(str(profile))
    words = sum(len(record["text"].split()) for record in corpus.records)
    assert words <= learned.words <= 3 * words
    assert learned.documents == len(corpus.records)
    assert learned.sample_rate == 1.0


def test_it_is_the_same_from_any_shards(corpus: Corpus, profile: Path, tmp_path: Path) -> None:
    records = corpus.records.copy()
    random.Random(3).shuffle(records)
    sizes = [1_000, 0, 1, 900, len(records) - 1_901]
    write_shards(tmp_path / "corpus", records, "jsonl.zst", sizes)
    options = ("--direct_num_workers=2", "--direct_running_mode=multi_threading")
    run_well("profile", tmp_path / "corpus", "-o", tmp_path / "profile", *options)
    assert _contents(tmp_path / "profile") == _contents(profile)


def test_it_is_the_one_that_a_scan_learns(profile: Path, scanned: Path) -> None:
    assert _contents(scanned / "profile") == _contents(profile)


def test_an_interrupted_run_can_be_done_again(
    corpus: Corpus, profile: Path, tmp_path: Path
) -> None:
    out = tmp_path / "profile"
    running = start("profile", corpus.folder, "-o", out)
    running.is_running(0.6)
    running.kill()
    if (out / DESCRIPTION_FILE).exists():
        assert _contents(out) == _contents(profile)
        return
    # What a kill between its two files leaves, and one within a file.
    out.mkdir(exist_ok=True)
    (out / COUNTS_FILE).write_bytes(b"half")
    (out / f".{DESCRIPTION_FILE}.0123456789ab.tmp").touch()
    run_well("profile", corpus.folder, "-o", out)
    assert _contents(out) == _contents(profile)
