from __future__ import annotations

import pytest

from tocsin.commands.export import _names_of


@pytest.mark.parametrize(
    ("uris", "names"),
    [
        ([], []),
        (["/c/part.jsonl"], ["part.jsonl"]),
        (["/c/a/x.jsonl", "/c/b/x.jsonl"], ["a/x.jsonl", "b/x.jsonl"]),
        (["/c/a/x.jsonl", "/c/ab/x.jsonl"], ["a/x.jsonl", "ab/x.jsonl"]),
        # dolma's layout, of which the scan saw one folder alone
        (["gs://b/documents/2025/1.gz", "gs://b/documents/2025/2.gz"], ["2025/1.gz", "2025/2.gz"]),
        (["/documents/x/documents/1", "/documents/x/documents/2"], ["1", "2"]),
        (["gs://b/x/documents", "gs://b/x/y"], ["documents", "y"]),
    ],
)
def test_names_as_dolma_looks_for_them(uris: list[str], names: list[str]) -> None:
    assert _names_of(uris) == names
