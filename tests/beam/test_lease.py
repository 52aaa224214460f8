from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tocsin.beam import lease
from tocsin.beam.lease import Lease, LeaseLost, StateBusy, check_held, last_known_night


def _files(state: Path) -> list[Path]:
    return sorted((state / "leases").glob("*.json"))


def _edit(state: Path, **changes: Any) -> None:
    [path] = _files(state)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_one_run_at_a_time(tmp_path: Path) -> None:
    held = Lease.acquire(str(tmp_path), "first")
    with pytest.raises(StateBusy, match=f"in use by process {os.getpid()} on .*wait"):
        Lease.acquire(str(tmp_path), "second")
    check_held(str(tmp_path), held.number)
    held.last_night = 7
    held.release()
    after = Lease.acquire(str(tmp_path), "second")
    assert (after.number, after.last_night) == (held.number + 1, 7)
    assert last_known_night(str(tmp_path)) == 7
    assert len(_files(tmp_path)) == 1
    after.release()


def test_of_many_that_come_at_once_one_gets_it(tmp_path: Path) -> None:
    taken: list[Lease] = []
    refused: list[StateBusy] = []
    start = threading.Barrier(8)

    def take(run: int) -> None:
        start.wait()
        try:
            taken.append(Lease.acquire(str(tmp_path), str(run)))
        except StateBusy as busy:
            refused.append(busy)

    threads = [threading.Thread(target=take, args=(run,)) for run in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (1, 7)
    taken[0].release()


def test_the_lease_of_a_process_that_is_gone_is_void(tmp_path: Path) -> None:
    Lease.acquire(str(tmp_path), "killed").release()
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    _edit(tmp_path, released=False, process=int(gone.stdout))
    Lease.acquire(str(tmp_path), "next").release()


def test_a_lease_that_is_not_renewed_is_void(tmp_path: Path) -> None:
    """Of a process on another machine, which can't be asked."""
    first = Lease.acquire(str(tmp_path), "elsewhere")
    first.release()
    _edit(tmp_path, released=False, host="elsewhere")
    with pytest.raises(StateBusy, match="on elsewhere"):
        Lease.acquire(str(tmp_path), "next")
    _edit(tmp_path, renewed=0)
    taken = Lease.acquire(str(tmp_path), "next")
    with pytest.raises(LeaseLost):
        check_held(str(tmp_path), first.number)
    taken.release()


def test_a_lease_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEWAL_SECONDS", 0.01)
    held = Lease.acquire(str(tmp_path), "run")
    _edit(tmp_path, renewed=0)
    for _ in range(500):
        [path] = _files(tmp_path)
        if json.loads(path.read_text())["renewed"] > 0:
            break
        threading.Event().wait(0.01)
    else:
        pytest.fail("it was not renewed")
    held.release()
    assert json.loads(_files(tmp_path)[0].read_text())["released"] is True


def test_a_damaged_lease_is_said(tmp_path: Path) -> None:
    (tmp_path / "leases").mkdir()
    (tmp_path / "leases" / "00000003.json").write_bytes(b"{")
    with pytest.raises(StateBusy, match="damaged"):
        Lease.acquire(str(tmp_path), "run")
