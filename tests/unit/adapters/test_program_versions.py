"""Versions are read out of whatever a program prints, and compared as versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from labkit.adapters.program_versions import minor_of, version_in


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v0.33.0", "0.33.0"),
        ("kind v0.33.0 go1.26.3 linux/amd64", "0.33.0"),
        ("20.10.24+dfsg1", "20.10.24"),
        ("29.0.0-rc.1", "29.0.0"),
        ("1.26rc1", "1.26"),
        ("6.1.0-30-amd64", "6.1.0"),
    ],
)
def test_versions_are_read_out_of_their_decorations(text: str, version: str) -> None:
    assert version_in(text) == Version(version)


@pytest.mark.parametrize("text", ["29", "", "v", "one.two", "\u0661.\u0662"])
def test_what_is_no_version_is_none(text: str) -> None:
    assert version_in(text) is None


@given(st.text())
def test_no_text_is_too_much(text: str) -> None:
    version_in(text)


def test_they_are_compared_by_number() -> None:
    ten, nine = version_in("v0.10.0"), version_in("v0.9.9")
    assert ten is not None and nine is not None and ten > nine
    assert ten >= minor_of(Version("0.10.7"))
    assert not nine >= minor_of(Version("0.10.7"))
    assert version_in("20.10") == version_in("20.10.0")
