"""What became of a pod, judged from what the API gives: early, by its cause, and container by container. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from labkit.core.causes import Cause
from labkit.core.identity.engine_messages import cause_in_user_namespace, cause_of_engine_error
from labkit.core.identity.kubelet_rules import REFUSAL_TEXTS
from labkit.core.pods.outcome import EventLine, Outcome
from labkit.core.pods.pod_containers import PodContainer, as_list, as_mapping, pod_containers, process_identities
from labkit.core.refuser import Refuser

# kubernetes/kubernetes:pkg/kubelet/images/types.go; the first two are the kubelet's own, the others the runtime's.
_KUBELETS_IMAGE_REASONS = {"ErrImageNeverPull", "InvalidImageName"}
_IMAGE_REASONS = {"ErrImagePull", "ImagePullBackOff", "ImageInspectError", *_KUBELETS_IMAGE_REASONS}
# kubernetes/kubernetes:pkg/kubelet/kuberuntime/kuberuntime_container.go; the first is the kubelet's own.
_CONFIG_ERROR = "CreateContainerConfigError"
_START_REASONS = {_CONFIG_ERROR, "CreateContainerError", "RunContainerError", "StartError"}
# kubernetes/kubernetes:pkg/kubelet/lifecycle/predicate.go, pkg/kubelet/sysctl and pkg/security/apparmor: with these the
# kubelet fails a pod that it does not admit to its node. Some name a resource, as in OutOfcpu.
_KUBELET_ADMISSION = re.compile(
    r"UnexpectedAdmissionError|SysctlForbidden|AppArmor|Node(Affinity|Name|Ports)|OutOf\w+|PodOS\w+|"
    r"InitContainersRestartPolicyForbidden|\w*TopologyAffinityError|PodFeatureUnsupported"
)
# kubernetes/kubernetes:pkg/kubelet/events/event.go
_TOLD_BY_EVENTS = ("FailedCreatePodSandBox", "Failed")
_IN_CONTAINER = re.compile(r"\{(?P<name>[^}]+)\}")
_PLAIN_ENDS = ("Error", "Completed")
"""Reasons that say no more than an exit status; another one is OOMKilled (containerd/containerd:internal/cri)."""
_SAYS_NOTHING = (None, "ContainerCreating", "PodInitializing")
BEING_DELETED = "it is being deleted"
_MOUNT_TRIES = 4
"""As often as the kubelet tells of a mount that fails in some four seconds; what comes a moment later is there by then
(kubernetes/kubernetes:pkg/util/goroutinemap/exponentialbackoff, from half a second on, doubled each time)."""


def judge(
    pod: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]] = (),
    *,
    timed_out: bool = False,
    seconds: float | None = None,
    logs: str = "",
) -> Outcome:
    """Say what became of a pod, as early as it can be said.

    The status decides wherever it can; events expire, and only say what no status does. A pod runs when all of its
    containers and sidecars do.

    Args:
        pod: the pod as the API gives it.
        events: the events about this pod, by its uid.
        timed_out: whether nobody will look again.
        seconds: how long it was observed.
        logs: what its containers printed.

    Returns:
        An outcome; its verdict is "pending" while success is still possible and has not come.
    """
    metadata = as_mapping(pod.get("metadata"))
    base = Outcome(
        str(metadata.get("name", "")), str(metadata.get("namespace", "")), "pending", seconds=seconds, logs=logs
    )
    outcome = _judge_status(base, as_mapping(pod.get("status")), pod_containers(pod))
    if outcome.verdict == "pending":
        outcome = _judge_events(outcome, events)
    has_namespace = as_mapping(pod.get("spec")).get("hostUsers") is False
    cause = cause_in_user_namespace(outcome.cause, outcome.message or "", lambda: has_namespace)
    if cause is not outcome.cause:
        outcome = replace(outcome, cause=cause)
    if outcome.verdict in ("pending", "running") and metadata.get("deletionTimestamp"):
        outcome = replace(outcome, verdict="failed", message=BEING_DELETED)
    if outcome.verdict == "pending" and timed_out:
        outcome = replace(outcome, cause=Cause.TIMEOUT, message=_last_seen(outcome.message, pod, events))
    runs_as = _runs_as(pod) if outcome.verdict == "running" else ""
    return replace(outcome, events=_relevant(events, outcome), runs_as=runs_as)


def _runs_as(pod: Mapping[str, Any]) -> str:
    """As whom the running containers of a pod run: the uid, with the container's name where there are several."""
    identities = process_identities(pod)
    running = {container.name: identities[container.name] for container in pod_containers(pod) if container.is_running}
    uids = {name: f"uid {identity.uid}" for name, identity in running.items() if identity is not None}
    same = len(set(uids.values())) == 1 and len(uids) == len(running)
    return next(iter(uids.values())) if same else ", ".join(f"{name}: {uid}" for name, uid in uids.items())


def pod_summary(pod: Mapping[str, Any]) -> tuple[str, str, str]:
    """A pod in three values: its name, its phase, and what a container waits for.

    One that is being deleted is at "Terminating", as in `kubectl get pods`; the API has no such phase.
    """
    metadata = as_mapping(pod.get("metadata"))
    reasons = [_text(container.waiting.get("reason")) for container in pod_containers(pod)]
    waiting = next((reason for reason in reasons if reason), "")
    phase = as_mapping(pod.get("status")).get("phase", "")
    return str(metadata.get("name", "")), "Terminating" if metadata.get("deletionTimestamp") else str(phase), waiting


def is_half_ended(pod: Mapping[str, Any]) -> bool:
    """Whether a container of a pod has come to a good end while another one goes on, which may be for ever.

    Args:
        pod: as the API gives it.
    """
    main = [container for container in pod_containers(pod) if container.role == "main"]
    return any(container.terminated for container in main) and any(container.is_running for container in main)


def lacks_volume(events: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a pod waits for what one of its volumes is of, and nobody is about to give it.

    Args:
        events: the events about the pod.
    """
    return any(event.get("reason") == "FailedMount" and (event.get("count") or 1) >= _MOUNT_TRIES for event in events)


def why_not_scheduled(pod: Mapping[str, Any]) -> str | None:
    """Why a pod has no node, in the scheduler's words; None if it has one, or its turn has not come.

    A pod with a scheduling gate has this too, and no event (kubernetes/api:core/v1/types.go, PodScheduled).

    Args:
        pod: as the API gives it.
    """
    for condition in as_list(as_mapping(pod.get("status")).get("conditions")):
        state = as_mapping(condition)
        if (state.get("type"), state.get("status")) == ("PodScheduled", "False") and state.get("message"):
            return f"{state.get('reason', '')}: {state['message']}"
    return None


def _judge_status(base: Outcome, status: Mapping[str, Any], containers: Sequence[PodContainer]) -> Outcome:
    phase = status.get("phase")
    # A sidecar is stopped at the end, whatever its exit status.
    if phase == "Succeeded":
        return replace(base, verdict="succeeded", exit_status=0)
    for container in containers:
        if (outcome := _judge_waiting(base, container) or _judge_terminated(base, container)) is not None:
            # Whoever ended the pod as a whole says more than its container: an eviction, a deadline.
            ended_by = _text(status.get("message")) if outcome.verdict == "failed" and phase == "Failed" else None
            return replace(outcome, message=ended_by) if ended_by else outcome
    if phase == "Failed":
        return _judge_failed(base, status, containers)
    # The runtime starts a debug container on demand; the pod runs with it and without it.
    awaited = [container for container in containers if container.role in ("main", "sidecar")]
    if phase == "Running" and awaited and all(container.is_running for container in awaited):
        return replace(base, verdict="running")
    for container in containers:
        if (message := _why_not_yet(container)) is not None:
            return replace(base, container=container.name, message=message)
    return base


def _why_not_yet(container: PodContainer) -> str | None:
    """Why a pod that has a container does not run yet; None if that is not because of it."""
    if container.role == "main" and container.terminated:
        return f"container {container.name} has ended, with exit status {container.terminated.get('exitCode')}"
    if container.role == "init" and container.is_running:
        return f"init container {container.name} is running, and the others wait until its program ends by itself"
    return _text(container.waiting.get("reason"))


def _judge_failed(base: Outcome, status: Mapping[str, Any], containers: Sequence[PodContainer]) -> Outcome:
    reason, message = _text(status.get("reason")), _text(status.get("message"))
    started = any(container.status for container in containers)
    if reason and not started and _KUBELET_ADMISSION.fullmatch(reason):
        return replace(base, verdict="refused", refuser=Refuser.KUBELET, message=message or reason)
    return replace(base, verdict="failed", message=message or reason)


def _judge_events(base: Outcome, events: Sequence[Mapping[str, Any]]) -> Outcome:
    """What no container's state says, only the events do.

    That is a sandbox which the runtime will not make, and any end of a container whose user has an id above
    2147483647: the API server does not take the status that the kubelet reports then
    (kubernetes/kubernetes:pkg/apis/core/validation/validation.go, validateContainerStatusUsers).
    """
    for event in events:
        message = str(event.get("message", ""))
        cause = next((refusal for refusal, text in REFUSAL_TEXTS.items() if text in message), None)
        refuser = Refuser.KUBELET if cause is not None else Refuser.RUNTIME
        cause = cause or cause_of_engine_error(message)
        if event.get("reason") in _TOLD_BY_EVENTS and cause is not None:
            where = _IN_CONTAINER.search(str(as_mapping(event.get("involvedObject")).get("fieldPath", "")))
            name = where["name"] if where else None
            return replace(base, verdict="refused", refuser=refuser, cause=cause, container=name, message=message)
    return base


def _judge_waiting(base: Outcome, container: PodContainer) -> Outcome | None:
    waiting = container.waiting
    reason, message = _text(waiting.get("reason")), _text(waiting.get("message")) or ""
    refused = replace(base, verdict="refused", container=container.name, message=message or reason)
    if reason in _IMAGE_REASONS:
        refuser = Refuser.KUBELET if reason in _KUBELETS_IMAGE_REASONS else Refuser.RUNTIME
        return replace(refused, refuser=refuser, cause=Cause.IMAGE_MISSING, message=message)
    if reason == _CONFIG_ERROR:
        cause = next((cause for cause, text in REFUSAL_TEXTS.items() if text in message), None)
        return replace(refused, refuser=Refuser.KUBELET, cause=cause or cause_of_engine_error(message))
    if reason in _START_REASONS:
        return replace(refused, refuser=Refuser.RUNTIME, cause=cause_of_engine_error(message))
    if reason == "CrashLoopBackOff":
        return replace(base, verdict="failed", container=container.name, message=message)
    return None


def _judge_terminated(base: Outcome, container: PodContainer) -> Outcome | None:
    """A container that could not be started, or whose end is the pod's."""
    reason, status = _text(container.terminated.get("reason")), container.terminated.get("exitCode")
    message = _text(container.terminated.get("message")) or (None if reason in _PLAIN_ENDS else reason)
    if not status:
        return None
    ended = replace(
        base,
        verdict="failed",
        container=container.name,
        message=message,
        exit_status=status if isinstance(status, int) else None,
    )
    if container.terminated.get("reason") in _START_REASONS | {"ContainerCannotRun"}:
        return replace(ended, verdict="refused", refuser=Refuser.RUNTIME, cause=cause_of_engine_error(message or ""))
    # A sidecar is started again; a debug container may end as it likes.
    return ended if container.role in ("init", "main") else None


def _last_seen(message: str | None, pod: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> str:
    """The last state that was seen of a pod which is not decided; the last warning if the status says nothing."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    if message in _SAYS_NOTHING and warnings:
        return f"{warnings[-1].get('reason', '')}: {warnings[-1].get('message', '')}"
    return message or why_not_scheduled(pod) or "no container has started"


def _relevant(events: Sequence[Mapping[str, Any]], outcome: Outcome) -> tuple[EventLine, ...]:
    """The warnings, each once; nothing of a pod that runs."""
    if outcome.verdict in ("running", "succeeded"):
        return ()
    lines = [
        EventLine(str(event.get("type", "")), str(event.get("reason", "")), str(event.get("message", "")))
        for event in events
        if event.get("type") == "Warning"
    ]
    return tuple(dict.fromkeys(lines))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
