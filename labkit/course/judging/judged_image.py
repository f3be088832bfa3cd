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

    def tree_of(self, sample: str) -> ImageTree:
        """The file system of a sample image, to compare with."""
        return JudgedImage(self.world, sample).tree

    def new_setuid_files(self, sample: str) -> list[str]:
        """Files that give root's rights to whoever starts them, and that a sample image has not so."""
        before = self.tree_of(sample).setuid_files()
        return [entry.path for entry in self.tree.setuid_files() if entry.uid == 0 and entry not in before]

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

    def strangers(self, path: str = "") -> tuple[Identity, ...]:
        """Users that a file was to be closed to, root and the image's own user not among them.

        Nobody gave anything to the first two: one has a group of its own, the other root's, as Docker gives it. The
        others are the accounts of the image, and whoever a file belongs to, by uid or by group.

        Args:
            path: the file; empty for none in particular.
        """
        known = {identity.uid: identity for identity in self._accounts}
        others_there = [_nobody(STRANGER), _nobody(STRANGER, 0)]
        entry = self.tree.resolve(path) if path else None
        if entry is not None:
            others_there += [known.get(entry.uid) or _nobody(entry.uid)]
            own = {self.process.gid, *self.process.groups} if self.process is not None else set()
            others_there += [_nobody(STRANGER, entry.gid)] if entry.gid not in own else []
        own_uid = self.process.uid if self.process is not None else 0
        others = [identity for identity in (*others_there, *self._accounts) if identity.uid not in (0, own_uid)]
        return tuple(dict.fromkeys(others))

    @cached_property
    def _accounts(self) -> list[Identity]:
        """Its accounts, as the engine would start each of them."""
        images = [Image(str(user.uid), self.facts.passwd, self.facts.group) for user in self.facts.users]
        return [identity for image in images if (identity := explain_in_engine(image).runs_as) is not None]


def _nobody(uid: int, gid: int | None = None) -> Identity:
    """A user of this number without a name, in one group: that of its own number by default."""
    group = uid if gid is None else gid
    return Identity(uid=uid, gid=group, groups=(group,), user=None, home="/")


def image_named(name: str) -> Callable[[World, object], JudgedImage]:
    """Takes a check to the image that it judges."""
    return lambda world, _: JudgedImage(world, name)
