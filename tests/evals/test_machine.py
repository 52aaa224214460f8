from __future__ import annotations

import platform

from evals.machine import this_machine


def test_this_machine() -> None:
    machine = this_machine()
    assert machine.processor and machine.cores >= 1
    assert machine.versions["python"] == platform.python_version()
    assert f"numpy {machine.versions['numpy']}" in machine.line
