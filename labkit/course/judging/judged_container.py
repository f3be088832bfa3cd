"""A container that runs on the engine, as a check judges it: its processes, and its file system as it is now."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from labkit.course.judging.assessment import Assessment, not_right
from labkit.course.judging.judged_image import JudgedImage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labkit.archives import ImageTree
    from labkit.core.started import AppProcess
    from labkit.course.world import World
    from labkit.lab.container import Container


class JudgedContainer(JudgedImage):
    """A container of the lesson; an image of its file system is what is looked into.

    Args:
        world: the lesson's.
        container: it runs.
        base: the image that it should be of.
    """

    def __init__(self, world: World, container: Container, base: str) -> None:
        seen = world.start.snapshot(container)
        super().__init__(world, seen or "")
        self.container, self.base, self.is_gone = container, base, seen is None

    def missing(self) -> Assessment | None:
        """Why there is nothing to look into."""
        if self.is_gone:
            return not_right("The container is not there any more: somebody has removed it.")
        return super().missing()

    @cached_property
    def processes(self) -> Sequence[AppProcess]:
        """What runs in it, as the engine shows it."""
        return self.world.look.processes(self.container)

    @property
    def running(self) -> Sequence[AppProcess]:
        """What runs in it."""
        return self.processes

    def is_changed_in(self, folder: str) -> bool:
        """Whether a folder, or anything in it, differs from what the image has."""
        now, before = (
            {entry.path: entry for entry in (tree.entry(folder), *tree.under(folder)) if entry}
            for tree in (self.tree, self._before)
        )
        return now != before

    @cached_property
    def _before(self) -> ImageTree:
        return self.tree_of(self.base)
