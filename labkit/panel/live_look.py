"""Looking at what a lesson has made: in the cluster, and in the engine."""

from __future__ import annotations

from labkit.adapters.kube import Kube
from labkit.base.configuration import LESSON_LABEL
from labkit.base.errors import LabError
from labkit.course.lessons import require_lesson
from labkit.lab.lab import Lab
from labkit.panel.live_rows import LiveRow, container_row, pod_rows

_LEAVING = ("removing", "dead")  # moby/moby:api/types/container/state.go


def look_live(lab: Lab, lesson: str) -> tuple[list[LiveRow], list[str], LabError | None]:
    """The pods and containers of a lesson, its namespaces, and why that may not be all.

    Args:
        lab: its connections are made anew after a look that failed.
        lesson: its name or number.

    Raises:
        Misuse: there is no such lesson.
    """
    name = require_lesson(lesson)
    rows: list[LiveRow] = []
    namespaces: list[str] = []
    try:
        # A cluster that is being made is not waited for: the lab's own row says how far it is.
        if lab.configuration.kubeconfig.is_file() and not lab.is_cluster_awaited():
            kube = lab.kube()
            kube.wait_for_restart(0)  # The page looks again by itself.
            namespaces = kube.namespaces(name)
            for namespace in namespaces:
                rows += _rows_of(kube, namespace)
        listed = lab.engine().listed_containers(f"{LESSON_LABEL}={name}")
        # One that is being removed has ended well or badly, which nobody needs to see of a `docker run --rm`.
        rows += [container_row(container) for container in listed if container.state not in _LEAVING]
    except LabError as error:
        lab.close()
        return rows, namespaces, error
    return rows, namespaces, None


def _rows_of(kube: Kube, namespace: str) -> list[LiveRow]:
    """A namespace's rows; events are asked for only where a status may not say all."""
    pods = kube.pods(namespace)
    rows = [row for pod in pods for row in pod_rows(pod)]
    if all(row.verdict != "pending" for row in rows):
        return rows
    events = kube.namespace_events(namespace)
    return [row for pod in pods for row in pod_rows(pod, events)]
