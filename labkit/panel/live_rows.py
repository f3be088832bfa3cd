"""What a lesson has made, as it is now: a row for each container of its pods, and of the engine's own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from labkit.adapters.engine.engine_processes import ListedContainer
from labkit.core.pods.outcome import Outcome, without_pod
from labkit.core.pods.pod_containers import (
    PodContainer,
    ProcessIdentity,
    as_mapping,
    pod_containers,
    process_identities,
)
from labkit.core.pods.verdicts import judge, pod_summary
from labkit.show.table import Table

_VERDICTS = {"running": "running", "paused": "running", "created": "pending", "restarting": "pending"}
"""For the engine's states; any other means that the container has ended."""
# The engine's words for a container that has ended, or is about to begin again.
_EXITED = re.compile(r"(?:Exited|Restarting) \((?P<status>\d+)\) (?P<when>.+)")
_NOT_YET = ("ContainerCreating", "PodInitializing")


@dataclass(frozen=True)
class LiveRow:
    """One container.

    Args:
        key: tells it from all others, also from an older one of its name.
        kind: pod or container.
        name: the pod's, or the container's.
        container: in a pod, which one; else empty.
        uid: of its process; None where none runs, or it is not reported.
        state: waiting, running, terminated, or the engine's word; Terminating for a pod that is being deleted.
        reason: why it waits or how it ended, such as CreateContainerConfigError.
        verdict: refused, failed, running, succeeded or pending.
        cause: from the closed list; empty if there is none.
        headline: who refuses and why, in one line; empty if nobody does. Of the engine's own containers, which have
            names that nobody chose: their image.
        message: in the words of whoever decided.
    """

    key: str
    kind: str
    name: str
    container: str
    uid: int | None
    state: str
    reason: str
    verdict: str
    cause: str = ""
    headline: str = ""
    message: str = ""

    def to_dict(self) -> dict[str, object]:
        """As JSON-ready values."""
        return asdict(self)


def pod_rows(pod: Mapping[str, Any], events: Sequence[Mapping[str, Any]] = ()) -> list[LiveRow]:
    """A row for each container of a pod; one for the pod as long as it has none.

    Args:
        pod: as the API gives it.
        events: about whichever pods; they say what no status does.
    """
    metadata = as_mapping(pod.get("metadata"))
    uid = str(metadata.get("uid", ""))
    own = [event for event in events if as_mapping(event.get("involvedObject")).get("uid") == uid]
    identities = process_identities(pod)
    containers = pod_containers(pod) or [PodContainer("", "main", {})]
    return [_pod_row(pod, own, container, identities.get(container.name)) for container in containers]


def _pod_row(
    pod: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    container: PodContainer,
    identity: ProcessIdentity | None,
) -> LiveRow:
    name, phase, _ = pod_summary(pod)
    outcome = _outcome(pod, events, container)
    state, reason, message = _state(container)
    is_leaving = phase == "Terminating"
    has_no = outcome.verdict in ("refused", "failed") and not is_leaving
    if has_no and reason in _NOT_YET:  # The event of the refusal came before the status that has its name.
        reason = ""
    return LiveRow(
        key=f"{as_mapping(pod.get('metadata')).get('uid', '')}/{container.name}",
        kind="pod",
        name=name,
        container=container.name,
        uid=identity.uid if identity is not None and container.is_running else None,
        state=phase if is_leaving else state or phase.lower(),
        reason=reason,
        verdict="pending" if is_leaving else outcome.verdict,
        cause=str(outcome.cause) if has_no and outcome.cause is not None else "",
        headline=outcome.headline if has_no and outcome.refuser is not None else "",
        message=without_pod((message or outcome.message or "") if has_no else message),
    )


def _outcome(pod: Mapping[str, Any], events: Sequence[Mapping[str, Any]], container: PodContainer) -> Outcome:
    """What became of one container: judged as if it were all of its pod."""
    status, spec = as_mapping(pod.get("status")), as_mapping(pod.get("spec"))
    alone = {
        "metadata": {"name": as_mapping(pod.get("metadata")).get("name", "")},
        "spec": {"hostUsers": spec.get("hostUsers"), "containers": [{"name": container.name}]},
        "status": {**status, "initContainerStatuses": [], "ephemeralContainerStatuses": []}
        | {"containerStatuses": [container.status] if container.status else []},
    }
    if container.terminated.get("exitCode") == 0:
        return Outcome("", "", "succeeded")
    return Outcome("", "", "running") if container.is_running else judge(alone, events)


def _state(container: PodContainer) -> tuple[str, str, str]:
    """How a container is, why, and what the kubelet says of it; three times nothing before it has said anything."""
    if container.is_running:
        return "running", "", ""
    for state, details in (("waiting", container.waiting), ("terminated", container.terminated)):
        if details:
            status = details.get("exitCode")
            reason = str(details.get("reason") or "")
            ended = f"{reason}, exit status {status}" if status is not None else reason
            return state, ended, str(details.get("message") or "")
    return "", "", ""


def container_row(container: ListedContainer) -> LiveRow:
    """The row of a container of the engine's.

    Args:
        container: as the engine lists it.
    """
    ended = "succeeded" if container.status.startswith("Exited (0)") else "failed"
    return LiveRow(
        key=container.identifier,
        kind="container",
        name=container.name,
        container="",
        uid=container.uid,
        state=container.state,
        reason=_ended(container),
        verdict=_VERDICTS.get(container.state, ended),
        headline=f"of the image {_short_name(container.image)}" if container.image else "",
    )


def _ended(container: ListedContainer) -> str:
    """How a container ended and when; the engine's words begin with the state, which is told already."""
    if container.state in ("running", "created"):
        return ""
    ended = _EXITED.fullmatch(container.status)
    if ended is None:
        return "" if container.status.lower() == container.state else container.status
    return f"exit status {ended['status']}, {ended['when']}"


def _short_name(image: str) -> str:
    """An image as a lesson calls it: of localhost/labkit/debian:lab the word debian."""
    return image.rpartition("/")[2].removesuffix(":lab").removesuffix(":latest")


def live_table(rows: Sequence[LiveRow]) -> Table:
    """The rows as a table.

    Args:
        rows: of a lesson.
    """
    head = ("name", "container", "uid", "verdict", "state", "cause")
    return Table(
        "",
        head,
        [
            (
                row.name,
                row.container or "(the engine's)",
                "" if row.uid is None else row.uid,
                row.verdict,
                ": ".join(filter(None, [row.state, row.reason])),
                row.cause,
            )
            for row in rows
        ],
        "" if rows else "the lesson has no pods and no containers",
    )
