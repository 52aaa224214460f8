from __future__ import annotations

import hashlib
import json
import platform
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tocsin
from tocsin.ledger.manifest import (
    FORMAT,
    MANIFEST_FILE,
    ManifestError,
    decode,
    digest_of,
    encode,
    reconcile,
    versions,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
manifests = st.dictionaries(
    st.text(max_size=8).filter(lambda key: key not in ("format", "digest")), json_values
)


@given(manifests)
def test_round_trip(manifest: dict[str, Any]) -> None:
    content = encode(manifest)
    assert decode(content) == manifest
    assert content.endswith(b"\n")


def test_a_manifest_is_json_that_people_can_read() -> None:
    content = encode({"scan_id": "s", "inputs": [{"uri": "a\n\x1b[31m"}]})
    written = json.loads(content)
    assert len(written.pop("digest")) == 64
    assert written == {"format": FORMAT, "scan_id": "s", "inputs": [{"uri": "a\n\x1b[31m"}]}
    assert content.isascii() and b"\x1b" not in content
    assert MANIFEST_FILE == "manifest.json"


@given(manifests, manifests)
def test_an_altered_manifest(manifest: dict[str, Any], other: dict[str, Any]) -> None:
    written = json.loads(encode(manifest))
    altered = {"format": FORMAT, "digest": written["digest"], **other}
    if digest_of(other) != digest_of(manifest):
        with pytest.raises(ManifestError, match="altered"):
            decode(json.dumps(altered).encode())
    del altered["digest"]
    assert decode(json.dumps(altered).encode()) == other  # as earlier versions wrote it


@given(manifests, st.data())
def test_a_manifest_that_breaks_off(manifest: dict[str, Any], data: st.DataObject) -> None:
    content = encode(manifest).rstrip()
    size = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(ManifestError, match="damaged"):
        decode(content[:size])


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b"\xff\xfe{}")
@example(b'{"format": "\\u001b"}')
def test_any_bytes(content: bytes) -> None:
    with pytest.raises(ManifestError) as caught:
        decode(content)
    assert str(caught.value).isprintable()  # one line, and harmless on a terminal


@pytest.mark.parametrize("found", [0, FORMAT + 1, None, "1", [1]])
def test_another_format(found: Any) -> None:
    with pytest.raises(ManifestError, match="format"):
        decode(json.dumps({"format": found, "scan_id": "s"}).encode())


@given(st.dictionaries(st.text(), json_values), st.randoms(use_true_random=False))
def test_digests_do_not_depend_on_the_order_of_keys(
    description: dict[str, Any], generator: Any
) -> None:
    keys = list(description)
    generator.shuffle(keys)
    shuffled = {key: description[key] for key in keys}
    assert digest_of(shuffled) == digest_of(description)


def test_digests() -> None:
    assert (
        digest_of({"b": [1, "ü"], "a": None})
        == hashlib.sha256(b'{"a":null,"b":[1,"\\u00fc"]}').hexdigest()
    )
    assert digest_of({"a": 1}) != digest_of({"a": "1"}) != digest_of(["a", 1])
    assert digest_of({"a": [1, 2]}) != digest_of({"a": [2, 1]})


def test_versions() -> None:
    found = versions()
    assert list(found) == ["tocsin", "python", "apache-beam", "numba", "numpy", "pyarrow"]
    assert found["tocsin"] == tocsin.__version__
    assert found["python"] == platform.python_version()
    assert found["numpy"] == np.__version__


def entry(uri: str, records: int, documents: int, dead_letters: int) -> dict[str, Any]:
    return {
        "uri": uri, "records": records, "documents": documents, "dead_letters": dead_letters
    }  # fmt: skip


def test_reconcile() -> None:
    assert reconcile([]) == []
    assert reconcile([entry("a", 5, 3, 2), entry("b", 0, 0, 0)]) == []
    lost = reconcile([entry("a", 5, 3, 2), entry("b", 9, 7, 1), entry("c", 1, 1, 1)])
    assert lost == [
        "b: 9 records, but 7 documents and 1 dead letters",
        "c: 1 records, but 1 documents and 1 dead letters",
    ]
