"""What `tocsin export --format dolma` writes, and the README's filter, in dolma's own mixer."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tocsin.judge.verdicts import FLAGGED_SCHEMA

ROOT = Path(__file__).parents[2]
DOLMA = ROOT / "build" / "integrations" / "dolma" / "bin" / "dolma"

pytestmark = pytest.mark.skipif(
    not DOLMA.exists(), reason="no build/integrations/dolma: make test-integrations makes it"
)


def run(*command: object, folder: Path) -> None:
    finished = subprocess.run(
        [str(word) for word in command], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert finished.returncode == 0, finished.stderr


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_the_mixer_drops_what_was_flagged(tmp_path: Path) -> None:
    documents = tmp_path / "corpus" / "documents" / "2025"
    documents.mkdir(parents=True)
    for shard in range(2):
        rows = [
            {"id": f"d{shard}-{number}", "source": "here", "text": f"Text {number}, é. " * 9}
            for number in range(6)
        ]
        content = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
        (documents / f"part-{shard}.jsonl.gz").write_bytes(gzip.compress(content))
    tocsin = (sys.executable, "-m", "tocsin.cli")
    run(*tocsin, "scan", "corpus/documents", "-o", "out", folder=tmp_path)
    [row] = [
        {
            "doc_id": "d1-3", "source_uri": str(documents / "part-1.jsonl.gz"), "position": 3,
            "group": "here", "content_hash": bytes(16), "verdict": "quarantine",
            "severity": "high", "score": 9.0, "findings": [], "scan_id": "x",
        }
    ]  # fmt: skip
    pq.write_table(
        pa.Table.from_pylist([row], FLAGGED_SCHEMA),
        tmp_path / "out" / "flagged" / "part-00000.parquet",
    )
    run(*tocsin, "export", "out", "--format", "dolma", "-o", "export", folder=tmp_path)
    (tmp_path / "export" / "attributes").rename(tmp_path / "corpus" / "attributes")
    text = (ROOT / "README.md").read_text()
    [part] = re.findall(r"^```json\n(.*?)^```$", text, re.M | re.S)
    stream = {
        "name": "clean",
        "documents": [f"{tmp_path}/corpus/documents/**/*.gz"],
        "attributes": ["tocsin"],
        "output": {"path": f"{tmp_path}/mixed", "max_size_in_bytes": 1 << 30},
        **json.loads("{" + part + "}"),
    }
    config = {
        "streams": [stream],
        "processes": 1,
        "work_dir": {"input": f"{tmp_path}/work/in", "output": f"{tmp_path}/work/out"},
    }
    (tmp_path / "mixer.json").write_text(json.dumps(config))
    run(DOLMA, "-c", "mixer.json", "mix", folder=tmp_path)
    kept = {row["id"] for path in (tmp_path / "mixed").rglob("*.gz") for row in lines_of(path)}
    everything = {row["id"] for path in documents.iterdir() for row in lines_of(path)}
    assert kept == everything - {"d1-3"}
