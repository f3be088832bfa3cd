"""What a notebook does: run, inspect, make pods, each in the lesson's own namespace."""

from __future__ import annotations

from labkit.notebook.attacks import Attacks
from labkit.notebook.containers import Containers
from labkit.notebook.exercise_help import Exercises
from labkit.notebook.images import HELLO
from labkit.notebook.pods import MANIFESTS, Pods
from labkit.notebook.unopened import diagnose, reset_lessons
from labkit.notebook.workloads import Workloads

__all__ = ["HELLO", "MANIFESTS", "Lesson", "diagnose", "reset_lessons"]


class Lesson(Containers, Pods, Workloads, Exercises, Attacks):
    """The lab as one lesson sees it.

    It is Opened, and each part adds what a notebook does with one kind of thing: with Images and Containers of the
    engine; with Pods, which may be of images that the lesson made, and Workloads of the cluster; Exercises; Attacks.

    Args:
        name: the notebook's name without its ending.
        lab: the lab; the one of the environment if not given.

    Raises:
        Misuse: there is no such lesson.
        LabError: the lab cannot be brought up.
    """
