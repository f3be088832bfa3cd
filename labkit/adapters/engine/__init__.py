"""The only folder that talks to Docker; the rest of the kit imports from here, not from its modules."""

from __future__ import annotations

from labkit.adapters.engine.engine_containers import ContainerState, docker_run_line, run_status
from labkit.adapters.engine.engine_errors import BuildStopped, EngineRefused
from labkit.adapters.engine.recorded_engine import RecordedEngine
from labkit.adapters.engine.whole_engine import Engine
from labkit.adapters.engine_answers import (
    EngineComponent,
    EngineInfo,
    EngineVersion,
    HistoryEntry,
    InspectedConfig,
    InspectedImage,
    ListedImage,
    PathInImage,
    image_config,
    image_labels,
    read_inspected,
)
from labkit.adapters.engine_endpoint import EngineUnreachable, NoEngine, choose_endpoint
from labkit.base.configuration import Configuration
from labkit.base.waiting import watch

__all__ = [
    "BuildStopped",
    "ContainerState",
    "Engine",
    "EngineComponent",
    "EngineInfo",
    "EngineRefused",
    "EngineUnreachable",
    "EngineVersion",
    "HistoryEntry",
    "InspectedConfig",
    "InspectedImage",
    "ListedImage",
    "NoEngine",
    "PathInImage",
    "RecordedEngine",
    "docker_run_line",
    "image_config",
    "image_labels",
    "reach_engine",
    "read_inspected",
    "run_status",
]

_START_SECONDS = 180.0
"""Thirty at once on two busy processors: a third of them still took images in after 60."""


def reach_engine(configuration: Configuration) -> Engine:
    """The engine that a lab has: that which the docker command would use, or what a class has written down of one.

    Args:
        configuration: of the lab.

    Raises:
        EngineUnreachable: nothing answers, or we may not talk to it.
        LabFailed: what was written down cannot be read.
    """
    sandbox = configuration.sandbox
    if sandbox is None:
        return Engine.connect(configuration)
    return _reach_given(configuration) if sandbox.has_engine else RecordedEngine.open(configuration, sandbox.facts)


def _reach_given(configuration: Configuration) -> Engine:
    """The engine that a class gives: beside a server that has just started it takes in the lab's images first."""
    socket = choose_endpoint().socket
    watch(lambda: socket is None or socket.exists(), bool, _START_SECONDS)
    try:
        return Engine.connect(configuration)
    except EngineUnreachable as error:
        remedy = "stop and start your server (File, Hub Control Panel); if it stays so, tell your instructor"
        raise EngineUnreachable(error.tried, error.came_back, remedy, elsewhere=True) from error
