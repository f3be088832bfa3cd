"""Manifests of pods, as plain mappings with Kubernetes' own names."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import yaml


def container_manifest(
    name: str, image: str, *, command: Sequence[str] | None = None, security: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One container of a pod.

    Args:
        name: its name in the pod.
        image: its reference; it is used as it lies on the node and never pulled when it is there.
        command: what runs in place of the image's entrypoint.
        security: its securityContext.
    """
    container: dict[str, Any] = {"name": name, "image": image, "imagePullPolicy": "IfNotPresent"}
    if command:
        container["command"] = list(command)
    if security:
        container["securityContext"] = copy.deepcopy(dict(security))
    return container


def pod_manifest(
    name: str,
    containers: Sequence[Mapping[str, Any]],
    *,
    init_containers: Sequence[Mapping[str, Any]] = (),
    security: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A pod of the lab.

    It gets no token of the API and no grace period: nothing in it needs either, and a lesson's reset
    must not wait. A command that has ended is not started again, so that its exit status stays to be seen.

    Args:
        name: the pod's name.
        containers: from `container_manifest`.
        init_containers: likewise, run before the others.
        security: the pod's securityContext.
        labels: its labels.
    """
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
    }
    if security:
        spec["securityContext"] = copy.deepcopy(dict(security))
    if init_containers:
        spec["initContainers"] = [copy.deepcopy(dict(container)) for container in init_containers]
    spec["containers"] = [copy.deepcopy(dict(container)) for container in containers]
    metadata: dict[str, Any] = {"name": name}
    if labels:
        metadata["labels"] = dict(labels)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def read_pod(manifest: str | Mapping[str, Any]) -> dict[str, Any]:
    """Read a participant's own manifest, from YAML text or a mapping.

    Raises:
        ValueError: it is not YAML, or not of exactly one Pod with a name; the text says which.
    """
    if isinstance(manifest, str):
        try:
            documents = [document for document in yaml.safe_load_all(manifest) if document is not None]
        except yaml.YAMLError as error:
            raise ValueError(f"it is not YAML: {error}") from error
        if len(documents) != 1:
            raise ValueError(f"it holds {len(documents)} documents instead of one")
        manifest = documents[0]
    if not isinstance(manifest, Mapping) or manifest.get("kind") != "Pod":
        kind = manifest.get("kind") if isinstance(manifest, Mapping) else None
        raise ValueError(f"its kind is {kind!r} instead of Pod")
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        raise ValueError("it has no metadata.name")
    return {**copy.deepcopy(dict(manifest)), "apiVersion": manifest.get("apiVersion", "v1")}


def to_yaml(manifest: Mapping[str, Any]) -> str:
    """A manifest as a person would write it."""
    return yaml.safe_dump(dict(manifest), sort_keys=False, default_flow_style=False)


def kubectl_line(manifest: Mapping[str, Any], namespace: str) -> str:
    """What to type for making the pod."""
    return f"kubectl apply --namespace {namespace} --filename - <<'EOF'\n{to_yaml(manifest)}EOF"
