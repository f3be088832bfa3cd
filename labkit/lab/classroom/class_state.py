"""How a class on a cluster is, judged from what the API gives. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ClassParticipant:
    """Somebody's place in a class.

    Args:
        participant: the id.
        server: how their server is: "running", "starting", "none", or why it does not start.
        has_volume: whether their home is on a volume.
    """

    participant: str
    server: str
    has_volume: bool


@dataclass(frozen=True)
class ClassStatus:
    """How a class is.

    Args:
        name: of the class.
        state: "up", "starting", "down" (only progress is left) or "absent".
        hub: how the hub is.
        proxy: how the proxy is.
        engine: what participants have in place of Docker.
        has_volumes: whether progress outlives a pod.
        participants: everybody that there is a namespace for.
    """

    name: str
    state: str
    hub: str
    proxy: str
    engine: str
    has_volumes: bool
    participants: tuple[ClassParticipant, ...]

    def to_dict(self) -> dict[str, object]:
        """JSON-ready values."""
        return asdict(self)


def is_default_storage_class(storage_class: Mapping[str, Any]) -> bool:
    """Whether a claim that names no storage class gets this one."""
    annotations = storage_class["metadata"].get("annotations") or {}
    return bool(annotations.get("storageclass.kubernetes.io/is-default-class") == "true")


def pod_problem(pod: Mapping[str, Any]) -> str:
    """Why a pod does not run, in the cluster's words; empty if it may be about to."""
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"no node takes its pod: {condition.get('message')}"
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"{waiting['reason']}: {waiting.get('message', '')}".strip(": ")
        ended = (container.get("state") or {}).get("terminated") or {}
        if ended:
            return f"it ended with status {ended.get('exitCode')} ({ended.get('reason')})"
    return ""


def server_state(pods: Sequence[Mapping[str, Any]]) -> str:
    """How a participant's server is, by the pods of its namespace."""
    if not pods:
        return "none"
    for pod in pods:
        conditions = (pod.get("status") or {}).get("conditions") or ()
        if any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in conditions):
            return "running"
    return "; ".join(filter(None, map(pod_problem, pods))) or "starting"
