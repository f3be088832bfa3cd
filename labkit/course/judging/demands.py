"""What a task demands, as data: its words, how to see that it is not met, and what would break it. Pure.

Check, diagnosis and the tests by mutation all come from here: a test holds that the task has each demand's words, and
makes each break of a right answer to see that the check says so.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from labkit.course.judging.assessment import Assessment, not_right, not_yet, passed
from labkit.course.judging.breaks import Break

if TYPE_CHECKING:
    from labkit.course.world import World


# What is begun ahead waits for the engine and the cluster most of the time.
_AT_ONCE = 5


class Judged(Protocol):
    """What a check judges: an image, a pod or a Deployment, as it is now."""

    def missing(self) -> Assessment | None:
        """Why there is nothing to judge; None if there is."""


Subject = TypeVar("Subject", bound=Judged)
# A demand on any image can be made on a container, which is one that runs.
Subject_contra = TypeVar("Subject_contra", bound=Judged, contravariant=True)


@dataclass(frozen=True)
class Demand(Generic[Subject_contra]):
    """One thing that a task asks for.

    Args:
        name: a short code, unique in its exercise.
        asks: the task's own words for it, to the letter.
        unmet: what was seen instead, as a sentence and never the solution; None if the demand is met.
        breaks: changes to a right answer that break this demand.
    """

    name: str
    asks: str
    unmet: Callable[[Subject_contra], str | None]
    breaks: tuple[Break, ...] = ()


@dataclass(frozen=True)
class DemandCheck(Generic[Subject]):
    """A check that goes through a task's demands in order; the first one that is not met gives the diagnosis.

    Args:
        look: takes the world, and the answer where the cell gives one, to what is judged.
        demands: what the task asks for. The first in the list is the first to be told.
        praise: what was seen, as a sentence, when all of them are met.
        ahead: begins in a pool what takes time and will be asked for.
        as_given: what to say while all is as the untouched cell makes it; None once something was done.
    """

    look: Callable[[World, Any], Subject]
    demands: tuple[Demand[Subject], ...]
    praise: Callable[[Subject], str]
    as_given: Callable[[Subject], str | None] = lambda _: None
    ahead: Callable[[Subject, Executor], None] = lambda *_: None

    def __call__(self, world: World, answer: object) -> Assessment:
        """Assess the world as it is."""
        subject = self.look(world, answer)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            self.ahead(subject, pool)
            return self._assess(subject)

    def _assess(self, subject: Subject) -> Assessment:
        if (sentence := self.as_given(subject)) is not None:
            return not_yet(sentence)
        if (missing := subject.missing()) is not None:
            return missing
        for demand in self.demands:
            if (seen := demand.unmet(subject)) is not None:
                return not_right(seen, demand.name)
        return passed(self.praise(subject))
