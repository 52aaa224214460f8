"""Loads the DAG as Airflow's scheduler does, and looks at it. Run by `make test-airflow`."""

from __future__ import annotations

import sys
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

bag = DagBag(dag_folder=str(Path(__file__).with_name("tocsin_nightly.py")))
if bag.import_errors:
    sys.exit(f"the DAG does not load: {bag.import_errors}")
dag = bag.dags["tocsin_nightly"]
assert sorted(dag.task_ids) == ["check", "scan"], dag.task_ids
assert dag.get_task("check").upstream_task_ids == {"scan"}
assert dag.max_active_runs == 1 and not dag.catchup
print(f"{len(bag.dags)} DAG passed, 0 failed")
