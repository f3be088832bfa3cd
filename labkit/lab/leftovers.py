"""What building and running the lab has left behind, and nobody uses: found, and removed without anything else."""

from __future__ import annotations

from dataclasses import dataclass

from labkit.adapters.engine import Engine
from labkit.base.configuration import LESSON_LABEL
from labkit.base.locks import locked
from labkit.lab.lab import Lab

_SHOWN = 12
"""How much of an id the engine shows."""
_ORIGINS = {
    "container": "it has ended",
    "image": "a build of this lab's that was stopped or replaced left it without a name",
    "volume": "of a node that is gone",
}


@dataclass(frozen=True)
class Leftover:
    """Something in the engine that no command of the kit would use again.

    Args:
        kind: container, image or volume.
        name: its name, or its id if it has none.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name.removeprefix('sha256:')[:_SHOWN] if self.kind != 'container' else self.name}"

    @property
    def described(self) -> str:
        """The same, and where it comes from: an id alone says nothing to whoever reads it."""
        return f"{self} ({_ORIGINS[self.kind]})"


def find_leftovers(lab: Lab) -> list[Leftover]:
    """What is left of builds that were interrupted or replaced, of containers that have ended, of nodes that are gone.

    A lesson's containers are none: the lesson's next reset removes them.

    Raises:
        LabError: there is no engine, or it fails.
    """
    engine = lab.engine()
    states = {name: engine.container(name) for name in _containers(lab)}
    return [
        *(Leftover("container", name) for name, state in states.items() if state and not state.running),
        *(Leftover("image", str(image["Id"])) for image in engine.labelled_images(nameless=True)),
        *(Leftover("volume", volume) for volume in lab.cluster().abandoned_volumes()),
    ]


def running_strays(lab: Lab) -> list[str]:
    """The names of containers with the lab's label that run, and that neither the cluster nor a lesson has started.

    Raises:
        LabError: there is no engine, or it fails.
    """
    states = {name: lab.engine().container(name) for name in _containers(lab)}
    return [name for name, state in states.items() if state and state.running]


def remove_leftovers(lab: Lab) -> list[Leftover]:
    """Remove what is left over, and nothing else.

    Returns:
        What was removed. Something that came into use meanwhile is not.

    Raises:
        LabError: there is no engine, or it fails.
    """
    with locked(lab.configuration.state / "lock", on_wait=lab.steps.note):
        return [leftover for leftover in find_leftovers(lab) if _remove(lab.engine(), leftover)]


def _remove(engine: Engine, leftover: Leftover) -> bool:
    if leftover.kind == "image":
        return engine.remove_image(leftover.name)
    if leftover.kind == "volume":
        return engine.remove_volume(leftover.name)
    engine.remove_container(leftover.name)
    return True


def _containers(lab: Lab) -> list[str]:
    """The lab's containers, without those of the cluster and of lessons."""
    engine = lab.engine()
    others = lab.cluster().containers | set(engine.labelled_containers(LESSON_LABEL))
    return [name for name in engine.labelled_containers() if name not in others]
