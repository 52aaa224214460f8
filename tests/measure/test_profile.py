from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from measure import calls
from tocsin.measure.counts import CountTable
from tocsin.measure.profile import (
    COUNTS_FILE,
    DESCRIPTION_FILE,
    FORMAT,
    MINIMUM_COUNT,
    Profile,
    ProfileError,
)

TEXTS = [b"one two three", b"one two four", b"three four"]
PROFILE = calls.profile_of(TEXTS)
FILES = PROFILE.to_files()


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def described(**changes: Any) -> bytes:
    """The description with other values; without those that are changed to `...`."""
    description = {**json.loads(FILES[DESCRIPTION_FILE]), **changes}
    return json.dumps({k: v for k, v in description.items() if v is not ...}).encode()


def with_slots(slots: np.ndarray) -> dict[str, bytes]:
    """Files with other counts, and their right digest."""
    digest = hashlib.sha256(slots.tobytes()).hexdigest()
    return {COUNTS_FILE: saved(slots), DESCRIPTION_FILE: described(digest=digest)}


def assert_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(ProfileError) as caught:
        Profile.from_files(files)
    message = str(caught.value)
    assert message and message.isprintable()  # one line, and harmless on a terminal


def test_round_trip() -> None:
    assert set(FILES) == {COUNTS_FILE, DESCRIPTION_FILE}
    read = Profile.from_files(FILES)
    np.testing.assert_array_equal(read.table.slots, PROFILE.table.slots)
    for name in ("words", "documents", "seed", "sample_rate", "digest"):
        assert getattr(read, name) == getattr(PROFILE, name)
    assert read.to_files() == FILES


def test_what_a_profile_holds() -> None:
    assert (PROFILE.words, PROFILE.documents) == (8, 3)
    folded = calls.tokenize(b"one two three four", PROFILE.seed).folded
    assert calls.look_up(PROFILE.table, folded).tolist() == [2, 2, 2, 2]
    assert PROFILE.digest == hashlib.sha256(PROFILE.table.slots.astype("<u4").tobytes()).hexdigest()
    assert MINIMUM_COUNT == 2


def test_the_same_counts_give_the_same_files() -> None:
    assert calls.profile_of(TEXTS[::-1]).to_files() == FILES


def test_files_have_nothing_to_execute() -> None:
    """The counts are a plain array, the description plain JSON."""
    array = np.load(io.BytesIO(FILES[COUNTS_FILE]), allow_pickle=False)
    assert (array.dtype, array.ndim) == (np.uint32, 1)
    assert json.loads(FILES[DESCRIPTION_FILE])["format"] == FORMAT
    objects = np.array([{"an": "object"}], object)
    stream = io.BytesIO()
    np.save(stream, objects, allow_pickle=True)
    assert_refused({**FILES, COUNTS_FILE: stream.getvalue()})


@pytest.mark.parametrize("name", [COUNTS_FILE, DESCRIPTION_FILE])
def test_a_missing_file(name: str) -> None:
    assert_refused({key: content for key, content in FILES.items() if key != name})


@pytest.mark.parametrize("name", [COUNTS_FILE, DESCRIPTION_FILE])
@given(data=st.data())
def test_truncated(name: str, data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(FILES[name].rstrip()) - 1))
    assert_refused({**FILES, name: FILES[name][:size]})


@given(
    st.lists(
        st.tuples(st.integers(0, len(FILES[COUNTS_FILE]) - 1), st.integers(0, 255)), min_size=1
    )
    | st.lists(st.tuples(st.integers(0, 127), st.sampled_from(b"()'{}:,\n\x00 19")), min_size=1)
)
def test_altered_counts(changes: list[tuple[int, int]]) -> None:
    content = bytearray(FILES[COUNTS_FILE])
    for place, byte in changes:
        content[place] = byte
    try:
        read = Profile.from_files({**FILES, COUNTS_FILE: bytes(content)})
    except ProfileError as error:
        assert str(error).isprintable()
    else:  # white space in the file's header
        np.testing.assert_array_equal(read.table.slots, PROFILE.table.slots)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(["format", "words", "documents", "seed", "sample_rate", "digest", "table"])
        | st.text(max_size=8),
        json_values | st.just(...),
        max_size=3,
    )
)
@example({"words": "12"})
@example({"seed": -1})
@example({"seed": 1 << 64})
@example({"sample_rate": None})
@example({"sample_rate": float("nan")})
@example({"words\n\x1b[31m": 1})
@example({"format": 2})
def test_altered_descriptions(changes: dict[str, Any]) -> None:
    """Refused, or a profile that a scan can use."""
    try:
        read = Profile.from_files({**FILES, DESCRIPTION_FILE: described(**changes)})
    except ProfileError as error:
        assert str(error).isprintable()
    else:
        np.testing.assert_array_equal(read.table.slots, PROFILE.table.slots)
        assert np.uint64(read.seed) == read.seed
        assert float(read.words) >= 0 and read.documents >= 0 and read.sample_rate > 0


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b"1")
@example(b'"format"')
def test_no_description_at_all(content: bytes) -> None:
    assert_refused({**FILES, DESCRIPTION_FILE: content})


@given(st.binary())
@example(b"PK\x03\x04")
@example(b"\x93NUMPY\x01\x00v\x00{'descr': '<u4', 'fortran_order': False, 'shape': (")
def test_no_counts_at_all(content: bytes) -> None:
    assert_refused({**FILES, COUNTS_FILE: content})


def test_counts_of_another_kind() -> None:
    slots = PROFILE.table.slots
    archive = io.BytesIO()
    np.savez(archive, slots=slots)
    assert_refused({**FILES, COUNTS_FILE: archive.getvalue()})
    for other in (slots.astype(np.int32), slots.astype(np.uint64), slots.astype(">u4")):
        assert_refused({**FILES, COUNTS_FILE: saved(other)})
    assert_refused(with_slots(slots.reshape(2, -1)))


@pytest.mark.parametrize("size", [0, 1, 2, 4, 8, 1000, 1025])
def test_counts_that_no_kernel_can_look_up_in(size: int) -> None:
    assert_refused(with_slots(np.zeros(size, np.uint32)))


def test_counts_of_a_size_that_no_machine_has() -> None:
    """The header promises more than follows."""
    header = saved(PROFILE.table.slots)[:128]
    huge = header.replace(b"(1024,)", b"(1024000000000000,)")
    assert huge.rstrip().endswith(b"}") and len(huge.rstrip()) < 127
    assert_refused({**FILES, COUNTS_FILE: huge[:127] + b"\n" + FILES[COUNTS_FILE][128:]})


def test_counts_that_were_altered_are_told() -> None:
    slots = PROFILE.table.slots.copy()
    slots[0] ^= 1
    with pytest.raises(ProfileError, match="altered"):
        Profile.from_files({**FILES, COUNTS_FILE: saved(slots)})


def test_another_format_is_told() -> None:
    with pytest.raises(ProfileError, match="format 7"):
        Profile.from_files({**FILES, DESCRIPTION_FILE: described(format=7)})


def test_an_empty_profile() -> None:
    empty = Profile.create(np.empty(0, np.uint64), np.empty(0, np.uint32), 0, 0, 1, 1.0)
    read = Profile.from_files(empty.to_files())
    assert isinstance(read.table, CountTable) and not read.table.slots.any()
