"""A Docker engine, seen through what the lab needs of it."""

from __future__ import annotations

from labkit.adapters.engine.engine_containers import EngineContainers
from labkit.adapters.engine.engine_exec import EngineExec
from labkit.adapters.engine.engine_processes import EngineProcesses
from labkit.adapters.engine.engine_volumes import EngineVolumes
from labkit.adapters.engine.transfers import EngineTransfers


class Engine(EngineTransfers, EngineContainers, EngineExec, EngineProcesses, EngineVolumes):
    """A Docker engine, seen through what the lab needs of it.

    An EngineConnection, what is done with EngineImages over it, their EngineTransfers, EngineFiles, EngineContainers
    with the EngineVolumes beside them, and EngineExec and EngineProcesses in those that run.
    """
