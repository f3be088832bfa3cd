"""Every uid has one range."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.identity.ranges import RANGES, range_of


def test_there_is_no_gap() -> None:
    assert RANGES[0].first == 0
    assert RANGES[-1].last == 2**32 - 1
    assert all(left.last + 1 == right.first for left, right in pairwise(RANGES))
    used = [uid_range.name for uid_range in RANGES if uid_range.name != "unused"]
    assert len(set(used)) == len(used)


@given(st.integers(0, 2**32 - 1))
def test_every_uid_lies_in_just_one(uid: int) -> None:
    assert [uid_range for uid_range in RANGES if uid in uid_range] == [range_of(uid)]


@pytest.mark.parametrize(
    ("uid", "name"),
    [
        (0, "root"),
        (999, "system"),
        (1000, "regular"),
        (1654, "regular"),
        (60000, "regular"),
        (60001, "homed"),
        (64198, "dynamic"),
        (65532, "unused"),
        (65534, "nobody"),
        (65535, "16-bit -1"),
        (2659581952, "dragons"),
    ],
)
def test_a_uid_is_placed(uid: int, name: str) -> None:
    assert range_of(uid).name == name


@pytest.mark.parametrize("uid", [-1, 2**32])
def test_what_is_no_uid_is_said_to_be_none(uid: int) -> None:
    with pytest.raises(ValueError, match="is not a uid"):
        range_of(uid)
