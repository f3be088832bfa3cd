"""Namespaces: whose they are, and the Pod Security level that they enforce."""

from __future__ import annotations

import contextlib
import secrets

from lightkube.core.exceptions import ApiError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace, Pod, ServiceAccount

from labkit.adapters.kube.kube_connection import KubeConnection, message_of, meta
from labkit.adapters.kube.kube_transport import POLL_SECONDS
from labkit.base.configuration import LABEL, LESSON_LABEL
from labkit.base.waiting import wait_until, watch
from labkit.core.admission.policy import ENFORCE_LABEL, ENFORCE_VERSION_LABEL, PRIVILEGED, Policy
from labkit.core.pods.objects import warning_texts
from labkit.core.pods.outcome import violated_level

_ACCOUNT_SECONDS = 60.0
"""The kubelet begins a controller that has ended twice again after 10 s, then after 20 s."""
_ENFORCED_SECONDS = 5.0


class KubeNamespaces(KubeConnection):
    """What is done with namespaces."""

    def new_namespace(self, lesson: str, level: str = "") -> str:
        """Make an empty namespace for a lesson and wait until pods can be made in it.

        Args:
            lesson: whose it is.
            level: the Pod Security level that it enforces; empty for none.

        Returns:
            Its name: the lesson's, with a random suffix, so that the last one need not be gone yet.
        """
        name = f"{lesson}-{secrets.token_hex(3)}"
        labels = {LABEL: self._lab, LESSON_LABEL: lesson} | ({ENFORCE_LABEL: level} if level else {})
        with self._doing(f"Making namespace {name}"):
            self._client.create(Namespace(metadata=ObjectMeta(name=name, labels=labels)))
        # Admission refuses pods until the controller has made the namespace's default service account.
        wait_until(
            f"the default service account of namespace {name}",
            lambda: self._find(ServiceAccount, "default", name),
            seconds=_ACCOUNT_SECONDS,
            remedy="look at the lab, then open or reset the lesson again\n  labkit status",
            is_there=lambda account: account is not None,
            describe=lambda _: "the controller that makes it has not",
            interval=POLL_SECONDS,
        )
        return name

    def namespaces(self, lesson: str | None = None) -> list[str]:
        """The lab's namespaces, those being deleted left out; of one lesson, if given."""
        return [str(metadata.name) for metadata in self._listed(lesson) if metadata.deletionTimestamp is None]

    def being_deleted(self) -> list[str]:
        """The lab's namespaces that are being deleted."""
        return [str(metadata.name) for metadata in self._listed() if metadata.deletionTimestamp is not None]

    def _listed(self, lesson: str | None = None) -> list[ObjectMeta]:
        labels = {LABEL: self._lab} | ({LESSON_LABEL: lesson} if lesson else {})
        with self._doing("Listing the lab's namespaces"):
            return [meta(namespace) for namespace in self._client.list(Namespace, labels=dict(labels))]

    def delete_namespace(self, name: str) -> None:
        """Delete a namespace and all in it, without waiting; nothing if it does not exist."""
        with self._doing(f"Deleting namespace {name}"):
            # Pods that take their time to stop would keep the namespace; the lab's have nothing to save.
            with contextlib.suppress(ApiError):
                self._client.deletecollection(Pod, namespace=name, grace_period=0)
            self._delete(Namespace, name)

    def enforce(self, namespace: str, level: str) -> tuple[str, ...]:
        """Label a namespace with the Pod Security level that it enforces, and see it enforced.

        The rules are the API server's newest: a version that the namespace was pinned to is taken away.

        Admission reads namespaces from a cache, which is some milliseconds behind
        (kubernetes/kubernetes:plugin/pkg/admission/security/podsecurity/admission.go): a pod that is asked for at once
        was let in by the old level.

        Returns:
            The warnings about pods in it.
        """
        body = {"metadata": {"labels": {ENFORCE_LABEL: level, ENFORCE_VERSION_LABEL: None}}}
        response = self._ask("PATCH", f"api/v1/namespaces/{namespace}", body=body, kind="merge-patch+json")
        # Where other rules hide what the level refuses, the label counts.
        watch(lambda: self._level_in_effect(namespace), level.__eq__, _ENFORCED_SECONDS, interval=POLL_SECONDS)
        return warning_texts(response.headers.get_list("Warning"))

    def _level_in_effect(self, namespace: str) -> str:
        """The level that admission applies, asked by a dry run of a pod that none but privileged lets in."""
        spec = {"hostNetwork": True, "containers": [{"name": "a", "image": "a"}]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "asked"}, "spec": spec}
        response = self._send("POST", f"api/v1/namespaces/{namespace}/pods", body=pod, params={"dryRun": "All"})
        return violated_level(message_of(response)) if response.is_error else "privileged"

    def enforced(self, namespace: str) -> Policy:
        """What a namespace enforces by Pod Security: `privileged`, which admits all pods, if no level is set."""
        with self._doing(f"Looking at namespace {namespace}"):
            labels = meta(self._client.get(Namespace, namespace)).labels or {}
        return Policy.of_labels(labels) or PRIVILEGED
