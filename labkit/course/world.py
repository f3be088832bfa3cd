"""What a check can look at: the lesson's pods, images and containers as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labkit.base.errors import Misuse
from labkit.core.identity.kubelet_rules import cri_user, verify_run_as_non_root
from labkit.core.identity.model import Settings

if TYPE_CHECKING:
    from labkit.core.identity.model import Refusal
    from labkit.core.pods.objects import Rollout
    from labkit.core.pods.outcome import Outcome
    from labkit.core.run_results import RunResult
    from labkit.explain.rows import Explanations
    from labkit.lab.samples.image_facts import FileFact, ImageFacts
    from labkit.notebook import Lesson

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

    def would_admit(self, pod: str) -> Outcome | None:
        """The API server's no to a pod as it is, if it were made again now; None if it would let it in."""
        manifest = self.manifest(pod)
        return self.lab.admission({**manifest, "kind": "Pod", "apiVersion": "v1"})

    def rollout(self, deployment: str) -> Rollout | None:
        """A Deployment as it is now, once it is decided; None if there is none of that name."""
        try:
            return self.lab.rollout(deployment, seconds=_DECIDED_SECONDS)
        except Misuse:
            return None

    def exec(self, pod: Outcome, command: str | Sequence[str]) -> RunResult:
        """What a command says in a running pod."""
        return self.lab.exec(pod, command)

    def image(self, name: str) -> ImageFacts | None:
        """What an image says of itself; None if there is none of that name."""
        try:
            return self.lab.image(name)
        except Misuse:
            return None

    def file(self, image: str, path: str) -> FileFact | None:
        """Who owns a file or folder of an image, and its mode; None if it is not there."""
        return self.lab.file(image, path)

    def run(self, image: str, command: str | Sequence[str] | None = None, *, user: str | None = None) -> RunResult:
        """What a command says in a new container of an image."""
        return self.lab.run(image, command, user=user)

    def explain(self, manifest: str) -> Explanations:
        """As whom a manifest's containers would run, and what a gate has against it; nothing is run.

        Raises:
            Misuse: it is not YAML.
        """
        import labkit

        return labkit.explain(manifest=manifest)

    def refusal(self, image_user: str) -> Refusal | None:
        """The kubelet's no to a pod that says runAsNonRoot and no more, by the rule; None if it lets the image pass.

        Args:
            image_user: the image's Config.User to the letter.
        """
        return verify_run_as_non_root(Settings(run_as_non_root=True), cri_user(image_user))
