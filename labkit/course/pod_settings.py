"""The settings (securityContext) of a pod's manifest, for checks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.core.mappings import Manifest, ManifestPart
from labkit.core.pods.pod_containers import CONTAINER_FIELDS


def all_containers(spec: Mapping[str, Any]) -> list[ManifestPart]:
    """The containers of a pod's spec, init containers first, ephemeral ones last."""
    return [container for field in CONTAINER_FIELDS for container in spec.get(field) or []]


def with_debug_containers(manifest: Mapping[str, Any]) -> Manifest:
    """A pod's manifest with its ephemeral containers among the others, of which admission asks the same.

    No pod is made with ephemeral ones
    (kubernetes/kubernetes:pkg/apis/core/validation/validation.go, ValidatePodCreate).

    Args:
        manifest: of a pod.
    """
    spec = dict(manifest.get("spec") or {})
    added = [dict(container) for container in spec.pop("ephemeralContainers", None) or []]
    for container in added:
        container.pop("targetContainerName", None)
    return {**manifest, "spec": {**spec, "containers": [*(spec.get("containers") or []), *added]}}


def pod_settings(manifest: Mapping[str, Any]) -> ManifestPart:
    """The settings of the pod as a whole.

    Args:
        manifest: of a pod; empty for none.
    """
    return dict((manifest.get("spec") or {}).get("securityContext") or {})


def container_settings(manifest: Mapping[str, Any]) -> dict[str, ManifestPart]:
    """The settings in force for each container, init and ephemeral ones too: a container's own override the pod's.

    (kubernetes/kubernetes:pkg/securitycontext/util.go, DetermineEffectiveSecurityContext)

    Args:
        manifest: of a pod; empty for none.
    """
    spec = manifest.get("spec") or {}
    shared = pod_settings(manifest)
    return {container["name"]: {**shared, **own_settings(container)} for container in all_containers(spec)}


def own_settings(container: Mapping[str, Any]) -> ManifestPart:
    """The settings of a container alone, as it says them itself."""
    return dict(container.get("securityContext") or {})
