"""A Dockerfile's text in place of an image: its own row, and its image with settings."""

from __future__ import annotations

from typing import Any

import pytest

from labkit.explain.built_image_rows import explain_dockerfile_settings
from labkit.explain.given_users import GivenUsers
from labkit.explain.image_lookup import ImageFinder


@pytest.mark.parametrize(
    ("user", "settings", "verdicts"),
    [
        ("1654", {"pod": {"runAsNonRoot": True}}, ["runs", "runs"]),
        ("$UID", {"pod": {"runAsNonRoot": True}}, ["runs", "the kubelet refuses"]),
        ("1654", {"pod": {}, "levels": ["restricted"]}, ["runs", "admission refuses"]),
        ("70000", {"pod": {"hostUsers": False}}, ["runs", "the runtime refuses"]),
        ("1654", {"user": "0"}, ["runs", "runs"]),
        ("1654", {}, ["runs"]),
    ],
)
def test_settings_apply_to_what_would_be_built(user: str, settings: dict[str, Any], verdicts: list[str]) -> None:
    with ImageFinder(GivenUsers({"base:1": ""})) as finder:
        explained = explain_dockerfile_settings(finder, f"FROM base:1\nUSER {user}\n", **settings)
    assert [row.verdict for row in explained.rows] == verdicts


def test_a_text_that_the_builder_stops_at() -> None:
    with ImageFinder() as finder:
        explained = explain_dockerfile_settings(finder, "USER 1\n", pod={"runAsNonRoot": True})
    assert [row.verdict for row in explained.rows] == ["the build stops"]
