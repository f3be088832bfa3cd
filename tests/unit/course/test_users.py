"""Why a kubelet would not take an image for non-root, in the words of a check: by the kubelet's own rule."""

from __future__ import annotations

import pytest

from labkit.course.users import kubelet_refusal, why_not_non_root


@pytest.mark.parametrize("user", ["1654", "1654:0", "1654:web", "01654", "+1654", "2147483647"])
def test_a_number_other_than_0_passes(user: str) -> None:
    assert why_not_non_root(user) is None
    assert kubelet_refusal(user) is None


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        ("", "no user"),
        (":1654", "nothing before the colon"),
        ("root", "would be root"),
        ("root:1654", "would be root"),
        ("app", "a name"),
        ("99999999999999999999", "a name"),
        ("0", "the one of root"),
        ("00:5", "the one of root"),
        ("-1", "none that a kubelet takes"),
        ("2147483648", "none that a kubelet takes"),
    ],
)
def test_anything_else_is_told_apart(user: str, reason: str) -> None:
    assert reason in str(why_not_non_root(user))
