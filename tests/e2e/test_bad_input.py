"""What can't be read becomes a dead letter with its place and reason; all else is scanned."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from e2e.conftest import Corpus
from e2e.corpus import Record, write_shard
from e2e.processes import Finished, run, run_well
from e2e.results import manifest_of, rows, table, verify

_BAD_LINES: list[tuple[str, bytes]] = [
    ("malformed_json", b'{"id": "a", "text": "never closed'),
    ("malformed_json", b'{"id": "a", "text": "twice"} {}'),
    ("lone_surrogate", b'{"id": "b", "text": "half a pair: \\ud800"}'),
    ("not_an_object", b'["text"]'),
    ("not_an_object", b"null"),
    ("invalid_utf8", b'{"id": "c", "text": "\xff\xfe"}'),
    ("missing_text", b'{"id": "d"}'),
    ("missing_text", b'{"id": "d", "text": null}'),
    ("wrong_text_type", b'{"id": "e", "text": 7}'),
    ("wrong_text_type", b'{"id": "e", "text": ["a"]}'),
    ("wrong_id_type", b'{"id": {}, "text": "an id that is none"}'),
    ("wrong_id_type", b'{"id": 1.5, "text": "an id that is none"}'),
    ("malformed_json", b'{"id": "z", "text": "' + b"z" * 10_000),
]
_RAW_BYTES = 4096


@dataclass(frozen=True)
class Damaged:
    """A scan of a folder of shards most of which are damaged in some way; `line_offsets`: where
    each of _BAD_LINES stands in bad-lines.jsonl, by position."""

    folder: Path
    out: Path
    finished: Finished
    line_offsets: dict[int, int]

    def letters(self, shard: str) -> list[dict[str, Any]]:
        uri = str(self.folder / shard)
        return [
            row for row in table(self.out, "dead_letters").to_pylist() if row["source_uri"] == uri
        ]

    def counts(self, shard: str) -> tuple[int, int, int]:
        [entry] = [
            entry
            for entry in manifest_of(self.out)["inputs"]
            if entry["uri"] == str(self.folder / shard)
        ]
        return entry["records"], entry["documents"], entry["dead_letters"]


def _write_bad_lines(path: Path, good: list[Record]) -> dict[int, int]:
    offsets, position = {}, 0
    with path.open("wb") as file:
        for (_, line), record in zip(_BAD_LINES, good, strict=True):
            file.write(orjson.dumps(record) + b"\n\n")
            offsets[position + 1] = file.tell()
            file.write(line + b"\n")
            position += 2
    return offsets


@pytest.fixture(scope="module")
def damaged(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Damaged:
    folder = tmp_path_factory.mktemp("damaged")
    good = corpus.clean[:500]
    offsets = _write_bad_lines(folder / "bad-lines.jsonl", good[: len(_BAD_LINES)])
    for suffix in ("jsonl", "jsonl.gz", "jsonl.zst", "parquet"):
        write_shard(folder / f"good.{suffix}", good)
    for suffix in ("jsonl.gz", "jsonl.zst", "parquet"):
        content = (folder / f"good.{suffix}").read_bytes()
        (folder / f"truncated.{suffix}").write_bytes(content[: len(content) // 2])
        (folder / f"empty.{suffix}").touch()
    (folder / "empty.jsonl").touch()
    for suffix in ("jsonl.gz", "jsonl.zst"):  # what follows a whole stream is none
        content = (folder / f"good.{suffix}").read_bytes()
        (folder / f"corrupt.{suffix}").write_bytes(content + b"no second stream")
    (folder / "corrupt.parquet").write_bytes(b"PAR1" + b"\x99" * 400 + b"PAR1")
    pq.write_table(pa.table({"id": ["a", "b"], "words": ["x", "y"]}), folder / "textless.parquet")
    pq.write_table(
        pa.table({"id": ["a", "b", "c"], "text": ["one", None, "three"]}), folder / "null.parquet"
    )
    if Path("/proc/self/mem").exists():  # opens, but its first byte can't be read, not even by root
        (folder / "unreadable.jsonl").symlink_to("/proc/self/mem")
    (folder / "dangling.jsonl").symlink_to(folder / "absent")
    (folder / "notes.txt").write_text("not a shard")
    out = tmp_path_factory.mktemp("damaged-scanned") / "out"
    return Damaged(folder, out, run_well("scan", folder, "-o", out), offsets)


def test_bad_lines(damaged: Damaged) -> None:
    letters = damaged.letters("bad-lines.jsonl")
    assert [letter["reason"] for letter in letters] == [reason for reason, _ in _BAD_LINES]
    assert {letter["position"]: letter["byte_offset"] for letter in letters} == damaged.line_offsets
    assert [letter["raw"] for letter in letters] == [line[:_RAW_BYTES] for _, line in _BAD_LINES]
    assert all(letter["detail"] for letter in letters)
    assert damaged.counts("bad-lines.jsonl") == (26, 13, 13)


@pytest.mark.parametrize("shard", ["good.jsonl", "good.jsonl.gz", "good.jsonl.zst", "good.parquet"])
def test_good_shards_beside_them(damaged: Damaged, shard: str) -> None:
    assert damaged.letters(shard) == []
    assert damaged.counts(shard) == (500, 500, 0)


@pytest.mark.parametrize(
    ("shard", "reason"),
    [
        ("truncated.jsonl.gz", "truncated_shard"),
        ("truncated.jsonl.zst", "truncated_shard"),
        ("truncated.parquet", "truncated_shard"),
        ("corrupt.jsonl.gz", "corrupt_shard"),
        ("corrupt.jsonl.zst", "corrupt_shard"),
        ("corrupt.parquet", "corrupt_shard"),
        ("empty.jsonl.gz", "truncated_shard"),
        ("empty.jsonl.zst", "truncated_shard"),
        ("empty.parquet", "truncated_shard"),
        ("textless.parquet", "unsupported_schema"),
    ],
)
def test_broken_shards_end_with_one_letter(damaged: Damaged, shard: str, reason: str) -> None:
    records, documents, dead_letters = damaged.counts(shard)
    letter = damaged.letters(shard)[-1]
    assert letter["reason"] == reason
    assert letter["position"] == records - 1
    # A line that the break cuts in two may be a letter of its own.
    assert dead_letters == len(damaged.letters(shard)) <= 2
    assert records == documents + dead_letters


@pytest.mark.parametrize("shard", ["truncated.jsonl.gz", "truncated.jsonl.zst"])
def test_what_stands_before_the_break_is_kept(corpus: Corpus, damaged: Damaged, shard: str) -> None:
    uri = str(damaged.folder / shard)
    kept = [row["doc_id"] for row in rows(damaged.out, "documents") if row["source_uri"] == uri]
    assert kept == [record["id"] for record in corpus.clean[: len(kept)]]
    assert len(kept) > 50


@pytest.mark.parametrize("shard", ["corrupt.jsonl.gz", "corrupt.jsonl.zst"])
def test_all_before_the_damage_is_kept(damaged: Damaged, shard: str) -> None:
    assert damaged.counts(shard) == (501, 500, 1)


def test_a_null_in_a_text_column(damaged: Damaged) -> None:
    [letter] = damaged.letters("null.parquet")
    assert (letter["reason"], letter["position"]) == ("missing_text", 1)
    assert damaged.counts("null.parquet") == (3, 2, 1)


def test_an_empty_shard_has_no_records(damaged: Damaged) -> None:
    assert damaged.counts("empty.jsonl") == (0, 0, 0)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that can't be read")
def test_a_shard_that_storage_refuses(damaged: Damaged) -> None:
    [letter] = damaged.letters("unreadable.jsonl")
    assert letter["reason"] == "unreadable_shard"
    assert damaged.counts("unreadable.jsonl") == (1, 0, 1)


def test_everything_is_accounted_for(damaged: Damaged) -> None:
    verify(damaged.out)
    manifest = manifest_of(damaged.out)
    letters = Counter(row["reason"] for row in table(damaged.out, "dead_letters").to_pylist())
    totals = manifest["totals"]
    assert totals["dead_letter_reasons"] == dict(sorted(letters.items()))
    for name in ("records", "documents", "dead_letters"):
        assert totals[name] == sum(entry[name] for entry in manifest["inputs"])
    assert totals["records"] == totals["documents"] + totals["dead_letters"]
    assert manifest["skipped"] == [str(damaged.folder / "notes.txt")]


def test_the_summary_says_how_many(damaged: Damaged) -> None:
    totals = manifest_of(damaged.out)["totals"]
    [line] = [line for line in damaged.finished.out.splitlines() if "dead letters" in line]
    assert line.startswith(f"{totals['dead_letters']} dead letters: ")
    for reason, count in totals["dead_letter_reasons"].items():
        assert f"{reason} {count}" in line
    assert "1 files skipped" in damaged.finished.out


def test_too_many_dead_letters(damaged: Damaged, tmp_path: Path) -> None:
    totals = manifest_of(damaged.out)["totals"]
    share = totals["dead_letters"] / totals["records"]
    out = tmp_path / "out"
    finished = run("scan", damaged.folder, "-o", out, f"--max-dead-letters={share * 0.99}")
    assert finished.code == 1
    assert not (out / "manifest.json").exists()
    [line] = finished.complaints
    assert f"{totals['dead_letters']} of {totals['records']} records are dead letters" in line
    assert "Traceback" not in finished.err
    # What was measured is not measured again once more are allowed.
    run_well("scan", damaged.folder, "-o", out, f"--max-dead-letters={share * 1.01}")
    verify(out)
    assert rows(out, "dead_letters") == rows(damaged.out, "dead_letters")
