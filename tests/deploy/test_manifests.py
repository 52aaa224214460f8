"""What starts a night elsewhere: systemd, cron, Airflow, Kubernetes, and the image."""

from __future__ import annotations

import ast
import configparser
import json
import re
import shlex
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from tocsin.cli import scan

_TOP = Path(__file__).parents[2]
_DEPLOY = _TOP / "deploy"
_OPTIONS = {name for option in scan.params for name in option.opts}


def _unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((_DEPLOY / "local" / name).read_text())
    return parser


def _options_of(command: str) -> set[str]:
    words = shlex.split(command)
    at = next(index for index, word in enumerate(words) if word.endswith("/tocsin"))
    assert words[at + 1] == "scan"
    return {word.partition("=")[0] for word in words[at + 2 :] if word.startswith("-")}


def test_systemd() -> None:
    service, timer = _unit("tocsin.service"), _unit("tocsin.timer")
    [shell, flag, command] = shlex.split(service["Service"]["ExecStart"])
    assert (shell, flag) == ("/bin/sh", "-c")
    assert _options_of(command.replace("%%", "%")) <= _OPTIONS
    assert service["Service"]["RestartPreventExitStatus"] == "2 3"
    assert timer["Timer"]["Persistent"] == "true"
    if shutil.which("systemd-analyze"):
        subprocess.run(["systemd-analyze", "calendar", timer["Timer"]["OnCalendar"]], check=True)


def test_cron() -> None:
    lines = [
        line
        for line in (_DEPLOY / "local" / "crontab").read_text().splitlines()
        if line and not line.startswith("#") and not re.match(r"\w+=", line)
    ]
    [line] = lines
    assert re.match(r"(\S+ ){5}flock -n ", line)
    assert "%" not in line.replace(r"\%", "")  # a bare one would end the command
    assert _options_of(line.split(None, 5)[5].replace("\\%", "%")) <= _OPTIONS


def test_airflow_knows_the_template() -> None:
    """Airflow itself is not at hand here: `make test-airflow` loads the DAG in the real one."""
    tree = ast.parse((_DEPLOY / "airflow" / "tocsin_nightly.py").read_text())
    keys = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    template = json.loads((_DEPLOY / "dataflow" / "metadata.json").read_text())
    names = {parameter["name"] for parameter in template["parameters"]}
    required = {
        parameter["name"]
        for parameter in template["parameters"]
        if not parameter.get("isOptional", False)
    }
    assert required == {"input", "out"}
    assert required | {"max_dead_letters", "sdk_container_image"} <= keys
    assert "max_dead_letters" in names


def test_flink_manifest() -> None:
    manifest = yaml.safe_load((_DEPLOY / "flink" / "flink-deployment.yaml").read_text())
    assert (manifest["apiVersion"], manifest["kind"]) == (
        "flink.apache.org/v1beta1", "FlinkDeployment",
    )  # fmt: skip
    spec = manifest["spec"]
    version = re.search(r"FLINK=([\d.]+)", (_DEPLOY / "flink" / "fetch.sh").read_text())
    assert version
    assert spec["image"].startswith(f"flink:{version[1]}-")
    assert spec["flinkVersion"] == "v" + "_".join(version[1].split(".")[:2])
    settings = spec["flinkConfiguration"]
    assert all(isinstance(value, str) for value in settings.values())
    assert settings["jobmanager.execution.failover-strategy"] == "region"
    pod = spec["taskManager"]["podTemplate"]["spec"]
    slots = int(settings["taskmanager.numberOfTaskSlots"])
    [workers] = [one for one in pod["containers"] if one["name"] == "workers"]
    assert int(workers["resources"]["requests"]["cpu"]) == slots
    volumes = {volume["name"] for volume in pod["volumes"]}
    for container in pod["containers"]:
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def test_the_image_has_the_locked_versions() -> None:
    text = (_DEPLOY / "dataflow" / "Dockerfile").read_text()
    assert f"ARG BEAM={metadata.version('apache-beam')}" in text
    lock = (_TOP / "requirements.lock").read_text()
    assert f"apache-beam=={metadata.version('apache-beam')}" in lock
    python = re.search(r"ARG PYTHON=([\d.]+)", text)
    assert python and f"python{python[1].replace('.', '')}-template-launcher" in text
    for source in re.findall(r"^COPY (?!--)(.+) \S+$", text, re.MULTILINE):
        for path in source.split():
            assert (_TOP / path).exists(), path
    assert "--require-hashes" in text
    assert text.index("requirements.lock") < text.index("COPY src")  # packages stay cached


@pytest.mark.parametrize("name", ["template.py", "warm.py", "metadata.py"])
def test_what_the_image_runs_is_in_it(name: str) -> None:
    assert (_DEPLOY / "dataflow" / name).exists()
    assert "COPY deploy/dataflow deploy/dataflow" in (_DEPLOY / "dataflow/Dockerfile").read_text()
