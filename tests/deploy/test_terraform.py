"""The Terraform of `deploy/`, parsed and looked at; Terraform itself is not at hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

_FOLDER = Path(__file__).parents[2] / "deploy" / "terraform"
_FILES = sorted(_FOLDER.glob("*.tf"))


@pytest.fixture(scope="module")
def blocks() -> dict[str, list[dict[str, Any]]]:
    """Blocks of all files by kind; quotes around names and strings are dropped."""
    found: dict[str, list[dict[str, Any]]] = {}
    for file in _FILES:
        for kind, entries in _unquoted(hcl2.loads(file.read_text())).items():
            found.setdefault(kind, []).extend(entries)
    return found


def _unquoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            _unquoted(key): _unquoted(one) for key, one in value.items() if key != "__is_block__"
        }
    if isinstance(value, list):
        return [_unquoted(one) for one in value]
    return value.strip('"') if isinstance(value, str) else value


@pytest.fixture(scope="module")
def resources(blocks: dict[str, list[dict[str, Any]]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (kind, name): body
        for block in blocks["resource"]
        for kind, named in block.items()
        for name, body in named.items()
    }


def _one(value: Any) -> Any:
    [only] = value
    return only


def test_every_reference_leads_somewhere(
    blocks: dict[str, list[dict[str, Any]]], resources: dict[tuple[str, str], dict[str, Any]]
) -> None:
    text = "\n".join(file.read_text() for file in _FILES)
    variables = {name for block in blocks["variable"] for name in block}
    local = {name for block in blocks["locals"] for name in block}
    assert set(re.findall(r"\bvar\.(\w+)", text)) == variables
    assert set(re.findall(r"\blocal\.(\w+)", text)) <= local
    for kind, name in re.findall(r"\b(google_\w+)\.(\w+)", text):
        assert (kind, name) in resources


def test_variables_are_described(blocks: dict[str, list[dict[str, Any]]]) -> None:
    for block in blocks["variable"]:
        for name, body in block.items():
            assert body.get("description"), name
            assert body.get("type"), name


def test_bucket(resources: dict[tuple[str, str], dict[str, Any]]) -> None:
    bucket = resources["google_storage_bucket", "tocsin"]
    assert bucket["uniform_bucket_level_access"] is True
    assert bucket["public_access_prevention"] == "enforced"
    assert _one(bucket["versioning"])["enabled"] is True
    assert "retention_days" in str(_one(bucket["soft_delete_policy"]))
    for rule in bucket["lifecycle_rule"]:  # nothing but staged files and old versions goes
        condition = _one(rule["condition"])
        assert set(condition) in ({"age", "matches_prefix"}, {"num_newer_versions", "with_state"})


def test_every_permission_has_its_reason_and_none_is_broad() -> None:
    lines = (_FOLDER / "accounts.tf").read_text().splitlines()
    granted = [
        index for index, line in enumerate(lines) if re.search(r"\brole +=|member = local", line)
    ]
    assert len(granted) > 10
    for index in granted:
        if lines[index].lstrip().startswith(("role", "member")):
            continue  # of the resource that grants what the table above it lists
        assert lines[index - 1].strip().startswith("# "), lines[index]
    text = "\n".join(lines)
    for role in re.findall(r"roles/[\w.]+", text):
        assert role not in ("roles/owner", "roles/editor", "roles/storage.admin"), role
    assert not re.search(r"corpus_bucket, role = \"(?!roles/storage\.objectViewer)", text)


def test_network_is_private(resources: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert resources["google_compute_subnetwork", "tocsin"]["private_ip_google_access"] is True
    assert not [name for kind, name in resources if "router" in kind or "address" in kind]


@pytest.mark.parametrize("kms_key", ["", "projects/p/k"])
@pytest.mark.parametrize("flexrs", ["", "COST_OPTIMIZED"])
def test_workflow(kms_key: str, flexrs: str) -> None:
    """The workflow's text as `templatefile` makes it, with the template's own parameters."""
    values = {
        "project": "p", "region": "r", "bucket": "b", "inputs": "gs://c/a,gs://c/b", "image": "i",
        "worker": "w", "launcher": "l", "subnetwork": "regions/r/subnetworks/s",
        "machine_type": "n2-standard-4", "max_workers": 50, "dead_letter_share": 0.001,
        "flexrs": flexrs, "kms_key": kms_key,
    }  # fmt: skip
    text = (_FOLDER / "night.yaml.tftpl").read_text()
    for name in ("flexrs", "kms_key"):
        block = re.compile(rf'%{{ if {name} != "" ~}}\n(.*?)%{{ endif ~}}\n', re.DOTALL)
        text = block.sub(lambda match, name=name: match[1] if values[name] else "", text)
    text = re.sub(r"(?<!\$)\$\{(\w+)\}", lambda match: str(values[match[1]]), text)
    steps = {
        name: step
        for one in yaml.safe_load(text.replace("$${", "${"))["main"]["steps"]
        for name, step in one.items()
    }
    for step in steps.values():
        targets = [step.get("next"), *[case.get("next") for case in step.get("switch", [])]]
        assert {target for target in targets if target} <= set(steps)
    launch = steps["launch"]["try"]["args"]["body"]["launchParameter"]
    options = (_FOLDER.parent / "dataflow" / "metadata.json").read_text()
    for name in launch["parameters"]:
        assert f'"name": "{name}"' in options or name == "sdk_container_image"
    environment = launch["environment"]
    assert environment["ipConfiguration"] == "WORKER_IP_PRIVATE"
    assert environment.get("kmsKeyName") == (kms_key or None)
    assert environment.get("flexrsGoal") == (flexrs or None)


def test_alerts(resources: dict[tuple[str, str], dict[str, Any]]) -> None:
    """On failure, on findings, on a night that is missing, and on money."""
    text = (_FOLDER / "alerts.tf").read_text()
    workflow = (_FOLDER / "night.yaml.tftpl").read_text()
    for outcome in ("failed", "done"):
        assert f'jsonPayload.outcome=\\"{outcome}\\"' in text
        assert f"outcome: {outcome}" in workflow
    assert ("google_monitoring_alert_policy", "missing") in resources
    assert ("google_billing_budget", "tocsin") in resources
