"""A lesson's containers on the engine."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.base.argv import to_argv
from labkit.core.run_results import RunResult
from labkit.lab.container import Container, start
from labkit.notebook.cell_arguments import require_image, user_of
from labkit.notebook.opened_lesson import OpenedLesson


class LessonContainers:
    """What `Lesson` does with containers; its methods of the same names say more."""

    def __init__(self, lesson: OpenedLesson) -> None:
        self._lesson = lesson

    def run(
        self, image: str, command: str | Sequence[str] | None = None, *, user: str | int | None = None
    ) -> RunResult:
        """Run a command in a new container."""
        argv = None if command is None else to_argv(command, f"Running a command in {image}")
        return self._lesson.lab.run(require_image(image), argv, user=user_of(user))

    def start(
        self, image: str, command: str | Sequence[str] | None = None, *, user: str | int | None = None
    ) -> Container:
        """Start a container that stays."""
        argv = None if command is None else to_argv(command, f"Starting {image}")
        return start(self._lesson.lab, require_image(image), argv, user=user_of(user), labels=self._lesson.labels)
