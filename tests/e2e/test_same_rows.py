"""The same rows whatever the engine, the parallelism, the format, the shards and retries."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from e2e.conftest import Corpus
from e2e.corpus import write_shards
from e2e.processes import run_well
from e2e.results import INPUT, PLACES, WHEN, findings, manifest_of, rows, verify

_ENGINES = {
    "two processes": ["--direct_num_workers", "2", "--direct_running_mode=multi_processing"],
    "two threads": ["--direct_num_workers=2", "--direct_running_mode=multi_threading"],
    "every bundle twice": ["--direct_runner_bundle_repeat=1"],
}


@pytest.mark.parametrize("options", _ENGINES.values(), ids=_ENGINES.keys())
def test_engines(corpus: Corpus, scanned: Path, tmp_path: Path, options: Sequence[str]) -> None:
    out = tmp_path / "out"
    run_well("scan", corpus.folder, "-o", out, *options)
    verify(out)
    assert findings(out, WHEN) == findings(scanned, WHEN)
    assert rows(out, "documents") == rows(scanned, "documents")
    assert rows(out, "evidence") == rows(scanned, "evidence")
    assert manifest_of(out)["scan_id"] == manifest_of(scanned)["scan_id"]
    assert manifest_of(out)["totals"] == manifest_of(scanned)["totals"]


@pytest.mark.parametrize("suffix", ["jsonl.gz", "jsonl.zst", "parquet"])
def test_formats(corpus: Corpus, scanned: Path, tmp_path: Path, suffix: str) -> None:
    write_shards(tmp_path / "corpus", corpus.records, suffix, corpus.sizes)
    run_well("scan", tmp_path / "corpus", "-o", tmp_path / "out")
    assert findings(tmp_path / "out", INPUT) == findings(scanned, INPUT)
    assert rows(tmp_path / "out", "documents", INPUT) == rows(scanned, "documents", INPUT)
    assert manifest_of(tmp_path / "out")["totals"] == manifest_of(scanned)["totals"]


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.zst", "parquet"])
def test_ranges_of_shards(corpus: Corpus, scanned: Path, tmp_path: Path, suffix: str) -> None:
    """Shards that are read in ranges, whose parts are named after both."""
    write_shards(tmp_path / "corpus", corpus.records, suffix, corpus.sizes)
    out = tmp_path / "out"
    run_well("scan", tmp_path / "corpus", "-o", out, "--range-bytes=150000")
    verify(out)
    parts = [path.stem for path in sorted((out / "documents").iterdir())]
    assert parts[:2] == ["part-00000-00000", "part-00000-00001"]
    assert findings(out, INPUT) == findings(scanned, INPUT)
    assert rows(out, "documents", INPUT) == rows(scanned, "documents", INPUT)
    assert manifest_of(out)["totals"] == manifest_of(scanned)["totals"]
    counts = [
        [(entry["records"], entry["documents"]) for entry in manifest_of(scan)["inputs"]]
        for scan in (out, scanned)
    ]
    assert counts[0] == counts[1]


def test_other_order_of_inputs(corpus: Corpus, scanned: Path, tmp_path: Path) -> None:
    shards = sorted(corpus.folder.iterdir(), reverse=True)
    run_well("scan", *shards, "-o", tmp_path / "out")
    assert findings(tmp_path / "out", WHEN) == findings(scanned, WHEN)
    assert manifest_of(tmp_path / "out")["scan_id"] == manifest_of(scanned)["scan_id"]


def test_other_names_of_shards(corpus: Corpus, scanned: Path, tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    shards = sorted(corpus.folder.iterdir())
    for shard, other in zip(shards, reversed(shards)):
        (tmp_path / "corpus" / other.name).write_bytes(shard.read_bytes())
    run_well("scan", tmp_path / "corpus", "-o", tmp_path / "out")
    assert findings(tmp_path / "out", INPUT) == findings(scanned, INPUT)


def test_other_shards(corpus: Corpus, scanned: Path, tmp_path: Path) -> None:
    """The same documents in another order and in shards of other sizes."""
    records = corpus.records.copy()
    random.Random(7).shuffle(records)
    sizes = [1, 0, 1_500, 40, 500, len(records) - 2_041]
    write_shards(tmp_path / "corpus", records, "jsonl", sizes)
    run_well("scan", tmp_path / "corpus", "-o", tmp_path / "out")
    assert findings(tmp_path / "out", PLACES) == findings(scanned, PLACES)
    assert rows(tmp_path / "out", "documents", PLACES) == rows(scanned, "documents", PLACES)


def test_given_profile(corpus: Corpus, scanned: Path, tmp_path: Path) -> None:
    run_well("profile", corpus.folder, "-o", tmp_path / "profile")
    run_well("scan", corpus.folder, "-o", tmp_path / "out", "--profile", tmp_path / "profile")
    without = ("scan_id", *WHEN)
    assert findings(tmp_path / "out", without) == findings(scanned, without)
    profiles = [manifest_of(out)["profile"] for out in (tmp_path / "out", scanned)]
    assert profiles[0]["digest"] == profiles[1]["digest"]
    assert not (tmp_path / "out" / "profile").exists()
