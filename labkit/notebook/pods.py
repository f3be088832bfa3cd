"""Pods: made, looked at, and what is asked of those that run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from labkit.adapters.kube import EXEC_FAILED, page_path
from labkit.base.errors import Misuse
from labkit.base.resources import CLUSTER
from labkit.core.identity.engine_messages import cause_of_engine_error
from labkit.core.pods.manifest import container_manifest, kubectl_line, pod_manifest, read_pod, short_name, to_yaml
from labkit.core.pods.objects import read_manifest
from labkit.core.pods.outcome import Outcome, pod_summary
from labkit.core.run_results import RunResult
from labkit.notebook.argv import words_of
from labkit.notebook.images import Images

MANIFESTS = CLUSTER / "manifests"
"""Manifests that lessons begin with."""


class Pods(Images):
    """What a lesson does with pods; those of images that it made have them loaded into the cluster first."""

    def pod(
        self,
        image: str,
        *,
        pod: Mapping[str, Any] | None = None,
        container: Mapping[str, Any] | None = None,
        command: str | Sequence[str] | None = None,
        init: str | None = None,
        name: str | None = None,
    ) -> Outcome:
        """Make a pod of an image and watch it until it runs or is refused.

        Args:
            image: a sample image.
            pod: the pod's securityContext, with Kubernetes' own names.
            container: the container's.
            command: in place of the image's entrypoint. Base images, which would end at once, are kept busy.
            init: a sample image whose `id` runs first, as an init container.
            name: the pod's; one that has it already is replaced. Without it each pod gets a new one.
        """
        reference = self._in_cluster(image)
        words = words_of(command) or self._lab.keep_busy(image)
        one = container_manifest(short_name(reference), reference, command=words, security=container)
        first = [container_manifest("init", self._lab.reference(init), command=["id"])] if init else []
        self._pods += 1
        name = name or f"{short_name(reference)}-{self._pods}"
        return self.apply(pod_manifest(name, [one], init_containers=first, security=pod))

    def apply(self, manifest: str | Mapping[str, Any]) -> Outcome:
        """Make a pod of one's own manifest and watch it until it runs or is refused.

        Args:
            manifest: YAML text or a mapping, of one Pod. A pod of that name is replaced.

        Raises:
            Misuse: it is not a manifest of one Pod.
        """
        try:
            read = read_pod(manifest)
        except ValueError as error:
            raise Misuse("Reading the manifest", str(error), "give one Pod, as in\n  kubectl explain pod") from error
        self._not_admitted.pop(read["metadata"]["name"], None)
        self._load_own(read)
        outcome = self._kube.make_pod(read, self.namespace)
        outcome = replace(outcome, command=kubectl_line(read, self.namespace), yaml=to_yaml(read))
        if outcome.verdict == "not admitted":
            self._not_admitted[outcome.pod] = outcome
        return outcome

    def sample(self, name: str) -> dict[str, Any]:
        """A manifest of the course, to be changed and applied.

        Args:
            name: of its file in cluster/manifests, without the ending.

        Raises:
            Misuse: there is none of that name.
        """
        file = MANIFESTS / f"{name}.yaml"
        if not file.is_file():
            known = ", ".join(sorted(one.stem for one in MANIFESTS.glob("*.yaml")))
            raise Misuse(f"Looking for manifest {name!r}", "there is none of that name", f"there are {known}")
        return read_manifest(file.read_text(encoding="utf-8"))

    def admission(self, manifest: str | Mapping[str, Any]) -> Outcome | None:
        """Ask the API server for a pod without making it (a dry run); its no, or None if it would let it in.

        Args:
            manifest: YAML text or a mapping, of one Pod.
        """
        read = read_pod(manifest)
        read["metadata"] = {"name": f"{read['metadata']['name'][:40]}-asked"}
        return self._kube.create_pod(read, read["metadata"]["name"], self.namespace, dry_run=True)

    def pods(self) -> list[tuple[str, str, str]]:
        """The lesson's pods as they are now: name, phase, and what a container of it waits for."""
        return [pod_summary(pod) for pod in self._kube.pods(self.namespace)]

    def manifest(self, pod: str) -> dict[str, Any]:
        """A pod as the API gives it; empty if there is none of that name."""
        return next((one for one in self._kube.pods(self.namespace) if one["metadata"]["name"] == pod), {})

    def look_at(self, pod: str, seconds: float = 0.0) -> Outcome | None:
        """A pod of the lesson as it is now, or the API server's last no to it; None if there was none of that name.

        Args:
            pod: its name.
            seconds: how long to wait for it to be decided.
        """
        if not any(name == pod for name, _, _ in self.pods()):
            return self._not_admitted.get(pod)
        return self._kube.observe(pod, self.namespace, seconds=seconds)

    def ending(self, pod: str, seconds: float = 15.0) -> Outcome:
        """How a pod ended whose program stops by itself, soon after its start.

        Args:
            pod: its name.
            seconds: how long to wait for it.
        """
        return self._kube.ending(pod, self.namespace, seconds)

    def page(self, pod: str, port: int, path: str = "/") -> RunResult:
        """Ask a pod's port for a page, through the API server.

        Args:
            pod: its name.
            port: the port that its app listens on.
            path: of the page.
        """
        answered, text = self._kube.page(pod, self.namespace, port, path)
        line = f"kubectl get --raw {page_path(pod, self.namespace, port, path)}"
        return RunResult(line, text.strip(), 0 if answered else 1)

    def exec(self, outcome: Outcome, command: str | Sequence[str]) -> RunResult:
        """Run a command in a pod's container, as `kubectl exec` does; there is no way to say as whom.

        Args:
            outcome: of the pod.
            command: what to run; text is split into words and read by no shell.
        """
        words = list(words_of(command) or ())
        status, output = self._kube.execute(outcome.pod, outcome.namespace, words)
        line = shlex.join(["kubectl", "exec", "--namespace", outcome.namespace, outcome.pod, "--", *words])
        cause = cause_of_engine_error(output) if EXEC_FAILED in output else None
        return RunResult(line, output, status, cause)
