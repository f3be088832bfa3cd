"""The cluster as a whole: its nodes."""

from __future__ import annotations

import httpx2
from lightkube.core.exceptions import ApiError
from lightkube.resources.core_v1 import Node

from labkit.adapters.kube.kube_connection import POLL_SECONDS, KubeConnection, meta
from labkit.base.configuration import LABEL
from labkit.base.waiting import watch


class KubeNodes(KubeConnection):
    """What is asked of the cluster's nodes."""

    def is_ready(self, mark: str | None = None) -> bool:
        """Whether the API answers and the node is ready.

        Args:
            mark: a label value that the node must carry as well: `finish` puts it there at the very end of `up`.
        """
        try:
            nodes = list(self._client.list(Node))
        except (httpx2.HTTPError, ApiError):
            return False
        return bool(nodes) and all(_node_is_ready(node, mark) for node in nodes)

    def wait_until_ready(self, seconds: float, mark: str | None = None) -> bool:
        """Wait for `is_ready`; False if it is not so within so many seconds."""
        return watch(lambda: self.is_ready(mark), bool, seconds, interval=POLL_SECONDS)

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


def _node_is_ready(node: Node, mark: str | None) -> bool:
    conditions = (node.status.conditions if node.status else None) or []
    ready = any(condition.type == "Ready" and condition.status == "True" for condition in conditions)
    return ready and (mark is None or (meta(node).labels or {}).get(LABEL) == mark)
