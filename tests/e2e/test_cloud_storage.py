"""Everything on Google Cloud Storage, through Beam's own client and an emulator of the service."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.conftest import Corpus
from e2e.corpus import write_shards
from e2e.gcs_server import Server
from e2e.processes import run, run_well
from e2e.results import INPUT, findings, manifest_of, rows, verify

storage = pytest.importorskip("google.cloud.storage")
credentials = pytest.importorskip("google.auth.credentials")

_BUCKET = "tocsin-test"
_FASTEST_SEARCH_FOR_CREDENTIALS = 15.0
"""Seconds; Beam's own takes 20 to 30 where there are none."""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with Server(_BUCKET) as server:
        yield server.host


@pytest.fixture(scope="module")
def bucket(host: str) -> storage.Bucket:
    client = storage.Client(
        project="test",
        credentials=credentials.AnonymousCredentials(),
        client_options={"api_endpoint": host},
    )
    return client.bucket(_BUCKET)


def _download(bucket: storage.Bucket, prefix: str, folder: Path) -> None:
    for blob in list(bucket.client.list_blobs(bucket, prefix=f"{prefix}/")):
        path = folder / blob.name.removeprefix(f"{prefix}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blob.download_as_bytes())


def test_scan_and_filter(
    corpus: Corpus, scanned: Path, host: str, bucket: storage.Bucket, tmp_path: Path
) -> None:
    for path in write_shards(tmp_path / "corpus", corpus.records, "jsonl.zst", corpus.sizes):
        bucket.blob(f"corpus/{path.name}").upload_from_filename(str(path))
    environment = {
        "STORAGE_EMULATOR_HOST": host,
        "GOOGLE_APPLICATION_CREDENTIALS": None,
        "HOME": str(tmp_path),  # no credentials there
    }
    root = f"gs://{_BUCKET}"
    begun = time.monotonic()
    missing = run("scan", f"{root}/absent", "-o", f"{root}/out", environment=environment)
    assert time.monotonic() - begun < _FASTEST_SEARCH_FOR_CREDENTIALS
    assert (missing.code, missing.out) == (2, "")
    assert f"no such input: {root}/absent" in missing.err

    command = ("scan", f"{root}/corpus", "-o", f"{root}/out")
    finished = run_well(*command, environment=environment)
    assert f"{root}/out/report.html" in finished.out
    assert "complete already" in run_well(*command, environment=environment).out
    _download(bucket, "out", tmp_path / "out")
    verify(tmp_path / "out")
    assert findings(tmp_path / "out", INPUT) == findings(scanned, INPUT)
    assert rows(tmp_path / "out", "documents", INPUT) == rows(scanned, "documents", INPUT)
    for number, entry in enumerate(manifest_of(tmp_path / "out")["inputs"]):
        assert entry["uri"] == f"{root}/corpus/shard-{number:02d}.jsonl.zst"
        assert entry["checksum"].startswith("crc32c:")
        assert entry["generation"] > 0

    copy = ("filter", f"{root}/corpus/*.zst", "--scan", f"{root}/out", "-o", f"{root}/clean")
    finished = run_well(*copy, environment=environment)
    assert f"{len(corpus.clean):,} kept + {len(corpus.planted_ids)} removed" in finished.out
    names = [blob.name for blob in bucket.client.list_blobs(bucket, prefix="clean/")]
    assert names == [
        "clean/filter.json",
        *[f"clean/shard-{number:02d}.jsonl.zst" for number in range(len(corpus.sizes))],
    ]


def test_nights(corpus: Corpus, host: str, bucket: storage.Bucket, tmp_path: Path) -> None:
    """A state in a bucket: known by generation, committed on a precondition, verified."""
    environment = {
        "STORAGE_EMULATOR_HOST": host,
        "GOOGLE_APPLICATION_CREDENTIALS": None,
        "HOME": str(tmp_path),
    }
    root = f"gs://{_BUCKET}/nightly"
    sizes = [120, 120, 120]
    paths = write_shards(tmp_path / "corpus", corpus.clean[:360], "jsonl.gz", sizes)
    for path in paths[:2]:
        bucket.blob(f"nightly/corpus/{path.name}").upload_from_filename(str(path))
    command = ("scan", f"{root}/corpus", "--state", f"{root}/state")
    run_well(*command, "-o", f"{root}/out-1", environment=environment)
    assert "complete already" in (
        run_well(*command, "-o", f"{root}/out-1", environment=environment).out
    )
    bucket.blob(f"nightly/corpus/{paths[2].name}").upload_from_filename(str(paths[2]))
    # The same content under another name, and once more under its own: nothing new.
    bucket.blob(f"nightly/corpus/moved-{paths[0].name}").upload_from_filename(str(paths[0]))
    bucket.blob(f"nightly/corpus/{paths[0].name}").delete()
    bucket.blob(f"nightly/corpus/{paths[1].name}").upload_from_filename(str(paths[1]))
    run_well(*command, "-o", f"{root}/out-2", environment=environment)
    _download(bucket, "nightly/out-2", tmp_path / "out-2")
    manifest = manifest_of(tmp_path / "out-2")
    assert [entry["uri"] for entry in manifest["inputs"]] == [f"{root}/corpus/{paths[2].name}"]
    assert manifest["shards"]["unchanged"] == 1
    assert len(manifest["shards"]["renamed"]) == 1
    verified = run("verify", f"{root}/state", environment=environment)
    assert verified.code == 0, verified
    assert "3 inputs checked: all match" in verified.out
