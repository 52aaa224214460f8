"""Which earlier shards still count."""

from __future__ import annotations

from tocsin.beam.night import _superseded
from tocsin.ledger.shards import KnownShard


def _shard(number: int, uri: str, present: bool) -> KnownShard:
    return KnownShard(number, uri, 1, "x", "y", 1, present, "out", 1, 1, 0, 1)


def test_one_content_of_a_place_counts_at_a_time() -> None:
    ledger = [
        _shard(0, "changed", False),  # tonight's listing has another content there
        _shard(1, "gone", False),  # changed on a night, and removed on a later one
        _shard(2, "gone", False),
        _shard(3, "here", True),
    ]
    assert _superseded(ledger, {"changed", "here"}) == {0, 1}
