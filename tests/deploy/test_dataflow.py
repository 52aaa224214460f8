"""A Dataflow job of the Flex Template, built without a network and looked at before it is sent."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tocsin.cli import scan

server = pytest.importorskip("gcp_storage_emulator.server", reason="needs gcp-storage-emulator")

_FOLDER = Path(__file__).parents[2] / "deploy" / "dataflow"
_BUCKET = "tocsin-test"
_ACCOUNT = "tocsin-worker@my-project.iam.gserviceaccount.com"
_IMAGE = "europe-west4-docker.pkg.dev/my-project/tocsin/scan:1"


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return runpy.run_path(str(_FOLDER / "template.py"))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import google.auth
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    emulator = server.create_server("localhost", 0, in_memory=True, default_bucket=_BUCKET)
    emulator.start()
    host = f"http://localhost:{emulator._api._httpd.server_address[1]}"
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", host)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    anonymous = AnonymousCredentials()
    monkeypatch.setattr(google.auth, "default", lambda *_, **__: (anonymous, "my-project"))
    client = storage.Client("test", anonymous, client_options={"api_endpoint": host})
    try:
        yield client.bucket(_BUCKET)
    finally:
        emulator.stop()


@pytest.fixture
def job(bucket: Any, template: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The job as it would be sent, of three shards of which one is large enough to be split."""
    from apache_beam.runners.dataflow import dataflow_runner
    from apache_beam.runners.dataflow.internal import apiclient

    line = '{"text": "a text", "id": "1"}\n'
    for name, lines in (("a.jsonl", 1), ("b.jsonl", 100), ("deep/c.jsonl", 1)):
        bucket.blob(f"corpus/{name}").upload_from_string(line * lines)
    # A table on the launcher's disk is out of the workers' reach.
    monkeypatch.delattr("tocsin.beam.progress.Progress.create")
    built = []
    run = dataflow_runner.DataflowRunner.run_pipeline

    def run_pipeline(runner: Any, pipeline: Any, options: Any) -> Any:
        result = run(runner, pipeline, options)
        client = apiclient.DataflowApplicationClient(options, result.job.root_staging_location)
        client.create_job_description(result.job)
        built.append(result.job)
        return result

    monkeypatch.setattr(dataflow_runner.DataflowRunner, "run_pipeline", run_pipeline)
    parameters = [
        f"--input=gs://{_BUCKET}/corpus/*.jsonl,gs://{_BUCKET}/corpus/deep",
        f"--out=gs://{_BUCKET}/out", "--range_bytes=1000", "--fail_on=high",
        # What Dataflow's launcher adds, from the template's environment:
        "--project=my-project", "--region=europe-west4", "--job_name=tocsin-1",
        f"--temp_location=gs://{_BUCKET}/temp", f"--staging_location=gs://{_BUCKET}/staging",
        f"--service_account_email={_ACCOUNT}", f"--sdk_container_image={_IMAGE}",
        "--subnetwork=regions/europe-west4/subnetworks/tocsin", "--max_num_workers=7",
        "--dataflow_kms_key=projects/p/locations/l/keyRings/r/cryptoKeys/k", "--labels=team=data",
        "--flexrs_goal=COST_OPTIMIZED", "--dry_run=True",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["template.py", *parameters])
    monkeypatch.setattr("tocsin.cli.process", _process)
    runpy.run_path(str(_FOLDER / "template.py"), run_name="__main__")
    [job] = built
    return job


def _process() -> None:
    from tocsin.cli import main

    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0


def test_the_job(job: Any, bucket: Any) -> None:
    environment = job.proto.environment
    [pool] = environment.worker_pools
    assert job.proto.type_.name == "JOB_TYPE_BATCH"
    assert environment.service_account_email == _ACCOUNT
    assert environment.service_kms_key_name.endswith("cryptoKeys/k")
    assert environment.flex_resource_scheduling_goal.name == "FLEXRS_COST_OPTIMIZED"
    assert "shuffle_mode=service" in environment.experiments
    assert not any("streaming" in experiment for experiment in environment.experiments)
    assert dict(job.proto.labels) == {"app": "tocsin", "team": "data"}
    assert pool.machine_type == "n2-standard-4"
    assert pool.disk_size_gb == 50
    assert pool.num_threads_per_worker == 1
    assert pool.autoscaling_settings.max_num_workers == 7
    assert pool.autoscaling_settings.algorithm.name == "AUTOSCALING_ALGORITHM_BASIC"
    assert pool.ip_configuration.name == "WORKER_IP_PRIVATE"
    assert pool.subnetwork.endswith("subnetworks/tocsin")
    [image] = pool.sdk_harness_container_images
    assert image.container_image == _IMAGE
    assert image.use_single_core_per_container  # a process for each core

    # Staged: the graph and a list of versions, no package and no session of the launcher's.
    staged = sorted(blob.name.rpartition("/")[2] for blob in bucket.list_blobs(prefix="staging/"))
    assert staged == ["pipeline.pb", "submission_environment_dependencies.txt"]
    assert [package.name for package in pool.packages] == [staged[1]]


def test_the_graph(job: Any) -> None:
    steps = {
        transform.unique_name for transform in job.proto_pipeline.components.transforms.values()
    }
    assert {
        "Shards/Shards", "Shards/Split", "Shards/Count", "Shards/Number", "Shards/Spread",
        "Learn/Count", "Learn/Profile", "Measure/ParDo(_MeasureShard)", "Suspects/By first token",
        "Sweep/ParDo(_SweepShard)", "Commit/Write results",
    } <= steps  # fmt: skip


def test_metadata_is_current() -> None:
    """`python deploy/dataflow/metadata.py > deploy/dataflow/metadata.json` renews it."""
    written = json.loads((_FOLDER / "metadata.json").read_text())
    assert written == runpy.run_path(str(_FOLDER / "metadata.py"))["metadata"]()


def test_every_parameter_is_an_option_of_scan(template: dict[str, Any]) -> None:
    options = {name for option in scan.params for name in option.opts}
    for parameter in json.loads((_FOLDER / "metadata.json").read_text())["parameters"]:
        assert set(parameter) <= {"name", "label", "helpText", "isOptional", "regexes"}
        if parameter["name"] != "input":
            words = template["words_of"](["--input=gs://b", f"--{parameter['name']}=x"])
            assert words[-1].partition("=")[0] in options


def test_without_an_input(template: dict[str, Any]) -> None:
    with pytest.raises(SystemExit, match="input is missing"):
        template["words_of"](["--out=gs://b/out"])
