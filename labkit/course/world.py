"""What a check can look at: the lesson's pods, images and containers as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labkit.errors import Misuse

if TYPE_CHECKING:
    from labkit.images.facts import ImageFacts
    from labkit.lesson import Lesson
    from labkit.pods.outcome import Outcome
    from labkit.run_result import RunResult

_DECIDED_SECONDS = 15.0


class World:
    """A lesson's world. Looking changes nothing; what a check runs, it runs in containers that go at once.

    Args:
        lab: the lesson.
    """

    def __init__(self, lab: Lesson) -> None:
        self.lab = lab

    def pod(self, name: str) -> Outcome | None:
        """A pod of the lesson as it is now, once it is decided; None if there is none of that name."""
        return self.lab.look_at(name, seconds=_DECIDED_SECONDS)

    def manifest(self, pod: str) -> dict[str, Any]:
        """A pod as the API gives it; empty if there is none of that name."""
        return self.lab.manifest(pod)

    def pod_security(self, pod: str) -> dict[str, Any]:
        """The securityContext of a pod as a whole."""
        return dict((self.manifest(pod).get("spec") or {}).get("securityContext") or {})

    def security(self, pod: str) -> dict[str, dict[str, Any]]:
        """What goes for each container of a pod, init containers first: the container's own settings before the pod's.

        (kubernetes/kubernetes:pkg/securitycontext/util.go, DetermineEffectiveSecurityContext)
        """
        spec = self.manifest(pod).get("spec") or {}
        containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
        whole = self.pod_security(pod)
        return {one["name"]: {**whole, **(one.get("securityContext") or {})} for one in containers}

    def exec(self, pod: Outcome, command: str | Sequence[str]) -> RunResult:
        """What a command says in a running pod."""
        return self.lab.exec(pod, command)

    def image(self, name: str) -> ImageFacts | None:
        """What an image says of itself; None if there is none of that name."""
        try:
            return self.lab.image(name)
        except Misuse:
            return None

    def run(self, image: str, command: str | Sequence[str] | None = None, *, user: str | None = None) -> RunResult:
        """What a command says in a new container of an image."""
        return self.lab.run(image, command, user=user)
