"""What is no pod but makes or feeds pods: Deployments, Secrets, ConfigMaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.adapters.kube.kube_connection import POLL_SECONDS, Connection
from labkit.base.waiting import watch
from labkit.core.pods.objects import PATHS, Rollout, judge_rollout, warning_texts


class Workloads(Connection):
    """What is done with what is no pod."""

    def apply_object(self, manifest: Mapping[str, Any], namespace: str) -> tuple[str, ...]:
        """Make or change a Deployment, Secret or ConfigMap, as `kubectl apply --server-side` does; gives the warnings.

        Raises:
            LabFailed: the API server does not take it, or does not answer.
        """
        group, plural = PATHS[manifest["kind"]]
        path = f"{group}/namespaces/{namespace}/{plural}/{manifest['metadata']['name']}"
        answer = self._ask("PATCH", path, body=manifest, kind="apply-patch+yaml", params={"force": "true"})
        return warning_texts(answer.headers.get_list("Warning"))

    def rollout(self, name: str, namespace: str, seconds: float) -> Rollout | None:
        """What became of a Deployment, once it is decided or the deadline has come; None if there is none.

        Args:
            name: its name.
            namespace: where it is.
            seconds: the deadline.
        """
        apps, core = f"apis/apps/v1/namespaces/{namespace}", f"api/v1/namespaces/{namespace}"

        def look() -> Rollout | None:
            found = [one for one in self._ask("GET", f"{apps}/deployments").json()["items"] if _is_named(one, name)]
            if not found:
                return None
            sets = self._ask("GET", f"{apps}/replicasets").json()["items"]
            return judge_rollout(found[0], sets, self._ask("GET", f"{core}/events").json()["items"])

        return watch(look, lambda rollout: rollout is None or rollout.is_decided, seconds, interval=POLL_SECONDS)


def _is_named(thing: Mapping[str, Any], name: str) -> bool:
    return bool(thing["metadata"]["name"] == name)
