"""Containers of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labkit.adapters.kube import LESSON_LABEL
from labkit.core.run_results import RunResult
from labkit.notebook.argv import words_of
from labkit.notebook.opened import Opened

if TYPE_CHECKING:
    from labkit.lab.container import Container


class Containers(Opened):
    """What a lesson does with containers of the engine."""

    def run(self, image: str, command: str | Sequence[str] | None = None, *, user: str | None = None) -> RunResult:
        """Run a command in a new container, as `docker run --rm` does.

        Args:
            image: a sample image, or any reference that the engine has.
            command: in place of the image's entrypoint; text is split into words and read by no shell.
            user: as `docker run --user`.
        """
        return self._lab.run(image, words_of(command), user=user)

    def start(self, image: str, command: str | Sequence[str] | None = None, *, user: str | None = None) -> Container:
        """Start a container that stays, as `docker run --detach` does; it goes when the lesson is reset or closed.

        Args:
            image: a sample image, or any reference that the engine has.
            command: in place of the image's entrypoint. Base images, which would end at once, are kept busy.
            user: as `docker run --user`.

        Raises:
            LabFailed: the engine does not start it.
        """
        from labkit.lab.container import start

        return start(self._lab, image, words_of(command), user=user, labels={LESSON_LABEL: self.name})
