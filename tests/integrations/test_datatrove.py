"""The README's step for datatrove, in the real datatrove, from an environment of its own,
which `make test-integrations` makes.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "build" / "integrations" / "datatrove" / "bin" / "python"

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="no build/integrations/datatrove: make test-integrations makes it"
)

PIPELINE = """
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

if __name__ == "__main__":
    LocalPipelineExecutor(
        pipeline=[
            JsonlReader("corpus"),
            TocsinFilter("out/flagged"),
            JsonlWriter("clean", output_filename="${rank}.jsonl", compression=None),
        ],
        logging_dir="logs",
        tasks=1,
    ).run()
"""


def test_the_step_of_the_readme_drops_what_was_flagged(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    [step] = [block for block in blocks if "datatrove" in block]
    (tmp_path / "step.py").write_text(step + PIPELINE)
    (tmp_path / "corpus").mkdir()
    documents = [{"id": f"d{number}", "text": f"Text {number}."} for number in range(9)]
    (tmp_path / "corpus" / "part.jsonl").write_text(
        "".join(f"{json.dumps(d)}\n" for d in documents)
    )
    (tmp_path / "out" / "flagged").mkdir(parents=True)
    flagged = pa.table({"doc_id": ["d1", "d7", "of another shard"]})
    pq.write_table(flagged, tmp_path / "out" / "flagged" / "part-00000.parquet")
    finished = subprocess.run(
        [PYTHON, "step.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert finished.returncode == 0, finished.stderr
    kept = [
        json.loads(line)["id"]
        for path in (tmp_path / "clean").rglob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert sorted(kept) == [f"d{number}" for number in range(9) if number not in (1, 7)]
