"""A night of Tocsin for Composer or any Airflow with the Google provider.

Airflow variables: `tocsin_project`, `tocsin_region`, `tocsin_bucket`, `tocsin_inputs` (with commas
between them), `tocsin_image`. The rest of the set-up is that of deploy/terraform, whose schedule
this takes the place of.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.providers.google.cloud.operators.dataflow import DataflowStartFlexTemplateOperator
from airflow.sdk import dag, task

OUT = "gs://{{ var.value.tocsin_bucket }}/scans/{{ ds }}"


@dag(
    schedule="0 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    # What a failed scan has measured is not measured again.
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
    tags=["tocsin"],
)
def tocsin_nightly():
    """Scans the corpus, then fails the run if documents are to be quarantined, so that it shows."""
    scan = DataflowStartFlexTemplateOperator(
        task_id="scan",
        project_id="{{ var.value.tocsin_project }}",
        location="{{ var.value.tocsin_region }}",
        wait_until_finished=True,
        body={
            "launchParameter": {
                "jobName": "tocsin-{{ ds_nodash }}",
                "containerSpecGcsPath": "gs://{{ var.value.tocsin_bucket }}/templates/scan.json",
                "parameters": {
                    "input": "{{ var.value.tocsin_inputs }}",
                    "out": OUT,
                    "max_dead_letters": "0.001",
                    "sdk_container_image": "{{ var.value.tocsin_image }}",
                },
                "environment": {
                    "serviceAccountEmail": "tocsin-worker@{{ var.value.tocsin_project }}"
                    ".iam.gserviceaccount.com",
                    "subnetwork": "regions/{{ var.value.tocsin_region }}/subnetworks/tocsin",
                    "ipConfiguration": "WORKER_IP_PRIVATE",
                    "tempLocation": "gs://{{ var.value.tocsin_bucket }}/temp",
                    "stagingLocation": "gs://{{ var.value.tocsin_bucket }}/staging",
                    "additionalUserLabels": {"app": "tocsin"},
                },
            }
        },
    )

    @task(retries=0)
    def check(out: str) -> int:
        """How many documents are for review; raises if any is to be quarantined."""
        bucket, _, folder = out.removeprefix("gs://").partition("/")
        manifest = json.loads(GCSHook().download(bucket, f"{folder}/manifest.json"))
        totals = manifest["totals"]
        if totals["quarantined"]:
            raise ValueError(f"{totals['quarantined']} documents to quarantine: {out}/report.html")
        return totals["review"]

    scan >> check(OUT)


tocsin_nightly()
