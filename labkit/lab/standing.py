"""How engine and cluster are, as `labkit status` says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NotRequired, TypedDict

from labkit.adapters.engine import Engine, EngineUnreachable
from labkit.base.configuration import Configuration
from labkit.lab.bringup.background import Making, making
from labkit.lab.cluster_kinds.cluster import Cluster, State
from labkit.lab.samples.made_images import MadeImageJson


class EngineJson(TypedDict):
    """How the engine is: its name and version, or why it cannot be reached and what to do about it."""

    reachable: bool
    name: NotRequired[str]
    version: NotRequired[str | None]
    problem: NotRequired[str]
    remedy: NotRequired[str]


class ClusterJson(TypedDict):
    """How the cluster is; its version, once it answers."""

    name: str
    ready: bool
    kubernetes: str | None
    source: str | None


class StandingJson(TypedDict):
    """How engine and cluster are, and what is being made."""

    engine: EngineJson
    cluster: ClusterJson
    state: str
    making: Making | None


class StatusJson(StandingJson):
    """How the lab is, as `labkit status --json` prints it."""

    images: list[MadeImageJson]


def standing_of(
    configuration: Configuration,
    engine: Callable[[], Engine],
    cluster: Callable[[], Cluster],
    kubernetes: Callable[[], str],
) -> StandingJson:
    """How engine and cluster are, as JSON-ready values; looking changes nothing.

    Args:
        configuration: the lab's.
        engine: connects to the engine.
        cluster: gives the cluster, once there is an engine.
        kubernetes: asks the cluster for its version, once it answers.
    """
    name = configuration.name
    try:
        connected = engine()
    except EngineUnreachable as error:
        absent: ClusterJson = {"name": name, "ready": False, "kubernetes": None, "source": None}
        return {
            "engine": {"reachable": False, "problem": error.came_back, "remedy": error.remedy},
            "cluster": absent,
            "state": str(State.ABSENT),
            "making": making(configuration),
        }
    state = cluster().look()
    being_made = making(configuration)
    if state is State.BROKEN and being_made and being_made["at_work"]:
        state = State.ABSENT  # Not yet whole.
    return {
        "engine": {"reachable": True, "name": connected.name, "version": connected.version().get("Version")},
        "cluster": {
            "name": name,
            "ready": state is State.UP,
            "kubernetes": kubernetes() if state is State.UP else None,
            "source": cluster().source(),
        },
        "state": str(state),
        "making": being_made,
    }
