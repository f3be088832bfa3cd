"""Opening a lesson, and what can be done without an open one: reset lessons, diagnose one, see how far you are."""

from __future__ import annotations

from contextlib import ExitStack

from labkit.adapters.kube import Kube
from labkit.base.errors import LabFailed
from labkit.base.log import start_logging
from labkit.course.check_views import offer_help
from labkit.course.course_overview import my_progress
from labkit.course.lessons import require_lesson
from labkit.course.progress import Progress, progress_path
from labkit.course.progress_views import progress_table
from labkit.course.sharing.sender import keep_sharing
from labkit.lab.cluster_kinds.cluster import State
from labkit.lab.lab import Lab
from labkit.notebook.lesson import Lesson
from labkit.notebook.opened_lesson import OpenedLesson, images_made, remove_from_engine, remove_from_node
from labkit.notebook.shell_cells import prepare_kernel
from labkit.notebook.views import register_views
from labkit.show.table import Table


def open_lesson(name: str, lab: Lab | None = None) -> Lesson:
    """Open a lesson: bring up what the lab is missing, give the lesson an empty namespace, record that it was opened.

    Where the cluster is missing, it is made behind the lesson; what needs it waits for it.

    Args:
        name: the notebook's name without its ending; its number will do.
        lab: the lab, which stays connected when the lesson is closed; without it, a lab of the lesson's own.

    Raises:
        Misuse: there is no such lesson.
        LabError: the lab cannot be brought up.
    """
    opened = OpenedLesson(require_lesson(name), lab or Lab(), owns_lab=lab is None)
    start_logging(opened.lab.configuration.state)
    with ExitStack() as on_failure:
        if opened.owns_lab:
            on_failure.callback(opened.lab.close)
        opened.lab.begin()
        opened.reset()
        on_failure.pop_all()
    progress = Progress.open(progress_path(opened.lab.configuration))
    progress.opened(opened.name)
    keep_sharing(opened.lab.configuration)
    register_views()
    lesson = Lesson(opened, progress)
    prepare_kernel(opened)
    offer_help(opened.name, lesson)
    return lesson


def progress_of_mine() -> Table:
    """How far the participant is, lesson by lesson.

    Raises:
        LabError: the file cannot be read.
    """
    return progress_table(my_progress())


def reset_lessons(name: str | None = None) -> list[str]:
    """Remove the namespaces, containers and images of one lesson or of all; opening or resetting one begins it again.

    Args:
        name: the lesson; None for all.

    Returns:
        The namespaces that are gone.
    """
    if name is not None:
        require_lesson(name)
    with Lab() as lab:
        kube = _running_kube(lab)
        images = images_made(lab.engine(), name)
        remove_from_node(lab, images)
        remove_from_engine(lab.engine(), name, images)
        namespaces = kube.namespaces(name)
        for namespace in namespaces:
            kube.delete_namespace(namespace)
    return namespaces


def diagnose(name: str) -> str:
    """Pods, events and logs of a lesson's namespaces as text, for the report of a failed test.

    Args:
        name: the lesson.
    """
    with Lab() as lab:
        kube = _running_kube(lab)
        parts = [str(kube.outcome_of(pod)) for namespace in kube.namespaces(name) for pod in kube.pods(namespace)]
    return "\n\n".join(parts) or f"lesson {name} has no pods"


def _running_kube(lab: Lab) -> Kube:
    if lab.state() is not State.UP:
        raise LabFailed("Looking for the cluster", f"it is {lab.state()}", "bring it up\n  labkit up")
    return lab.kube()
