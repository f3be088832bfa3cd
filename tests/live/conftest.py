"""The running lab: one for all tests, a namespace for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labkit.engine import Engine
from labkit.kube import Kube
from labkit.lab import Lab
from labkit.show.progress import Silent


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The lab, brought up if it is not."""
    lab = Lab(steps=Silent())
    lab.up()
    return lab


@pytest.fixture
def engine(lab: Lab) -> Engine:
    """The engine."""
    return lab.engine()


@pytest.fixture
def kube(lab: Lab) -> Iterator[Kube]:
    """The cluster's API, with a connection of this test's own."""
    with lab.cluster(lab.engine()).kube() as kube:
        yield kube


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    """An empty namespace, deleted without waiting."""
    name = kube.new_namespace("test")
    yield name
    kube.delete_namespace(name)
