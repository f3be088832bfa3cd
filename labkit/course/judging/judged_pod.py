"""A pod as a check judges it: what became of it, what it asks for, and as whom its containers run."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import yaml

from labkit.base.resources import NOTEBOOKS, require
from labkit.core.causes import Cause
from labkit.core.mappings import Manifest, ManifestPart
from labkit.core.pods.as_written import is_as_written
from labkit.core.pods.pod_containers import ProcessIdentity, process_identities
from labkit.course.judging.assessment import Assessment, not_right, not_yet
from labkit.course.judging.judged_image import JudgedImage
from labkit.course.pod_settings import all_containers, container_settings, pod_settings

if TYPE_CHECKING:
    from labkit.core.pods.outcome import Outcome
    from labkit.core.started import PodProcesses
    from labkit.course.world import World

RUNS = ("running", "succeeded")


class JudgedPod:
    """A pod of the lesson, all its containers.

    Args:
        world: the lesson's.
        name: the pod's.
    """

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name

    @cached_property
    def outcome(self) -> Outcome | None:
        """What became of it; the API server's last no if it was not let in; None if it was never asked for."""
        return self.world.look.pod(self.name)

    @cached_property
    def manifest(self) -> Manifest:
        """As the API server has it, with its status once the pod is decided; empty if it does not exist."""
        self.outcome  # noqa: B018  # Waits until it is decided.
        return self.world.look.manifest(self.name)

    def missing(self) -> Assessment | None:
        """Why there is no such pod."""
        if self.manifest.get("metadata", {}).get("deletionTimestamp"):
            return not_right(f"The pod {self.name} is being deleted, so it does not count: run the cell again.")
        if self.manifest:
            return None
        if self.outcome is None:
            if (instead := made_instead(self.world, self.name, "Pod")) is not None:
                return instead
            nothing_done = not_yet(f"There is no pod {self.name} yet: the cell was not run, or the pod was deleted.")
            return named_otherwise(self.world, self.name, "pod") or nothing_done
        reason = f"It names: {', '.join(self.violated)}." if self.violated else f"It says: {self.outcome.sentence}"
        return not_right(f"There is no pod {self.name}: the API server did not let it in. {reason}")

    def is_as_written(self, written: Mapping[str, Any]) -> bool:
        """Whether it is, or was asked for, as a manifest has it.

        Args:
            written: the manifest, with sample images by their short names.
        """
        asked = self.manifest or yaml.safe_load((self.outcome.yaml if self.outcome is not None else "") or "{}")
        return is_as_written(asked.get("spec") or {}, with_references(self.world, written)["spec"])

    @property
    def violated(self) -> list[str]:
        """The controls that Pod Security names, without their details."""
        return controls_in(self.outcome.violations if self.outcome is not None else ())

    @property
    def spec(self) -> Mapping[str, Any]:
        """What the pod asks for."""
        return self.manifest.get("spec") or {}

    @property
    def containers(self) -> list[ManifestPart]:
        """All its containers, init containers first."""
        return all_containers(self.spec)

    @property
    def settings(self) -> ManifestPart:
        """The settings of the pod as a whole."""
        return pod_settings(self.manifest)

    @property
    def settings_in_force(self) -> dict[str, ManifestPart]:
        """The settings in force for each container."""
        return container_settings(self.manifest)

    @cached_property
    def images(self) -> Mapping[str, JudgedImage | None]:
        """The image of each container; None for one that the engine does not have."""
        by_reference = {container["name"]: container.get("image", "") for container in self.containers}
        images = {name: JudgedImage(self.world, reference) for name, reference in by_reference.items()}
        return {name: image if image.facts_or_none is not None else None for name, image in images.items()}

    @cached_property
    def processes(self) -> Mapping[str, PodProcesses]:
        """The processes of each container that runs, as the node's kernel shows them."""
        return self.world.look.processes_in(self.manifest)

    @cached_property
    def identities(self) -> Mapping[str, ProcessIdentity]:
        """As whom each container runs or ran, as the runtime reports it in the pod's status, where it does."""
        reported = process_identities(self.manifest)
        return {name: identity for name, identity in reported.items() if identity is not None}


@cache
def given_manifest(file: str) -> Manifest:
    """The manifest that a lesson gives, as the course has it: the participant changes a copy.

    Args:
        file: its name beside the notebooks.
    """
    return dict(yaml.safe_load((require(NOTEBOOKS) / file).read_text(encoding="utf-8")))


def controls_in(violations: Iterable[str]) -> list[str]:
    """The controls of Pod Security's message, without their details."""
    return [violation.partition(" (")[0] for violation in violations]


def controls_named(violations: Iterable[str]) -> str:
    """The same as words of a sentence."""
    return ", ".join(controls_in(violations))


def with_references(world: World, manifest: Mapping[str, Any]) -> Manifest:
    """A manifest with the sample images' whole references in place of their names."""
    own = copy.deepcopy(dict(manifest))
    spec = own["spec"]
    for container in all_containers(spec["template"]["spec"] if "template" in spec else spec):
        facts = world.look.image(container["image"])
        container["image"] = facts.reference if facts is not None else container["image"]
    return own


def made_instead(world: World, name: str, kind: str) -> Assessment | None:
    """What was done for an object that does not exist: one of another kind was made, or one was not taken.

    Args:
        world: the lesson's.
        name: the object's.
        kind: what the task asks for.
    """
    if others := [other for other in world.look.kinds_named(name) if other != kind]:
        article = "an" if others[0][0] in "AEIOU" else "a"
        return not_right(
            f"There is {article} {others[0]} {name}, and no {kind} of that name: the task is about a {kind}."
        )
    if (reason := world.look.not_taken(name)) is not None:
        return not_right(f"There is no {kind} {name}: the last that was asked for was not taken, because {reason}")
    return None


def named_otherwise(world: World, name: str, kind: str) -> Assessment | None:
    """What was made under a mistyped name, where there is nothing of the name; None if nothing was.

    Args:
        world: the lesson's.
        name: the object's.
        kind: what the task asks for.
    """
    if not (near := world.look.names_near(name)):
        return None
    return not_right(
        f"There is no {kind} {name}, and there is {' and '.join(near)}: the task asks for the name {name}."
    )


def why_it_does_not_run(pod: JudgedPod) -> str:
    """What became of a pod that does not run, as a sentence."""
    outcome = pod.outcome
    if outcome is None:
        return f"There is no pod {pod.name}."
    where = f", container {outcome.container}" if outcome.container else ""
    sentence = outcome.sentence
    if outcome.cause is Cause.TIMEOUT and outcome.events:
        sentence = outcome.events[-1].message
    elif outcome.cause is not None:
        sentence = ": ".join(filter(None, [outcome.cause, sentence]))
    return f"The pod does not run: {outcome.verdict}{where}, {sentence or 'its program has ended'}."


def pod_named(name: str) -> Callable[[World, object], JudgedPod]:
    """Takes a check to the pod that it judges."""
    return lambda world, _: JudgedPod(world, name)
