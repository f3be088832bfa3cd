"""Lessons without opening them: reset them, or diagnose one."""

from __future__ import annotations

from labkit.adapters.kube import Kube
from labkit.base.errors import LabFailed
from labkit.course.lessons import require_lesson
from labkit.lab.cluster import State
from labkit.lab.lab import Lab
from labkit.notebook.opened import remove_containers


def reset_lessons(name: str | None = None) -> list[str]:
    """Remove the namespaces and containers of one lesson or of all; each gets an empty one when it is opened or reset.

    Args:
        name: the lesson; None for all.

    Returns:
        The namespaces that are gone.
    """
    if name is not None:
        require_lesson(name)
    lab = Lab()
    with _running_kube(lab) as kube:
        remove_containers(lab.engine(), name)
        namespaces = kube.namespaces(name)
        for namespace in namespaces:
            kube.delete_namespace(namespace)
    return namespaces


def diagnose(name: str) -> str:
    """Pods, events and logs of a lesson's namespaces as text, for the report of a failed test.

    Args:
        name: the lesson.
    """
    with _running_kube(Lab()) as kube:
        parts = [
            str(kube.judge_now(pod["metadata"]["name"], namespace))
            for namespace in kube.namespaces(name)
            for pod in kube.pods(namespace)
        ]
    return "\n\n".join(parts) or f"lesson {name} has no pods"


def _running_kube(lab: Lab) -> Kube:
    if lab.state() is not State.UP:
        raise LabFailed("Looking for the cluster", f"it is {lab.state()}", "bring it up\n  labkit up")
    return lab.cluster().kube()
