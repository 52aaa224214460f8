from __future__ import annotations

import pytest

from tocsin.corpus.batches import MIB, FieldNames, Limits


def test_group_candidates() -> None:
    assert FieldNames().group_candidates == ("url", "source")
    assert FieldNames(group="site").group_candidates == ("site",)


def test_each_field_is_read_once() -> None:
    assert FieldNames().all == ("text", "id", "url", "source")
    assert FieldNames(text="url", id="url").all == ("url", "source")


@pytest.mark.parametrize(
    ("compressed", "expanded", "expected"),
    [
        (1, 10 * MIB, False),
        (1, 10 * MIB + 1, True),
        (MIB, 100 * MIB, False),
        (MIB, 100 * MIB + 1, True),
    ],
)
def test_bombs_are_large_and_out_of_proportion(
    compressed: int, expanded: int, expected: bool
) -> None:
    limits = Limits(bomb_bytes=10 * MIB, bomb_ratio=100)
    assert limits.is_bomb(compressed, expanded) is expected
