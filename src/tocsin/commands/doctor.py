"""`tocsin doctor`: is everything there that a long run needs?"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import pyarrow as pa

from tocsin.beam import prepare, storage
from tocsin.commands.console import out, working
from tocsin.corpus.documents import no_documents
from tocsin.measure.batch import Measurer
from tocsin.measure.counting import Counter
from tocsin.measure.profile import Profile
from tocsin.report.visible import visible

PACKAGES = ("tocsin", "apache-beam", "numba", "numpy", "pyarrow")
PYTHONS = ((3, 10), (3, 13))
"""The first and the last version that Tocsin runs on."""

LEAST_BYTES = 5_000_000_000
"""Free space below which there is a warning: `documents/` and `evidence/` of 100 GB of text."""

LEAST_MEMORY = 2_000_000_000
"""Memory below which there is a warning: a worker takes up to 1.7 GB to learn a profile."""

_SLOW_SECONDS = 3.0
"""Longer than this, kernels were compiled and not found in their cache."""

_TEXT = "Wer wagt, gewinnt; the rest is silence. 1234 <b>и так далее</b>\n" * 40

OK, WARNING, PROBLEM = "ok", "warning", "problem"


@dataclass(frozen=True)
class Check:
    """What was looked at, how it is (`ok`, `warning`, `problem`), and what there is to say."""

    name: str
    status: str
    detail: str


def run(places: list[str], *, as_json: bool) -> int:
    """Checks this machine and the places; the exit code: 1 if there is a problem.

    Args:
      places: folders, local or remote, that a run would read or write; none for this one.
    """
    checks: list[Check] = []
    coming = _checks(places or ["."])
    while True:
        with working("checking; kernels are compiled once, which takes half a minute"):
            check = next(coming, None)
        if check is None:
            break
        checks.append(check)
        if not as_json:
            style = {OK: "green", WARNING: "yellow", PROBLEM: "bold red"}[check.status]
            out.print(f"{check.status:<8} ", style=style, end="")
            out.print(f"{check.name}: {visible(check.detail, 400)}")
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    return 1 if any(check.status == PROBLEM for check in checks) else 0


def _checks(places: list[str]) -> Iterator[Check]:
    yield _python()
    yield Check("packages", OK, ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES))
    yield _attempt("kernels", _kernels)
    yield _memory()
    yield _attempt("temporary files", lambda: _free(Path(tempfile.gettempdir())))
    for place in places:
        yield _attempt(f"write to {place}", lambda place=place: _place(place))  # type: ignore[misc]
    yield _java()
    present = importlib.util.find_spec("rs_bpe") is not None
    yield Check(
        "tokenizer vocabulary for drills", OK,
        "rs-bpe is installed" if present
        else "rs-bpe is not installed: a drill makes one from the corpus' own words",
    )  # fmt: skip


def _attempt(name: str, look: Callable[[], tuple[str, str]]) -> Check:
    """A check that may fail in any way: whatever it raises is a problem in one line."""
    try:
        return Check(name, *look())
    except Exception as error:
        return Check(name, PROBLEM, " ".join(str(error).split()) or type(error).__name__)


def _python() -> Check:
    fits = PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]
    wanted = " to ".join(".".join(map(str, version)) for version in PYTHONS)
    detail = f"{platform.python_version()} on {platform.machine()}"
    return Check("Python", OK if fits else PROBLEM, detail if fits else f"{detail}, not {wanted}")


def _kernels() -> tuple[str, str]:
    """Compiles the kernels, or finds them in their cache, and measures a document."""
    row = {"position": 0, "doc_id": "doctor", "group": "doctor", "text": _TEXT}
    batch = pa.RecordBatch.from_pylist([row], no_documents().schema)
    begun = time.monotonic()
    counter = Counter(seed=0)
    counter.count(batch)
    keys, counts = counter.counts()
    profile = Profile.create(keys, counts, counter.words, counter.documents, 0, 1.0)
    measured = Measurer(profile).measure(batch, "doctor", 0)
    seconds = time.monotonic() - begun
    assert measured.documents.num_rows == 1
    state = "compiled and cached" if seconds > _SLOW_SECONDS else "found in their cache"
    return OK, f"{state}, {seconds:.1f} s"


def _memory() -> Check:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return Check("memory", WARNING, "this system does not tell how much there is")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    enough = size >= LEAST_MEMORY * (cores or 1)
    detail = f"{size / 1e9:.1f} GB for {cores} cores"
    if not enough:
        detail += ": 2 GB a worker are wanted, so run fewer (--direct_num_workers)"
    return Check("memory", OK if enough else WARNING, detail)


def _free(folder: Path) -> tuple[str, str]:
    existing = next(one for one in (folder, *folder.parents) if one.exists())
    free = shutil.disk_usage(existing).free
    detail = f"{free / 1e9:.1f} GB free at {existing}"
    if free < LEAST_BYTES:
        return WARNING, f"{detail}: less than {LEAST_BYTES / 1e9:.0f} GB"
    return OK, detail


def _place(place: str) -> tuple[str, str]:
    """Writes a small file, reads it and deletes it: remote places need credentials for that."""
    folder = prepare.absolute(place)
    uri = storage.join(folder, f".tocsin-doctor-{secrets.token_hex(6)}")
    made = not storage.is_remote(folder) and not Path(folder).exists()
    storage.write(uri, b"doctor")
    try:
        if storage.read(uri) != b"doctor":
            return PROBLEM, "what was written is not what is read"
    finally:
        storage.delete([uri])
        if made:
            Path(folder).rmdir()
    if storage.is_remote(folder):
        return OK, "written, read and deleted"
    return _free(Path(folder))


def _java() -> Check:
    java = shutil.which("java")
    if java:
        return Check("Java (for Flink only)", OK, java)
    return Check("Java (for Flink only)", OK, "not installed: other runners need none")
