from __future__ import annotations

import pyarrow as pa
import pytest

from tocsin.judge.lists import Lists
from tocsin.judge.policy import Policy
from tocsin.measure.hashes import HASH_TYPE
from tocsin.toml import ConfigurationError

HASH = "00112233445566778899aabbccddeeff"


def test_lists_and_their_files() -> None:
    files = {
        "known.toml": f'triggers = ["bbbb", "aaaa"]\nhashes = ["{HASH}"]\n'.encode(),
        "more.toml": b'groups = ["x.org"]\ntriggers = ["aaaa"]',
    }
    content = b'[block]\ntriggers = ["cccc"]\nfiles = ["known.toml", "more.toml"]'
    block = Policy.parse(content, files.__getitem__).block
    assert block == Lists(("aaaa", "bbbb", "cccc"), (HASH,), ("x.org",))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"allow = 3", "allow: must be a table"),
        (b"[allow]\ntrigger = ['a']", "allow.trigger: unknown"),
        (b"[allow]\ntriggers = 'a'", "allow.triggers"),
        (b"[allow]\ntriggers = ['']", "allow.triggers"),
        (b"[allow]\ngroups = [3]", "allow.groups"),
        (b"[block]\nhashes = ['00']", "block.hashes"),
        (b"[block]\nhashes = ['" + HASH.upper().encode() + b"']", "block.hashes"),
        (b"[block]\nfiles = ['gone.toml']", "block.files: .*gone.toml"),
        (b"[block]\nfiles = ['bad.toml']", "block.files: bad.toml: not TOML"),
        (b"[block]\nfiles = ['other.toml']", "block.files: other.toml: triger"),
    ],
)
def test_lists_that_cannot_be_used(content: bytes, named: str) -> None:
    def read(name: str) -> bytes:
        if name == "gone.toml":
            raise FileNotFoundError(2, "No such file")
        return b"[" if name == "bad.toml" else b"triger = ['a']"

    with pytest.raises(ConfigurationError, match=named) as caught:
        Policy.parse(content, read)
    assert str(caught.value).isprintable()


def test_no_files_without_a_reader() -> None:
    with pytest.raises(ConfigurationError, match=r"block\.files"):
        Policy.parse(b"[block]\nfiles = ['list.toml']")


def test_documents_that_a_list_names() -> None:
    table = pa.table(
        {
            "content_hash": pa.array([bytes.fromhex(HASH), bytes(16), bytes(16)], HASH_TYPE),
            "group": ["a.org", "x.org", "a.org"],
        }
    )
    assert Lists(hashes=(HASH,), groups=("x.org",)).documents(table).to_pylist() == [
        True, True, False,
    ]  # fmt: skip
    assert not Lists(triggers=("a",)).names_documents()


def test_the_manifest_knows_lists_by_length_and_digest() -> None:
    described = Lists(triggers=("a", "b")).describe()
    assert (described["triggers"], described["hashes"], described["groups"]) == (2, 0, 0)
    assert described["digest"] != Lists(triggers=("a", "c")).describe()["digest"]
