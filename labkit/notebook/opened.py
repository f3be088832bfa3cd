"""A lesson from its opening to its end: the lab, a namespace of its own, and what it has made so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.adapters.engine import Engine
from labkit.adapters.kube import LESSON_LABEL, Kube
from labkit.core.pods.outcome import Outcome
from labkit.course.lessons import require_lesson
from labkit.course.progress import Progress, progress_path
from labkit.lab.lab import Lab
from labkit.notebook.views import register_views, status_table
from labkit.show.table import Table

if TYPE_CHECKING:
    from labkit.course.checking import Checking
    from labkit.notebook.threats import Threats


class Opened:
    """A lesson with its lab up and an empty namespace; what all its parts work with."""

    def __init__(self, name: str, lab: Lab | None = None) -> None:
        register_views()
        self.name = require_lesson(name)
        self._lab, self._opened_lab = lab or Lab(), lab is None
        self._lab.up()
        self._kube = self._connect()
        self._threats: Threats | None = None
        self._exercises: Checking | None = None
        self._pods = 0
        self._images: set[str] = set()
        self._not_admitted: dict[str, Outcome] = {}
        self.namespace = ""
        self.reset()
        self._progress = Progress.open(progress_path(self._lab.configuration))
        self._progress.opened(self.name)

    def _connect(self) -> Kube:
        return self._lab.cluster().kube()

    def reset(self) -> None:
        """Begin with an empty namespace again, without containers and images of one's own.

        The old namespace goes away in the background.
        """
        self._clear_engine()
        self._not_admitted.clear()
        for namespace in self._kube.namespaces(self.name):
            self._kube.delete_namespace(namespace)
        self.namespace = self._kube.new_namespace(self.name)

    def close(self) -> None:
        """Remove the lesson's namespace and all in it, and the images that it made; the lab stays up."""
        self._clear_engine()
        for namespace in self._kube.namespaces(self.name):
            self._kube.delete_namespace(namespace)
        self._kube.close()
        if self._opened_lab:
            self._lab.close()

    def _clear_engine(self) -> None:
        """Remove the lesson's containers, and the images that it made."""
        engine = self._lab.engine()
        remove_containers(engine, self.name)
        while self._images:
            engine.remove_image(self._images.pop())

    def status(self) -> Table:
        """How the lab is."""
        return status_table(self._lab.status())


def remove_containers(engine: Engine, lesson: str | None) -> None:
    """Remove the containers that a lesson, or any, left running."""
    label = LESSON_LABEL if lesson is None else f"{LESSON_LABEL}={lesson}"
    for container in engine.labelled_containers(label):
        engine.remove_container(container)
