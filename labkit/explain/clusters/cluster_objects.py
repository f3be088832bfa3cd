"""What is read of a cluster, kind by kind: its workloads, whose each object is, and what its namespaces enforce."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from labkit.base.errors import Misuse, NoRight
from labkit.core.admission.policy import Policy
from labkit.core.identity.model import read_version
from labkit.core.pods.pod_containers import as_mapping
from labkit.core.pods.pod_owners import Owner, owner_of
from labkit.explain.workload_kinds.asked_containers import Asked
from labkit.explain.workload_kinds.workload_reader import read_live_object

if TYPE_CHECKING:
    from labkit.adapters.kube.cluster_reader import ClusterReader

# kubernetes/api: apps/v1, batch/v1, core/v1. What owns others comes first.
_WORKLOADS: Final = (
    ("apis/apps/v1", "deployments", "Deployment"),
    ("apis/apps/v1", "statefulsets", "StatefulSet"),
    ("apis/apps/v1", "daemonsets", "DaemonSet"),
    ("apis/batch/v1", "cronjobs", "CronJob"),
    ("apis/batch/v1", "jobs", "Job"),
    ("apis/apps/v1", "replicasets", "ReplicaSet"),
    ("api/v1", "replicationcontrollers", "ReplicationController"),
)
_REVISION: Final = "deployment.kubernetes.io/revision"
_TEMPLATE_GENERATION: Final = "deprecated.daemonset.template.generation"


@dataclass(frozen=True)
class LiveWorkload:
    """A workload that nothing else owns.

    Args:
        kind: its kind.
        namespace: where it is.
        name: its name.
        asked: the containers of its template.
        revision: which template is its newest, "" if that is not said.
    """

    kind: str
    namespace: str
    name: str
    asked: Asked
    revision: str = ""


@dataclass
class ClusterObjects:
    """What was read besides pods.

    Args:
        kubernetes: the version of the API server, None if it does not say.
        workloads: by kind, namespace and name.
        owners: whose each object is that was read, by its uid.
        revisions: of which template a ReplicaSet makes pods, by its uid.
        policies: what namespaces enforce.
        lacking: what the user has no permission to read, a sentence each.
        notes: likewise, where nothing is left out for it.
    """

    kubernetes: tuple[int, int] | None = None
    workloads: dict[tuple[str, str, str], LiveWorkload] = field(default_factory=dict)
    owners: dict[str, Owner | None] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_objects(reader: ClusterReader, namespaces: Sequence[str]) -> ClusterObjects:
    """Read all but the pods.

    Args:
        reader: of the cluster.
        namespaces: those to read; none for all.

    Raises:
        Misuse: there is no such namespace.
        LabFailed: the cluster does not answer.
    """
    objects = ClusterObjects()
    with suppress(NoRight):
        objects.kubernetes = read_version(str((reader.get("version") or {}).get("gitVersion", "")))
    _read_namespaces(reader, namespaces, objects)
    for group, plural, kind in _WORKLOADS:
        for value in read_list(reader, group, plural, namespaces, objects):
            _add_workload({**value, "kind": kind, "apiVersion": group.partition("/")[2]}, objects)
    return objects


def read_list(
    reader: ClusterReader, group: str, plural: str, namespaces: Sequence[str], objects: ClusterObjects
) -> Iterator[Mapping[str, Any]]:
    """The objects of a kind.

    Args:
        reader: asks the cluster.
        group: the path of the kind's group and version, such as apis/apps/v1.
        plural: the kind's name in paths, such as deployments.
        namespaces: in which they are; none of them for all.
        objects: is told of a right that is lacking.
    """
    paths = [f"{group}/namespaces/{name}/{plural}" for name in namespaces] or [f"{group}/{plural}"]
    for path in paths:
        try:
            yield from reader.list(path)
        except NoRight as error:
            objects.lacking.append(f"no permission to list {plural}: {error.came_back}; they are left out")


def _read_namespaces(reader: ClusterReader, names: Sequence[str], objects: ClusterObjects) -> None:
    try:
        if names:
            namespaces = []
            for name in names:
                namespace = reader.get(f"api/v1/namespaces/{name}")
                if namespace is None:
                    raise Misuse(
                        f"Reading namespace {name}",
                        "the cluster has none of that name",
                        "see them\n  kubectl get namespaces",
                    )
                namespaces.append(namespace)
        else:
            namespaces = list(reader.list("api/v1/namespaces"))
    except NoRight as error:
        objects.notes.append(
            f"no permission to read namespaces, so what they enforce is not known: {error.came_back}; say it with "
            "--namespace-level NAMESPACE=LEVEL"
        )
        return
    for namespace in namespaces:
        metadata = as_mapping(namespace.get("metadata"))
        policy = Policy.of_labels(as_mapping(metadata.get("labels")))
        if policy is not None:
            objects.policies[str(metadata.get("name"))] = policy


def _add_workload(value: Mapping[str, Any], objects: ClusterObjects) -> None:
    metadata = as_mapping(value.get("metadata"))
    owner, uid = owner_of(metadata), str(metadata.get("uid", ""))
    annotations = as_mapping(metadata.get("annotations"))
    revision = str(annotations.get(_REVISION) or annotations.get(_TEMPLATE_GENERATION) or "")
    if value["kind"] == "StatefulSet":
        revision = str(as_mapping(value.get("status")).get("updateRevision") or "")
    if owner is not None:
        objects.owners[uid] = owner
        objects.revisions[uid] = revision
        return
    # A ReplicaSet that a cleaned-up Deployment has left behind makes no pods.
    key = (str(value["kind"]), str(metadata.get("namespace", "")), str(metadata.get("name", "")))
    objects.workloads[key] = LiveWorkload(*key, read_live_object(value), revision)
