"""Names that dashboards and alerts go by."""

from __future__ import annotations

import json
import re
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tocsin.pipelines.scan import scan

from tocsin.beam import metrics
from tocsin.beam.job import ScanJob
from tocsin.beam.metrics import COUNTERS, DISTRIBUTIONS
from tocsin.beam.prepare import find_inputs
from tocsin.corpus.batches import FieldNames, Limits
from tocsin.judge.policy import Policy

_TOP = Path(__file__).parents[2]


def test_the_documentation_has_each() -> None:
    text = (_TOP / "docs" / "engines.md").read_text()
    described = dict(re.findall(r"^\| `([a-z]\w+)` \| ([^|]+) \|$", text, re.MULTILINE))
    assert described == {**COUNTERS, **DISTRIBUTIONS}


def test_the_code_counts_each() -> None:
    source = "\n".join(
        file.read_text()
        for file in (_TOP / "src" / "tocsin" / "beam").glob("*.py")
        if file.name != "metrics.py"
    )
    used = set(re.findall(r"metrics\.(?:counter|count_each|distribution)\(\s*\"(\w+)\"", source))
    assert used == {*COUNTERS, *DISTRIBUTIONS}


def test_names_that_nobody_knows_are_refused() -> None:
    for make in (metrics.counter, metrics.distribution):
        with pytest.raises(AssertionError):
            make("other")


def test_names_of_several_reasons() -> None:
    found = metrics.counter("dead_letters_REASON", "missing_text").metric_name
    assert (found.namespace, found.name) == ("tocsin", "dead_letters_missing_text")


def test_a_line_of_the_log_is_json(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "tocsin"):
        metrics.log("measured", "abc", shard='gs://b/"quoted"\n', documents=3)
    [record] = caplog.records
    assert "\n" not in record.getMessage()
    assert json.loads(record.getMessage()) == {
        "event": "tocsin.measured", "scan_id": "abc", "shard": 'gs://b/"quoted"\n', "documents": 3,
    }  # fmt: skip


def test_the_dashboard_shows_counters_there_are() -> None:
    text = (_TOP / "deploy" / "dashboard" / "dashboard.json").read_text()
    json.loads(text)
    names = re.findall(r'metric_name=\\"(\w+?)(?:_MEAN|_MAX)?\\"', text)
    assert len(names) > 5
    assert set(names) <= {*COUNTERS, *DISTRIBUTIONS}


def test_what_a_scan_counts(tmp_path: Path) -> None:
    """The engine's counters say what the manifest says, by reason too."""
    lines = [json.dumps({"id": str(number), "text": f"text {number}"}) for number in range(20)]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, "{", '{"id": "no text"}']))
    inputs = find_inputs([str(tmp_path / "a.jsonl")], str(tmp_path / "out"))
    job = ScanJob(
        shards=inputs.shards, skipped=(), fields=FieldNames(), limits=Limits(), progress=None,
        output=str(tmp_path / "out"), profile_uri=None, sample_rate=1.0, partitions=4,
        policy=Policy(), max_dead_letters=None, runner="DirectRunner",
        started="2026-01-01T00:00:00+00:00", profile_digest=None, range_bytes=100,
    )  # fmt: skip
    pipeline = beam.Pipeline(runner=FnApiRunner())
    scan(pipeline, job)
    result = pipeline.run()
    counted = {
        counter.key.metric.name: counter.result
        for counter in result.metrics().query()["counters"]
        if counter.key.metric.namespace == "tocsin"
    }
    distributions = {
        one.key.metric.name: one.result
        for one in result.metrics().query()["distributions"]
        if one.key.metric.namespace == "tocsin"
    }
    totals = json.loads((tmp_path / "out" / "manifest.json").read_text())["totals"]
    assert counted["documents"] == counted["profile_documents"] == totals["documents"] == 20
    assert counted["text_bytes"] == totals["text_bytes"]
    assert counted["dead_letters"] == 2
    assert counted["dead_letters_malformed_json"] == counted["dead_letters_missing_text"] == 1
    assert counted["ranges"] > 1
    assert distributions["piece_stored_bytes"].sum == inputs.stored_bytes
    assert set(distributions) == set(DISTRIBUTIONS)
