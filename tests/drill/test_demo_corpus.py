from __future__ import annotations

from pathlib import Path

import pytest

from tocsin.drill import demo_corpus
from tocsin.drill.demo_corpus import gather
from tocsin.drill.shard_files import Record, read_records


def records_of(shards: tuple[Path, ...]) -> list[Record]:
    return [record for shard in shards for record in read_records(shard) if record]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


def test_gathers_this_pythons_own_files(folder: Path) -> None:
    gathered = gather(folder / "a", shards=3, maximum_bytes=1_000_000)
    records = records_of(gathered.shards)
    assert [path.name for path in gathered.shards] == [f"part-0000{n}.jsonl.zst" for n in range(3)]
    assert all(set(record) == {"id", "text", "source"} for record in records)
    assert gathered.documents == len(records) == len({record["id"] for record in records})
    size = sum(len(record["text"].encode()) for record in records)
    assert gathered.text_bytes == size and 900_000 < size <= 1_000_000
    assert gathered.sources == len({record["source"] for record in records}) >= 20


def test_what_is_a_document(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = folder / "lib"
    text = "0123456789" * 20
    for name, content in {
        "module.py": text,
        "package/code.py": text,
        "package/LICENSE.APACHE": text,
        "package/__pycache__/code.py": text,
        "package/data.bin": text,
        "package/short.txt": "too short",
        "site-packages/other/code.py": text,
    }.items():
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(content)
    (library / "package" / "latin.txt").write_bytes(b"\xe4" * 200)
    monkeypatch.setattr(demo_corpus.sysconfig, "get_path", lambda name: str(library))
    monkeypatch.setattr(demo_corpus.importlib.metadata, "distributions", list)
    shards = gather(folder / "b", maximum_bytes=1_000_000).shards
    again = gather(folder / "c", maximum_bytes=1_000_000).shards
    assert [path.read_bytes() for path in shards] == [path.read_bytes() for path in again]
    records = records_of(shards)
    assert sorted(record["source"] for record in records) == ["package", "package", "stdlib"]
    assert not any(str(folder) in str(record) for record in records)


def test_no_source_dominates(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = folder / "many"
    for number in range(30):
        (library / "big").mkdir(parents=True, exist_ok=True)
        (library / "big" / f"{number}.txt").write_text("x" * 1_000)
    monkeypatch.setattr(demo_corpus.sysconfig, "get_path", lambda name: str(library))
    monkeypatch.setattr(demo_corpus.importlib.metadata, "distributions", list)
    assert gather(folder / "d", maximum_bytes=100_000).documents == 5
