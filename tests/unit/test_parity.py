"""The comparison itself: it sees every difference, and makes a disagreement small."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from labkit.causes import Cause
from tests.parity.cases import WORLDS, Case, collect, in_pod
from tests.parity.compare import differences, shrink
from tests.parity.observe import Seen

CASE: Case = {
    "image": {"user": "app", "passwd": "root:x:0:0::/root:\napp:x:5:6::/home/app:\n", "group": "g:x:7:app\nh:x:8:\n"},
    "pod": {"securityContext": {"fsGroup": 9}},
    "container": {"securityContext": {"runAsGroup": 3}},
}
SEEN = Seen(5, 3, (3, 7, 9), "/home/app")


def test_what_agrees_has_no_differences() -> None:
    assert differences(CASE, SEEN) == ()


@pytest.mark.parametrize(
    ("field", "other"),
    [("uid", 6), ("gid", 4), ("groups", (3, 9)), ("home", "/"), ("cause", Cause.TIMEOUT)],
)
def test_every_field_counts(field: str, other: Any) -> None:
    changed = replace(SEEN, **{field: other})
    assert len(differences(CASE, changed)) == 1


def test_the_words_of_a_refusal_count() -> None:
    refused = {**CASE, "pod": {"securityContext": {"runAsNonRoot": True}}, "container": {"securityContext": {}}}
    words = "Error: container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root"
    assert differences(refused, Seen(cause=Cause.IMAGE_USER_NOT_NUMERIC, message=words + " (pod: ...)")) == ()
    assert differences(refused, Seen(cause=Cause.IMAGE_USER_NOT_NUMERIC, message="for some reason"))


def test_a_disagreement_is_made_small() -> None:
    def differs(case: Case) -> bool:
        return "g:x:7:app" in (case["image"]["group"] or "")

    small = shrink(CASE, differs)
    assert small == {
        "image": {"user": "", "passwd": None, "group": "g:x:7:app"},
        "pod": {"securityContext": {}},
        "container": {"securityContext": {}},
    }


def test_what_does_not_differ_stays_as_it_is() -> None:
    assert shrink(CASE, lambda _: False) == CASE


def test_a_seed_gives_the_same_cases_again() -> None:
    worlds = collect(WORLDS, 3, 11)
    assert collect(WORLDS, 3, 11) == worlds
    assert collect(in_pod(worlds), 20, 12) == collect(in_pod(worlds), 20, 12)
