"""The text of the benchmarks: the same documents in every format, fairly shared out."""

from __future__ import annotations

from pathlib import Path

import orjson
from benchmarks.text import FORMATS, batches, prepare


def test_formats_hold_the_same_documents(tmp_path: Path) -> None:
    corpora = tmp_path / "corpora"
    corpora.mkdir()
    for name, count in (("small", 3), ("large", 400)):
        lines = [
            orjson.dumps({"id": f"{name}{n}", "text": f"é {n} of {name}" * 9, "source": name})
            for n in range(count)
        ]
        (corpora / f"{name}.jsonl").write_bytes(b"\n".join(lines))
    text = prepare(corpora, tmp_path / "out", maximum_bytes=20_000)
    assert 15_000 < text.text_bytes < 22_000
    found = {}
    for name in FORMATS:
        rows = [row for batch in batches(text.folders[name]) for row in batch.to_pylist()]
        found[name] = sorted((row["doc_id"], row["group"], row["text"]) for row in rows)
    assert all(rows == found["jsonl"] for rows in found.values())
    assert len(found["jsonl"]) == text.documents
    # What the small source lacks of its half, the large one gives.
    assert [row[0] for row in found["jsonl"]][-3:] == ["small0", "small1", "small2"]
