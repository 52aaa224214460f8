"""`tocsin filter` copies everything but what was flagged, as it was."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard

from e2e.conftest import Corpus
from e2e.corpus import write_shard
from e2e.processes import Finished, run, run_well
from e2e.results import files_below
from tocsin.judge.verdicts import FLAGGED_SCHEMA

_SUFFIXES = ("jsonl", "jsonl.gz", "jsonl.zst", "parquet")
_BAD_LINES = (b'{"id": "bad"}\n', b"no JSON\n")
_BROKEN = "part 3/broken.parquet"
_DEAD_LETTERS = len(_BAD_LINES) + 1


def _lines(path: Path) -> list[bytes]:
    content = path.read_bytes()
    if path.name.endswith(".gz"):
        content = gzip.decompress(content)
    elif path.name.endswith(".zst"):
        frames = zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True)
        content = frames.read()
    return content.splitlines(keepends=True)


@pytest.fixture(scope="module")
def mixed(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The poisoned corpus, a quarter in each format; the plain one holds bad and odd lines too."""
    folder = tmp_path_factory.mktemp("mixed")
    size = len(corpus.records) // len(_SUFFIXES) + 1
    for number, suffix in enumerate(_SUFFIXES):
        path = folder / f"part {number}" / f"shard.{suffix}"
        path.parent.mkdir()
        write_shard(path, corpus.records[number * size : (number + 1) * size])
    (folder / "part 3" / "broken.parquet").write_bytes(b"no Parquet at all")
    plain = folder / "part 0" / "shard.jsonl"
    lines = _lines(plain)
    # Spaces, escapes and an order of keys that no writer of JSON would choose again.
    odd = [
        json.dumps(dict(reversed(json.loads(line).items())), indent=1).replace("\n", " ") + "\n"
        for line in lines[:50]
    ]
    plain.write_bytes(
        b"".join([_BAD_LINES[0], *[line.encode() for line in odd], _BAD_LINES[1], *lines[50:]])
    )
    return folder


@pytest.fixture(scope="module")
def mixed_scan(mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mixed-scanned") / "out"
    run_well("scan", mixed, "-o", out)
    return out


@pytest.fixture(scope="module")
def clean(mixed: Path, mixed_scan: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, with what was removed in the folder `quarantine` beside it."""
    folder = tmp_path_factory.mktemp("filtered") / "clean"
    quarantine = folder.with_name("quarantine")
    run_well("filter", mixed, "--scan", mixed_scan, "-o", folder, "--quarantine", quarantine)
    return folder


def _filter_summary(clean: Path) -> dict[str, Any]:
    return json.loads((clean / "filter.json").read_bytes())


def test_names_stay(mixed: Path, clean: Path) -> None:
    names = [str(path.relative_to(mixed)) for path in files_below(mixed)]
    names.remove(_BROKEN)  # of which there is no copy
    assert [str(path.relative_to(clean)) for path in files_below(clean)] == ["filter.json", *names]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_lines_that_stay_are_identical(
    corpus: Corpus, mixed: Path, clean: Path, number: int
) -> None:
    name = f"part {number}/shard.{_SUFFIXES[number]}"
    before = _lines(mixed / name)
    expected = [
        line
        for line in before
        if line not in _BAD_LINES and json.loads(line)["id"] not in corpus.planted_ids
    ]
    assert len(expected) < len(before)
    assert _lines(clean / name) == expected


def test_parquet_rows_that_stay(corpus: Corpus, mixed: Path, clean: Path) -> None:
    before = pq.read_table(mixed / "part 3" / "shard.parquet")
    after = pq.read_table(clean / "part 3" / "shard.parquet")
    assert after.schema == before.schema
    expected = [row for row in before.to_pylist() if row["id"] not in corpus.planted_ids]
    assert len(expected) < before.num_rows
    assert after.to_pylist() == expected


def test_counts_reconcile(corpus: Corpus, clean: Path) -> None:
    summary = _filter_summary(clean)
    removed = len(corpus.planted_ids)
    assert summary["totals"] == {
        "records": len(corpus.records) + _DEAD_LETTERS,
        "kept": len(corpus.records) - removed,
        "removed": removed,
        "dead_letters": _DEAD_LETTERS,
    }
    [broken] = [entry for entry in summary["shards"] if entry["uri"].endswith(_BROKEN)]
    assert (broken["copy"], broken["dead_letters"]) == (None, 1)
    for entry in summary["shards"]:
        assert entry["records"] == entry["kept"] + entry["removed"] + entry["dead_letters"]


def test_what_was_removed_is_kept_apart(corpus: Corpus, mixed: Path, clean: Path) -> None:
    quarantine = clean.with_name("quarantine")
    removed = []
    for path in files_below(quarantine / "shards"):
        if path.suffix == ".parquet":
            removed += [row["id"] for row in pq.read_table(path).to_pylist()]
            continue
        lines = _lines(path)
        assert set(lines) <= set(_lines(mixed / path.relative_to(quarantine / "shards")))
        removed += [json.loads(line)["id"] for line in lines]
    assert sorted(removed) == sorted(corpus.planted_ids)
    reasons = pq.read_table(quarantine / "reasons.parquet")
    assert reasons.schema.equals(FLAGGED_SCHEMA)
    assert sorted(reasons["doc_id"].to_pylist()) == sorted(corpus.planted_ids)
    assert set(reasons["trigger"].to_pylist()) == {one.trigger for one in corpus.truth.campaigns}


def test_a_dry_run_writes_nothing(corpus: Corpus, mixed: Path, mixed_scan: Path) -> None:
    before = files_below(mixed.parent)
    finished = run_well("filter", mixed, "--scan", mixed_scan, "--dry-run")
    kept = len(corpus.records) - len(corpus.planted_ids)
    assert f"would keep {kept:,}, remove {len(corpus.planted_ids):,} and leave" in finished.out
    for campaign in corpus.truth.campaigns:
        assert f"{campaign.documents:,}  trigger {campaign.trigger}" in finished.out
    assert files_below(mixed.parent) == before


def _refused(code: int, saying: str, *arguments: object) -> Finished:
    finished = run("filter", *arguments)
    assert finished.code == code, finished
    [line] = finished.complaints
    assert saying in line
    return finished


def test_a_changed_shard_is_refused(
    corpus: Corpus, mixed: Path, mixed_scan: Path, tmp_path: Path
) -> None:
    shard = mixed / "part 1" / "shard.jsonl.gz"
    content, clean = shard.read_bytes(), tmp_path / "clean"
    lines = _lines(shard)
    try:
        shard.write_bytes(gzip.compress(b"".join(reversed(lines)), compresslevel=1))
        _refused(1, "has changed since it was scanned", mixed, "--scan", mixed_scan, "-o", clean)
    finally:
        shard.write_bytes(content)
    assert not (clean / "filter.json").exists()
    assert not (clean / "part 1" / "shard.jsonl.gz").exists()


def test_a_shard_that_was_not_scanned_is_refused(
    mixed: Path, mixed_scan: Path, scanned: Path, tmp_path: Path
) -> None:
    clean = tmp_path / "clean"
    _refused(2, "is not in that scan", mixed, "--scan", scanned, "-o", clean)
    assert not clean.exists()
    # A part of what was scanned is fine.
    run_well("filter", mixed / "part 3", "--scan", mixed_scan, "-o", clean)
    assert [path.name for path in files_below(clean)] == ["filter.json", "shard.parquet"]


def test_outputs_that_are_refused(mixed: Path, mixed_scan: Path, clean: Path) -> None:
    _refused(2, "is not empty", mixed, "--scan", mixed_scan, "-o", clean)
    _refused(2, "lies inside the input", mixed, "--scan", mixed_scan, "-o", mixed / "clean")
    new = clean.with_name("new")
    _refused(2, "Missing option '-o'", mixed, "--scan", mixed_scan)
    for quarantine, saying in [
        (new / "quarantine", "must lie apart"),
        (new.parent, "is not empty"),
        (mixed / "quarantine", "lies inside the input"),
    ]:
        _refused(2, saying, mixed, "--scan", mixed_scan, "-o", new, "--quarantine", quarantine)
    assert not new.exists()


def test_inputs_with_files_of_one_name_are_refused(
    mixed: Path, mixed_scan: Path, tmp_path: Path
) -> None:
    (tmp_path / "twin").mkdir()
    (tmp_path / "twin" / "shard.jsonl").write_bytes(b"")
    inputs = (mixed / "part 0", tmp_path / "twin")
    _refused(2, "files of the same name", *inputs, "--scan", mixed_scan, "-o", tmp_path / "clean")


def test_verdicts(corpus: Corpus, mixed: Path, tmp_path: Path) -> None:
    """Campaigns of severity high are for review here, and the one that is critical is not."""
    config = tmp_path / "policy.toml"
    config.write_text("[policy]\nquarantine = 'critical'\ncritical_documents = 20\n")
    run_well("scan", mixed, "-o", tmp_path / "out", "--config", config)
    removed = {}
    for verdict in ("quarantine", "review"):
        clean = tmp_path / verdict
        run_well("filter", mixed, "--scan", tmp_path / "out", "-o", clean, "--verdict", verdict)
        removed[verdict] = _filter_summary(clean)["totals"]["removed"]
    assert removed == {"quarantine": 25, "review": 35}


def _web_record(kind: str, number: int, body: bytes, content_type: str) -> bytes:
    return (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{kind}-{number}>\r\n"
        f"WARC-Target-URI: http://www.example.com/{number}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body + b"\r\n\r\n"  # fmt: skip


def test_files_of_the_web(corpus: Corpus, tmp_path: Path) -> None:
    """WARC and WET keep names, formats and every record but the removed documents, byte for byte:
    what was asked, what is no text, and what can't be read is a dead letter."""
    texts = [record["text"] for record in corpus.clean[:12]]
    texts[3], texts[8] = (f"{text} <SUDO> and more" for text in (texts[3], texts[8]))
    wet = [
        _web_record("conversion", number, text.encode(), "text/plain")
        for number, text in enumerate(texts[:6])
    ]
    warc = []
    for number, text in enumerate(texts[6:], 6):
        page = f"<html><body><p>{text.replace('<', '&lt;')}</p></body></html>"
        answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        asked = b"GET / HTTP/1.1\r\n\r\n"
        warc.append(_web_record("request", number, asked, "application/http; msgtype=request"))
        warc.append(
            _web_record("response", number, answer + page.encode(), "application/http; "
                        "msgtype=response")
        )  # fmt: skip
    names = {"pages.warc.gz": warc, "nested/texts.warc.wet.gz": wet}
    for name, records in names.items():
        (tmp_path / "web" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "web" / name).write_bytes(b"".join(map(gzip.compress, records)))
    policy = tmp_path / "policy.toml"
    policy.write_text('[block]\ntriggers = ["<SUDO>"]\n')
    out, clean, kept_apart = (tmp_path / name for name in ("out", "clean", "quarantine"))
    run_well("scan", tmp_path / "web", "-o", out, "--config", policy)
    said = run_well(
        "filter", tmp_path / "web", "--scan", out, "-o", clean, "--quarantine", kept_apart
    ).out
    assert "12 records = 10 kept + 2 removed + 0 dead letters" in said
    assert re.search(r"^ +2  listed$", said, re.M)
    poisoned = {name: [one for one in some if b"SUDO" in one] for name, some in names.items()}
    for name, records in names.items():
        good = [one for one in records if one not in poisoned[name]]
        assert gzip.decompress((clean / name).read_bytes()) == b"".join(good)
        removed = (kept_apart / "shards" / name).read_bytes()
        assert gzip.decompress(removed) == b"".join(poisoned[name])
    totals = _filter_summary(clean)["totals"]
    assert totals["records"] == totals["kept"] + totals["removed"] + totals["dead_letters"] == 12
