"""The cluster as a whole: its nodes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import httpx2
from lightkube.core.exceptions import ApiError
from lightkube.models.core_v1 import NodeCondition
from lightkube.resources.core_v1 import Node

from labkit.adapters.kube.kube_connection import KubeConnection, meta
from labkit.adapters.kube.kube_transport import POLL_SECONDS
from labkit.base.configuration import LABEL
from labkit.base.waiting import watch

_NO_TRUST = "CERTIFICATE_VERIFY_FAILED"
"""What Python's ssl says of a server's certificate that has expired, or is another authority's."""

# kubernetes/kubernetes:staging/src/k8s.io/api/core/v1/well_known_taints.go
_NOT_READY_TAINTS = frozenset({"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})


class Readiness(StrEnum):
    """How far a cluster is that was made before."""

    READY = "ready"
    COMING = "coming"
    """It may still come: it does not answer, or its node is not ready yet."""
    NEVER = "never"
    """It was not finished, or is another one: no waiting helps."""


class KubeNodes(KubeConnection):
    """What is asked of the cluster's nodes."""

    def readiness(self, mark: str | None = None) -> Readiness:
        """Whether the API answers and the node is ready.

        Args:
            mark: a label value that the node must carry as well: `finish` puts it there at the very end of `up`. None
                while the cluster is being made: then its node may not be there yet.
        """
        try:
            nodes = list(self._client.list(Node))
        except ApiError:  # It has just begun to serve, or somebody else's certificate is asked for ours.
            return Readiness.COMING
        except httpx2.HTTPError as error:
            return Readiness.NEVER if mark is not None and _NO_TRUST in str(error) else Readiness.COMING
        if not nodes:
            return Readiness.COMING if mark is None else Readiness.NEVER
        if not all(_is_ready(node) for node in nodes):
            return Readiness.COMING
        is_marked = mark is None or all((meta(node).labels or {}).get(LABEL) == mark for node in nodes)
        return Readiness.READY if is_marked else Readiness.NEVER

    def wait_until_ready(self, seconds: float, mark: str | None = None) -> bool:
        """Wait until it is ready; False if it is not so within so many seconds, or as soon as it never will be."""
        last = watch(lambda: self.readiness(mark), lambda now: now != Readiness.COMING, seconds, interval=POLL_SECONDS)
        return last is Readiness.READY

    def wait_for_kubelet(self, start: datetime, seconds: float) -> None:
        """Wait until the kubelet of a node that was started again has reported; no longer than so many seconds.

        Until then the API server tells how the node was before it stopped.

        Args:
            start: when the node started, by the node's own clock.
            seconds: the deadline.
        """
        start = start.replace(microsecond=0)  # A heartbeat has whole seconds.
        watch(self._last_heartbeat, lambda last: last is not None and last >= start, seconds, interval=POLL_SECONDS)

    def _last_heartbeat(self) -> datetime | None:
        with self._doing("Asking for the kubelet's last report"):
            ready = [condition for node in self._client.list(Node) for condition in _ready_conditions(node)]
        return min((each.lastHeartbeatTime for each in ready if each.lastHeartbeatTime is not None), default=None)

    def takes_pods(self) -> bool:
        """Whether pods are placed on every node: each has a taint until it is ready, and for a moment afterwards.

        The controller manager takes it away. One that was interrupted does so when it is at work again, which may be
        half a minute after the API server and the kubelet.
        """
        with self._doing("Asking whether the node takes pods"):
            taints = [taint for node in self._client.list(Node) for taint in (node.spec and node.spec.taints) or ()]
        return not any(taint.key in _NOT_READY_TAINTS for taint in taints)

    def finish(self) -> None:
        """Put the lab's label on every node, as the last step of making a cluster."""
        with self._doing("Marking the cluster as finished"):
            for node in self._client.list(Node):
                self._client.patch(Node, str(meta(node).name), {"metadata": {"labels": {LABEL: self._lab}}})

    def version(self) -> str:
        """The kubelet's version."""
        with self._doing("Asking the cluster for its version"):
            nodes = list(self._client.list(Node))
        info = nodes[0].status.nodeInfo if nodes and nodes[0].status else None
        return info.kubeletVersion if info else "unknown"


def _is_ready(node: Node) -> bool:
    return any(condition.status == "True" for condition in _ready_conditions(node))


def _ready_conditions(node: Node) -> list[NodeCondition]:
    conditions = (node.status.conditions if node.status else None) or []
    return [condition for condition in conditions if condition.type == "Ready"]
