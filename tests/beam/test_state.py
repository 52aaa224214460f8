from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tocsin.beam.lease import Lease, LeaseLost
from tocsin.beam.state import (
    FORMAT,
    NightTaken,
    State,
    StateError,
    commit_night,
    committed_nights,
    delete_unnamed,
    file_name,
    open_state,
)
from tocsin.ledger.manifest import encode


def _manifest(run: str, night: int = 1, form: int = FORMAT) -> bytes:
    return encode({"night": night, "run": run, "state": {"format": form, "files": []}})


@pytest.fixture
def lease(tmp_path: Path) -> Lease:
    held = Lease.acquire(str(tmp_path), "run")
    yield held
    held.release()


def test_a_night_is_committed_once(tmp_path: Path, lease: Lease) -> None:
    first = _manifest("run")
    assert commit_night(str(tmp_path), 1, "run", lease.number, first) == first
    # An engine that repeats work commits again: what counts is what was committed first.
    assert commit_night(str(tmp_path), 1, "run", lease.number, _manifest("run") + b"\n") == first
    with pytest.raises(NightTaken, match="another run has committed night 1"):
        commit_night(str(tmp_path), 1, "other", lease.number, _manifest("other"))
    assert committed_nights(str(tmp_path)) == [1]
    state = open_state(str(tmp_path))
    assert (state.nights, state.content) == (1, first)


def test_of_many_that_commit_at_once_one_does(tmp_path: Path, lease: Lease) -> None:
    """Even if the lease had not kept them apart."""
    done: list[str] = []
    refused: list[NightTaken] = []

    def commit(run: str) -> None:
        try:
            commit_night(str(tmp_path), 1, run, lease.number, _manifest(run))
            done.append(run)
        except NightTaken as taken:
            refused.append(taken)

    threads = [threading.Thread(target=commit, args=(f"run-{one}",)) for one in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = done
    assert len(refused) == 7
    head = open_state(str(tmp_path)).head
    assert head and head["run"] == winner


def test_a_run_that_lost_its_lease_does_not_commit(tmp_path: Path) -> None:
    before = Lease.acquire(str(tmp_path), "before")
    before.release()
    now = Lease.acquire(str(tmp_path), "now")
    with pytest.raises(LeaseLost):
        commit_night(str(tmp_path), 1, "before", before.number, _manifest("before"))
    assert committed_nights(str(tmp_path)) == []
    now.release()


def test_an_empty_folder_is_a_state_before_its_first_night(tmp_path: Path) -> None:
    assert open_state(str(tmp_path / "absent")) == State(str(tmp_path / "absent"))
    (tmp_path / "letter.txt").touch()
    with pytest.raises(StateError, match=r"no state: it holds letter\.txt"):
        open_state(str(tmp_path))


def test_a_state_of_another_version_is_refused(tmp_path: Path, lease: Lease) -> None:
    commit_night(str(tmp_path), 1, "run", lease.number, _manifest("run", form=FORMAT - 1))
    with pytest.raises(StateError, match=r"has format 1, .* begin a new state"):
        open_state(str(tmp_path))


def test_the_last_night_is_missed_if_the_lease_knows_of_it(tmp_path: Path, lease: Lease) -> None:
    commit_night(str(tmp_path), 1, "run", lease.number, _manifest("run"))
    with pytest.raises(StateError, match=r"nights/00002\.json is gone"):
        open_state(str(tmp_path), last_night=2)


def test_what_no_manifest_names_goes_when_its_night_is_over(tmp_path: Path) -> None:
    entry = {"path": f"ids/{file_name(2, 'kept')}-03.parquet"}
    state = State(str(tmp_path), nights=2, files=(entry,))
    names = [
        entry["path"],
        f"ids/{file_name(2, 'killed')}-03.parquet",
        f"evidence/onsets/{file_name(1, 'old')}.parquet",
        f"evidence/onsets/{file_name(3, 'slow')}.parquet",
        f"profile/{file_name(1, 'old')}/counts.npy",
        "nights/00001.json",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    delete_unnamed(state)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {names[0], names[3], names[5]}
