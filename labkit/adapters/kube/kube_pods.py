"""Pods: made, watched until their outcome is known, and deleted."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, cast

import httpx2
from lightkube.core.exceptions import ApiError
from lightkube.resources.core_v1 import Event, Pod

from labkit.adapters.kube.kube_connection import GONE_REMEDY, POLL_SECONDS, KubeConnection
from labkit.adapters.kube.namespaces import namespace_gone
from labkit.base.errors import LabFailed
from labkit.base.waiting import watch
from labkit.core.pods.api_objects import EventObject, PodObject
from labkit.core.pods.outcome import Outcome, judge_admission
from labkit.core.pods.verdicts import judge

_OBSERVE_SECONDS = 60.0
_DELETE_SECONDS = 15.0
_SANDBOX_SECONDS = 1.5
# kubernetes/kubernetes:plugin/pkg/admission/namespace/lifecycle/admission.go
_NO_NAMESPACE = re.compile(r'namespaces "[^"]*" not found|because it is being terminated')


class KubePods(KubeConnection):
    """What is done with pods."""

    def make_pod(self, manifest: Mapping[str, Any], namespace: str, seconds: float = _OBSERVE_SECONDS) -> Outcome:
        """Make a pod, in place of one of the same name, and observe it until its outcome is known.

        Args:
            manifest: of the pod.
            namespace: where to make it.
            seconds: the deadline.
        """
        name = str(manifest["metadata"]["name"])
        self.delete_pod(name, namespace)
        return self.create_pod(manifest, name, namespace) or self.observe(name, namespace, seconds=seconds)

    def create_pod(
        self, manifest: Mapping[str, Any], name: str, namespace: str, *, dry_run: bool = False
    ) -> Outcome | None:
        """Ask the API server for a pod; None if it lets it in, else its no as an outcome.

        Args:
            manifest: of the pod.
            name: its name.
            namespace: where to make it.
            dry_run: only ask: as `kubectl create --dry-run=server`, nothing is made.

        Raises:
            LabFailed: the namespace is gone, the cluster does not answer, or the manifest is not one of a Pod.
        """
        try:
            pod: Any = Pod.from_dict({**manifest})
            self._client.create(pod, namespace=namespace, dry_run=dry_run)
        except ApiError as error:
            if _NO_NAMESPACE.search(error.status.message or ""):
                raise namespace_gone(namespace) from error
            return judge_admission(int(error.status.code or 0), error.status.message or str(error), name, namespace)
        except httpx2.HTTPError as error:
            raise LabFailed("Creating the pod", f"the cluster does not answer ({error})", GONE_REMEDY) from error
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise LabFailed(
                "Reading the manifest",
                f"it is not one of a Pod: {error}",
                "compare it with\n  kubectl explain pod.spec",
            ) from error
        return None

    def observe(self, name: str, namespace: str, *, seconds: float = _OBSERVE_SECONDS) -> Outcome:
        """Watch a pod until it runs, has ended or can no longer succeed.

        Args:
            name: the pod.
            namespace: where it is.
            seconds: the deadline, after which the outcome says what was seen last.

        Raises:
            LabFailed: the cluster went away, or the pod did.
        """
        started = time.monotonic()

        def is_decided() -> bool:
            # A sandbox that cannot be made shows in the events alone; those of a pod that takes its time are read.
            slow = time.monotonic() - started > _SANDBOX_SECONDS
            events = self.events(name, namespace) if slow else ()
            return judge(self.pod(name, namespace), events).verdict != "pending"

        decided = watch(is_decided, bool, seconds, interval=POLL_SECONDS)
        return self.judge_now(name, namespace, timed_out=not decided, seconds=time.monotonic() - started)

    def observe_end(self, name: str, namespace: str, seconds: float) -> Outcome:
        """Watch a pod until a container of it has ended or was refused; the outcome as it is then, or at the deadline.

        A program that stops soon after its start is seen running for a moment.
        """
        over = ("failed", "succeeded", "refused")
        watch(lambda: judge(self.pod(name, namespace)).verdict in over, bool, seconds, interval=POLL_SECONDS)
        return self.judge_now(name, namespace)

    def judge_now(self, name: str, namespace: str, *, timed_out: bool = False, seconds: float | None = None) -> Outcome:
        """The outcome of a pod as it is now, with its events and logs."""
        events, logs = self.events(name, namespace), self.logs(name, namespace)
        return judge(self.pod(name, namespace), events, timed_out=timed_out, seconds=seconds, logs=logs)

    def pod(self, name: str, namespace: str) -> PodObject:
        """A pod as the API gives it."""
        with self._doing(f"Looking at pod {name}"):
            return cast(PodObject, self._client.get(Pod, name, namespace=namespace).to_dict())

    def pods(self, namespace: str) -> list[PodObject]:
        """All pods of a namespace."""
        with self._doing(f"Listing the pods of {namespace}"):
            return [cast(PodObject, pod.to_dict()) for pod in self._client.list(Pod, namespace=namespace)]

    def delete_pod(self, name: str, namespace: str, *, wait: bool = True) -> None:
        """Delete a pod at once and see it gone; nothing if it does not exist."""
        with self._doing(f"Deleting pod {name}"):
            if self._find(Pod, name, namespace) is None:
                return
            self._delete(Pod, name, namespace)
            if wait:
                watch(lambda: self._find(Pod, name, namespace) is None, bool, _DELETE_SECONDS, interval=POLL_SECONDS)

    def events(self, pod: str, namespace: str) -> list[EventObject]:
        """The events about a pod, oldest first."""
        with self._doing(f"Listing the events of pod {pod}"):
            listed = self._client.list(Event, namespace=namespace, fields={"involvedObject.name": pod})
            return [cast(EventObject, event.to_dict()) for event in listed]

    def namespace_events(self, namespace: str) -> list[EventObject]:
        """All events of a namespace."""
        with self._doing(f"Listing the events of {namespace}"):
            return [cast(EventObject, event.to_dict()) for event in self._client.list(Event, namespace=namespace)]

    def logs(self, pod: str, namespace: str, container: str | None = None) -> str:
        """What a pod's container printed, its only one if none is named; empty while it has not started."""
        try:
            return "".join(self._client.log(pod, namespace=namespace, container=container)).strip()
        except (ApiError, httpx2.HTTPError):
            return ""
