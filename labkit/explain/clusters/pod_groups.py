"""Pods by whose they are: of each workload's containers, what the pods ask for and as whom they run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from labkit.core.causes import Cause
from labkit.core.pods.pod_containers import (
    CONTAINER_FIELDS,
    PodContainer,
    ProcessIdentity,
    as_mapping,
    pod_containers,
    process_identities,
)
from labkit.core.pods.pod_owners import owner_of, top_owner
from labkit.core.pods.verdicts import judge
from labkit.explain.clusters.cluster_objects import ClusterObjects
from labkit.explain.workload_kinds.asked_containers import AskedContainer
from labkit.explain.workload_kinds.workload_reader import read_live_object

# What of a pod's spec and of a container decides as whom it runs.
_OF_POD = ("securityContext", "hostUsers", "os", "nodeSelector", "affinity")
_OF_CONTAINER = ("name", "image", "securityContext", "env", "envFrom")
_REVISION_LABELS = ("controller-revision-hash", "pod-template-generation")
_SCC = "openshift.io/scc"

WorkloadKey = tuple[str, str, str]
"""Kind, namespace and name."""


@dataclass
class ContainerTally:
    """What pods of one spec show of a container.

    Args:
        asked: what they ask for.
        pods: how many they are.
        identities: as whom it runs, and in how many of them.
        refusals: why it does not start, likewise.
        images: what the runtime made of the image's name.
    """

    asked: AskedContainer
    pods: int = 0
    identities: Counter[ProcessIdentity] = field(default_factory=Counter)
    refusals: Counter[tuple[Cause, str]] = field(default_factory=Counter)
    images: set[str] = field(default_factory=set)


@dataclass
class PodVariant:
    """The pods of a workload that ask for the same.

    Args:
        containers: their containers.
        revision: of which template they were made, "" if that is not said.
        admission: what is known to have changed them when they were let in.
        unread: why they could not be read.
    """

    containers: list[ContainerTally]
    revision: str = ""
    admission: str = ""
    unread: list[str] = field(default_factory=list)


def group_pods(
    pods: Iterable[Mapping[str, Any]], objects: ClusterObjects
) -> dict[WorkloadKey, dict[bytes, PodVariant]]:
    """Pods by workload, and by what they ask for; no pod is kept.

    Args:
        pods: as the API gives them, in a list.
        objects: what else was read.
    """
    groups: dict[WorkloadKey, dict[bytes, PodVariant]] = {}
    for pod in pods:
        metadata = as_mapping(pod.get("metadata"))
        namespace = str(metadata.get("namespace", ""))
        owner = top_owner(metadata, objects.owners)
        kind, name = (owner.kind, owner.name) if owner is not None else ("Pod", str(metadata.get("name", "")))
        variants = groups.setdefault((kind, namespace, name), {})
        revision = _revision(metadata, objects)
        key = _key(pod, revision)
        variant = variants.get(key)
        if variant is None:
            asked = read_live_object({**pod, "kind": "Pod", "apiVersion": "v1"})
            annotation = as_mapping(metadata.get("annotations")).get(_SCC)
            variant = variants[key] = PodVariant(
                [ContainerTally(container) for container in asked.containers],
                revision,
                f"{_SCC}: {annotation}" if annotation else "",
                asked.flaws,
            )
        _count(pod, variant)
    return groups


def _revision(metadata: Mapping[str, Any], objects: ClusterObjects) -> str:
    direct = owner_of(metadata)
    labels = as_mapping(metadata.get("labels"))
    if direct is not None and direct.kind == "ReplicaSet":
        return objects.revisions.get(direct.uid, "")
    wanted = _REVISION_LABELS[1] if direct is not None and direct.kind == "DaemonSet" else _REVISION_LABELS[0]
    return str(labels.get(wanted, ""))


def _key(pod: Mapping[str, Any], revision: str) -> bytes:
    spec = as_mapping(pod.get("spec"))
    containers = [
        [listed, [[container.get(name) for name in _OF_CONTAINER] for container in spec.get(listed) or ()]]
        for listed in CONTAINER_FIELDS
    ]
    return msgspec.json.encode([revision, [spec.get(name) for name in _OF_POD], containers])


def _count(pod: Mapping[str, Any], variant: PodVariant) -> None:
    identities = process_identities(pod)
    statuses = {container.name: container for container in pod_containers(pod)}
    outcome = judge(pod)
    for tally in variant.containers:
        name = tally.asked.container
        tally.pods += 1
        identity, container = identities.get(name), statuses.get(name)
        if container is not None and container.status.get("imageID"):
            tally.images.add(str(container.status["imageID"]))
        if identity is not None:
            tally.identities[identity] += 1
        elif outcome.cause is not None and outcome.container == name and _waits(container):
            tally.refusals[(outcome.cause, outcome.message or "")] += 1


def _waits(container: PodContainer | None) -> bool:
    return container is None or not container.is_running


def all_tallies(variants: Iterable[PodVariant]) -> Iterator[tuple[PodVariant, ContainerTally]]:
    """Each container of each variant."""
    return ((variant, tally) for variant in variants for tally in variant.containers)
