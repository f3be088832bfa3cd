"""A class on a real cluster, with two participants who have servers.

LABKIT_CLASS_CONTEXT names the context (never guessed), LABKIT_CLASS_NAME a class that is up already and is left as it
is; without it one is brought up for the tests and removed at their end, with its volumes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.configuration import Configuration
from labkit.lab.lab import Lab
from tests.classroom_live.class_player import PlayedRoom, Visitor, played_room

_OWN_NAME = "labkit-class-test"


@pytest.fixture(scope="session")
def cluster() -> Iterator[ClusterWriter]:
    context = os.environ.get("LABKIT_CLASS_CONTEXT")
    assert context, "say which cluster: LABKIT_CLASS_CONTEXT=NAME (make class-test CONTEXT=NAME)"
    with ClusterWriter.connect(context, labs_own=Configuration.from_environment().kubeconfig) as writer:
        yield writer


@pytest.fixture(scope="session")
def room(cluster: ClusterWriter) -> Iterator[PlayedRoom]:
    with Lab() as lab, played_room(lab, cluster, os.environ.get("LABKIT_CLASS_NAME"), _OWN_NAME, people=3) as played:
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
