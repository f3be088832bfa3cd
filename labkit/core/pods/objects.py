"""Objects that make or feed pods: Deployments, Secrets, ConfigMaps; and what became of a Deployment. PURE."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from labkit.core.pods.api_objects import DeploymentObject, EventObject, OwnerReference, ReplicaSetObject
from labkit.core.pods.manifest import to_yaml
from labkit.core.pods.outcome import judge_admission

PATHS = {
    "Deployment": ("apis/apps/v1", "deployments"),
    "Secret": ("api/v1", "secrets"),
    "ConfigMap": ("api/v1", "configmaps"),
}
"""The kinds that a lesson may make, each with its group and its place in the API (kubernetes/api: core/v1, apps/v1)."""

# RFC 7234, 5.5: code, agent, text in quotes; the API server's code is 299 and its agent -.
_WARNING = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')
_REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True, repr=False)
class Applied:
    """What the API server said to a change that it took.

    Args:
        changed: the object, as kubectl names it: deployment.apps/web, namespace/x.
        warnings: its warnings, word for word.
        command: what to type for the same.
    """

    changed: str
    warnings: tuple[str, ...] = ()
    command: str = ""

    def __str__(self) -> str:
        return "\n".join([*(f"Warning: {warning}" for warning in self.warnings), f"{self.changed} taken"])

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Rollout:
    """What became of a Deployment.

    Args:
        name: its name.
        wanted: how many pods it asks for.
        made: how many pods of its newest template there are.
        ready: how many of these are ready.
        refusals: why the API server did not let pods of the newest template in, each once, from the FailedCreate
            events of the ReplicaSet; the pod's own random name is in them.
        violations: the controls that these name.
    """

    name: str
    wanted: int
    made: int
    ready: int
    refusals: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()

    @property
    def is_decided(self) -> bool:
        """Whether all pods are ready, or one was not let in."""
        return self.ready >= self.wanted or bool(self.refusals)

    def __str__(self) -> str:
        lines = [f"deployment {self.name}: {self.ready} of {self.wanted} pods ready, {self.made} made"]
        return "\n".join([*lines, *(f"FailedCreate  {refusal}" for refusal in self.refusals[:1])])

    __repr__ = __str__


def read_manifest(text: str) -> dict[str, Any]:
    """A manifest of the course, of whatever kind."""
    return dict(yaml.safe_load(text))


def read_object(manifest: str | Mapping[str, Any]) -> dict[str, Any]:
    """A participant's manifest of an object that is not a Pod.

    Raises:
        ValueError: it is not YAML, not one document, of another kind, or has no name; the text says which.
    """
    if isinstance(manifest, str):
        try:
            manifest = yaml.safe_load(manifest)
        except yaml.YAMLError as error:
            raise ValueError(f"it is not YAML of one document: {error}") from error
    kind = manifest.get("kind") if isinstance(manifest, Mapping) else None
    if not isinstance(manifest, Mapping) or kind not in PATHS:
        raise ValueError(f"its kind is {kind!r} instead of {' or '.join(PATHS)}")
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        raise ValueError("it has no metadata.name")
    return copy.deepcopy(dict(manifest))


def apply_line(manifest: Mapping[str, Any], namespace: str) -> str:
    """What to type for applying a manifest on the server's side."""
    return f"kubectl apply --server-side --namespace {namespace} --filename - <<'EOF'\n{to_yaml(manifest)}EOF"


def warning_texts(headers: Sequence[str]) -> tuple[str, ...]:
    """The texts of an answer's Warning headers; several may stand in one."""
    return tuple(re.sub(r"\\(.)", r"\1", text) for header in headers for text in _WARNING.findall(header))


def judge_rollout(
    deployment: DeploymentObject, replica_sets: Sequence[ReplicaSetObject], events: Sequence[EventObject]
) -> Rollout:
    """Say what became of a Deployment, from what the API has of it.

    Args:
        deployment: the Deployment.
        replica_sets: of its namespace; only its own newest counts, older ones are of templates that are gone.
        events: of its namespace, oldest first.
    """
    name = deployment["metadata"]["name"]
    wanted = deployment.get("spec", {}).get("replicas", 1)
    own = [
        replica_set
        for replica_set in replica_sets
        if any(owner.get("uid") == deployment["metadata"].get("uid") for owner in _owners(replica_set))
    ]
    seen = deployment.get("status", {}).get("observedGeneration", 0)
    if not own or seen != deployment["metadata"].get("generation"):
        return Rollout(name, wanted, 0, 0)
    newest = max(own, key=_revision)
    status = newest.get("status", {})
    refusals = [
        event.get("message", "").removeprefix("Error creating: ")
        for event in events
        if event.get("reason") == "FailedCreate"
        and event.get("involvedObject", {}).get("uid") == newest["metadata"].get("uid")
    ]
    last = judge_admission(403, refusals[-1]) if refusals else None
    made, ready = status.get("replicas", 0), status.get("readyReplicas", 0)
    return Rollout(name, wanted, made, ready, tuple(dict.fromkeys(refusals)), last.violations if last else ())


def _revision(replica_set: ReplicaSetObject) -> int:
    return int(replica_set["metadata"].get("annotations", {}).get(_REVISION, 0))


def _owners(replica_set: ReplicaSetObject) -> Sequence[OwnerReference]:
    return replica_set["metadata"].get("ownerReferences", ())
