"""A Deployment as a check judges it: its rollout, its pods, and what admission says of its template now."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from labkit.course.judging.assessment import Assessment, not_yet

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
    def manifest(self) -> dict[str, Any]:
        """As the API server has it; empty if it does not exist."""
        return self.world.look.deployment(self.name)

    @cached_property
    def pods(self) -> list[Outcome]:
        """What became of each pod of its newest template."""
        return self.world.look.pods_of(self.name)

    def missing(self) -> Assessment | None:
        """Why there is no such Deployment."""
        if self.rollout_or_none is not None:
            return None
        return not_yet(f"There is no Deployment {self.name} yet: the cell was not run.")


def deployment_named(name: str) -> Callable[[World, object], JudgedDeployment]:
    """Takes a check to the Deployment that it judges."""
    return lambda world, _: JudgedDeployment(world, name)
