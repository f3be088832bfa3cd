"""A Deployment as a check judges it: its rollout, its pods, and what admission says of its template now."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from labkit.core.mappings import Manifest
from labkit.course.judging.assessment import Assessment, not_right, not_yet
from labkit.course.judging.judged_pod import JudgedPod, made_instead, named_otherwise

if TYPE_CHECKING:
    from labkit.core.pods.objects import Rollout
    from labkit.core.pods.outcome import Outcome
    from labkit.course.world import World


class JudgedDeployment:
    """A Deployment of the lesson.

    Args:
        world: the lesson's.
        name: the Deployment's.
    """

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name

    @cached_property
    def rollout_or_none(self) -> Rollout | None:
        """What became of it; None if it does not exist."""
        return self.world.look.rollout(self.name)

    @property
    def rollout(self) -> Rollout:
        """What became of it."""
        assert self.rollout_or_none is not None  # a missing one is told before any demand is looked at
        return self.rollout_or_none

    @cached_property
    def manifest(self) -> Manifest:
        """As the API server has it; empty if it does not exist."""
        return self.world.look.deployment(self.name)

    @cached_property
    def pods(self) -> list[Outcome]:
        """What became of each pod of its newest template."""
        return self.world.look.pods_of(self.name)

    @property
    def judged_pods(self) -> list[JudgedPod]:
        """Each pod of its newest template, to be judged as any other pod."""
        return [JudgedPod(self.world, outcome.pod) for outcome in self.pods]

    @cached_property
    def not_taken(self) -> str | None:
        """Why the last change of it was not taken, so that it is as it was before; None if it was taken."""
        return self.world.look.not_taken(self.name)

    def missing(self) -> Assessment | None:
        """Why there is no such Deployment, or none as the participant wrote it last."""
        if self.rollout_or_none is None:
            nothing_done = not_yet(f"There is no Deployment {self.name} yet: the cell was not run.")
            instead = made_instead(self.world, self.name, "Deployment")
            return instead or named_otherwise(self.world, self.name, "Deployment") or nothing_done
        if self.not_taken is not None:
            return not_right(
                f"The Deployment {self.name} is as it was: your last change was not taken, because {self.not_taken}"
            )
        return None


def deployment_named(name: str) -> Callable[[World, object], JudgedDeployment]:
    """Takes a check to the Deployment that it judges."""
    return lambda world, _: JudgedDeployment(world, name)
