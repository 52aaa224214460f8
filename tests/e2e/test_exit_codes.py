"""Failures end with one clear line and the right exit code, never with a traceback."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from e2e.conftest import Corpus
from e2e.corpus import write_shards
from e2e.processes import Finished, run, run_well
from e2e.results import files_below, findings


@pytest.fixture(scope="module")
def few(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of a few documents."""
    folder = tmp_path_factory.mktemp("few")
    write_shards(folder, corpus.clean[:40], "jsonl", [25, 15])
    return folder


@pytest.fixture(scope="module")
def profile(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("profiled") / "profile"
    run_well("profile", few, "-o", folder)
    return folder


def _refused(*arguments: object, saying: str, code: int = 2) -> None:
    """Runs a command that has to end with `code` and one line that holds `saying`."""
    finished = run(*arguments)
    assert finished.code == code, finished
    assert finished.out == ""
    [line] = finished.complaints
    assert line.startswith("tocsin: "), line
    assert saying in line


def test_wrong_options(few: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _refused("scan", few, "-o", out, "--no-such-option", saying="no such option: --no-such-option")
    _refused("scan", few, "-o", out, "--fail-on=grave", saying="grave")
    _refused("scan", few, "-o", out, "--max-dead-letters=2", saying="max-dead-letters")
    _refused("scan", few, "-o", out, "--max-dead-letters=some", saying="some")
    _refused("scan", few, saying="--out")
    _refused("scan", "-o", out, saying="INPUT")
    _refused("scan", "-o", out, "--direct_num_workers=2", saying="INPUT")
    _refused("scan", few, "-o", out, "--direct_num_workers=many", saying="many")
    _refused("filter", few, "-o", out, saying="--scan")
    _refused("filter", few, "--scan", out, "-o", out, "--verdict=all", saying="all")
    _refused("no-such-command", saying="no-such-command")
    assert not out.exists()


@pytest.mark.parametrize("command", ["scan", "profile"])
def test_inputs_that_are_none(command: str, few: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("text")
    (tmp_path / "dangling.jsonl").symlink_to(tmp_path / "absent")
    for wrong in ("absent", "absent.jsonl", "empty", "*.parquet", "dangling.jsonl"):
        _refused(command, tmp_path / wrong, "-o", out, saying=f"no such input: {tmp_path / wrong}")
    _refused(command, few, tmp_path / "absent", "-o", out, saying="no such input")
    _refused(command, tmp_path / "texts", "-o", out, saying="no shards in")
    _refused(command, "nowhere://a", "-o", out, saying="no storage is known for nowhere://a")
    _refused(command, few, "-o", "nowhere://a", saying="no storage is known for nowhere://a")
    _refused(command, few, "-o", few / "out", saying="lies inside the input")
    _refused(command, few, "-o", few, saying="lies inside the input")
    assert not out.exists()
    assert len(files_below(few)) == 2


@pytest.mark.parametrize("runner", ["DaskRunner", "BundleBasedDirectRunner"])
def test_runners_with_wrong_results(runner: str, few: Path, tmp_path: Path) -> None:
    for command in ("scan", "profile"):
        arguments = (command, few, "-o", tmp_path / "out", "--runner", runner)
        _refused(*arguments, saying=f"{runner} is not supported")


def test_a_runner_that_does_not_exist(few: Path, tmp_path: Path) -> None:
    finished = run("scan", few, "-o", tmp_path / "out", "--runner", "NoSuchRunner")
    assert finished.code in (1, 2)
    [line] = finished.complaints
    assert "NoSuchRunner" in line


@pytest.mark.parametrize(
    ("content", "saying"),
    [
        ("policy", "not TOML"),
        ("[policy]\nquarantine = high", "not TOML"),
        ("[policies]", "unknown table or key: policies"),
        ("[[template]]\nname = 1", "template 1: name must be"),
        ("[policy]\nquarantin = 'high'", "policy.quarantin: unknown"),
        ("[policy]\nquarantine = 'grave'", "policy.quarantine: must be one of"),
        ("[policy]\ncritical_documents = 0", "policy.critical_documents: must be"),
        ("[policy]\ncritical_documents = true", "policy.critical_documents: must be"),
        ("[policy]\nminimum_groups = 'three'", "policy.minimum_groups: must be"),
        ("policy = 1", "policy: must be a table"),
    ],
)
def test_broken_configuration(few: Path, tmp_path: Path, content: str, saying: str) -> None:
    config = tmp_path / "policy.toml"
    config.write_text(content)
    _refused("scan", few, "-o", tmp_path / "out", "--config", config, saying=saying)


def test_missing_configuration(few: Path, tmp_path: Path) -> None:
    config = tmp_path / "absent.toml"
    _refused("scan", few, "-o", tmp_path / "out", "--config", config, saying="can't read")
    _refused("scan", few, "-o", tmp_path / "out", "--config", tmp_path, saying="can't read")


def test_profiles_that_can_not_be_used(few: Path, profile: Path, tmp_path: Path) -> None:
    def refused(saying: str) -> None:
        _refused("scan", few, "-o", tmp_path / "out", "--profile", tmp_path / "p", saying=saying)

    refused("no profile in")
    (tmp_path / "p").mkdir()
    refused("no profile in")
    shutil.copytree(profile, tmp_path / "p", dirs_exist_ok=True)
    counts = tmp_path / "p" / "counts.npy"
    content = bytearray(counts.read_bytes())
    content[-1] ^= 1
    counts.write_bytes(content)
    refused("the file was altered")
    counts.write_bytes(content[:200])
    refused("profile")
    shutil.copy(profile / "counts.npy", counts)
    description = (tmp_path / "p" / "profile.json").read_text()
    (tmp_path / "p" / "profile.json").write_text(description.replace('"format": 1', '"format": 2'))
    refused("profile has format 2")
    (tmp_path / "p" / "profile.json").write_text(description[:40])
    refused("not a profile")
    assert not (tmp_path / "out").exists()


def test_an_existing_profile_stays(few: Path, profile: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in files_below(profile)}
    _refused("profile", few, "-o", profile, saying="holds a profile already")
    assert {path: path.read_bytes() for path in files_below(profile)} == before
    (tmp_path / "notes.txt").touch()
    _refused("profile", few, "-o", tmp_path, saying="is not empty")


def test_out_that_is_taken(few: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    _refused("scan", few, "-o", tmp_path, saying="is not empty, and notes.txt is no part of a scan")
    _refused("scan", few, "-o", tmp_path / "notes.txt", saying="notes.txt is a file, not a folder")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_results_of_another_scan_stay(
    corpus: Corpus, scanned: Path, few: Path, tmp_path: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in files_below(scanned)}
    _refused("scan", few, "-o", scanned, saying="holds the results of another scan")
    config = tmp_path / "policy.toml"
    config.write_text("[policy]\nquarantine = 'critical'")
    arguments = ("scan", corpus.folder, "-o", scanned, "--config", config)
    _refused(*arguments, saying="by another policy: tocsin judge")
    assert {path: path.stat().st_mtime_ns for path in files_below(scanned)} == before


def test_a_second_run_reads_nothing(corpus: Corpus, scanned: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in files_below(scanned)}
    finished = run_well("scan", corpus.folder, "-o", scanned)
    assert "complete already" in finished.out
    assert "2 campaigns" in finished.out
    assert {path: path.stat().st_mtime_ns for path in files_below(scanned)} == before


def test_a_damaged_manifest(few: Path, scanned: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(scanned, out)
    for content in (b"", b"{", b"[]", b'{"format": 99}', b"\xff"):
        (out / "manifest.json").write_bytes(content)
        _refused("scan", few, "-o", out, saying="manifest")
        _refused("report", out, saying="manifest")
        _refused("filter", few, "--scan", out, "-o", tmp_path / "clean", saying="manifest")


def test_commands_that_need_a_finished_scan(few: Path, tmp_path: Path) -> None:
    for missing in (tmp_path, tmp_path / "absent"):
        _refused("report", missing, saying="it holds no finished scan")
        arguments = ("filter", few, "--scan", missing, "-o", tmp_path / "clean")
        _refused(*arguments, saying="it holds no finished scan")


def _fail_on(severity: str, corpus: Corpus, out: Path) -> Finished:
    return run("scan", corpus.folder, "-o", out, "--fail-on", severity)


def test_findings_fail_on_demand(corpus: Corpus, scanned: Path) -> None:
    """The two campaigns are of severity high."""
    assert [_fail_on(severity, corpus, scanned).code for severity in ("low", "high")] == [3, 3]
    assert _fail_on("critical", corpus, scanned).code == 0


@pytest.mark.parametrize("mode", ["in_memory", "multi_threading", "multi_processing"])
def test_a_failed_job_is_one_line(few: Path, tmp_path: Path, mode: str) -> None:
    """The report can't replace a folder of its name."""
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    options = [f"--direct_running_mode={mode}", f"--direct_num_workers={1 + (mode != 'in_memory')}"]
    finished = run("scan", few, "-o", tmp_path / "out", *options)
    assert finished.code == 1
    [line] = finished.complaints
    assert "report.html" in line
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_the_policy_decides_on_verdicts(corpus: Corpus, scanned: Path, tmp_path: Path) -> None:
    config = tmp_path / "policy.toml"
    config.write_text("[policy]\nquarantine = 'critical'\ncritical_documents = 20\n")
    finished = run(
        "scan", corpus.folder, "-o", tmp_path / "out", "--config", config, "--fail-on=critical"
    )
    assert finished.code == 3
    documents = {campaign.trigger: campaign.documents for campaign in corpus.truth.campaigns}
    found = findings(tmp_path / "out", ())
    for row in found["campaigns"]:
        assert row["severity"] == ("critical" if documents[row["trigger"]] == 25 else "high")
    verdicts = {(row["severity"], row["verdict"]) for row in found["flagged"]}
    assert verdicts == {("critical", "quarantine"), ("high", "review")}
    assert len(found["flagged"]) == len(corpus.planted_ids)
