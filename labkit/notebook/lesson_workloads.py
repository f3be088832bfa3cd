"""A lesson's Deployments, Secrets and ConfigMaps, and the Pod Security level that its namespace enforces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.base.errors import Misuse
from labkit.core.admission.policy import ENFORCE_LABEL
from labkit.core.pods.manifest import apply_line, kubectl_line
from labkit.core.pods.objects import Applied, Rollout
from labkit.core.pods.outcome import Outcome
from labkit.notebook.cell_arguments import require_level, require_object
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
        own = require_object(manifest)
        self._images.name_in_full(own)
        self._images.load_own(own)
        namespace = self._lesson.namespace
        warnings = self._lesson.kube.apply_object(own, namespace)
        return Applied(
            f"{own['kind'].lower()}/{own['metadata']['name']}", warnings, apply_line(own, namespace, server_side=True)
        )

    def rollout(self, deployment: str, seconds: float = 15.0) -> Rollout:
        """What became of a Deployment."""
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

    def manifest(self, deployment: str) -> dict[str, Any]:
        """A Deployment's manifest as the API server has it."""
        return self._lesson.kube.deployment(deployment, self._lesson.namespace)

    def enforce(self, level: str = "restricted") -> Applied:
        """Have the namespace enforce a Pod Security level."""
        namespace, level = self._lesson.namespace, require_level(level)
        warnings = self._lesson.kube.enforce(namespace, level)
        line = kubectl_line("label", "--overwrite", "namespace", namespace, f"{ENFORCE_LABEL}={level}")
        return Applied(f"namespace/{namespace}", warnings, line)

    def enforced(self) -> str:
        """The Pod Security level that the namespace enforces."""
        return self._lesson.kube.enforced(self._lesson.namespace)
