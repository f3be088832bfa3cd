"""Pods: made, watched until their outcome is known, and deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import httpx2

from labkit.adapters.kube.field_names import with_advice
from labkit.adapters.kube.kube_connection import LOOK_REMEDY, KubeConnection, message_of
from labkit.adapters.kube.kube_transport import POLL_SECONDS
from labkit.base.errors import LabFailed, Misuse
from labkit.base.waiting import watch
from labkit.core.pods.api_objects import EventObject, PodObject
from labkit.core.pods.objects import warning_texts
from labkit.core.pods.outcome import Outcome, judge_admission
from labkit.core.pods.pod_containers import pod_containers
from labkit.core.pods.verdicts import is_half_ended, judge, lacks_volume, why_not_scheduled

_OBSERVE_SECONDS = 60.0
_DELETE_SECONDS = 15.0
_SANDBOX_SECONDS = 1.5
_HALF_ENDED_SECONDS = 3.0
_STATUS_SECONDS = 3.0
_UNSCHEDULED_SECONDS = 5.0
_LAST_LOOK_SECONDS = 0.1
_LAST_LOOK_TIMES, _LONGEST_LAST_LOOK_SECONDS = 10, 1.5
"""On a busy machine the last look waits as many times as long as one look at the pod has taken."""
_LOOKS = (0.5, 1.0)
"""The last looks, in shares of that time."""
_MOST_LOG_BYTES = 4 * 1024 * 1024
_OVER = ("failed", "succeeded", "refused")


@dataclass(frozen=True)
class Admitted:
    """A pod that the API server has let in.

    Args:
        uid: the pod's.
        version: of the pod as it was let in.
        warnings: of the API server and of admission, word for word.
    """

    uid: str
    version: str
    warnings: tuple[str, ...] = ()


class KubePods(KubeConnection):
    """What is done with pods."""

    _look_seconds = 0.0
    """How long the last look at a pod took."""

    def make_pod(self, manifest: Mapping[str, Any], namespace: str, seconds: float = _OBSERVE_SECONDS) -> Outcome:
        """Make a pod, in place of one of the same name, and observe it until its outcome is known.

        Whoever interrupts it leaves no pod behind.

        Args:
            manifest: of the pod.
            namespace: where to make it.
            seconds: the deadline.
        """
        name = str(manifest["metadata"]["name"])
        self.delete_pod(name, namespace)
        try:
            admitted = self._create(manifest, name, namespace)
            if isinstance(admitted, Outcome):
                return admitted
            outcome = self.observe(name, namespace, seconds=seconds, uid=admitted.uid, version=admitted.version)
        except KeyboardInterrupt:
            self.delete_pod(name, namespace, wait=False)
            raise
        return replace(outcome, warnings=admitted.warnings)

    def create_pod(
        self, manifest: Mapping[str, Any], name: str, namespace: str, *, dry_run: bool = False
    ) -> Outcome | None:
        """Ask the API server for a pod; None if it lets it in, else its no as an outcome.

        It is as strict as with `kubectl apply`: it takes no field that it does not know.

        Args:
            manifest: of the pod.
            name: its name.
            namespace: where to make it.
            dry_run: only ask: as `kubectl create --dry-run=server`, nothing is made.

        Raises:
            LabFailed: the namespace is gone, or the cluster does not answer.
            Misuse: the manifest cannot be written as JSON.
        """
        admitted = self._create(manifest, name, namespace, dry_run=dry_run)
        return admitted if isinstance(admitted, Outcome) else None

    def _create(
        self, manifest: Mapping[str, Any], name: str, namespace: str, *, dry_run: bool = False
    ) -> Outcome | Admitted:
        body = {"apiVersion": "v1", "kind": "Pod", **manifest}
        params = {"fieldValidation": "Strict"} | ({"dryRun": "All"} if dry_run else {})
        try:
            response = self._send("POST", f"api/v1/namespaces/{namespace}/pods", body=body, params=params)
        except (TypeError, ValueError) as error:
            remedy = "put texts, numbers, lists and mappings in it, as in\n  labkit kubectl explain pod.spec"
            raise Misuse("Reading the manifest", f"it cannot be written as JSON: {error}", remedy) from error
        if response.is_error:
            message = with_advice(message_of(response), "Pod")
            return judge_admission(response.status_code, message, name, namespace)
        made: PodObject = response.json()
        metadata, warnings = made["metadata"], warning_texts(response.headers.get_list("Warning"))
        return Admitted(metadata["uid"], metadata.get("resourceVersion", ""), warnings)

    def observe(
        self,
        name: str,
        namespace: str,
        *,
        seconds: float = _OBSERVE_SECONDS,
        uid: str | None = None,
        version: str = "",
    ) -> Outcome:
        """Watch a pod until it runs, has ended, can no longer succeed, or waits for what nobody is about to give.

        Args:
            name: the pod.
            namespace: where it is.
            seconds: the deadline, after which the outcome says what was seen last.
            uid: the pod's; without it that of the pod that has the name now.
            version: what was seen of the pod already; empty for nothing.

        Raises:
            LabFailed: the cluster went away, or the pod did, also if another one of its name has come.
        """
        started = time.monotonic()
        half_ended_since: float | None = None
        told_since: float | None = None

        def is_decided(pod: PodObject) -> bool:
            nonlocal half_ended_since, told_since
            if judge(pod).verdict != "pending":
                return True
            spent = time.monotonic() - started
            if is_half_ended(pod):
                half_ended_since = spent if half_ended_since is None else half_ended_since
                return spent - half_ended_since > _HALF_ENDED_SECONDS
            if spent <= _SANDBOX_SECONDS:
                return False
            # A sandbox that cannot be made shows in the events alone; those of a pod that takes its time are read.
            events = self.events(pod)
            if lacks_volume(events) or (why_not_scheduled(pod) and spent > _UNSCHEDULED_SECONDS):
                return True
            told = judge(pod, events)
            if told.verdict == "pending" or told.container is None:
                return told.verdict != "pending"
            # On a busy node a container's event comes before its status, which is whole; some never get a status.
            told_since = spent if told_since is None else told_since
            return spent - told_since > _STATUS_SECONDS

        pod = self._watch(name, namespace, is_decided, seconds, uid, version)
        if judge(pod).verdict == "running" and self._has_ended(pod):
            seen = pod["metadata"].get("resourceVersion", "")
            pod = self._watch(name, namespace, lambda now: judge(now).verdict != "running", _STATUS_SECONDS, uid, seen)
            if judge(pod).verdict == "pending":  # A container's end is told before that of the pod.
                pod = self._watch(name, namespace, is_decided, seconds, uid)
        return self.outcome_of(pod, timed_out=True, seconds=time.monotonic() - started)

    def _has_ended(self, pod: PodObject) -> bool:
        """Whether a container that the kubelet calls running has ended already: its program did so at once.

        The kubelet looks at containers once a second. A log that is followed ends with its container, as the runtime
        has it, if that has ended by then; later the kubelet looks once a second here, too, so a second look finds one
        that ended during the first (kubernetes/kubernetes:pkg/kubelet/kuberuntime/logs, ReadLogs and waitLogs).
        """
        path = f"api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/log"
        running = [each.name for each in pod_containers(pod) if each.role == "main" and each.is_running]
        return any(
            self._ends_at_once(path, {"follow": "true", "tailLines": "0", "container": name}, share)
            for share in _LOOKS
            for name in running
        )

    def _ends_at_once(self, path: str, params: Mapping[str, str], share: float) -> bool:
        """Whether an answer that may go on for ever ends at once, within its share of the time for a last look."""
        time_here = min(_LAST_LOOK_TIMES * self._look_seconds, _LONGEST_LAST_LOOK_SECONDS)
        longest = share * max(_LAST_LOOK_SECONDS, time_here)
        until = time.monotonic() + longest
        try:
            with self._raw.stream("GET", path, params=dict(params), timeout=longest) as response:
                for _ in response.iter_bytes():
                    if time.monotonic() > until:
                        return False
                return response.is_success
        except httpx2.HTTPError:
            return False

    def observe_end(self, name: str, namespace: str, seconds: float) -> Outcome:
        """Watch a pod until a container of it has ended or was refused; the outcome as it is then, or at the deadline.

        A program that stops soon after its start is seen running for a moment.

        Args:
            name: the pod.
            namespace: where it is.
            seconds: the deadline.

        Raises:
            LabFailed: the pod is gone, or the cluster does not answer.
        """
        return self.outcome_of(self._watch(name, namespace, lambda pod: judge(pod).verdict in _OVER, seconds))

    def _watch(
        self,
        name: str,
        namespace: str,
        is_decided: Callable[[PodObject], bool],
        seconds: float,
        uid: str | None = None,
        version: str = "",
    ) -> PodObject:
        """Look at one pod, and at no other that takes its name, until it is decided or the deadline has come."""

        def look() -> PodObject:
            nonlocal uid, version
            asked = time.monotonic()
            pod = self.find_pod(name, namespace, not_before=version)
            self._look_seconds = time.monotonic() - asked
            if pod is None:
                raise LabFailed(f"Watching pod {name}", "it was deleted", "run the cell that makes it again")
            version = pod["metadata"].get("resourceVersion", "")
            uid = uid or pod["metadata"]["uid"]
            if pod["metadata"]["uid"] != uid:
                problem = "it was deleted, and another one of its name was made"
                raise LabFailed(f"Watching pod {name}", problem, "run the cell that makes it again")
            return pod

        return watch(look, is_decided, seconds, interval=POLL_SECONDS)

    def outcome_of(self, pod: PodObject, *, timed_out: bool = False, seconds: float | None = None) -> Outcome:
        """The outcome of a pod as it was seen, with its events and logs.

        Args:
            pod: as the API gave it.
            timed_out: whether nobody will look again if it is not decided.
            seconds: how long it was observed.
        """
        events = [] if judge(pod).verdict in ("running", "succeeded") else self.events(pod)
        return judge(pod, events, timed_out=timed_out, seconds=seconds, logs=self._all_logs(pod))

    def find_pod(self, name: str, namespace: str, *, not_before: str = "") -> PodObject | None:
        """A pod as the API gives it; None if it does not exist.

        Args:
            name: the pod.
            namespace: where it is.
            not_before: the version of it that was seen last: then what the API server remembers will do, if it is not
                older (kubernetes.io, "Kubernetes API Concepts", Resource versions in get). It asks its store otherwise,
                which takes both of them more than twice the time.

        Raises:
            LabFailed: the cluster does not answer, or refuses.
        """
        path = f"api/v1/namespaces/{namespace}/pods/{name}"
        response = self._send("GET", path, params={"resourceVersion": not_before} if not_before else {})
        if response.status_code == httpx2.codes.NOT_FOUND:
            return None
        if response.is_error and not_before:  # Of several API servers one may not have heard of that version yet.
            return self.find_pod(name, namespace)
        if response.is_error:
            raise LabFailed(f"Looking at pod {name}", message_of(response), LOOK_REMEDY)
        return cast(PodObject, response.json())

    def pod(self, name: str, namespace: str) -> PodObject:
        """A pod as the API gives it.

        Raises:
            LabFailed: it does not exist, or the cluster does not answer.
        """
        return cast(PodObject, self._ask("GET", f"api/v1/namespaces/{namespace}/pods/{name}").json())

    def pods(self, namespace: str) -> list[PodObject]:
        """All pods of a namespace."""
        return list(self._ask("GET", f"api/v1/namespaces/{namespace}/pods").json()["items"])

    def delete_pod(self, name: str, namespace: str, *, wait: bool = True) -> None:
        """Delete a pod at once and see it gone; nothing if it does not exist.

        Args:
            name: the pod.
            namespace: where it is.
            wait: whether to see it gone.

        Raises:
            LabFailed: the cluster does not answer, or refuses.
        """
        path = f"api/v1/namespaces/{namespace}/pods/{name}"
        response = self._send("DELETE", path, params={"gracePeriodSeconds": "0"})
        if response.status_code == httpx2.codes.NOT_FOUND:
            return
        if response.is_error:
            raise LabFailed(f"Deleting pod {name}", message_of(response), LOOK_REMEDY)
        deleted: PodObject = response.json()

        def is_gone(there: PodObject | None) -> bool:
            return there is None or there["metadata"]["uid"] != deleted["metadata"]["uid"]

        if wait:
            watch(lambda: self.find_pod(name, namespace), is_gone, _DELETE_SECONDS, interval=POLL_SECONDS)

    def events(self, pod: PodObject) -> list[EventObject]:
        """The events about this pod, oldest first, and about no other that had its name."""
        uid, namespace = pod["metadata"]["uid"], pod["metadata"]["namespace"]
        params = {"fieldSelector": f"involvedObject.uid={uid}"}
        events: list[EventObject] = self._ask("GET", _events(namespace), params=params).json()["items"]
        return [event for event in events if event.get("involvedObject", {}).get("uid") == uid]

    def namespace_events(self, namespace: str) -> list[EventObject]:
        """All events of a namespace."""
        return list(self._ask("GET", _events(namespace)).json()["items"])

    def logs(self, pod: str, namespace: str, container: str | None = None) -> str:
        """What a pod's container printed, its only one if none is named; empty while it has not started."""
        params = {"limitBytes": str(_MOST_LOG_BYTES)} | ({"container": container} if container else {})
        try:
            return self._ask("GET", f"api/v1/namespaces/{namespace}/pods/{pod}/log", params=params).text.strip()
        except LabFailed:
            return ""

    def _all_logs(self, pod: PodObject) -> str:
        """What all containers printed; of several, below the name of each."""
        name, namespace = pod["metadata"]["name"], pod["metadata"].get("namespace", "")
        containers = pod_containers(pod)
        logs = {
            container.name: self.logs(name, namespace, container.name)
            for container in containers
            if container.has_started
        }
        if len(containers) == 1:
            return "".join(logs.values())
        return "\n".join(f"[{container}]\n{text}" for container, text in logs.items() if text)


def _events(namespace: str) -> str:
    return f"api/v1/namespaces/{namespace}/events"
