"""A lesson's containers on the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labkit.base.argv import to_argv
from labkit.core.run_results import RunResult
from labkit.core.started import Started
from labkit.lab.app_start import APP_SECONDS, start_app
from labkit.lab.container import Container, start
from labkit.lab.container_programs import READER
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
        reference = self._lesson.reference(require_image(image))
        # With the lesson's label, its reset also finds what a killed kernel has left running.
        return self._lesson.lab.engine().run(reference, argv, user=user_of(user), labels=self._lesson.labels)

    def start(
        self, image: str, command: str | Sequence[str] | None = None, *, user: str | int | None = None
    ) -> Container:
        """Start a container that stays."""
        argv = None if command is None else to_argv(command, f"Starting {image}")
        self._lesson.reference(require_image(image))
        return start(self._lesson.lab, require_image(image), argv, user=user_of(user), labels=self._lesson.labels)

    def app(
        self,
        image: str,
        *,
        user: str | None = None,
        groups: Sequence[int] = (),
        variables: Mapping[str, str] | None = None,
        contents: Mapping[str, bytes] | None = None,
        files: Sequence[str] = (),
        seconds: float = APP_SECONDS,
    ) -> Started:
        """Start an image as it will be started, and look at it from outside."""
        lab = self._lesson.lab
        return start_app(
            lab.engine(),
            self._lesson.reference(require_image(image)),
            reader=lab.reference(READER),
            user=user_of(user),
            groups=groups,
            variables=variables,
            contents=contents,
            files=files,
            seconds=seconds,
            labels=self._lesson.labels,
        )
