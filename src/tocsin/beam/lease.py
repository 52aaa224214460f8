"""The lease: at most one run writes a state at a time.

A lease is a small file with a number, one above that of the lease before, that its holder renews.
Creating the file is what takes the lease: of several takers, one succeeds. The holder of the
highest number has it. A run that was stopped, lost its lease and goes on is told by its lower
number; what it could still write is refused where a night is committed (`state.commit_night`), so
that a wrong clock may cost a run, never a result.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from typing import Any

from tocsin.beam import storage

RENEWAL_SECONDS = 10.0
VOID_SECONDS = 120.0
"""A lease that was not renewed for so long is void: its holder is gone, or was stopped."""

FOLDER = "leases"


class StateBusy(RuntimeError):
    """Another run has the lease; the message is one line for the user."""


class LeaseLost(RuntimeError):
    """Another run has taken the lease over: this one may not commit."""


class Lease:
    """A lease of `state`, held from `acquire` to `release` and renewed by a thread.

    `number`: of the lease; `last_night`: the number of the state's last night as far as the holders
    before know, 0 if none.
    """

    def __init__(self, state: str, run: str, number: int, last_night: int) -> None:
        self._folder = storage.join(state, FOLDER)
        self._run = run
        self._ended = threading.Event()
        self._renewal = threading.Thread(target=self._renew, daemon=True)
        self.number = number
        self.last_night = last_night

    @classmethod
    def acquire(cls, state: str, run: str) -> Lease:
        """Takes the lease of a state for a run.

        Raises:
          StateBusy: if another run has it.
          OSError: if it can't be written.
        """
        folder = storage.join(state, FOLDER)
        held = _latest(folder)
        number, last_night = 1, 0
        if held is not None:
            number, last_night = held["number"] + 1, held["last_night"]
            if _is_held(held):
                raise StateBusy(_who(state, held))
        lease = cls(state, run, number, last_night)
        try:
            storage.create(lease._uri, lease._content(released=False))
        except FileExistsError as error:
            raise StateBusy(f"{state} was just taken by another run: try again later") from error
        storage.delete(
            [file.uri for file in storage.files_in(folder) if 0 < _number(file.name) < number]
        )
        lease._renewal.start()
        return lease

    def release(self) -> None:
        """Ends the lease; another run may have it at once."""
        self._ended.set()
        self._renewal.join()
        storage.write(self._uri, self._content(released=True))

    @property
    def _uri(self) -> str:
        return storage.join(self._folder, f"{self.number:08d}.json")

    def _content(self, released: bool) -> bytes:
        lease = {
            "number": self.number,
            "run": self._run,
            "host": socket.gethostname(),
            "process": os.getpid(),
            "renewed": time.time(),
            "released": released,
            "last_night": self.last_night,
        }
        return json.dumps(lease).encode()

    def _renew(self) -> None:
        while not self._ended.wait(RENEWAL_SECONDS):
            try:
                storage.write(self._uri, self._content(released=False))
            except OSError:
                continue  # a lease that could not be renewed in time is lost, which commits notice


def check_held(state: str, number: int) -> None:
    """Checks that a lease was not taken over.

    Raises:
      LeaseLost: if it was.
    """
    held = _latest(storage.join(state, FOLDER))
    if held is None or held["number"] != number:
        raise LeaseLost(f"another run has taken {state} over: this night was not committed")


def last_known_night(state: str) -> int:
    """Number of the last night as far as the holders of leases knew, 0 if there was none."""
    held = _latest(storage.join(state, FOLDER))
    return held["last_night"] if held else 0


def _latest(folder: str) -> dict[str, Any] | None:
    """The lease of the highest number; one that can't be read counts as held until it is void."""
    files = [file for file in storage.files_in(folder) if _number(file.name) > 0]
    if not files:
        return None
    latest = max(files, key=lambda file: _number(file.name))
    try:
        lease = json.loads(storage.read(latest.uri))
        return {**lease, "number": int(lease["number"]), "last_night": int(lease["last_night"])}
    except (ValueError, KeyError, TypeError) as error:
        raise StateBusy(f"{latest.uri} is damaged: delete it if no run is going on") from error


def _number(name: str) -> int:
    stem, _, suffix = name.partition(".")
    return int(stem) if suffix == "json" and stem.isdecimal() else 0


def _is_held(lease: dict[str, Any]) -> bool:
    if lease["released"] or time.time() - lease["renewed"] > VOID_SECONDS:
        return False
    if lease["host"] == socket.gethostname():
        return _is_alive(lease["process"])
    return True


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _who(state: str, lease: dict[str, Any]) -> str:
    return (
        f"{state} is in use by process {lease['process']} on {lease['host']}, which renewed its "
        f"lease {time.time() - lease['renewed']:.0f} s ago: wait until it is done (a lease that is "
        f"not renewed for {VOID_SECONDS:.0f} s is void)"
    )
