"""Manifests of pods, as plain mappings with Kubernetes' own names."""

from __future__ import annotations

import copy
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from labkit.core.mappings import Manifest, ManifestPart

TEMPLATE_KINDS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job")
"""What makes pods of a template (kubernetes/api: apps/v1, batch/v1)."""

# kubernetes/apimachinery:pkg/apis/meta/v1/types.go, ObjectMeta
_OF_THE_SERVER = {
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "ownerReferences",
    "finalizers",
    "generateName",
    "selfLink",
}


def container_manifest(
    name: str, image: str, *, command: Sequence[str] | None = None, security: Mapping[str, Any] | None = None
) -> Manifest:
    """One container of a pod.

    Args:
        name: its name in the pod.
        image: its reference; it is used as it lies on the node and never pulled when it is there.
        command: what runs in place of the image's entrypoint.
        security: its securityContext.
    """
    container: ManifestPart = {"name": name, "image": image, "imagePullPolicy": "IfNotPresent"}
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
) -> Manifest:
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
    spec: ManifestPart = {
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
    metadata: ManifestPart = {"name": name}
    if labels:
        metadata["labels"] = dict(labels)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping, as kubectl does; YAML's own rule, which PyYAML does not hold."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in keys and key.value != "<<":
                raise yaml.constructor.ConstructorError(
                    problem=f'key "{key.value}" already set in map', problem_mark=key.start_mark
                )
            keys.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep)


class NotYaml(ValueError):
    """A manifest's text is not YAML; the text says in which line."""


def _where_and_what(error: yaml.YAMLError) -> str:
    """A parser's error in one line: the number and the text of the line that it stopped at, and why."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return str(error)
    mark = error.problem_mark
    line = (mark.get_snippet(indent=0) or "").partition("\n")[0].strip()
    return f"line {mark.line + 1}: {error.problem}" + (f", at {line!r}" if line else "")


def read_document(manifest: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """A participant's own manifest, of whatever kind, from YAML text or a mapping; it is not changed.

    Raises:
        ValueError: it is not YAML (`NotYaml`), or not exactly one document; the text says which.
    """
    if isinstance(manifest, str):
        try:
            documents = [document for document in yaml.load_all(manifest, _StrictLoader) if document is not None]
        except yaml.YAMLError as error:
            raise NotYaml(f"it is not YAML: {_where_and_what(error)}") from error
        if len(documents) != 1:
            raise ValueError(f"it holds {len(documents)} documents instead of one document")
        manifest = documents[0]
    return manifest if isinstance(manifest, Mapping) else {}


def read_pod(manifest: str | Mapping[str, Any]) -> Manifest:
    """Read a participant's own manifest of a Pod, from YAML text or a mapping.

    Raises:
        ValueError: it is not YAML, or not of exactly one Pod with a name; the text says which.
    """
    document = read_document(manifest)
    if document.get("kind") != "Pod":
        raise ValueError(f"its kind is {document.get('kind')!r} instead of Pod")
    named(document)
    return {**copy.deepcopy(dict(document)), "apiVersion": document.get("apiVersion", "v1")}


def read_pod_to_come(manifest: str | Mapping[str, Any]) -> Manifest:
    """The Pod of a manifest: its own, or the one that its template describes.

    Args:
        manifest: of a Pod, or of what makes pods of a template; one that the API gave is taken as it was written,
            without what the API server put in.

    Raises:
        ValueError: it is not YAML, or of no such object with a name; the text says which.
    """
    document = read_document(manifest)
    kind = document.get("kind")
    if kind not in ("Pod", *TEMPLATE_KINDS):
        raise ValueError(f"its kind is {kind!r} instead of Pod or {', '.join(TEMPLATE_KINDS)}")
    name = named(document)
    if kind != "Pod":
        spec = document.get("spec")
        template = spec.get("template") if isinstance(spec, Mapping) else None
        if not isinstance(template, Mapping):
            raise ValueError(f"this {kind} has no spec.template")
        document = template
    metadata = document.get("metadata")
    metadata = dict(metadata) if isinstance(metadata, Mapping) else {}
    pod = {**copy.deepcopy(dict(document)), "apiVersion": "v1", "kind": "Pod"}
    if metadata.get("uid") and isinstance(pod.get("spec"), dict):
        # Debug containers are added to a pod that runs, none is made with them (kubernetes/kubernetes:
        # pkg/apis/core/validation/validation.go, ValidatePodCreate).
        pod["spec"].pop("ephemeralContainers", None)
    kept = {field: value for field, value in metadata.items() if field not in _OF_THE_SERVER}
    return {**pod, "metadata": {**kept, "name": name}}


def named(document: Mapping[str, Any]) -> str:
    """The name of a manifest's object.

    Raises:
        ValueError: it has none.
    """
    metadata = document.get("metadata")
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        raise ValueError("it has no metadata.name")
    return str(metadata["name"])


def to_yaml(manifest: Mapping[str, Any]) -> str:
    """A manifest as a person would write it."""
    return yaml.safe_dump(dict(manifest), sort_keys=False, default_flow_style=False)


def kubectl_line(*arguments: str) -> str:
    """What to type for a kubectl command, as it works in any terminal of the lab.

    `labkit kubectl` has the lab's kubeconfig; plain kubectl would ask the user's own cluster, or none.
    """
    return shlex.join(["labkit", "kubectl", *arguments])


def apply_line(manifest: Mapping[str, Any], namespace: str, *, server_side: bool = False) -> str:
    """What to type for making or changing an object.

    Args:
        manifest: of the object.
        namespace: where it is.
        server_side: whether the API server merges the change, as it does for what the kit applies itself.
    """
    options = ["--server-side"] if server_side else []
    line = kubectl_line("apply", *options, "--namespace", namespace, "--filename", "-")
    # Lines of a text inside of the manifest are indented, so that none of them is EOF alone.
    return f"{line} <<'EOF'\n{to_yaml(manifest)}EOF"
