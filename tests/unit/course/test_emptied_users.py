"""A USER line of which nothing is left names the variable."""

from __future__ import annotations

import pytest

from labkit.course.judging.emptied_users import why_nothing_is_left

_NET = {"PATH": "/bin", "APP_UID": "1654", "EMPTY": ""}


@pytest.mark.parametrize(
    ("dockerfile", "sentence"),
    [
        ("FROM runtime-deps\nUSER $APP_UDI\n", "USER $APP_UDI leaves nothing, because APP_UDI is empty or not set"),
        ("FROM runtime-deps\nUSER $APP_UDI\n", "did you mean APP_UID?"),
        ("FROM runtime-deps\n  user ${APP_UDI}:1654", "USER ${APP_UDI}:1654 leaves nothing"),
        ("FROM runtime-deps\nUSER 5678\nUSER $WHO", "WHO is empty or not set there."),
        ("FROM runtime-deps\nUSER $EMPTY", "EMPTY is empty or not set there."),
        ("FROM runtime-deps\nUSER $APP_UID$MORE", "MORE is empty"),
    ],
)
def test_the_variable_is_named(dockerfile: str, sentence: str) -> None:
    assert sentence in why_nothing_is_left(dockerfile, _NET)


@pytest.mark.parametrize(
    "dockerfile",
    ["FROM a", "FROM a\nUSER $APP_UID", "FROM a\nUSER $WHO\nUSER 0", "FROM a\nLABEL a=$WHO", "# USER $WHO\nFROM a", ""],
)
def test_where_no_variable_is_empty_nothing_is_said(dockerfile: str) -> None:
    assert why_nothing_is_left(dockerfile, _NET) == ""
