from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tocsin.ledger.shards import (
    Changes,
    KnownShard,
    Listed,
    compare,
    from_table,
    to_table,
    unstamped,
)


def known(number: int, uri: str, content: str, stamp: str, present: bool = True) -> KnownShard:
    return KnownShard(
        number, uri, len(content), content, stamp, night=1, present=present, scan="out",
        records=3, documents=2, dead_letters=1, text_bytes=10,
    )  # fmt: skip


LEDGER = (known(0, "a", "AAA", "1"), known(1, "b", "BB", "2"), known(2, "c", "C", "3"))


def tonight(*shards: tuple[str, str, str]) -> Changes:
    """What became of LEDGER: shards as (name, content, stamp), looked up where they must be."""
    listed = [Listed(uri, len(content), stamp) for uri, content, stamp in shards]
    unknown = unstamped(LEDGER, listed)
    contents = {uri: content for uri, content, _ in shards}
    return compare(
        LEDGER,
        [
            Listed(one.uri, one.size, one.stamp, contents[one.uri] if one.uri in unknown else None)
            for one in listed
        ],
    )


def test_nothing_new_needs_no_look_at_any_content() -> None:
    listed = [Listed(shard.uri, shard.size, shard.stamp) for shard in LEDGER]
    assert unstamped(LEDGER, listed) == []
    assert compare(LEDGER, listed) == Changes((), (), (), (), LEDGER)


def test_new_changed_renamed_removed() -> None:
    changes = tonight(("a", "XYZ", "9"), ("d", "BB", "8"), ("e", "new", "7"))
    assert changes.unread == ("a", "e")
    assert changes.changed == ("a",)
    assert changes.renamed == (("b", "d"),)
    assert changes.removed == ("c",)
    assert [(shard.uri, shard.present) for shard in changes.known] == [
        ("a", False), ("d", True), ("c", False)
    ]  # fmt: skip


def test_touched_but_not_changed() -> None:
    changes = tonight(("a", "AAA", "99"), ("b", "BB", "2"), ("c", "C", "3"))
    assert (changes.unread, changes.renamed, changes.removed) == ((), (), ())
    assert changes.known[0].stamp == "99"


def test_the_same_size_and_time_with_another_content() -> None:
    """The stamp has the time at which the inode changed, which nobody can set back."""
    assert tonight(("a", "ZZZ", "1b"), ("b", "BB", "2"), ("c", "C", "3")).changed == ("a",)


def test_names_that_change_places() -> None:
    changes = tonight(("a", "BB", "1"), ("b", "AAA", "2"), ("c", "C", "3"))
    assert changes.unread == ()
    assert set(changes.renamed) == {("a", "b"), ("b", "a")}
    assert changes.removed == ()


def test_a_copy_is_a_shard_of_its_own() -> None:
    changes = tonight(("a", "AAA", "1"), ("b", "BB", "2"), ("c", "C", "3"), ("d", "AAA", "4"))
    assert (changes.unread, changes.renamed) == (("d",), ())


def test_a_content_that_comes_back() -> None:
    ledger = (known(0, "a", "AAA", "1", present=False), known(1, "a", "XX", "2"))
    changes = compare(ledger, [Listed("a", 3, "3", "AAA")])
    assert (changes.unread, changes.renamed, changes.removed) == ((), (), ())
    assert [shard.present for shard in changes.known] == [True, False]


contents = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["A", "BB", "CCC", "DDDD"]))


@given(contents, contents)
def test_every_shard_is_accounted_for(before: dict[str, str], after: dict[str, str]) -> None:
    ledger = [
        known(number, uri, content, uri + content)
        for number, (uri, content) in enumerate(before.items())
    ]
    listed = [Listed(uri, len(text), uri + text, text) for uri, text in after.items()]
    changes = compare(ledger, listed)
    present = {shard.uri for shard in changes.known if shard.present}
    assert present | set(changes.unread) == set(after)
    assert not present & set(changes.unread)
    for shard in changes.known:
        if shard.present:
            assert after[shard.uri] == shard.checksum
    assert set(changes.removed) == set(before) - set(after) - {old for old, _ in changes.renamed}
    assert {uri for uri in changes.unread if uri in before} == set(changes.changed)


def test_round_trip() -> None:
    assert from_table(to_table(LEDGER)) == LEDGER
