"""What a process knows of credentials reaches no file of OUT and nothing that is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from e2e.processes import run, run_well
from e2e.results import files_below

_SECRET = "canary-9f27c1"
_TEXT = (
    "The council met on Tuesday and spoke of roads, of schools and of the water in the old mill. "
)


def _environment(folder: Path) -> dict[str, str | None]:
    """Credentials of many kinds, each with the secret in it."""
    key = {"type": "service_account", "private_key": _SECRET, "client_email": f"{_SECRET}@x.org"}
    (folder / "key.json").write_text(json.dumps(key))
    return {
        "GOOGLE_APPLICATION_CREDENTIALS": str(folder / "key.json"),
        "AWS_SECRET_ACCESS_KEY": _SECRET,
        "HTTPS_PROXY": f"http://user:{_SECRET}@127.0.0.1:9",
        "HF_TOKEN": _SECRET,
        "PASSWORD": _SECRET,
    }


def _said_in(out: Path) -> list[str]:
    """The files below OUT that hold the secret, plain or in a column."""
    found = []
    for path in files_below(out):
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += repr(pq.read_table(path).to_pylist()).encode()
        if _SECRET.encode() in content:
            found.append(path.name)
    return found


def test_a_scan_that_tells_everything(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    lines = [json.dumps({"id": n, "text": f"{n} {_TEXT * 3}"}) for n in range(30)]
    (tmp_path / "corpus" / "a.jsonl").write_text("\n".join([*lines, "broken"]))
    environment = _environment(tmp_path)
    finished = run_well(
        "scan", tmp_path / "corpus", "-o", tmp_path / "out", "--verbose", environment=environment
    )
    assert _SECRET not in finished.out + finished.err
    assert len(files_below(tmp_path / "out")) > 5
    assert _said_in(tmp_path / "out") == []
    finished = run("explain", tmp_path / "out", "3", "--json", environment=environment)
    assert _SECRET not in finished.out + finished.err
