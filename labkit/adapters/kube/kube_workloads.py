"""Objects that make pods, or that pods read: Deployments, Secrets, ConfigMaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.adapters.kube.kube_connection import POLL_SECONDS, KubeConnection
from labkit.base.waiting import watch
from labkit.core.pods.api_objects import DeploymentObject, EventObject, ReplicaSetObject
from labkit.core.pods.objects import PATHS, Rollout, judge_rollout, warning_texts


class KubeWorkloads(KubeConnection):
    """What is done with objects that are not pods."""

    def apply_object(self, manifest: Mapping[str, Any], namespace: str) -> tuple[str, ...]:
        """Make or change a Deployment, Secret or ConfigMap, as `kubectl apply --server-side` does; gives the warnings.

        Raises:
            LabFailed: the API server does not take it, or does not answer.
        """
        group, plural = PATHS[manifest["kind"]]
        path = f"{group}/namespaces/{namespace}/{plural}/{manifest['metadata']['name']}"
        response = self._ask("PATCH", path, body=manifest, kind="apply-patch+yaml", params={"force": "true"})
        return warning_texts(response.headers.get_list("Warning"))

    def rollout(self, name: str, namespace: str, seconds: float) -> Rollout | None:
        """What became of a Deployment, once it is decided or the deadline has come; None if it does not exist.

        Args:
            name: its name.
            namespace: where it is.
            seconds: the deadline.
        """
        apps, core = f"apis/apps/v1/namespaces/{namespace}", f"api/v1/namespaces/{namespace}"

        def look() -> Rollout | None:
            deployments: list[DeploymentObject] = self._ask("GET", f"{apps}/deployments").json()["items"]
            deployment = next((item for item in deployments if item["metadata"]["name"] == name), None)
            if deployment is None:
                return None
            replica_sets: list[ReplicaSetObject] = self._ask("GET", f"{apps}/replicasets").json()["items"]
            events: list[EventObject] = self._ask("GET", f"{core}/events").json()["items"]
            return judge_rollout(deployment, replica_sets, events)

        return watch(look, lambda rollout: rollout is None or rollout.is_decided, seconds, interval=POLL_SECONDS)
