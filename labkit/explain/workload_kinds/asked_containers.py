"""What manifests ask for: containers with their settings, and what could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from labkit.core.admission.api_server import PodTemplate
from labkit.core.identity.model import Settings

if TYPE_CHECKING:
    from labkit.core.admission.policy import Policy

Role = Literal["init", "main", "ephemeral"]
ROLES: Final[dict[str, Role]] = {"initContainers": "init", "containers": "main", "ephemeralContainers": "ephemeral"}
"""The lists of containers that a pod's spec has, with the role of those in each."""


class MalformedManifest(ValueError):
    """A manifest that cannot be read; the text says why."""


@dataclass(frozen=True)
class ContainerShape:
    """A container in an object: its role, its fields, and a name for it if it has none of its own."""

    role: Role
    fields: Mapping[str, Any]
    fallback_name: str


@dataclass(frozen=True)
class PodShape:
    """A pod in an object.

    Args:
        spec: holds the pod's settings.
        containers: those of the pod.
    """

    spec: Mapping[str, Any]
    containers: Sequence[ContainerShape]


@dataclass(frozen=True)
class Unseen:
    """What may change a pod, and is not understood here."""

    reason: str


Part = PodShape | Unseen | Mapping[str, Any]


@dataclass(frozen=True)
class AskedContainer:
    """A container that a manifest asks for, with the settings that concern its identity.

    Args:
        kind: of the object that holds its pod.
        name: of that object.
        namespace: of that object.
        container: its own name.
        role: init, main or ephemeral.
        image: as the manifest names it; empty if another program fills it in.
        pod: the pod's settings.
        own: the container's settings.
        template: its pod as the API server reads it.
        fields: the container likewise.
        notes: what is to be said of how they are written.
        file: the manifest's file, None if it comes from none.
        forgiven: whether no gate minds that its image is not known, because it is filled in later.
        annotations: of that object, those that are for this kit.
    """

    kind: str
    name: str
    namespace: str
    container: str
    role: Role
    image: str
    pod: Settings
    own: Settings
    template: PodTemplate
    fields: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    file: str | None = None
    forgiven: bool = False
    annotations: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Asked:
    """What manifests ask for.

    Args:
        containers: in their order.
        passed_over: how many documents there are of which kind that runs no pods.
        policies: what namespaces enforce, by their names.
        unjudged: objects that may run pods, and what to do about each; a gate stays shut.
        templates: likewise, what has to be filled in before it is a manifest.
        handed_templates: likewise, of files that were not chosen; no gate minds them.
        foreign: files that are no manifests.
        flaws: what is wrong with files and workloads that could not be read.
        broken: how many documents could not be read.
    """

    containers: list[AskedContainer] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    policies: dict[str, Policy] = field(default_factory=dict)
    unjudged: list[str] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)
    handed_templates: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    flaws: list[str] = field(default_factory=list)
    broken: int = 0

    def add(self, other: Asked) -> None:
        """Add what another text asks for."""
        self.containers += other.containers
        if other.passed_over:
            self.passed_over += other.passed_over
        self.policies |= other.policies
        self.unjudged += other.unjudged
        self.templates += other.templates
        self.handed_templates += other.handed_templates
        self.foreign += other.foreign
        self.flaws += other.flaws
        self.broken += other.broken

    def notes(self) -> list[str]:
        """A sentence for each sort of thing that was skipped."""
        sentences = []
        if self.passed_over:
            counted = ", ".join(f"{count} {kind}" for kind, count in sorted(self.passed_over.items()))
            sentences.append(f"skipped, because no container is known in: {counted}")
        if self.foreign:
            sentences.append(f"skipped, because they are not manifests: {', '.join(self.foreign)}")
        return [*sentences, *self.handed_templates]
