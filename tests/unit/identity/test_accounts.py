"""passwd and group files, read as leniently as the engine reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.identity.accounts import Account, parse_group, parse_passwd


def test_a_line_is_an_account() -> None:
    line = "app:x:1654:1654::/home/app:/bin/sh"
    assert parse_passwd(f"{line}\n") == [Account("app", 1654, 1654, "", "/home/app", "/bin/sh")]


@pytest.mark.parametrize(
    ("text", "uid"), [("12", 12), ("abc", 0), ("", 0), ("-5", -5), ("1_0", 0), ("٣", 0), (" 7", 0)]
)
def test_a_number_is_one_as_for_go(text: str, uid: int) -> None:
    assert parse_passwd(f"a:x:{text}:0::/:")[0].uid == uid


@given(st.text())
def test_no_text_is_too_broken(text: str) -> None:
    lines = [line for line in text.split("\n") if line.strip()]
    assert len(parse_passwd(text)) == len(lines)
    assert len(parse_group(text)) == len(lines)


def test_groups_have_members() -> None:
    assert parse_group("wheel:x:10:root,rich,\n")[0].members == ("root", "rich")
