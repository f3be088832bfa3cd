"""Numbers as Go's strconv reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.identity.model import as_uint32, field_number, fits_int64, read_number, read_version


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), ("+5", 5), ("-5", -5), ("-0", 0), ("9223372036854775807", 2**63 - 1)],
)
def test_a_number_is_read(text: str, number: int) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize("text", ["", "+", "-", " 5", "5 ", "1_000", "0x10", "1e3", "٣", "5\n", "²", "--5"])
def test_what_go_does_not_read_is_none(text: str) -> None:
    assert read_number(text) is None
    assert field_number(text) == 0


@given(st.integers())
def test_every_integer_is_read_or_known_to_be_too_large(number: int) -> None:
    read = read_number(str(number))
    assert read is not None
    assert read == number if fits_int64(number) else not fits_int64(read)


def test_a_very_long_number_costs_nothing() -> None:
    assert not fits_int64(read_number("9" * 1_000_000) or 0)
    assert read_number("0" * 1_000_000 + "7") == 7


@given(st.integers())
def test_32_bits_are_kept(number: int) -> None:
    assert 0 <= as_uint32(number) < 2**32
    assert (as_uint32(number) - number) % 2**32 == 0


@pytest.mark.parametrize(
    ("text", "version"),
    [("v1.33.2", (1, 33)), ("1.1.5+ds1", (1, 1)), ("1.3", (1, 3)), ("1", None), ("", None), ("x1.2", None)],
)
def test_a_version_is_read(text: str, version: tuple[int, int] | None) -> None:
    assert read_version(text) == version
