from __future__ import annotations

from tocsin.beam.results import findings_parts


def test_findings_of_shards_and_of_their_ranges() -> None:
    paths = [
        "evidence/findings-00002.parquet",
        "evidence/findings-00001-00010.parquet",
        "evidence/findings-00001-00002.parquet",
        "evidence/part-00001-00002.parquet",
        "documents/part-00001.parquet",
        "evidence/campaigns.parquet",
    ]
    assert findings_parts({"outputs": [{"path": path} for path in paths]}) == {
        1: ["evidence/findings-00001-00002.parquet", "evidence/findings-00001-00010.parquet"],
        2: ["evidence/findings-00002.parquet"],
    }
