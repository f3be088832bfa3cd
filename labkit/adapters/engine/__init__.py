"""The only folder that talks to Docker; the rest of the kit imports from here, not from its modules."""

from __future__ import annotations

from labkit.adapters.engine.engine_containers import ContainerState, EngineContainers, docker_run_line
from labkit.adapters.engine.engine_exec import EngineExec
from labkit.adapters.engine.transfers import EngineTransfers
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
from labkit.adapters.engine_endpoint import EngineUnreachable

__all__ = [
    "ContainerState",
    "Engine",
    "EngineComponent",
    "EngineInfo",
    "EngineUnreachable",
    "EngineVersion",
    "HistoryEntry",
    "InspectedConfig",
    "InspectedImage",
    "ListedImage",
    "PathInImage",
    "docker_run_line",
    "image_config",
    "image_labels",
    "read_inspected",
]


class Engine(EngineTransfers, EngineContainers, EngineExec):
    """A Docker engine, seen through what the lab needs of it.

    An EngineConnection, what is done with EngineImages over it, their EngineTransfers, EngineContainers, and EngineExec
    in those that run.
    """
