"""The only folder that talks to Docker; the rest of the kit imports from here, not from its modules."""

from __future__ import annotations

from labkit.adapters.engine.engine_containers import Containers, ContainerState, docker_run_line
from labkit.adapters.engine.engine_errors import EngineUnreachable
from labkit.adapters.engine.engine_images import PathInImage
from labkit.adapters.engine.transfers import Transfers

__all__ = ["ContainerState", "Engine", "EngineUnreachable", "PathInImage", "docker_run_line"]


class Engine(Transfers, Containers):
    """A Docker engine, seen through what the lab needs of it.

    A Connection, what is done with Images over it, their Transfers, and what is done with Containers.
    """
