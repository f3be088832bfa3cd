"""What the Kubernetes API answers, as far as the kit reads it, with the API's own names. Pure.

Source: kubernetes/api, core/v1, apps/v1 and meta/v1. The API leaves out what is empty. Fields that the kit does not
read are in the answers too, and not named here. What people write are manifests, which are named in `core/mappings.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict


class OwnerReference(TypedDict, total=False):
    """Whose an object is."""

    uid: str


class ObjectMetadata(TypedDict, total=False):
    """What every object has."""

    name: str
    namespace: str
    uid: str
    resourceVersion: str
    generation: int
    deletionTimestamp: str
    creationTimestamp: str
    annotations: Mapping[str, str]
    labels: Mapping[str, str]
    ownerReferences: Sequence[OwnerReference]


class WaitingState(TypedDict, total=False):
    """Why a container has not started."""

    reason: str
    message: str


class TerminatedState(TypedDict, total=False):
    """How a container ended."""

    exitCode: int
    reason: str
    message: str


class PodContainerState(TypedDict, total=False):
    """One of three: waiting, running, terminated."""

    waiting: WaitingState
    running: Mapping[str, object]
    terminated: TerminatedState


class PodContainerStatus(TypedDict, total=False):
    """How a container of a pod is."""

    name: str
    state: PodContainerState


class PodStatus(TypedDict, total=False):
    """How a pod is."""

    phase: str
    reason: str
    message: str
    initContainerStatuses: Sequence[PodContainerStatus]
    containerStatuses: Sequence[PodContainerStatus]
    ephemeralContainerStatuses: Sequence[PodContainerStatus]


class PodObject(TypedDict):
    """A pod."""

    metadata: ObjectMetadata
    spec: NotRequired[Mapping[str, Any]]
    status: NotRequired[PodStatus]


class InvolvedObject(TypedDict, total=False):
    """What an event is about."""

    kind: str
    name: str
    uid: str
    fieldPath: str


class EventObject(TypedDict, total=False):
    """An event."""

    metadata: ObjectMetadata
    type: str
    reason: str
    message: str
    involvedObject: InvolvedObject
    lastTimestamp: str
    eventTime: str


class DeploymentSpec(TypedDict, total=False):
    """What a Deployment wants."""

    replicas: int
    paused: bool
    template: Mapping[str, Any]


class DeploymentStatus(TypedDict, total=False):
    """How a Deployment is."""

    observedGeneration: int


class DeploymentObject(TypedDict):
    """A Deployment."""

    metadata: ObjectMetadata
    spec: NotRequired[DeploymentSpec]
    status: NotRequired[DeploymentStatus]


class Condition(TypedDict, total=False):
    """Whether something is so."""

    type: str
    status: str


class ReplicaSetStatus(TypedDict, total=False):
    """How a ReplicaSet is."""

    replicas: int
    readyReplicas: int
    conditions: Sequence[Condition]


class ReplicaSetSpec(TypedDict, total=False):
    """What a ReplicaSet wants."""

    replicas: int
    template: Mapping[str, Any]


class ReplicaSetObject(TypedDict):
    """A ReplicaSet: the pods of one template of a Deployment."""

    metadata: ObjectMetadata
    spec: NotRequired[ReplicaSetSpec]
    status: NotRequired[ReplicaSetStatus]
