"""The only folder that talks to Docker; the rest of the kit imports from here, not from its modules."""

from __future__ import annotations

from labkit.adapters.engine.engine_containers import ContainerState, EngineContainers, docker_run_line, run_status
from labkit.adapters.engine.engine_errors import BuildStopped, EngineRefused
from labkit.adapters.engine.engine_exec import EngineExec
from labkit.adapters.engine.engine_processes import EngineProcesses
from labkit.adapters.engine.engine_volumes import EngineVolumes
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
    "PathInImage",
    "docker_run_line",
    "image_config",
    "image_labels",
    "read_inspected",
    "run_status",
]


class Engine(EngineTransfers, EngineContainers, EngineExec, EngineProcesses, EngineVolumes):
    """A Docker engine, seen through what the lab needs of it.

    An EngineConnection, what is done with EngineImages over it, their EngineTransfers, EngineFiles, EngineContainers
    with the EngineVolumes beside them, and EngineExec and EngineProcesses in those that run.
    """
