"""The explorer as a notebook has it: it answers as `labkit.explain` does, and makes pods in an open lesson."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.explain.explorer import Choice, Explorer
from labkit.lab.lab import Lab
from labkit.notebook.lesson import Lesson
from labkit.notebook.views import outcome_html


def make_explorer(explain: Callable[..., Any], lesson: Lesson | None) -> Explorer:
    """An explorer of the lab's images.

    Args:
        explain: answers a choice.
        lesson: in whose namespace a pod of what is chosen can be made; None for nowhere.
    """
    images = list(Lab().catalogue)
    if lesson is None:
        return Explorer(images, explain)

    def try_pod(choice: Choice) -> str:
        return outcome_html(lesson.pod(choice.image, pod=choice.pod, container=choice.container))

    return Explorer(images, explain, try_pod)
