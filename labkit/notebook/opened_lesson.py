"""What the parts of an opened lesson share: the lab, a namespace of the lesson's own, and what it has made so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from labkit.adapters.engine import Engine
from labkit.adapters.kube import Kube, namespace_gone
from labkit.base.configuration import LESSON_LABEL
from labkit.base.errors import Misuse
from labkit.core.pods.outcome import Outcome
from labkit.lab.clean import remove_images
from labkit.lab.lab import Lab


@dataclass
class OpenedLesson:
    """A lesson whose lab is up.

    Args:
        name: the notebook's name without its ending.
        lab: the lab.
        owns_lab: whether the lab's connections are closed with the lesson.
        namespace: the lesson's own; empty before the first reset.
        own_images: the images that the lesson has made since it was opened, by name; these a pod may name.
        not_admitted: the API server's last no to a pod, by the pod's name.
        is_closed: whether the lesson was closed.
    """

    name: str
    lab: Lab
    owns_lab: bool = False
    namespace: str = ""
    own_images: set[str] = field(default_factory=set)
    not_admitted: dict[str, Outcome] = field(default_factory=dict)
    is_closed: bool = False

    @property
    def kube(self) -> Kube:
        """The cluster's API.

        Raises:
            Misuse: the lesson was closed.
        """
        if self.is_closed:
            remedy = "run the notebook's first cell again, and go on from there"
            raise Misuse(f"Using lesson {self.name}", "it was closed", remedy)
        return self.lab.kube()

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the lesson's containers and images; whichever kernel made them, they are found by these."""
        return {LESSON_LABEL: self.name}

    def require_namespace(self) -> None:
        """See that the namespace is still there.

        Raises:
            LabFailed: the lesson was opened or reset elsewhere.
        """
        if self.namespace not in self.kube.namespaces(self.name):
            raise namespace_gone(self.namespace)

    def reset(self) -> None:
        """Begin with an empty namespace, without containers and images of the lesson's own."""
        self.clear()
        self.namespace = self.kube.new_namespace(self.name)

    def clear(self) -> None:
        """Remove the lesson's containers and images, and its namespaces, which go away in the background."""
        kube, engine = self.kube, self.lab.engine()
        remove_from_engine(engine, self.name)
        self.own_images.clear()
        engine.remove_stages()
        self.not_admitted.clear()
        for namespace in kube.namespaces(self.name):
            kube.delete_namespace(namespace)

    def close(self) -> None:
        """Remove what the lesson has made, and close the lab's connections; nothing if that was done."""
        if self.is_closed:
            return
        try:
            self.clear()
        finally:
            self.is_closed = True
            if self.owns_lab:
                self.lab.close()


def remove_from_engine(engine: Engine, lesson: str | None) -> None:
    """Remove the containers that a lesson left running and the images that it made, in this kernel or in another.

    Args:
        engine: where.
        lesson: which; None for all lessons.
    """
    label = LESSON_LABEL if lesson is None else f"{LESSON_LABEL}={lesson}"
    for container in engine.labelled_containers(label):
        engine.remove_container(container)
    remove_images(engine, label)
