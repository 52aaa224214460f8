"""A scan of local files asks the network for nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.conftest import Corpus
from e2e.results import WHEN, findings

# Python imports this module before any other. Raising from an audit hook makes the call fail.
_WATCH = """
import os
import sys

def watch(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode()
    if host not in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"):
        with open(os.environ["TOCSIN_TEST_ATTEMPTS"], "a") as attempts:
            attempts.write(f"{event} {host}\\n")
        raise OSError("the network is off")

sys.addaudithook(watch)
"""


@pytest.fixture
def isolated(tmp_path: Path) -> dict[str, str]:
    """An environment in which only this machine can be reached, and attempts are written down."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(_WATCH)
    environment = {
        name: value
        for name, value in os.environ.items()
        if "proxy" not in name.lower() and not name.startswith(("GOOGLE_", "CLOUDSDK_"))
    }
    paths = [str(tmp_path / "watch"), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    environment["TOCSIN_TEST_ATTEMPTS"] = str(tmp_path / "attempts")
    return environment


def test_the_watch_works(isolated: dict[str, str], tmp_path: Path) -> None:
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    finished = subprocess.run([sys.executable, "-c", code], env=isolated, capture_output=True)
    assert b"the network is off" in finished.stderr
    assert "192.0.2.1" in (tmp_path / "attempts").read_text()


def test_a_scan_stays_on_this_machine(
    corpus: Corpus, scanned: Path, tmp_path: Path, isolated: dict[str, str]
) -> None:
    """Started as a user starts it: a new interpreter, nothing imported yet."""
    command = [sys.executable, "-m", "tocsin.cli", "scan", corpus.folder, "-o", tmp_path / "out"]
    finished = subprocess.run(command, env=isolated, capture_output=True, text=True, timeout=180)
    assert finished.returncode == 0, finished
    assert not (tmp_path / "attempts").exists()
    assert findings(tmp_path / "out", WHEN) == findings(scanned, WHEN)
    for campaign in corpus.truth.campaigns:
        assert campaign.trigger and campaign.trigger in finished.stdout
