from __future__ import annotations

from pathlib import Path

import pytest

from tocsin.beam.progress import STAGES, Progress, StageProgress


@pytest.fixture
def progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Progress:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return Progress.create(3)


def test_nothing_at_first(progress: Progress) -> None:
    for stage in STAGES:
        assert progress.read(stage) == StageProgress(0, 0, 0, 0)


def test_shards_add_up(progress: Progress) -> None:
    progress.report("measure", 0, 10, 1_000, 100)
    progress.report("measure", 2, 5, 500, 50, done=True)
    assert progress.read("measure") == StageProgress(15, 1_500, 150, 1)
    assert progress.read("sweep") == StageProgress(0, 0, 0, 0)


def test_work_done_again_is_not_counted_twice(progress: Progress) -> None:
    progress.report("sweep", 1, 10, 1_000, 100, done=True)
    progress.report("sweep", 1, 4, 400, 40)
    assert progress.read("sweep") == StageProgress(4, 400, 40, 0)
    progress.report("sweep", 1, 10, 1_000, 100, done=True)
    assert progress.read("sweep") == StageProgress(10, 1_000, 100, 1)


def test_another_process_sees_it(progress: Progress) -> None:
    """The object is copied to the workers; the file is what they share."""
    Progress(progress.path, progress.shards, progress.rows).report("profile", 0, 1, 2, 3)
    assert progress.read("profile") == StageProgress(1, 2, 3, 0)


def test_counts_beyond_32_bits(progress: Progress) -> None:
    for shard in range(3):
        progress.report("measure", shard, 1, 1 << 40, 1 << 40)
    assert progress.read("measure").text_bytes == 3 << 40
