"""`tocsin export` writes what other tools filter by."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from e2e.conftest import Corpus
from e2e.corpus import write_shard
from e2e.processes import run, run_well
from e2e.results import files_below, table


def copy_of(scan: Path, target: Path) -> Path:
    """A scan whose rows a test may change; the large parts are links."""
    target.mkdir()
    for path in scan.iterdir():
        if path.name != "flagged":
            (target / path.name).symlink_to(path)
    (target / "flagged").mkdir()
    return target


def test_ids(corpus: Corpus, scanned: Path, tmp_path: Path) -> None:
    said = run_well("export", scanned, "--format", "ids", "-o", tmp_path / "ids.txt")
    ids = (tmp_path / "ids.txt").read_text().splitlines()
    flagged = table(scanned, "flagged")
    assert ids == sorted(set(flagged["doc_id"].to_pylist()))
    assert set(ids) >= corpus.planted_ids
    assert f"{len(ids):,} document ids" in said.out and said.err == ""


def test_the_verdict_chooses(scanned: Path, tmp_path: Path) -> None:
    scan = copy_of(scanned, tmp_path / "scan")
    flagged = table(scanned, "flagged")
    verdicts = ["review"] * 3 + ["quarantine"] * (flagged.num_rows - 3)
    place = flagged.column_names.index("verdict")
    changed = flagged.set_column(place, flagged.schema.field("verdict"), pa.array(verdicts))
    pq.write_table(changed, scan / "flagged" / "part-00000.parquet")
    for verdict, number in (("quarantine", len(verdicts) - 3), ("review", len(verdicts))):
        target = tmp_path / verdict
        run_well("export", scan, "--format", "ids", "--verdict", verdict, "-o", target)
        assert len(target.read_text().splitlines()) == number


def test_an_id_can_not_name_other_documents(scanned: Path, tmp_path: Path) -> None:
    scan = copy_of(scanned, tmp_path / "scan")
    flagged = table(scanned, "flagged")
    ids = ["a\nvictim", "a\r\x1b[2J", "b\u2028victim", *flagged["doc_id"].to_pylist()[3:]]
    changed = flagged.set_column(0, flagged.schema.field("doc_id"), pa.array(ids))
    pq.write_table(changed, scan / "flagged" / "part-00000.parquet")
    said = run_well("export", scan, "--format", "ids", "-o", tmp_path / "ids.txt")
    assert (tmp_path / "ids.txt").read_text().splitlines() == sorted(ids[3:])
    assert "left out 3 ids" in said.err


@pytest.fixture(scope="module")
def dolma(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The poisoned corpus as dolma wants it, and a scan of it: `documents` and `out`."""
    folder = tmp_path_factory.mktemp("dolma")
    half = len(corpus.records) // 2
    parts = {"a/same.jsonl.gz": corpus.records[:half], "b/same.jsonl.gz": corpus.records[half:]}
    for name, records in parts.items():
        path = folder / "documents" / name
        path.parent.mkdir(parents=True)
        write_shard(path, records)
    (folder / "documents" / "b" / "empty.jsonl.gz").write_bytes(gzip.compress(b""))
    run_well("scan", folder / "documents", "-o", folder / "out", "--direct_num_workers=1")
    return folder


def test_dolma_attributes_line_up_with_their_documents(dolma: Path, tmp_path: Path) -> None:
    run_well("export", dolma / "out", "--format", "dolma", "-o", tmp_path / "export")
    attributes = tmp_path / "export" / "attributes" / "tocsin"
    documents = dolma / "documents"
    names = {path.relative_to(documents) for path in files_below(documents)}
    assert {path.relative_to(attributes) for path in files_below(attributes)} == names
    flagged = set(table(dolma / "out", "flagged")["doc_id"].to_pylist())
    found = set()
    for name in names:
        lines = gzip.decompress((attributes / name).read_bytes()).splitlines()
        originals = gzip.decompress((documents / name).read_bytes()).splitlines()
        assert len(lines) == len(originals)
        for line, original in zip(map(json.loads, lines), map(json.loads, originals)):
            assert set(line) == {"source", "id", "attributes"} and line["id"] == original["id"]
            [(attribute, spans)] = line["attributes"].items()
            assert attribute == "tocsin__flagged"
            if spans:
                assert spans == [[0, len(original["text"].encode()), 1.0]]
                found.add(line["id"])
    assert found == flagged != set()


@pytest.mark.parametrize(
    ("form", "said"), [("dolma", "is not empty"), ("parquet", "--format"), (None, "--format")]
)
def test_wrong_usage(dolma: Path, form: str | None, said: str) -> None:
    words = ["--format", form] if form else []
    finished = run("export", dolma / "out", *words, "-o", dolma / "documents")
    assert finished.code == 2
    assert said in finished.err and finished.err.count("\n") == 1


def test_no_scan(tmp_path: Path) -> None:
    finished = run("export", tmp_path, "--format", "ids", "-o", tmp_path / "x")
    assert finished.code == 2 and "holds no finished scan" in finished.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dead_letters": 1}, "would not line up"),
        ({"uri": "/corpus/part.parquet"}, "is not JSONL"),
    ],
)
def test_dolma_could_not_use_it(
    dolma: Path, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    scan = tmp_path / "scan"
    scan.mkdir()
    for path in (dolma / "out").iterdir():
        if path.name != "manifest.json":
            (scan / path.name).symlink_to(path)
    manifest = json.loads((dolma / "out" / "manifest.json").read_bytes())
    manifest["inputs"][0] |= change
    del manifest["digest"]
    (scan / "manifest.json").write_text(json.dumps(manifest))
    finished = run("export", scan, "--format", "dolma", "-o", tmp_path / "export")
    assert finished.code == 2 and said in finished.err
    assert not (tmp_path / "export").exists()
