"""What the pods of a cluster show of a container: as whom it really runs, and where that is not what was predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from labkit.core.causes import Cause
from labkit.core.pods.pod_containers import ProcessIdentity
from labkit.show import counted


@dataclass(frozen=True)
class SeenIdentity:
    """As whom some of a workload's pods run a container.

    Args:
        identity: as their status reports it.
        pods: how many they are.
    """

    identity: ProcessIdentity
    pods: int

    def __str__(self) -> str:
        groups = [str(gid) for gid in self.identity.groups if gid != self.identity.gid]
        listed = f", groups {' '.join(groups)}" if groups else ""
        return f"uid {self.identity.uid}, gid {self.identity.gid}{listed}"


@dataclass(frozen=True)
class SeenRefusal:
    """Why a container does not start in some of a workload's pods.

    Args:
        cause: from the closed list.
        message: of the kubelet or the runtime.
        pods: how many they are.
    """

    cause: Cause
    message: str
    pods: int


class SeenIdentityJson(TypedDict):
    """As whom it runs in how many pods."""

    uid: int
    gid: int
    groups: list[int]
    pods: int


class SeenRefusalJson(TypedDict):
    """Why it does not start in how many pods."""

    cause: Cause | None
    message: str
    pods: int


class SeenJson(TypedDict):
    """What the pods of a cluster show of a container."""

    pods: int
    runs_as: list[SeenIdentityJson]
    refused: list[SeenRefusalJson]
    differences: list[str]


@dataclass(frozen=True)
class SeenInPods:
    """What the pods of a workload show of one of its containers.

    Args:
        pods: how many pods have it.
        identities: as whom it runs, the most frequent first.
        refusals: why it does not start.
        in_user_namespace: whether the ids are those of a user namespace of the pods' own.
        differences: where that is not what was predicted, and why, a sentence each.
    """

    pods: int = 0
    identities: Sequence[SeenIdentity] = ()
    refusals: Sequence[SeenRefusal] = ()
    differences: Sequence[str] = ()
    in_user_namespace: bool = False

    @property
    def root_pods(self) -> int:
        """In how many pods it runs as root."""
        return sum(seen.pods for seen in self.identities if seen.identity.uid == 0)

    def to_dict(self) -> SeenJson:
        """As JSON-ready values."""
        return {
            "pods": self.pods,
            "runs_as": [
                {
                    "uid": seen.identity.uid,
                    "gid": seen.identity.gid,
                    "groups": list(seen.identity.groups),
                    "pods": seen.pods,
                }
                for seen in self.identities
            ],
            "refused": [{"cause": seen.cause, "message": seen.message, "pods": seen.pods} for seen in self.refusals],
            "differences": list(self.differences),
        }

    def __str__(self) -> str:
        if not self.pods:
            return "no pods"
        parts = [f"{seen} ({counted(seen.pods, 'pod')})" for seen in self.identities]
        parts += [f"refused: {seen.cause} ({counted(seen.pods, 'pod')})" for seen in self.refusals]
        if self.identities and self.in_user_namespace:
            parts.append("in a user namespace of their own")
        return "; ".join(parts) or f"not reported ({counted(self.pods, 'pod')})"
