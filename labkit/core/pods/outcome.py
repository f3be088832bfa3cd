"""What became of a pod: one verdict, its cause, and the words of whoever decided."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from labkit.core.causes import Cause
from labkit.core.identity.engine_messages import cause_of_engine_error
from labkit.core.identity.kubelet_rules import REFUSAL_TEXTS

Verdict = Literal["running", "succeeded", "failed", "refused", "not admitted", "pending"]

# kubernetes/kubernetes:pkg/kubelet/images/types.go
_IMAGE_REASONS = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"}
# kubernetes/kubernetes:pkg/kubelet/kuberuntime/kuberuntime_container.go
_START_REASONS = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError"}
# kubernetes/kubernetes:pkg/kubelet/events/event.go
_TOLD_BY_EVENTS = ("FailedCreatePodSandBox", "Failed")
_IN_CONTAINER = re.compile(r"\{(?P<name>[^}]+)\}")
_STATUS_FIELDS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
# kubernetes/pod-security-admission:admission/admission.go
_POD_SECURITY = re.compile(r'violates PodSecurity "(?P<level>[^"]*)": (?P<violations>.*)', re.DOTALL)


class UnexpectedOutcome(AssertionError):
    """A pod did not end as it was expected to."""

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: the sentence is enough."""
        return [f"{type(self).__name__}: {self}"]


@dataclass(frozen=True)
class EventLine:
    """One event about a pod."""

    type: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.type}  {self.reason}  {self.message}"


@dataclass(frozen=True, repr=False)
class Outcome:
    """What became of a pod.

    Args:
        pod: its name.
        namespace: where it is.
        verdict: running, succeeded, failed, refused (by the kubelet or the runtime), not admitted (by the API
            server) or pending (the deadline came first).
        cause: from the closed list; None if it ran, or if the kit has no code for what happened.
        container: which container decided.
        message: the kubelet's, the runtime's or the API server's own words.
        violations: the controls that Pod Security names.
        events: the events that matter.
        exit_status: of the container that ended.
        seconds: how long it was observed until this was known.
        logs: what its containers printed.
        command: what to type for the same.
        yaml: the manifest.
    """

    pod: str
    namespace: str
    verdict: Verdict
    cause: Cause | None = None
    container: str | None = None
    message: str | None = None
    violations: tuple[str, ...] = ()
    events: tuple[EventLine, ...] = ()
    exit_status: int | None = None
    seconds: float | None = None
    logs: str = ""
    command: str = ""
    yaml: str = ""

    def expect(self, cause: Cause | str) -> Outcome:
        """Assert that it did not run, and for this cause; returns the outcome.

        Raises:
            UnexpectedOutcome: it ran, or failed for another reason.
        """
        wanted = Cause(cause)
        if self.cause is not wanted:
            raise UnexpectedOutcome(f"cause {wanted} was expected; seen was\n{self}")
        return self

    def expect_running(self) -> Outcome:
        """Assert that it runs, or has run to a good end; returns the outcome.

        Raises:
            UnexpectedOutcome: it did not.
        """
        if self.verdict not in ("running", "succeeded"):
            raise UnexpectedOutcome(f"a running pod was expected; seen was\n{self}")
        return self

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str]]:
        """What to show, most important first: a label and a text each."""
        rows = [("pod", self.pod), ("verdict", self.verdict)]
        if self.cause is not None:
            rows.append(("cause", f"{self.cause}: {self.cause.meaning}"))
        if self.container is not None and self.verdict != "running":
            rows.append(("container", self.container))
        if self.message:
            rows.append(("in its words", self.message))
        rows += [("violates", violation) for violation in self.violations]
        rows += [("event", str(event)) for event in self.events]
        if self.exit_status is not None:
            rows.append(("exit status", str(self.exit_status)))
        if self.logs:
            rows.append(("logs", self.logs))
        return rows

    def __str__(self) -> str:
        return "\n".join(f"{label:<12}  {text}" for label, text in self.rows())

    __repr__ = __str__


def judge(
    pod: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]] = (),
    *,
    timed_out: bool = False,
    seconds: float | None = None,
    logs: str = "",
) -> Outcome:
    """Say what became of a pod, as early as it can be said.

    Args:
        pod: the pod as the API gives it.
        events: the events about it.
        timed_out: whether nobody will look again.
        seconds: how long it was observed.
        logs: what its containers printed.

    Returns:
        An outcome; its verdict is "pending" while success is still possible and has not come.
    """
    metadata = _mapping(pod.get("metadata"))
    base = Outcome(
        str(metadata.get("name", "")), str(metadata.get("namespace", "")), "pending", seconds=seconds, logs=logs
    )
    outcome = _judge_status(base, _mapping(pod.get("status")))
    if outcome.verdict == "pending":
        outcome = _judge_events(outcome, events)
    if outcome.verdict == "pending" and timed_out:
        outcome = replace(outcome, cause=Cause.TIMEOUT, message=outcome.message or "no container has started")
    return replace(outcome, events=_relevant(events, outcome))


def pod_summary(pod: Mapping[str, Any]) -> tuple[str, str, str]:
    """A pod in three words, as `kubectl get pods` has them: name, phase, what a container waits for."""
    status = _mapping(pod.get("status"))
    reasons = [_text(_mapping(state.get("waiting")).get("reason")) for _, state in _states(status)]
    waiting = next((reason for reason in reasons if reason), "")
    return str(_mapping(pod.get("metadata")).get("name", "")), str(status.get("phase", "")), waiting


def judge_admission(status_code: int, message: str, pod: str = "", namespace: str = "") -> Outcome:
    """The outcome of a pod that the API server did not let in.

    Args:
        status_code: of the HTTP answer.
        message: the API server's words.
        pod: the pod's name.
        namespace: where it should have been.
    """
    match = _POD_SECURITY.search(message) if status_code == 403 else None
    return Outcome(
        pod,
        namespace,
        "not admitted",
        cause=Cause.POD_SECURITY if match else None,
        message=message,
        violations=tuple(split_violations(match["violations"])) if match else (),
    )


def split_violations(text: str) -> list[str]:
    """The controls that Pod Security's message names: separated by commas outside of parentheses."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
    return [part for part in [*parts, text[start:].strip()] if part]


def _judge_status(base: Outcome, status: Mapping[str, Any]) -> Outcome:
    message = None
    for name, state in _states(status):
        waiting = _mapping(state.get("waiting"))
        if (refused := _judge_waiting(base, name, waiting)) is not None:
            return refused
        terminated = _mapping(state.get("terminated"))
        if terminated and terminated.get("exitCode"):
            return _judge_terminated(base, name, terminated)
        message = message or _text(waiting.get("reason"))
    phase = status.get("phase")
    if phase == "Succeeded":
        return replace(base, verdict="succeeded", exit_status=0)
    if phase == "Failed":
        return replace(base, verdict="failed", message=_text(status.get("message")) or _text(status.get("reason")))
    if phase == "Running" and _all_started(status):
        return replace(base, verdict="running")
    return replace(base, message=message)


def _judge_events(base: Outcome, events: Sequence[Mapping[str, Any]]) -> Outcome:
    """What no container's state says, only the events do.

    That is a sandbox which the runtime will not make, and any end of a container whose user has an id above
    2147483647: the API server does not take the status that the kubelet reports then
    (kubernetes/kubernetes:pkg/apis/core/validation/validation.go, validateContainerStatusUsers).
    """
    for event in events:
        message = str(event.get("message", ""))
        cause = next((refusal for refusal, text in REFUSAL_TEXTS.items() if text in message), None)
        cause = cause or cause_of_engine_error(message)
        if event.get("reason") in _TOLD_BY_EVENTS and cause is not None:
            where = _IN_CONTAINER.search(str(_mapping(event.get("involvedObject")).get("fieldPath", "")))
            return replace(
                base, verdict="refused", cause=cause, container=where["name"] if where else None, message=message
            )
    return base


def _judge_waiting(base: Outcome, name: str, waiting: Mapping[str, Any]) -> Outcome | None:
    reason, message = _text(waiting.get("reason")), _text(waiting.get("message")) or ""
    for cause, text in REFUSAL_TEXTS.items():
        if reason == "CreateContainerConfigError" and text in message:
            return replace(base, verdict="refused", cause=cause, container=name, message=message)
    if reason in _IMAGE_REASONS:
        return replace(base, verdict="refused", cause=Cause.IMAGE_MISSING, container=name, message=message)
    if reason in _START_REASONS:
        return replace(
            base, verdict="refused", cause=cause_of_engine_error(message), container=name, message=message or reason
        )
    if reason == "CrashLoopBackOff":
        return replace(base, verdict="failed", container=name, message=message)
    return None


def _judge_terminated(base: Outcome, name: str, terminated: Mapping[str, Any]) -> Outcome:
    message, status = _text(terminated.get("message")), terminated.get("exitCode")
    never_started = terminated.get("reason") in _START_REASONS | {"ContainerCannotRun"}
    return replace(
        base,
        verdict="refused" if never_started else "failed",
        cause=cause_of_engine_error(message or "") if never_started else None,
        container=name,
        message=message,
        exit_status=status if isinstance(status, int) else None,
    )


def _states(status: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for field in _STATUS_FIELDS:
        for container in map(_mapping, _list(status.get(field))):
            yield str(container.get("name", "")), _mapping(container.get("state"))


def _all_started(status: Mapping[str, Any]) -> bool:
    states = [_mapping(_mapping(container).get("state")) for container in _list(status.get("containerStatuses"))]
    return bool(states) and all("running" in state or "terminated" in state for state in states)


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


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
