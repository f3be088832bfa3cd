"""Targets that make no sense are refused before anything is read for them."""

from __future__ import annotations

import pytest

from labkit.base.errors import LabFailed, Misuse
from labkit.publish.destinations import check_destination
from labkit.publish.published import Options, stop_if_strict
from labkit.publish.rules.image_target import Target
from labkit.publish.rules.messages import Message


@pytest.mark.parametrize(
    ("target", "cluster"),
    [
        (Target("app"), False),
        (Target("app"), True),
        (Target("app", local_registry="Docker"), True),
        (Target("app", archive="out/"), False),
        (Target("app", registry="localhost:5000", local_registry="Podman"), False),
    ],
)
def test_a_target_that_makes_sense(target: Target, cluster: bool) -> None:
    check_destination(target, cluster=cluster)


@pytest.mark.parametrize(
    ("target", "cluster", "message"),
    [
        (Target("app", archive="out/"), True, "into the cluster"),
        (Target("app", registry="localhost:5000"), True, "into the cluster"),
        (Target("app", local_registry="Podman"), False, "Docker alone"),
        (Target("app", local_registry="podman"), True, "Docker alone"),
    ],
)
def test_a_target_that_makes_none(target: Target, cluster: bool, message: str) -> None:
    with pytest.raises(Misuse, match=message):
        check_destination(target, cluster=cluster)


def test_a_warning_is_an_error_where_it_is_asked_for() -> None:
    warning = Message("image-runs-as-root", "the image runs as root")
    stop_if_strict(Options(), "app", [warning])
    stop_if_strict(Options(strict=True), "app", [])
    with pytest.raises(LabFailed, match="image-runs-as-root") as failed:
        stop_if_strict(Options(strict=True), "app", [warning])
    assert failed.value.remedy == "fix what it names, e.g. -p:ContainerUser=1654"
