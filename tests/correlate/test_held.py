"""What is remembered of documents, against the documents themselves."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from measure.baseline import Baseline
from measure.calls import batch_of

from correlate.leads import Document, clean, follow, holding, shuffled, words
from tocsin.correlate.held import (
    HELD_KINDS,
    IDENTITY_COLUMNS,
    KEPT_ROWS,
    KEPT_SCHEMA,
    held_shingles_of,
    held_table,
    holders_of,
    read_again,
    read_heads_again,
    texts_to_keep,
    with_holders,
)
from tocsin.correlate.reading import READ_SCHEMA
from tocsin.correlate.recall import EARLIER
from tocsin.correlate.shared import SHINGLES_COMPARED
from tocsin.measure.batch import Measurer
from tocsin.measure.hashes import HASH_TYPE
from tocsin.measure.shingles import SHINGLE

PAYLOAD = "zunk " + words("payload", 60)


def _documents(count: int) -> pa.Table:
    return pa.table(
        {
            "position": np.arange(count),
            "doc_id": [f"d{number}" for number in range(count)],
            "group": [f"g{number % 3}" for number in range(count)],
            "content_hash": pa.array([bytes(16)] * count, HASH_TYPE),
            "byte_length": np.arange(count) + 100,
        }
    )  # fmt: skip


def _shingles(seed: int, documents: int, size: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    records = np.zeros(size, SHINGLE)
    records["shard"], records["position"] = 7, draw.integers(0, documents, size)
    records["group"], records["hash"] = records["position"] % 3, draw.integers(0, 1 << 40, size)
    return np.unique(records)


@pytest.mark.parametrize(("documents", "size"), [(50, 400), (2, 3 * SHINGLES_COMPARED), (5, 0)])
def test_documents_are_stored_with_the_least_of_their_shingles(documents: int, size: int) -> None:
    shingles = {
        kind: _shingles(seed, documents, size) for seed, kind in enumerate(("samples", "sketches"))
    }
    table = held_table(shingles, _documents(documents))
    for kind, records in shingles.items():
        expected: dict[int, list[int]] = {}
        for record in np.sort(records, order="hash"):
            some = expected.setdefault(int(record["position"]), [])
            if len(some) < SHINGLES_COMPARED:
                some.append(int(record["hash"]))
        found: dict[int, list[int]] = {}
        for shard, position, group, hashed in held_shingles_of(table, kind).tolist():
            assert (shard, group) == (7, position % 3)
            found.setdefault(position, []).append(hashed)
        assert found == expected
    for row in table.to_pylist():
        assert (row["doc_id"], row["length"]) == (f"d{row['position']}", row["position"] + 100)


def _poisoned(count: int) -> list[Document]:
    return [
        (f"{words(f'head {one}', 60)} {PAYLOAD} {words(f'tail {one}', 60)}", f"p{one % 9}.org")
        for one in range(count)
    ]


@pytest.fixture(scope="module")
def shards() -> list[list[Document]]:
    retold = [
        (f"{words('story', 30)} {words(f'own {one}', 3)} {words('more', 40)}", f"q{one}.org")
        for one in range(12)
    ]
    return shuffled([*clean(150), *_poisoned(30), *retold], 1)


def test_kept_texts_say_what_their_documents_do(
    baseline: Baseline, shards: list[list[Document]]
) -> None:
    followed = follow(baseline, shards)
    read = followed.read.filter(pc.equal(followed.read["shard"], 0))
    assert set(read["kind"].to_pylist()) == {"passage", "story"}
    again = read_again(read.select(KEPT_SCHEMA.names), followed.leads, baseline.profile.seed)
    order = [(name, "ascending") for name in ("kind", "lead", "position")]
    assert again.sort_by(order).to_pylist() == read.sort_by(order).to_pylist()


def test_heads_are_found_in_kept_texts(baseline: Baseline, shards: list[list[Document]]) -> None:
    passages = follow(baseline, shards).read.filter(pc.field("kind") == "passage")
    shard = pc.add(passages["shard"], pa.scalar(EARLIER, pa.uint32()))
    earlier = passages.set_column(
        passages.schema.get_field_index("shard"), READ_SCHEMA.field("shard"), shard
    )
    rows = read_heads_again(pa.concat_tables([passages, earlier]), [b"nowhere", b"zunk"])
    found = {(row["shard"] - EARLIER, row["position"]): row for row in rows.to_pylist()}
    assert set(found) == holding(shards, PAYLOAD)
    assert len(found) == rows.num_rows
    for (number, position), row in found.items():
        text = shards[number][position][0].encode()
        assert (row["kind"], row["lead"], text[row["start"] : row["end"]]) == ("head", 1, b"zunk")
        first = row["context_start"]
        assert text[first : first + len(row["context"])] == row["context"]


def test_documents_of_a_payload_are_known_by_their_shingles(
    baseline: Baseline, shards: list[list[Document]]
) -> None:
    anchors = follow(baseline, shards).leads.anchors
    batch = batch_of([text.encode() for text, _ in shards[0]], [group for _, group in shards[0]])
    measured = Measurer(baseline.profile).measure(batch, "s0", 0)
    documents = pa.Table.from_batches([measured.documents]).select(list(IDENTITY_COLUMNS))
    held = held_table({kind: measured.evidence[kind] for kind in HELD_KINDS}, documents)
    rows = holders_of(held, anchors)
    assert {row["kind"] for row in rows.to_pylist()} == {"held"}
    by_lead: dict[int, set[int]] = {}
    for row in rows.to_pylist():
        by_lead.setdefault(row["lead"], set()).add(row["position"])
        assert row["end"] == row["length"] == len(shards[0][row["position"]][0].encode())
    expected = {number for number, (text, _) in enumerate(shards[0]) if PAYLOAD in text}
    assert expected in by_lead.values()


def test_a_campaign_takes_the_earlier_documents_of_its_lead(
    baseline: Baseline, shards: list[list[Document]]
) -> None:
    followed = follow(baseline, shards)
    [campaign] = followed.payloads.campaigns
    read = followed.read.filter(pc.equal(followed.read["kind"], "passage"))
    lead = Counter(read["lead"].to_pylist()).most_common(1)[0][0]
    one = campaign.documents.slice(0, 1).to_pylist()[0]
    same = {name: one[name] for name in ("shard", "position", "doc_id", "group", "content_hash")}
    other = {**same, "shard": EARLIER + 3, "doc_id": "earlier", "group": "another.org"}
    held = pa.Table.from_pylist(
        [
            {**place, "kind": "held", "lead": number, "length": 9, "start": 0, "end": 9,
             "context": b"", "context_start": 0}
            for number, place in ((lead, same), (lead, other), (999, other))
        ],
        READ_SCHEMA,
    )  # fmt: skip
    joined = with_holders(campaign, read, held)
    assert joined.documents.num_rows == joined.occurrences == campaign.documents.num_rows + 1
    added = joined.documents.to_pylist()[-1]
    assert (added["doc_id"], added["hit"], added["end"]) == ("earlier", False, 9)
    assert (joined.groups, joined.score) == (campaign.groups + 1, campaign.score)
    assert with_holders(campaign, read, held.slice(0, 1)) is campaign


def test_texts_are_kept_of_tonight_and_of_several_groups() -> None:
    def rows(lead: int, groups: int, count: int, shard: int) -> list[dict]:
        return [
            {"kind": "passage", "lead": lead, "shard": shard, "position": one, "doc_id": f"d{one}",
             "group": f"g{lead} {shard % 7} {one % groups}", "content_hash": bytes(16), "length": 5,
             "start": 1, "end": 3, "context": b"abc", "context_start": 0}
            for one in range(count)
        ]  # fmt: skip

    read = pa.Table.from_pylist(
        [
            *rows(0, 5, 10, 1),
            *rows(1, 2, 10, 1),  # of one or two sites
            *[row for shard in (1, EARLIER) for row in rows(2, 2, 4, shard)],
            *rows(3, 9, KEPT_ROWS + 9, 1),
        ],
        READ_SCHEMA,
    )
    kept = texts_to_keep(read)
    assert kept.schema.equals(KEPT_SCHEMA)
    names = [group.split()[0] for group in kept["group"].to_pylist()]
    assert Counter(names) == {"g0": 10, "g2": 4, "g3": KEPT_ROWS}
    assert set(kept["shard"].to_pylist()) == {1}
