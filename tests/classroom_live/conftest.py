"""A class on a real cluster, with two participants who have servers.

LABKIT_CLASS_CONTEXT names the context (never guessed), LABKIT_CLASS_NAME a class that is up already and is left as it
is; without it one is brought up for the tests and removed at their end, with its volumes. On the lab's own cluster
there is a storage class for them meanwhile.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.configuration import Configuration
from labkit.lab.lab import Lab
from tests.classroom_live.class_player import PlayedRoom, Visitor, played_room
from tests.classroom_live.kind_volumes import kind_volumes

_OWN_NAME = "labkit-class-test"
_TEST_SECONDS = 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Limit the tests alone: from nothing, images are built and carried into the node before the first."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_TEST_SECONDS, func_only=True))


@pytest.fixture(scope="session")
def cluster() -> Iterator[ClusterWriter]:
    context = os.environ.get("LABKIT_CLASS_CONTEXT")
    assert context, "say which cluster: LABKIT_CLASS_CONTEXT=NAME (make class-test CONTEXT=NAME)"
    with ClusterWriter.connect(context, labs_own=Configuration.from_environment().kubeconfig) as writer:
        yield writer


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        yield lab


@pytest.fixture(scope="session")
def storage_class(lab: Lab, cluster: ClusterWriter) -> Iterator[str]:
    """Of the volumes; empty for the cluster's default."""
    with kind_volumes(lab, cluster) as name:
        yield name


@pytest.fixture(scope="session")
def room(lab: Lab, cluster: ClusterWriter, request: pytest.FixtureRequest) -> Iterator[PlayedRoom]:
    name = os.environ.get("LABKIT_CLASS_NAME")
    storage_class = request.getfixturevalue("storage_class") if name is None else ""
    with played_room(lab, cluster, name, _OWN_NAME, people=3, storage_class=storage_class) as played:
        yield played


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for all: participants keep their connections."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def attacker(room: PlayedRoom, runner: asyncio.Runner) -> Iterator[Visitor]:
    with Visitor(room, runner, "Mallory") as visitor:
        visitor.start_server()
        yield visitor


@pytest.fixture(scope="session")
def victim(room: PlayedRoom, runner: asyncio.Runner) -> Iterator[Visitor]:
    with Visitor(room, runner, "Ada") as visitor:
        visitor.start_server()
        yield visitor
