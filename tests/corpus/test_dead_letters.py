from __future__ import annotations

from tocsin.corpus.batches import DEAD_LETTER_SCHEMA
from tocsin.corpus.dead_letters import (
    RAW_BYTES,
    DeadLetters,
    Fault,
    Reason,
    unreadable_shard,
)

FAULT = Fault(Reason.MALFORMED_JSON, "no value")


def test_rows_follow_the_contract() -> None:
    letters = DeadLetters("corpus/a.jsonl")
    letters.add(FAULT, 3, 40, b"{")
    letters.add(Fault(Reason.MISSING_TEXT, "null"), 4)
    assert letters.take().to_pylist() == [
        {
            "source_uri": "corpus/a.jsonl",
            "position": 3,
            "byte_offset": 40,
            "reason": "malformed_json",
            "detail": "no value",
            "raw": b"{",
        },
        {
            "source_uri": "corpus/a.jsonl",
            "position": 4,
            "byte_offset": -1,
            "reason": "missing_text",
            "detail": "null",
            "raw": b"",
        },
    ]


def test_take_empties() -> None:
    letters = DeadLetters("a")
    letters.add(FAULT, 0, raw=b"abc")
    assert letters.raw_bytes == 3
    assert letters.take().num_rows == 1
    assert letters.raw_bytes == 0
    empty = letters.take()
    assert empty.num_rows == 0
    assert empty.schema.equals(DEAD_LETTER_SCHEMA)


def test_only_the_start_of_a_record_is_kept() -> None:
    letters = DeadLetters("a")
    letters.add(FAULT, 0, raw=b"x" * (RAW_BYTES + 1))
    assert letters.raw_bytes == RAW_BYTES
    assert letters.take().column("raw").to_pylist() == [b"x" * RAW_BYTES]


def test_a_detail_is_short_and_valid() -> None:
    letters = DeadLetters("a")
    letters.add(Fault(Reason.CORRUPT_SHARD, "\ud800" + "x" * 10_000), 0)
    (detail,) = letters.take().column("detail").to_pylist()
    assert detail.startswith("?xxx")
    assert len(detail) <= 500


def test_every_reason_is_one_word() -> None:
    assert all(reason.value == reason.name.lower() for reason in Reason)
    assert len({reason.value for reason in Reason}) == len(Reason)


def test_a_shard_that_cannot_be_opened() -> None:
    (row,) = unreadable_shard("gs://b/a.jsonl", "forbidden").to_pylist()
    assert (row["position"], row["byte_offset"]) == (0, 0)
    assert (row["reason"], row["detail"]) == ("unreadable_shard", "forbidden")
