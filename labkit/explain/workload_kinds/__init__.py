"""The workloads of manifests, whatever kind of object holds their pods: Kubernetes' own, and those of other projects.

Kubernetes' own kinds are listed here. What other kinds need is imported when it is first used (PEP 562): most
manifests have nothing but Kubernetes' own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from labkit.core import imported_when_used

if TYPE_CHECKING:
    from labkit.explain.workload_kinds.kinds_without_pods import need_have_no_pods, runs_no_pods
    from labkit.explain.workload_kinds.pod_shapes import find_pods

__all__ = ["find_pods", "group_of", "need_have_no_pods", "pod_path", "runs_no_pods"]

__getattr__ = imported_when_used(
    __name__,
    {
        "find_pods": "pod_shapes",
        "need_have_no_pods": "kinds_without_pods",
        "runs_no_pods": "kinds_without_pods",
    },
)

# Where each kind that runs pods keeps the pod's metadata and spec (kubernetes/api: core/v1, apps/v1, batch/v1).
_POD_PATHS: Final[dict[str, tuple[str, ...]]] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "ReplicationController": ("spec", "template"),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
# Other projects have kinds of the same names (batch.volcano.sh has a Job).
_WORKLOAD_GROUPS: Final = ("", "apps", "batch", "extensions")


def group_of(document: Mapping[str, Any]) -> str | None:
    """The API group of an object, "" for the core's; None if its apiVersion is none."""
    version = document.get("apiVersion", "v1")
    return version.rpartition("/")[0] if isinstance(version, str) else None


def pod_path(kind: str, group: str | None) -> tuple[str, ...] | None:
    """Where a workload of Kubernetes' own has its pod; None for all others."""
    return _POD_PATHS.get(kind) if group in _WORKLOAD_GROUPS else None
