from __future__ import annotations

import json

import pytest


@pytest.fixture(scope="session")
def shard() -> bytes:
    """JSONL of twenty short documents, `d0` to `d19`."""
    return b"".join(
        json.dumps({"id": f"d{number}", "source": "here", "text": f"Text number {number}. " * 20})
        .encode() + b"\n"
        for number in range(20)
    )  # fmt: skip
