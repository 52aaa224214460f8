from __future__ import annotations

from typing import Any

import pyarrow as pa

from tocsin.report.detectors import agreement

FINDING = {"score": 1.0, "start": 0, "end": 1, "evidence": "x"}


def add(scan: Any, *detectors: str) -> None:
    findings = [FINDING | {"detector": detector} for detector in detectors]
    scan.add_flagged("document", findings=findings)


def test_documents_count_once_for_each_detector(scan: Any) -> None:
    for detectors in (["a", "a"], ["a", "b"], ["b", "a", "c"], ["c"], []):
        add(scan, *detectors)
    flagged = scan.tables()[1]
    found = agreement(pa.concat_tables([flagged, flagged]))
    assert found.detectors == ["a", "c", "b"] or found.detectors == ["a", "b", "c"]
    assert dict(zip(found.detectors, found.documents)) == {"a": 6, "b": 4, "c": 4}
    assert dict(zip(found.detectors, found.alone)) == {"a": 2, "b": 0, "c": 2}
    place = {name: index for index, name in enumerate(found.detectors)}
    assert found.shared[place["a"]][place["b"]] == found.shared[place["b"]][place["a"]] == 4
    assert found.shared[place["a"]][place["c"]] == 2
    assert found.shared[place["b"]][place["c"]] == 2
    assert found.shared[place["a"]][place["a"]] == 6


def test_nothing_flagged(scan: Any) -> None:
    found = agreement(scan.tables()[1])
    assert (found.detectors, found.shared) == ([], [])
