"""Whether a class fits into a cluster: what its nodes have, what is taken, what participants need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from labkit.adapters.kube.cluster_reader import ClusterReader
from labkit.lab.classroom.class_settings import ClassSettings

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_QUANTITY = re.compile(r"([0-9.]+)(m|k|[MGT]i?|Ki)?")
_HUB_MEMORY = 300 << 20
_HUB_PODS = 2
# Measured: a server with a kernel takes 210 MiB; the lessons' own pods come and go, two at a time on an average.
_PODS_EACH = 3
_LESSON_MEMORY = 32 << 20
_CPU_EACH = 0.02


@dataclass(frozen=True)
class Room:
    """How much there is of what a class needs.

    Args:
        memory: bytes.
        cpu: processors.
        pods: how many.
    """

    memory: float
    cpu: float
    pods: int

    def lacking(self, needed: Room) -> Iterator[str]:
        """What there is too little of, a line each."""
        if self.memory < needed.memory:
            yield f"{_gib(needed.memory)} of memory are needed, {_gib(self.memory)} are free"
        if self.cpu < needed.cpu:
            yield f"{needed.cpu:.1f} processors are needed, {self.cpu:.1f} are free"
        if self.pods < needed.pods:
            yield f"{needed.pods} pods are needed, there is room for {self.pods}"

    def most(self, each: Room, fixed: Room) -> int:
        """How many participants fit.

        Args:
            each: what a class of one needs.
            fixed: what a class of none needs.
        """
        shares = [
            (self.memory - fixed.memory) / (each.memory - fixed.memory),
            (self.cpu - fixed.cpu) / (each.cpu - fixed.cpu),
            (self.pods - fixed.pods) / (each.pods - fixed.pods),
        ]
        return max(0, int(min(shares)))

    def describe(self) -> str:
        """The same as words."""
        return f"{_gib(self.memory)} of memory, {self.cpu:.1f} processors, {self.pods} pods"


def needed_room(settings: ClassSettings, participants: int) -> Room:
    """What a class needs while all work."""
    memory = read_quantity(settings.sizes.server_memory_request) + _LESSON_MEMORY
    if settings.has_engine:
        memory += read_quantity(settings.sizes.engine_memory_request)
    return Room(
        _HUB_MEMORY + participants * memory, 0.12 + participants * _CPU_EACH, _HUB_PODS + participants * _PODS_EACH
    )


def cluster_room(cluster: ClusterReader) -> Room:
    """What the nodes that take pods have, less what pods have asked for.

    Raises:
        LabError: we may not look.
    """
    nodes = [node for node in cluster.list("api/v1/nodes") if _takes_pods(node)]
    names = {str(node["metadata"]["name"]) for node in nodes}
    memory = sum(_allocatable(node, "memory") for node in nodes)
    cpu = sum(_allocatable(node, "cpu") for node in nodes)
    pods = sum(_allocatable(node, "pods") for node in nodes)
    for pod in cluster.list("api/v1/pods"):
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            continue
        if (pod.get("spec") or {}).get("nodeName") in names:
            memory -= _requested(pod, "memory")
            cpu -= _requested(pod, "cpu")
            pods -= 1
    return Room(memory, cpu, int(pods))


def read_quantity(text: object) -> float:
    """A quantity of Kubernetes', such as 200Mi or 10m; 0 for what is none."""
    match = _QUANTITY.fullmatch(str(text))
    if match is None:
        return 0.0
    return float(match[1]) / 1000 if match[2] == "m" else float(match[1]) * _UNITS[match[2] or ""]


def _takes_pods(node: Mapping[str, Any]) -> bool:
    spec = node.get("spec") or {}
    taints = [taint for taint in spec.get("taints") or () if taint.get("effect") in ("NoSchedule", "NoExecute")]
    return not spec.get("unschedulable") and not taints


def _allocatable(node: Mapping[str, Any], resource: str) -> float:
    return read_quantity(((node.get("status") or {}).get("allocatable") or {}).get(resource, 0))


def _requested(pod: Mapping[str, Any], resource: str) -> float:
    containers = (pod.get("spec") or {}).get("containers") or ()
    return sum(
        read_quantity(((container.get("resources") or {}).get("requests") or {}).get(resource, 0))
        for container in containers
    )


def _gib(amount: float) -> str:
    return f"{amount / 2**30:.1f} GiB"
