"""Objects that make or feed pods: Deployments, Secrets, ConfigMaps; and what became of a Deployment. PURE."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from labkit.core.mappings import Manifest
from labkit.core.pods.api_objects import DeploymentObject, EventObject, ObjectMetadata, PodObject, ReplicaSetObject
from labkit.core.pods.manifest import named, read_document
from labkit.core.pods.outcome import Outcome, judge_admission

PATHS = {
    "Deployment": ("apis/apps/v1", "deployments"),
    "Secret": ("api/v1", "secrets"),
    "ConfigMap": ("api/v1", "configmaps"),
}
"""The kinds that a lesson may make, each with its group and its place in the API (kubernetes/api: core/v1, apps/v1)."""

# RFC 7234, 5.5: code, agent, text in quotes; the API server's code is 299 and its agent -.
_WARNING = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')
_COMBINED = "(combined from similar events): "
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


def read_manifest(text: str) -> Manifest:
    """A manifest of the course, of whatever kind."""
    return dict(yaml.safe_load(text))


def read_object(manifest: str | Mapping[str, Any]) -> Manifest:
    """A participant's manifest of an object that is not a Pod.

    Raises:
        ValueError: it is not YAML, not one document, of another kind, or has no name; the text says which.
    """
    document = read_document(manifest)
    if document.get("kind") not in PATHS:
        raise ValueError(f"its kind is {document.get('kind')!r} instead of {' or '.join(PATHS)}")
    named(document)
    return copy.deepcopy(dict(document))


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
    name, wanted = deployment["metadata"]["name"], wanted_pods(deployment)
    newest = current_replica_set(deployment, replica_sets)
    if newest is None:
        return Rollout(name, wanted, 0, 0)
    status = newest.get("status", {})
    refusals = [
        # Of many events the API server makes one: (combined from similar events).
        event.get("message", "").removeprefix(_COMBINED).removeprefix("Error creating: ")
        for event in events
        if event.get("reason") == "FailedCreate"
        and event.get("involvedObject", {}).get("uid") == newest["metadata"].get("uid")
    ]
    last = judge_admission(403, refusals[-1]) if refusals else None
    made, ready = status.get("replicas", 0), status.get("readyReplicas", 0)
    return Rollout(name, wanted, made, ready, tuple(dict.fromkeys(refusals)), last.violations if last else ())


def wanted_pods(deployment: DeploymentObject) -> int:
    """How many pods a Deployment asks for."""
    return deployment.get("spec", {}).get("replicas", 1)


def is_paused(deployment: DeploymentObject) -> bool:
    """Whether the controller has seen that it is to make no pods of a changed template for now."""
    seen = deployment.get("status", {}).get("observedGeneration", 0)
    is_seen = seen == deployment["metadata"].get("generation")
    return is_seen and deployment.get("spec", {}).get("paused", False)


def current_replica_set(
    deployment: DeploymentObject, replica_sets: Sequence[ReplicaSetObject]
) -> ReplicaSetObject | None:
    """The ReplicaSet of a Deployment's template as it is now; None if the controller has not made it yet.

    Args:
        deployment: the Deployment.
        replica_sets: of its namespace.
    """
    own = [
        replica_set
        for replica_set in replica_sets
        if _is_owned(replica_set["metadata"], deployment["metadata"]) and _has_template_of(replica_set, deployment)
    ]
    seen = deployment.get("status", {}).get("observedGeneration", 0)
    if not own or seen != deployment["metadata"].get("generation"):
        return None
    return max(own, key=_revision)


def pods_of_replica_set(replica_set: ReplicaSetObject, pods: Sequence[PodObject]) -> list[PodObject]:
    """The pods that a ReplicaSet has made and keeps; those that are being deleted are not.

    Args:
        replica_set: the ReplicaSet.
        pods: of its namespace.
    """
    return [
        pod
        for pod in pods
        if _is_owned(pod["metadata"], replica_set["metadata"]) and not pod["metadata"].get("deletionTimestamp")
    ]


def are_decided(deployment: DeploymentObject, replica_set: ReplicaSetObject, outcomes: Sequence[Outcome]) -> bool:
    """Whether no pod of a ReplicaSet is to come or to change before somebody does something.

    A rolling update makes the next pod once one is ready, so one that does not run is the last.

    Args:
        deployment: the Deployment.
        replica_set: of its template as it is now.
        outcomes: of the ReplicaSet's pods.
    """
    if any(outcome.verdict == "pending" for outcome in outcomes):
        return False
    if len(outcomes) == wanted_pods(deployment) or _is_stuck(replica_set):
        return True
    asked_for = len(outcomes) == replica_set.get("spec", {}).get("replicas")
    return asked_for and any(outcome.verdict in ("refused", "failed") for outcome in outcomes)


def _is_stuck(replica_set: ReplicaSetObject) -> bool:
    """Whether a ReplicaSet could not make a pod
    (kubernetes/kubernetes:pkg/controller/replicaset/replica_set_utils.go, calculateStatus)."""
    conditions = replica_set.get("status", {}).get("conditions", ())
    return any((state.get("type"), state.get("status")) == ("ReplicaFailure", "True") for state in conditions)


def _has_template_of(replica_set: ReplicaSetObject, deployment: DeploymentObject) -> bool:
    """Whether a ReplicaSet is of a Deployment's template as it is now; a paused one makes none for a changed template.

    (kubernetes/kubernetes:pkg/controller/deployment/util/deployment_util.go, EqualIgnoreHash)
    """
    template = copy.deepcopy(dict(replica_set.get("spec", {}).get("template") or {}))
    labels = template.get("metadata", {}).get("labels", {})
    labels.pop("pod-template-hash", None)
    return template == (deployment.get("spec", {}).get("template") or {})


def _revision(replica_set: ReplicaSetObject) -> int:
    return int(replica_set["metadata"].get("annotations", {}).get(_REVISION, 0))


def _is_owned(metadata: ObjectMetadata, by: ObjectMetadata) -> bool:
    return any(owner.get("uid") == by.get("uid") for owner in metadata.get("ownerReferences", ()))
