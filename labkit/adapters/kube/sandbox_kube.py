"""The API of a cluster that belongs to others, on the rights of a participant: one namespace, and nothing beyond it.

Nothing here asks for nodes or for a list of namespaces, and none is made or deleted: what is a new namespace in a lab
of one's own is this one, emptied.
"""

from __future__ import annotations

from pathlib import Path

from labkit.adapters.kube.kube_transport import POLL_SECONDS
from labkit.adapters.kube.lab_kube import Kube
from labkit.adapters.kube.nodes import Readiness
from labkit.base.errors import LabError, LabFailed
from labkit.base.waiting import wait_until

_NOTE = "labkit-lesson"
"""The ConfigMap that says which lesson has the namespace now."""

_LEVEL = "baseline"
_EMPTY_SECONDS = 30.0
_EMPTIED = (
    ("apis/apps/v1", "deployments"),
    ("api/v1", "pods"),
    ("api/v1", "services"),
    ("api/v1", "secrets"),
    ("api/v1", "configmaps"),
)
"""What a participant may make there, by path; what makes pods goes first."""

_GONE_LAST = (("apis/apps/v1", "replicasets"), ("apis/apps/v1", "deployments"), ("api/v1", "pods"))
"""What is waited for: a replica set that is still there makes pods anew."""

# kubernetes/kubernetes:pkg/controller/certificates/rootcacertpublisher/publisher.go makes the first one at once again.
_KEPT = f"metadata.name!=kube-root-ca.crt,metadata.name!={_NOTE}"


class SandboxKube(Kube):
    """The one namespace of a participant.

    Args:
        kubeconfig: the kit's own kubeconfig file, with the pod's service account.
        lab: the lab's name.
        namespace: the participant's.
    """

    def __init__(self, kubeconfig: Path, lab: str, namespace: str) -> None:
        super().__init__(kubeconfig, lab)
        self.namespace = namespace

    # --- the namespace ---

    def new_namespace(self, lesson: str, level: str = "") -> str:
        """Empty the namespace for a lesson; it enforces `baseline`, from which a class lets nobody lower it.

        Raises:
            LabFailed: the API server does not let us, or what is in the namespace does not go.
        """
        self._delete_all()
        wait_until(
            f"an empty namespace {self.namespace}",
            self._left,
            seconds=_EMPTY_SECONDS,
            remedy="see what keeps it, and open or reset the lesson again\n  labkit kubectl get all",
            is_there=lambda left: not left,
            describe=lambda left: f"there still are {', '.join(left or ())}",
            interval=POLL_SECONDS,
        )
        wanted = level or _LEVEL
        if self.enforced(self.namespace).level != wanted:
            self.enforce(self.namespace, wanted)
        note = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _NOTE}, "data": {"lesson": lesson}}
        self._ask("PATCH", self._note_path, body=note, kind="apply-patch+yaml", params={"force": "true"})
        return self.namespace

    def namespaces(self, lesson: str | None = None) -> list[str]:
        """The namespace, if a lesson has it; if that is the one given, where one is."""
        response = self._send("GET", self._note_path)
        has_it = response.json().get("data", {}).get("lesson") if response.is_success else None
        return [self.namespace] if has_it and lesson in (None, has_it) else []

    def being_deleted(self) -> list[str]:
        """None: the namespace stays."""
        return []

    def delete_namespace(self, name: str) -> None:
        """Take the namespace from the lesson that has it, and delete all in it, without waiting."""
        self._send("DELETE", self._note_path)
        self._delete_all()

    def _delete_all(self) -> None:
        for group, plural in _EMPTIED:
            params = {"gracePeriodSeconds": "0", "propagationPolicy": "Background"}
            if plural == "configmaps":
                params["fieldSelector"] = _KEPT
            self._ask("DELETE", f"{group}/namespaces/{self.namespace}/{plural}", params=params)

    def _left(self) -> list[str]:
        """What is still there of what was deleted; pods that came of it meanwhile are deleted, too."""
        left = []
        for group, plural in _GONE_LAST:
            path = f"{group}/namespaces/{self.namespace}/{plural}"
            left += [f"{plural[:-1]} {item['metadata']['name']}" for item in self._ask("GET", path).json()["items"]]
        if any(name.startswith("pod ") for name in left):
            pods = f"api/v1/namespaces/{self.namespace}/pods"
            self._ask("DELETE", pods, params={"gracePeriodSeconds": "0"})
        return left

    @property
    def _note_path(self) -> str:
        return f"api/v1/namespaces/{self.namespace}/configmaps/{_NOTE}"

    # --- the cluster as a whole ---

    def readiness(self, mark: str | None = None) -> Readiness:
        """Whether the API answers, and the namespace is there."""
        try:
            response = self._send("GET", f"api/v1/namespaces/{self.namespace}")
        except LabError:
            return Readiness.COMING
        return Readiness.READY if response.is_success else Readiness.NEVER

    def finish(self) -> None:
        """Nothing: nodes are the cluster's own.

        Raises:
            LabFailed: always.
        """
        raise LabFailed("Marking the cluster's nodes", "they are not this lab's", "leave that to the class's cluster")

    def version(self) -> str:
        """The API server's version: a participant may not look at nodes, which have the kubelet's."""
        return str(self._ask("GET", "version").json()["gitVersion"])
