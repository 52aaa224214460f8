"""`tocsin verify` finds what was tampered with, and says what it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from e2e.conftest import Corpus
from e2e.corpus import write_shards
from e2e.processes import run, run_well
from e2e.results import manifest_of
from tocsin.beam.learn import load_profile
from tocsin.beam.verify import verify
from tocsin.ledger.manifest import decode, encode


@pytest.fixture(scope="module")
def original(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small corpus and OUT of its scan. Not to be changed."""
    folder = tmp_path_factory.mktemp("verify")
    write_shards(folder / "corpus", corpus.records[:120], "jsonl", [60, 60])
    run_well("scan", folder / "corpus", "-o", folder / "out")
    return folder


@pytest.fixture
def tampered(original: Path) -> Path:
    """The same folder, to be changed: manifests name places, so it is kept and put back."""
    kept = original.with_name(original.name + "-kept")
    shutil.copytree(original, kept)
    load_profile.cache_clear()
    yield original
    shutil.rmtree(original)
    kept.rename(original)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _edit(out: Path, edit: Callable[[dict], None], seal: bool) -> None:
    """Changes the manifest; `seal`: with a digest of its own that fits."""
    path = out / "manifest.json"
    manifest = json.loads(path.read_bytes()) if not seal else decode(path.read_bytes())
    edit(manifest)
    path.write_bytes(encode(manifest) if seal else json.dumps(manifest).encode())


def _one_flagged_less(manifest: dict) -> None:
    manifest["totals"]["flagged"] -= 1


def _one_document_more(manifest: dict) -> None:
    manifest["totals"]["documents"] += 1


def _no_dead_letter(manifest: dict) -> None:
    manifest["inputs"][0]["records"] -= 1


_FIRST = "part-00000.parquet"

_TAMPERED: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a byte of documents": (
        lambda f: _flip(f / "out/documents" / _FIRST), "altered output", "documents/" + _FIRST),
    "a byte of evidence": (
        lambda f: _flip(f / "out/evidence" / _FIRST), "altered output", "evidence/" + _FIRST),
    "a shorter part": (
        lambda f: (f / "out/flagged" / _FIRST).write_bytes(b"PAR1"),
        "altered output", "flagged/" + _FIRST),
    "another part in its place": (
        lambda f: shutil.copy(f / "out/documents/part-00001.parquet", f / "out/documents" / _FIRST),
        "altered output", "documents/" + _FIRST),
    "a part deleted": (
        lambda f: (f / "out/campaigns" / _FIRST).unlink(), "missing output", "campaigns/" + _FIRST),
    "a part added": (
        lambda f: shutil.copy(f / "out/flagged" / _FIRST, f / "out/flagged/part-00009.parquet"),
        "unknown output", "flagged/part-00009.parquet"),
    "the report deleted": (
        lambda f: (f / "out/report.html").unlink(), "missing output", "report.html"),
    "a byte of an input": (
        lambda f: _flip(f / "corpus/shard-00.jsonl"), "changed input", "corpus/shard-00.jsonl"),
    "an input grown": (
        lambda f: (f / "corpus/shard-01.jsonl").open("ab").write(b"{}"),
        "changed input", "corpus/shard-01.jsonl"),
    "an input deleted": (
        lambda f: (f / "corpus/shard-01.jsonl").unlink(), "missing input", "corpus/shard-01.jsonl"),
    "an input renamed": (
        lambda f: (f / "corpus/shard-01.jsonl").rename(f / "corpus/shard-02.jsonl"),
        "missing input", "corpus/shard-01.jsonl"),
    "the profile": (
        lambda f: _flip(f / "out/profile/counts.npy"), "altered profile", "out/profile"),
    "no profile": (
        lambda f: shutil.rmtree(f / "out/profile"), "missing profile", "out/profile"),
    "the manifest": (
        lambda f: _edit(f / "out", _one_flagged_less, seal=False), "altered manifest", "out"),
    "half a manifest": (
        lambda f: (f / "out/manifest.json").write_bytes(b'{"format": 1, "tot'),
        "altered manifest", "out"),
    "a total, resealed": (
        lambda f: _edit(f / "out", _one_document_more, seal=True), "altered manifest", "out"),
    "a count, resealed": (
        lambda f: _edit(f / "out", _no_dead_letter, seal=True), "altered manifest", "out"),
    "the manifest deleted": (
        lambda f: (f / "out/manifest.json").unlink(), "missing manifest", "out"),
}  # fmt: skip


@pytest.mark.parametrize("what", _TAMPERED)
def test_tampering_is_found_and_named(tampered: Path, what: str) -> None:
    tamper, kind, subject = _TAMPERED[what]
    tamper(tampered)
    problems = verify(str(tampered / "out")).problems
    assert problems
    assert {(problem.kind, problem.subject.endswith(subject)) for problem in problems} == {
        (kind, True)
    }


def test_nothing_is_wrong(original: Path) -> None:
    result = verify(str(original / "out"))
    assert result.problems == []
    assert result.inputs == 2
    assert result.outputs == len(manifest_of(original / "out")["outputs"]) + 1
    finished = run("verify", original / "out")
    assert (finished.code, finished.err) == (0, "")
    assert "2 inputs checked: all match" in finished.out


def test_the_command_says_it_and_fails(tampered: Path) -> None:
    _flip(tampered / "corpus/shard-00.jsonl")
    (tampered / "out/flagged" / _FIRST).unlink()
    finished = run("verify", tampered / "out")
    assert finished.code == 1
    assert "missing output    flagged/part-00000.parquet: there is no such file" in finished.out
    assert "changed input" in finished.out and "2 do not match" in finished.out
    finished = run("verify", tampered / "out", "--json")
    assert finished.code == 1
    report = json.loads(finished.out)
    assert report["verified"] is False
    assert [problem["kind"] for problem in report["problems"]] == [
        "missing output",
        "changed input",
    ]


def test_signatures(tampered: Path, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(private)
    (tmp_path / "key.pub").write_bytes(public)
    out = tampered / "out"
    assert [problem.kind for problem in verify(str(out), public).problems] == ["no signature"]
    assert run("sign", out, "--key", tmp_path / "key.pem").code == 0
    assert run("verify", out, "--key", tmp_path / "key.pub").code == 0
    _edit(out, lambda manifest: manifest.update(runner="another"), seal=True)
    assert verify(str(out)).problems == []  # only the signature tells
    assert [problem.kind for problem in verify(str(out), public).problems] == ["wrong signature"]
    finished = run("verify", out, "--key", tmp_path / "key.pem")
    assert finished.code == 2 and "key.pem" in finished.err
    assert run("sign", tmp_path / "absent", "--key", tmp_path / "key.pem").code == 2


def test_nothing_to_verify(tmp_path: Path) -> None:
    finished = run("verify", tmp_path / "absent")
    assert finished.code == 2
    assert "nothing to verify" in finished.err
