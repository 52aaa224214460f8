"""Options, and how failures become exit codes; what the commands do is tested in `e2e`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tocsin
from tocsin import cli
from tocsin.beam.prepare import UsageError
from tocsin.beam.run import Engine, JobFailed
from tocsin.beam.storage import StorageError
from tocsin.commands import export as export_command
from tocsin.commands import filter as filter_command
from tocsin.commands import profile as profile_command
from tocsin.commands import report as report_command
from tocsin.commands import scan as scan_command
from tocsin.corpus.batches import FieldNames
from tocsin.judge.policy import Policy
from tocsin.ledger.manifest import ManifestError
from tocsin.measure.profile import ProfileError

_MODULES = {
    "scan": scan_command,
    "profile": profile_command,
    "filter": filter_command,
    "export": export_command,
    "report": report_command,
}


@dataclass(frozen=True)
class Call:
    """What a command was called with."""

    arguments: tuple[Any, ...]
    options: dict[str, Any]


class CommandLine:
    """The command line with the commands themselves replaced."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def code(self, *words: str) -> int:
        self._monkeypatch.setattr(sys, "argv", ["tocsin", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        return ended.value.code

    def replace(self, command: str, function: Callable[..., int]) -> None:
        self._monkeypatch.setattr(_MODULES[command], "run", function)

    def call(self, *words: str) -> Call:
        """What the command named first is called with."""
        calls: list[Call] = []

        def run(*arguments: Any, **options: Any) -> int:
            calls.append(Call(arguments, options))
            return 0

        self.replace(words[0], run)
        assert self.code(*words) == 0
        [call] = calls
        return call


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(monkeypatch)


def test_scan_by_default(line: CommandLine) -> None:
    assert line.call("scan", "corpus", "-o", "out") == Call(
        (["corpus"], "out"),
        {
            "profile": None,
            "state": None,
            "templates": (),
            "known": None,
            "policy": Policy(),
            "fields": FieldNames(),
            "range_bytes": 256 << 20,
            "engine": Engine("DirectRunner", ()),
            "max_dead_letters": None,
            "fail_on": None,
        },
    )


def test_every_option_of_scan(line: CommandLine, tmp_path: Path) -> None:
    config = tmp_path / "policy.toml"
    config.write_text("[policy]\nminimum_groups = 5\n")
    call = line.call(
        "scan", "a", "gs://b/*.jsonl", "--out", "gs://b/out", "--profile", "p", "--state", "s",
        "--known", "k",
        "--config", str(config), "--max-dead-letters", "0.25", "--fail-on", "medium",
        "--text-field", "t", "--id-field", "i", "--group-field", "g", "--runner", "FlinkRunner",
        "--verbose", "c", "--range-bytes=1000",
        "--flink_master=localhost:8081",
    )  # fmt: skip
    assert call.arguments == (["a", "gs://b/*.jsonl", "c"], "gs://b/out")
    assert call.options == {
        "profile": "p",
        "state": "s",
        "templates": (),
        "known": "k",
        "policy": Policy(minimum_groups=5),
        "fields": FieldNames("t", "i", "g"),
        "range_bytes": 1000,
        "engine": Engine("FlinkRunner", ("--flink_master=localhost:8081",)),
        "max_dead_letters": 0.25,
        "fail_on": "medium",
    }


@pytest.mark.parametrize("options", [["--direct_num_workers", "2"], ["--direct_num_workers=2"]])
def test_options_of_beam_and_inputs_in_any_order(line: CommandLine, options: list[str]) -> None:
    for words in (["a", "b", *options], [*options, "a", "b"], ["a", *options, "b"]):
        call = line.call("scan", "-o", "out", *words)
        assert call.arguments[0] == ["a", "b"]
        assert call.options["engine"] == Engine("DirectRunner", tuple(options))


def test_profile_and_filter_and_report(line: CommandLine) -> None:
    engine = Engine("DirectRunner", ())
    assert line.call("profile", "a", "b", "-o", "p") == Call(
        (["a", "b"], "p"),
        {"fields": FieldNames(), "range_bytes": 256 << 20, "seed": None, "engine": engine},
    )
    assert line.call("filter", "a", "--scan", "out", "-o", "clean") == Call(
        (["a"], "clean"),
        {
            "scan": "out",
            "state": None,
            "verdict": "quarantine",
            "quarantine": None,
            "engine": engine,
            "as_json": False,
        },
    )
    dry = line.call("filter", "a", "--scan", "out", "-o", "clean", "--dry-run", "--quarantine=q")
    assert (dry.arguments, dry.options["quarantine"]) == ((["a"], None), "q")
    assert line.code("filter", "a", "--scan", "out") == 2
    nights = line.call("filter", "a", "--state", "state", "-o", "clean")
    assert (nights.options["scan"], nights.options["state"]) == (None, "state")
    review = line.call("filter", "a", "--scan", "out", "-o", "clean", "--verdict=review")
    assert review.options["verdict"] == "review"
    assert line.call("report", "out") == Call(("out",), {})


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (UsageError("no shards"), 2),
        (StorageError("no such input"), 2),
        (ProfileError("not a profile"), 2),
        (ManifestError("damaged manifest"), 2),
        (JobFailed("a worker died"), 1),
        (PermissionError(13, "Permission denied", "/out"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_failures(
    line: CommandLine, capsys: pytest.CaptureFixture[str], failure: BaseException, code: int
) -> None:
    def run(*arguments: Any, **options: Any) -> int:
        raise failure

    line.replace("scan", run)
    assert line.code("scan", "corpus", "-o", "out") == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (f"tocsin: {failure}\n" if code < 130 else "\n")


@pytest.mark.parametrize("code", [0, 3])
def test_the_code_of_a_command_is_that_of_the_process(line: CommandLine, code: int) -> None:
    line.replace("scan", lambda *arguments, **options: code)
    assert line.code("scan", "corpus", "-o", "out") == code


@pytest.mark.parametrize(
    "words",
    [
        ["scan"],
        ["scan", "corpus"],
        ["scan", "-o", "out"],
        ["scan", "corpus", "-o"],
        ["scan", "corpus", "-o", "out", "--max-dead-letters", "1.5"],
        ["scan", "corpus", "-o", "out", "--fail-on", "fatal"],
        ["scan", "corpus", "-o", "out", "--runner", "DaskRunner"],
        ["filter", "corpus", "-o", "clean"],
        ["report"],
        ["report", "out", "--no-such-option"],
        ["frobnicate"],
        ["--no-such-option"],
    ],
)
def test_wrong_usage_is_one_line(
    line: CommandLine, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert line.code(*words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("tocsin: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("words", [["--help"], ["-h"], *[[name, "-h"] for name in _MODULES]])
def test_help(line: CommandLine, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert line.code(*words) == 0
    said = capsys.readouterr().out
    assert "Usage" in said
    assert len(words) == 1 or "Example: tocsin" in said


def test_pipelines_name_their_command(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    line.replace("report", lambda *arguments: called.append(arguments) or 0)
    monkeypatch.setattr(sys, "argv", ["tocsin/pipelines/report.py", "out"])
    with pytest.raises(SystemExit) as ended:
        cli.main(["report"])
    assert (ended.value.code, called) == (0, [("out",)])


def test_the_help_does_not_wait_for_beam() -> None:
    code = (
        "import sys; from tocsin.cli import main\n"
        "try: main(['scan', '--help'])\n"
        "finally: print('apache_beam' in sys.modules, 'numba' in sys.modules, file=sys.stderr)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert finished.stderr.split() == ["False", "False"]


def test_version() -> None:
    command = [sys.executable, "-m", "tocsin.cli", "--version"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (finished.returncode, finished.stdout) == (0, f"tocsin {tocsin.__version__}\n")


def test_a_process_ends_with_what_was_said_and_the_code() -> None:
    """Threads that can't end, and buffers that nobody has flushed, don't change that."""
    code = (
        "import atexit, sys, threading, time\n"
        "from tocsin import cli\n"
        "def main(arguments):\n"
        "    atexit.register(print, 'at the exit')\n"
        "    threading.Thread(target=time.sleep, args=(1000,)).start()\n"
        "    sys.stdout.write('said' + 's' * 10_000)\n"
        "    sys.exit(3)\n"
        "cli.main = main\n"
        "cli.process()\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert finished.returncode == 3
    assert finished.stdout == "said" + "s" * 10_000 + "at the exit\n"


def test_every_help_fits_a_screen_and_shows_an_example(
    line: CommandLine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """24 lines of 80 columns: a window that nobody has made larger."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    for name in cli.tocsin_command.commands:
        assert line.code(name, "--help") == 0
        said = capsys.readouterr().out
        assert f"Example: tocsin {name}" in said, name
        assert len(said.strip().splitlines()) <= 24, (name, said)
        assert "\x1b" not in said
    assert line.code("--help") == 0
    said = capsys.readouterr().out
    assert all(re.search(rf"^  {name} ", said, re.M) for name in cli.tocsin_command.commands)
    assert len(said.strip().splitlines()) <= 31, said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_as_documented(shell: str) -> None:
    """What docs/how-to/shell.md puts into a start-up file."""
    tocsin_command = Path(sys.executable).with_name("tocsin")
    for words, expected in (("tocsin ju", "judge"), ("tocsin scan --fail", "--fail-on")):
        finished = subprocess.run(
            [str(tocsin_command)],
            env={
                "PATH": os.environ["PATH"], "_TOCSIN_COMPLETE": f"{shell}_complete",
                "COMP_WORDS": words, "COMP_CWORD": words.split()[-1] if shell == "fish"
                else str(len(words.split()) - 1),
            },
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert expected in finished.stdout, (finished.stdout, finished.stderr)
