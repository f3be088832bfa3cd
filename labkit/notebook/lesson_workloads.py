"""A lesson's Deployments, Secrets and ConfigMaps, and the Pod Security level that its namespace enforces."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from labkit.base.errors import LabFailed, Misuse
from labkit.core.admission.policy import ENFORCE_LABEL, ENFORCE_VERSION_LABEL, LATEST, Policy
from labkit.core.mappings import Manifest
from labkit.core.pods.manifest import apply_line, kubectl_line
from labkit.core.pods.objects import Applied, Rollout
from labkit.core.pods.outcome import Outcome
from labkit.notebook.cell_arguments import name_or_none, require_level, require_object
from labkit.notebook.lesson_images import LessonImages
from labkit.notebook.opened_lesson import OpenedLesson


class LessonWorkloads:
    """What `Lesson` does with what is not a pod; its methods of the same names say more.

    Args:
        lesson: whose.
        images: the lesson's own are loaded into the cluster before a Deployment of them is made.
    """

    def __init__(self, lesson: OpenedLesson, images: LessonImages) -> None:
        self._lesson, self._images = lesson, images

    def create(self, manifest: str | Mapping[str, Any]) -> Applied:
        """Make or change an object that is not a pod."""
        namespace, name = self._lesson.namespace, name_or_none(manifest)
        try:
            own = self._images.with_own_images(self._images.named_in_full(require_object(manifest)))
            warnings = self._lesson.kube.apply_object(own, namespace)
        except Misuse as refused:
            # A cluster that went away must not hide what is wrong with the manifest.
            with contextlib.suppress(LabFailed):
                if name is not None:
                    self._lesson.not_taken[name] = refused.came_back, self._mark(name)
            raise
        self._lesson.not_taken.pop(own["metadata"]["name"], None)
        return Applied(
            f"{own['kind'].lower()}/{own['metadata']['name']}", warnings, apply_line(own, namespace, server_side=True)
        )

    def not_taken(self, name: str) -> str | None:
        """Why the last object of a name was not taken; None if it was, or if its Deployment is another one now."""
        reason, mark = self._lesson.not_taken.get(name, (None, None))
        return reason if reason is not None and mark == self._mark(name) else None

    def _mark(self, name: str) -> object:
        """What changes with a Deployment's spec, and with nothing else; None if there is no such Deployment."""
        metadata = self.manifest(name).get("metadata")
        return (metadata["uid"], metadata.get("generation")) if metadata else None

    def names(self) -> list[str]:
        """The names of the Deployments that are there."""
        return self._lesson.kube.deployment_names(self._lesson.namespace)

    def kinds_named(self, name: str) -> list[str]:
        """The kinds of what has a name in the namespace, as far as they are or make pods."""
        return self._lesson.kube.kinds_named(name, self._lesson.namespace)

    def rollout(self, deployment: str, seconds: float = 15.0) -> Rollout:
        """What became of a Deployment.

        Args:
            deployment: its name.
            seconds: the deadline.

        Raises:
            Misuse: there is no such Deployment.
        """
        rollout = self._lesson.kube.rollout(deployment, self._lesson.namespace, seconds)
        if rollout is None:
            self._lesson.require_namespace()
            raise Misuse(
                f"Looking for deployment {deployment!r}", "there is no such Deployment", "make it with lab.create"
            )
        return rollout

    def pods_of(self, deployment: str, seconds: float = 15.0) -> list[Outcome]:
        """Each pod of a Deployment's template as it is now."""
        return self._lesson.kube.pods_of(deployment, self._lesson.namespace, seconds)

    def manifest(self, deployment: str) -> Manifest:
        """A Deployment's manifest as the API server has it."""
        return self._lesson.kube.deployment(deployment, self._lesson.namespace)

    def enforce(self, level: str = "restricted") -> Applied:
        """Have the namespace enforce a Pod Security level."""
        namespace, level = self._lesson.namespace, require_level(level)
        is_pinned = self.enforced().version != LATEST
        warnings = self._lesson.kube.enforce(namespace, level)
        labels = [f"{ENFORCE_LABEL}={level}", *([f"{ENFORCE_VERSION_LABEL}-"] if is_pinned else [])]
        line = kubectl_line("label", "--overwrite", "namespace", namespace, *labels)
        return Applied(f"namespace/{namespace}", warnings, line)

    def enforced(self) -> Policy:
        """The Pod Security level that the namespace enforces, and its version."""
        return self._lesson.kube.enforced(self._lesson.namespace)
