from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tocsin.beam import storage
from tocsin.beam.storage import StorageError, StoredFile


def _entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file"
    with storage.writing(str(path)) as file:
        file.write(b"one ")
        assert not path.exists()
        file.write(memoryview(b"two"))
        assert not path.exists()
    assert path.read_bytes() == b"one two"
    assert _entries(path.parent) == ["file"]


def test_a_failed_file_does_not_appear(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), storage.writing(str(tmp_path / "file")) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert _entries(tmp_path) == []


def test_a_failed_file_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "file"
    storage.write(str(path), b"before")
    with pytest.raises(ZeroDivisionError), storage.writing(str(path)) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"before"
    storage.write(str(path), b"after")
    assert path.read_bytes() == b"after"
    assert _entries(tmp_path) == ["file"]


def test_writers_of_the_same_file_do_not_mix(tmp_path: Path) -> None:
    """As two workers that were given the same shard."""
    path = tmp_path / "file"
    with storage.writing(str(path)) as first, storage.writing(str(path)) as second:
        first.write(b"1" * 10)
        second.write(b"2" * 20)
    assert path.read_bytes() == b"1" * 10
    assert _entries(tmp_path) == ["file"]


def test_a_file_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError), storage.writing(str(tmp_path / "file" / "below")):
        pass
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError), storage.writing(str(tmp_path / "folder")):
        pass
    assert _entries(tmp_path) == ["file", "folder"]


def test_what_was_written_is_described(tmp_path: Path) -> None:
    content = os.urandom(100_000)
    with storage.writing(str(tmp_path / "file")) as file:
        assert file.write(content[:10]) == 10
        assert file.write(pa.py_buffer(content[10:])) == 99_990
        assert file.tell() == 100_000
    for written in (file, storage.WrittenFile.of(content)):
        assert written.bytes == 100_000
        assert written.sha256 == hashlib.sha256(content).hexdigest()


def test_bytes_are_counted_whatever_the_buffer_holds(tmp_path: Path) -> None:
    with storage.writing(str(tmp_path / "file")) as file:
        assert file.write(memoryview(b"\1\0\0\0\2\0\0\0").cast("i")) == 8
    assert file.bytes == 8


def test_pyarrow_writes_to_it(tmp_path: Path) -> None:
    table = pa.table({"numbers": list(range(10_000))})
    with storage.writing(str(tmp_path / "file.parquet")) as file:
        pq.write_table(table, file)
    assert pq.read_table(tmp_path / "file.parquet") == table
    assert file.bytes == (tmp_path / "file.parquet").stat().st_size


def test_leftovers_of_killed_writers_are_told_and_deleted(tmp_path: Path) -> None:
    kept = ["file", ".hidden", ".file.tmp", "file.0123456789ab.tmp", ".f.0123456789aX.tmp"]
    for name in kept:
        (tmp_path / name).touch()
    with storage.writing(str(tmp_path / "below" / "file")):
        [temporary] = _entries(tmp_path / "below")
        (tmp_path / temporary).touch()
    assert storage.is_temporary(temporary)
    assert storage.is_temporary(f"below/{temporary}")
    assert not any(storage.is_temporary(name) for name in kept)
    storage.delete_temporaries(str(tmp_path))
    assert _entries(tmp_path) == sorted([*kept, "below"])
    storage.delete_temporaries(str(tmp_path / "absent"))


def test_delete(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    storage.delete([str(tmp_path / "a"), str(tmp_path / "gone")])
    assert _entries(tmp_path) == ["b"]


def test_read_and_exists(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert not storage.exists(str(path))
    with pytest.raises(OSError):
        storage.read(str(path))
    with pytest.raises(OSError):
        storage.open_file(str(path))
    path.write_bytes(b"\0\xff")
    assert storage.exists(str(path))
    assert storage.read(str(path)) == b"\0\xff"


def test_compressed_files_are_read_as_they_are_stored(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(b"\x1f\x8b not really")
    assert storage.read(str(path)) == b"\x1f\x8b not really"


@pytest.mark.parametrize(
    ("folder", "names", "expected"),
    [
        ("/a", ["b"], "/a/b"),
        ("/a/", ["b", "c"], "/a/b/c"),
        ("/", ["b"], "/b"),
        ("gs://bucket", ["b"], "gs://bucket/b"),
        ("gs://bucket/a/", ["b"], "gs://bucket/a/b"),
    ],
)
def test_join(folder: str, names: list[str], expected: str) -> None:
    assert storage.join(folder, *names) == expected


def test_is_remote() -> None:
    assert storage.is_remote("gs://bucket/a")
    assert not storage.is_remote("/a/b:c")
    assert not storage.is_remote("a")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A few files; each is as long as its name."""
    for name in ("a.jsonl", "b.gz", "sub/c.jsonl", "sub/deep/d.jsonl", "sub2/c.jsonl", ".e.jsonl"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))
    (tmp_path / "tree" / "dangling.jsonl").symlink_to(tmp_path / "absent")
    (tmp_path / "tree" / "linked.jsonl").symlink_to(tmp_path / "tree" / "a.jsonl")
    (tmp_path / "tree" / "empty").mkdir()
    return tmp_path / "tree"


def _names(files: list[StoredFile]) -> list[str]:
    return [file.name for file in files]


def test_find_a_folder(tree: Path) -> None:
    files = storage.find(str(tree))
    assert _names(files) == [
        ".e.jsonl", "a.jsonl", "b.gz", "linked.jsonl",
        "sub/c.jsonl", "sub/deep/d.jsonl", "sub2/c.jsonl",
    ]  # fmt: skip
    for file in files:
        assert file.uri == str(tree / file.name)
        assert file.size == (tree / file.name).stat().st_size
    assert storage.find(f"{tree}/") == files == storage.files_in(str(tree))


def test_find_a_file(tree: Path) -> None:
    path = str(tree / "sub" / "c.jsonl")
    assert storage.find(path) == [StoredFile(path, 11, "c.jsonl")]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.jsonl", ["a.jsonl", "linked.jsonl"]),
        ("sub*/*.jsonl", ["sub/c.jsonl", "sub2/c.jsonl"]),
        ("sub/*.jsonl", ["c.jsonl"]),
        ("**/d.jsonl", ["sub/deep/d.jsonl"]),
        ("?.gz", ["b.gz"]),
        ("[ab].*", ["a.jsonl", "b.gz"]),
    ],
)
def test_find_by_glob(tree: Path, pattern: str, names: list[str]) -> None:
    assert [name for name in _names(storage.find(f"{tree}/{pattern}")) if name[0] != "."] == names


def test_relative_inputs_become_absolute(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree / "sub")
    assert [file.uri for file in storage.find("c.jsonl")] == [str(tree / "sub" / "c.jsonl")]
    assert [file.uri for file in storage.find("../*.gz")] == [str(tree / "b.gz")]
    assert len(storage.find(".")) == 2


@pytest.mark.parametrize(
    "pattern", ["absent", "absent.jsonl", "*.parquet", "empty", "dangling.jsonl"]
)
def test_nothing_found(tree: Path, pattern: str) -> None:
    with pytest.raises(StorageError, match="no such input"):
        storage.find(f"{tree}/{pattern}")


def test_a_name_with_brackets_is_a_file_first(tmp_path: Path) -> None:
    (tmp_path / "a[1].jsonl").write_bytes(b"{}")
    assert _names(storage.find(str(tmp_path / "a[1].jsonl"))) == ["a[1].jsonl"]


def test_files_of_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    assert storage.files_in(str(tmp_path / "absent")) == []


def test_an_unknown_scheme() -> None:
    storage.require_known_scheme("gs://bucket/a")
    with pytest.raises(StorageError, match="no storage is known for nowhere://bucket/a"):
        storage.require_known_scheme("nowhere://bucket/a")


class _Flaky(io.BytesIO):
    """Fails at each read that begins before `fails_until` reads were made."""

    reads = 0
    fails_until = 0

    def read(self, size: int | None = -1) -> bytes:
        _Flaky.reads += 1
        if _Flaky.reads in (2, 3) or _Flaky.reads > _Flaky.fails_until > 0:
            raise OSError("flaky")
        return super().read(size)


def test_a_failure_that_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "open_file", lambda uri: _Flaky(b"0123456789"))
    monkeypatch.setattr(storage.PersistentReader, "_PAUSES", (0, 0))
    monkeypatch.setattr(_Flaky, "reads", 0)
    with storage.PersistentReader("x") as stream:
        assert [stream.read(4) for _ in range(4)] == [b"0123", b"4567", b"89", b""]
        assert stream.seek(5) == 5
        assert stream.read(2) == b"56"
        assert stream.tell() == 7
    monkeypatch.setattr(_Flaky, "reads", 0)
    monkeypatch.setattr(_Flaky, "fails_until", 1)
    with storage.PersistentReader("x") as stream, pytest.raises(OSError, match="flaky"):
        stream.read(4)
        stream.read(4)


def test_a_folder_is_claimed_once(tmp_path: Path) -> None:
    folder = str(tmp_path / "out")
    with storage.claimed(folder):
        with pytest.raises(StorageError, match="another run"), storage.claimed(folder):
            pass
        with storage.claimed(str(tmp_path / "other")):
            pass
    with storage.claimed(folder):
        pass


def test_a_file_that_goes_while_its_folder_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stays").write_bytes(b"abc")
    (tmp_path / "goes").write_bytes(b"")
    size_of = os.path.getsize

    def getsize(path: str) -> int:
        (tmp_path / "goes").unlink(missing_ok=True)
        return size_of(path)

    monkeypatch.setattr(os.path, "getsize", getsize)
    [file] = storage.files_in(str(tmp_path))
    assert (file.name, file.size) == ("stays", 3)
