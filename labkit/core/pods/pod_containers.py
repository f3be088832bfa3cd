"""The containers of a pod as the API gives them: which kind each is, how it is, and as whom its process runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Role = Literal["init", "sidecar", "main", "ephemeral"]

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
"""The annotation that names the container which kubectl takes if none is given
(kubernetes/kubectl:pkg/cmd/util/podcmd/podcmd.go, FindOrDefaultContainerByName)."""

_FIELDS: tuple[tuple[str, str, Role], ...] = (
    ("initContainers", "initContainerStatuses", "init"),
    ("containers", "containerStatuses", "main"),
    ("ephemeralContainers", "ephemeralContainerStatuses", "ephemeral"),
)
CONTAINER_FIELDS = tuple(spec_field for spec_field, _, _ in _FIELDS)
"""Where a pod's spec has its containers."""


@dataclass(frozen=True)
class PodContainer:
    """One container of a pod.

    Args:
        name: its name.
        role: an init container ends before the others begin, unless its restartPolicy is Always: then it is a sidecar.
        status: as the API gives it; empty before the kubelet has said anything of it.
    """

    name: str
    role: Role
    status: Mapping[str, Any]

    @property
    def waiting(self) -> Mapping[str, Any]:
        """Why it has not started; empty if that is not its state."""
        return as_mapping(as_mapping(self.status.get("state")).get("waiting"))

    @property
    def terminated(self) -> Mapping[str, Any]:
        """How it ended; empty if that is not its state."""
        return as_mapping(as_mapping(self.status.get("state")).get("terminated"))

    @property
    def is_running(self) -> bool:
        """Whether its process runs."""
        return "running" in as_mapping(self.status.get("state"))

    @property
    def started(self) -> datetime | None:
        """When the process that runs began, by the node's clock; None if none runs."""
        began = as_mapping(as_mapping(self.status.get("state")).get("running")).get("startedAt")
        return datetime.fromisoformat(began) if isinstance(began, str) else None

    @property
    def has_started(self) -> bool:
        """Whether it runs or ran, so that it may have printed something."""
        return self.is_running or bool(self.terminated) or bool(self.status.get("restartCount"))


@dataclass(frozen=True)
class ProcessIdentity:
    """As whom a container's first process was started, as the runtime reports it.

    Args:
        uid: its user id.
        gid: its group id.
        groups: its supplementary groups, in the runtime's order.
    """

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


def pod_containers(pod: Mapping[str, Any]) -> list[PodContainer]:
    """The containers of a pod: init containers and sidecars first, ephemeral ones last.

    Args:
        pod: as the API gives it; one of which only the status is known has the containers that the status names.
    """
    spec, status = as_mapping(pod.get("spec")), as_mapping(pod.get("status"))
    containers = []
    for spec_field, status_field, role in _FIELDS:
        specs = {str(container.get("name", "")): container for container in _mappings(spec.get(spec_field))}
        statuses = {str(container.get("name", "")): container for container in _mappings(status.get(status_field))}
        for name in [*specs, *(name for name in statuses if name not in specs)]:
            restarts = role == "init" and specs.get(name, {}).get("restartPolicy") == "Always"
            containers.append(PodContainer(name, "sidecar" if restarts else role, statuses.get(name, {})))
    return containers


def default_container(pod: Mapping[str, Any]) -> str | None:
    """The container that kubectl takes if none is named; None if the pod has none.

    Args:
        pod: as the API gives it, or a manifest.
    """
    containers = pod_containers(pod)
    annotations = as_mapping(as_mapping(pod.get("metadata")).get("annotations"))
    annotated = annotations.get(DEFAULT_CONTAINER)
    if any(container.name == annotated for container in containers):
        return str(annotated)
    return next((container.name for container in containers if container.role == "main"), None)


def process_identities(pod: Mapping[str, Any]) -> dict[str, ProcessIdentity | None]:
    """As whom each container's first process was started, by the container's name; None where it is not reported.

    The kubelet has reported it since Kubernetes 1.33, once a container has started
    (kubernetes/api:core/v1/types.go, ContainerStatus.User).

    Args:
        pod: as the API gives it.
    """
    return {container.name: _identity(container.status) for container in pod_containers(pod)}


def _identity(status: Mapping[str, Any]) -> ProcessIdentity | None:
    linux = as_mapping(as_mapping(status.get("user")).get("linux"))
    uid, gid = linux.get("uid"), linux.get("gid")
    if not isinstance(uid, int) or not isinstance(gid, int):
        return None
    groups = linux.get("supplementalGroups")
    return ProcessIdentity(uid, gid, tuple(group for group in as_list(groups) if isinstance(group, int)))


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [as_mapping(entry) for entry in as_list(value)]


def as_mapping(value: object) -> Mapping[str, Any]:
    """A value of the API's if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> Sequence[Any]:
    """A value of the API's if it is a list, else an empty one."""
    return value if isinstance(value, list) else []
