from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.drill.identities import is_record_id, similar_ids


@pytest.mark.parametrize(
    ("example", "shape", "longer"),
    [
        ("tldr-pages-1af6644b89e3-0", r"tldr-pages-[0-9a-f]{12}-0", r"tldr-pages-[0-9a-f]{13}-0"),
        ("en0002/DEADBEEF42", r"en0002/[0-9A-F]{10}", r"en0002/[0-9A-F]{11}"),
        ("doc-000123", r"doc-\d{6}", r"doc-\d{7}"),
        ("doc-123", r"doc-[1-9]\d{2}", r"doc-[1-9]\d{3}"),
        ("name", r"name-\d{4}", r"name-\d{4}"),
    ],
)
def test_shape(example: str, shape: str, longer: str) -> None:
    ids = similar_ids(example, np.random.default_rng(1))
    assert len(ids) == 8
    assert all(re.fullmatch(shape, str(identity)) for identity in ids[:4])
    assert all(re.fullmatch(longer, str(identity)) for identity in ids[4:])
    assert example not in ids


@pytest.mark.parametrize("example", [5, 123, 98_765_432_109])
def test_integers_stay_integers(example: int) -> None:
    ids = similar_ids(example, np.random.default_rng(2))
    assert all(isinstance(identity, int) for identity in ids)
    assert all(len(str(identity)) == len(str(example)) + 1 for identity in ids[4:])


def test_no_id_stays_none() -> None:
    assert similar_ids(None, np.random.default_rng(3)) == [None]


def test_is_record_id() -> None:
    assert all(map(is_record_id, ("", "a", 0, -3, None)))
    assert not any(map(is_record_id, (True, 1.5, ["x"], {})))


@given(st.text(), st.integers(0, 20))
def test_any_text_has_similar_ones(example: str, seed: int) -> None:
    ids = similar_ids(example, np.random.default_rng(seed))
    assert all(isinstance(identity, str) and identity for identity in ids)
