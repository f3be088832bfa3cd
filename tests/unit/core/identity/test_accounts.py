"""passwd and group files, read as leniently as the engine reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.identity.accounts import Account, UnreadableAccounts, accounts, parse_group, parse_passwd


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
    # Python's strip() takes four control characters for white space that Go does not.
    if not any(mark in text for mark in "\x1c\x1d\x1e\x1f"):
        assert len(parse_passwd(text)) == len(lines)
        assert len(parse_group(text)) == len([line for line in lines if not line.strip().startswith("#")])


def test_groups_have_members() -> None:
    assert parse_group("wheel:x:10:root,rich,\n")[0].members == ("root", "rich", "")


def test_a_number_beyond_64_bits_is_the_nearest_of_them() -> None:
    assert parse_passwd(f"a:x:{10**30}:-{10**30}::/:")[0][1:3] == (2**63 - 1, -(2**63))
    assert parse_passwd(f"a:x:{'0' * 30}7:0::/:")[0].uid == 7


def test_only_group_files_have_comments() -> None:
    assert [account.name for account in parse_passwd("#root:x:0:0::/:")] == ["#root"]
    assert parse_group("  #wheel:x:10:") == []


def test_an_account_is_shown_as_the_line_that_it_is() -> None:
    line = "app:x:1654:1654::/home/app:/bin/sh"
    assert str(parse_passwd(f"{line}\n")) == f"[{line}]"


def test_a_passwd_line_of_64_kib_is_too_long() -> None:
    assert len(parse_passwd("a" * (64 * 1024 - 1))) == 1
    with pytest.raises(UnreadableAccounts, match="token too long"):
        parse_passwd("root:x:0:0::/:\n" + "a" * 64 * 1024)
    assert len(parse_group("a" * 64 * 1024)) == 1


def test_a_large_file_is_read_a_line_at_a_time() -> None:
    text = "".join(f"u{number}:x:{number}:{number}::/:\n" for number in range(100_000))
    assert next(account.uid for account in accounts(text) if account.name == "u77777") == 77777
