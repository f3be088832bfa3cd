"""An image as a check judges it: what is in it, and what it does when it is started as it will be started."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from labkit.core.identity.answers import explain_in_engine
from labkit.core.identity.model import Identity, Image
from labkit.course.judging.assessment import Assessment, not_right, not_yet

if TYPE_CHECKING:
    from labkit.archives import ImageTree
    from labkit.core.run_results import RunResult
    from labkit.core.started import Started
    from labkit.course.world import World
    from labkit.lab.samples.image_facts import ImageFacts

STRANGER = 4711
"""A uid that no image of the course knows."""


class JudgedImage:
    """An image of the lesson.

    Nothing of ours runs in it, so that an image without a shell is judged like any other.

    Args:
        world: the lesson's.
        name: the image's.
    """

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name

    @cached_property
    def facts_or_none(self) -> ImageFacts | None:
        """What it says of itself; None if it does not exist."""
        return self.world.look.image(self.name)

    def missing(self) -> Assessment | None:
        """Why there is no such image."""
        if self.facts_or_none is not None:
            return None
        if self._stop is None:
            return not_yet(f"There is no image {self.name} yet: the cell was not run.")
        return not_right(f"Your last build stopped, so there is no image {self.name}. {self.why_it_stopped}")

    @cached_property
    def _stop(self) -> RunResult | None:
        return self.world.look.last_stop(self.name)

    @property
    def why_it_stopped(self) -> str:
        """The builder's own words for why there is no such image; empty if nothing stopped."""
        return f"The builder says: {self._stop.message}" if self._stop is not None else ""

    def stopped_at(self, instruction: str) -> bool:
        """Whether there is no such image because the last build of it stopped at this instruction."""
        if self.facts_or_none is not None or self._stop is None:
            return False
        return any(line.endswith(f": {instruction}") for line in str(self._stop.message).splitlines())

    @property
    def facts(self) -> ImageFacts:
        """What it says of itself."""
        assert self.facts_or_none is not None  # a missing one is told before any demand is looked at
        return self.facts_or_none

    @cached_property
    def tree(self) -> ImageTree:
        """Its finished file system: owners, modes and contents."""
        tree = self.world.look.tree(self.name)
        assert tree is not None  # the image exists
        return tree

    @cached_property
    def process(self) -> Identity | None:
        """As whom the engine runs it; None if it cannot resolve the user."""
        facts = self.facts
        return explain_in_engine(Image(facts.user, facts.passwd, facts.group)).runs_as

    @property
    def identity(self) -> Identity:
        """As whom the engine runs it, once a demand has seen that it does."""
        assert self.process is not None
        return self.process

    @cached_property
    def started(self) -> Started:
        """What it does, started with its own entrypoint and as its own user."""
        return self.world.start.app(self.name)

    @property
    def last_line(self) -> str:
        """The last that it printed when it was started; an error goes before other output."""
        result = self.started.result
        lines = (result.stderr or result.stdout or "nothing").splitlines()
        return lines[-1]

    def strangers(self) -> tuple[Identity, ...]:
        """Users that nobody gave anything to: with a group of their own, and with root's, as Docker gives it."""
        return tuple(Identity(uid=STRANGER, gid=gid, groups=(gid,), user=None, home="/") for gid in (STRANGER, 0))


def image_named(name: str) -> Callable[[World, object], JudgedImage]:
    """Takes a check to the image that it judges."""
    return lambda world, _: JudgedImage(world, name)
