"""Objects that make pods, or that pods read: Deployments, Secrets, ConfigMaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.adapters.kube.field_names import with_advice
from labkit.adapters.kube.kube_connection import LOOK_REMEDY, message_of
from labkit.adapters.kube.kube_pods import KubePods
from labkit.adapters.kube.kube_transport import POLL_SECONDS
from labkit.base.errors import LabFailed, Misuse
from labkit.base.waiting import watch
from labkit.core.mappings import Manifest
from labkit.core.pods.api_objects import DeploymentObject, PodObject, ReplicaSetObject
from labkit.core.pods.objects import (
    PATHS,
    Rollout,
    are_decided,
    current_replica_set,
    is_paused,
    judge_rollout,
    pods_of_replica_set,
    warning_texts,
)
from labkit.core.pods.outcome import Outcome, judge_admission
from labkit.core.pods.verdicts import judge

# kubernetes/api: core/v1, apps/v1, batch/v1
_OF_PODS = {
    "Pod": ("api/v1", "pods"),
    "Deployment": ("apis/apps/v1", "deployments"),
    "StatefulSet": ("apis/apps/v1", "statefulsets"),
    "DaemonSet": ("apis/apps/v1", "daemonsets"),
    "ReplicaSet": ("apis/apps/v1", "replicasets"),
    "Job": ("apis/batch/v1", "jobs"),
    "CronJob": ("apis/batch/v1", "cronjobs"),
    "ReplicationController": ("api/v1", "replicationcontrollers"),
}


class KubeWorkloads(KubePods):
    """What is done with objects that are not pods."""

    def apply_object(self, manifest: Mapping[str, Any], namespace: str) -> tuple[str, ...]:
        """Make or change a Deployment, Secret or ConfigMap, as `kubectl apply --server-side` does; gives the warnings.

        Raises:
            Misuse: the API server or admission does not take it; what came back says why.
            LabFailed: the namespace is gone, or the cluster does not answer.
        """
        group, plural = PATHS[manifest["kind"]]
        path = f"{group}/namespaces/{namespace}/{plural}/{manifest['metadata']['name']}"
        params = {"force": "true", "fieldValidation": "Strict"}
        response = self._send("PATCH", path, body=manifest, kind="apply-patch+yaml", params=params)
        if response.is_error:
            tried = f"Making {manifest['kind'].lower()}/{manifest['metadata']['name']}"
            refusal = judge_admission(response.status_code, with_advice(message_of(response), manifest["kind"]))
            if response.is_server_error and refusal.cause is None:
                raise LabFailed(tried, refusal.message or "", LOOK_REMEDY)
            remedy = "correct the manifest, and run the cell again"
            raise Misuse(tried, f"{refusal.who} refuses: {refusal.message}", remedy)
        return warning_texts(response.headers.get_list("Warning"))

    def deployment(self, name: str, namespace: str) -> Manifest:
        """A Deployment's manifest as the API server has it; empty if it does not exist."""
        own = self._deployment(name, namespace)
        return {**own, "apiVersion": "apps/v1", "kind": "Deployment"} if own else {}

    def deployment_names(self, namespace: str) -> list[str]:
        """The names of a namespace's Deployments."""
        return [item["metadata"]["name"] for item in self._deployments(namespace)]

    def kinds_named(self, name: str, namespace: str) -> list[str]:
        """The kinds of what has a name, as far as they are pods or make pods of a template.

        Args:
            name: of the objects.
            namespace: where they are.
        """
        paths = {kind: f"{group}/namespaces/{namespace}/{plural}/{name}" for kind, (group, plural) in _OF_PODS.items()}
        return [kind for kind, path in paths.items() if self._send("GET", path).is_success]

    def rollout(self, name: str, namespace: str, seconds: float) -> Rollout | None:
        """What became of a Deployment, once it is decided or the deadline has come; None if it does not exist.

        Args:
            name: its name.
            namespace: where it is.
            seconds: the deadline.
        """

        def look() -> tuple[Rollout | None, bool]:
            deployment = self._deployment(name, namespace)
            if deployment is None:
                return None, True
            replica_sets = self._replica_sets(namespace)
            rollout = judge_rollout(deployment, replica_sets, self.namespace_events(namespace))
            newest = current_replica_set(deployment, replica_sets)
            if newest is None or rollout.is_decided:
                return rollout, rollout.is_decided or is_paused(deployment)
            # Pods that the kubelet refuses never get ready.
            outcomes = [judge(pod) for pod in pods_of_replica_set(newest, self.pods(namespace))]
            never = any(outcome.verdict in ("refused", "failed") for outcome in outcomes)
            return rollout, never and are_decided(deployment, newest, outcomes)

        rollout, _ = watch(look, lambda seen: seen[1], seconds, interval=POLL_SECONDS)
        return rollout

    def pods_of(self, deployment: str, namespace: str, seconds: float) -> list[Outcome]:
        """Each pod of a Deployment's template as it is now, once all are decided or the deadline has come.

        Pods of older templates are left out, and so are those that are being deleted.

        Args:
            deployment: its name; one that does not exist has no pods.
            namespace: where it is.
            seconds: the deadline.
        """

        def look() -> tuple[list[PodObject], bool]:
            wanted = self._deployment(deployment, namespace)
            if wanted is None:
                return [], True
            replica_set = current_replica_set(wanted, self._replica_sets(namespace))
            if replica_set is None:
                return [], is_paused(wanted)
            pods = pods_of_replica_set(replica_set, self.pods(namespace))
            return pods, are_decided(wanted, replica_set, [judge(pod) for pod in pods])

        pods, _ = watch(look, lambda seen: seen[1], seconds, interval=POLL_SECONDS)
        return [self.outcome_of(pod, timed_out=True) for pod in pods]

    def _deployment(self, name: str, namespace: str) -> DeploymentObject | None:
        return next((item for item in self._deployments(namespace) if item["metadata"]["name"] == name), None)

    def _deployments(self, namespace: str) -> list[DeploymentObject]:
        return list(self._ask("GET", f"apis/apps/v1/namespaces/{namespace}/deployments").json()["items"])

    def _replica_sets(self, namespace: str) -> list[ReplicaSetObject]:
        return list(self._ask("GET", f"apis/apps/v1/namespaces/{namespace}/replicasets").json()["items"])
