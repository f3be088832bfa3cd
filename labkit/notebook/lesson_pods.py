"""A lesson's pods: made, looked at, and asked."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from labkit.adapters.kube import EXEC_FAILED, page_path
from labkit.base.argv import to_argv
from labkit.base.errors import LabFailed, Misuse, did_you_mean
from labkit.base.resources import CLUSTER, require
from labkit.core.identity.engine_messages import cause_of_engine_error
from labkit.core.image_reference import ImageReference
from labkit.core.pods.manifest import container_manifest, kubectl_line, pod_manifest, to_yaml
from labkit.core.pods.objects import read_manifest
from labkit.core.pods.outcome import Outcome
from labkit.core.pods.verdicts import pod_summary
from labkit.core.run_results import RunResult
from labkit.notebook.cell_arguments import pod_name, require_image, require_pod, require_settings, require_text
from labkit.notebook.lesson_images import LessonImages
from labkit.notebook.opened_lesson import OpenedLesson

MANIFESTS = CLUSTER / "manifests"
"""Manifests that lessons begin with."""


class LessonPods:
    """What `Lesson` does with pods; its methods of the same names say more.

    Args:
        lesson: whose.
        images: the lesson's own are loaded into the cluster before a pod of them is made.
    """

    def __init__(self, lesson: OpenedLesson, images: LessonImages) -> None:
        self._lesson, self._images = lesson, images
        self._count = 0

    # --- made ---

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
        """Make a pod of an image and watch it."""
        pod, container = require_settings(pod, "pod"), require_settings(container, "container")
        lab = self._lesson.lab
        image = require_image(image)
        argv = lab.keep_busy(image) if command is None else to_argv(command, f"Making a pod of {image}")
        reference = self._images.in_cluster(image)
        short_name = ImageReference.parse(reference).short_name
        main = container_manifest(short_name, reference, command=argv, security=container)
        first = [container_manifest("init", lab.reference(require_image(init)), command=["id"])] if init else []
        self._count += 1
        name = require_text(name or f"{short_name}-{self._count}", "a pod's name")
        return self.apply(pod_manifest(name, [main], init_containers=first, security=pod))

    def apply(self, manifest: str | Mapping[str, Any]) -> Outcome:
        """Make a pod of a manifest and watch it."""
        own = require_pod(manifest)
        self._images.name_in_full(own)
        self._lesson.not_admitted.pop(own["metadata"]["name"], None)
        self._images.load_own(own)
        namespace = self._lesson.namespace
        outcome = self._lesson.kube.make_pod(own, namespace)
        outcome = replace(outcome, command=kubectl_line(own, namespace), yaml=to_yaml(own))
        if outcome.verdict == "not admitted":
            self._lesson.not_admitted[outcome.pod] = outcome
        return outcome

    def sample(self, name: str) -> dict[str, Any]:
        """A manifest of the course."""
        file = MANIFESTS / f"{name}.yaml"
        if not file.is_file():
            known = ", ".join(sorted(path.stem for path in require(MANIFESTS).glob("*.yaml")))
            raise Misuse(f"Looking for manifest {name!r}", "there is no such manifest", f"there are {known}")
        manifest = read_manifest(file.read_text(encoding="utf-8"))
        self._images.name_in_full(manifest)
        return manifest

    def admission(self, manifest: str | Mapping[str, Any]) -> Outcome | None:
        """Ask the API server for a pod without making it."""
        own = require_pod(manifest)
        self._images.name_in_full(own)
        # Of another name, so that a pod that is there is not in the way.
        own["metadata"] = {"name": f"{own['metadata']['name'][:40]}-asked"}
        return self._lesson.kube.create_pod(own, own["metadata"]["name"], self._lesson.namespace, dry_run=True)

    # --- looked at ---

    def pods(self) -> list[tuple[str, str, str]]:
        """The lesson's pods: name, phase, what a container waits for."""
        return [pod_summary(pod) for pod in self._lesson.kube.pods(self._lesson.namespace)]

    def manifest(self, pod: Outcome | str) -> dict[str, Any]:
        """A pod's manifest as the API server has it."""
        name = pod_name(pod)
        for manifest in self._lesson.kube.pods(self._lesson.namespace):
            if manifest["metadata"]["name"] == name:
                return {**manifest, "kind": "Pod", "apiVersion": "v1"}
        return {}

    def look_at(self, pod: Outcome | str, seconds: float = 0.0) -> Outcome | None:
        """A pod as it is now."""
        name = pod_name(pod)
        if not self._exists(name):
            return self._lesson.not_admitted.get(name)
        return self._lesson.kube.observe(name, self._lesson.namespace, seconds=seconds)

    def ending(self, pod: Outcome | str, seconds: float = 15.0) -> Outcome:
        """How a pod ended."""
        self._require(pod_name(pod))
        return self._lesson.kube.observe_end(pod_name(pod), self._lesson.namespace, seconds)

    # --- asked ---

    def page(self, pod: Outcome | str, port: int, path: str = "/") -> RunResult:
        """Ask a pod's port for a page."""
        name, namespace = pod_name(pod), self._lesson.namespace
        answered, text = self._lesson.kube.page(name, namespace, port, path)
        if not answered:
            self._require(name)
        line = f"kubectl get --raw {page_path(name, namespace, port, path)}"
        return RunResult(line, text.strip(), 0 if answered else 1)

    def exec(self, pod: Outcome | str, command: str | Sequence[str]) -> RunResult:
        """Run a command in a pod's container."""
        name = pod_name(pod)
        namespace = pod.namespace if isinstance(pod, Outcome) else self._lesson.namespace
        argv = to_argv(command, f"Running a command in pod {name}")
        try:
            result = self._lesson.kube.execute(name, namespace, argv)
        except LabFailed:
            if isinstance(pod, str):
                self._require(name)
            raise
        line = shlex.join(["kubectl", "exec", "--namespace", namespace, name, "--", *argv])
        output = result.output.strip()
        cause = cause_of_engine_error(output) if EXEC_FAILED in output else None
        return RunResult(line, output, result.exit_status, cause)

    def _exists(self, name: str) -> bool:
        return any(name == pod for pod, _, _ in self.pods())

    def _require(self, name: str) -> None:
        if not self._exists(name):
            names = [pod for pod, _, _ in self.pods()]
            there_are = f"there are {', '.join(names)}" if names else "run the cell that makes it"
            raise Misuse(f"Looking for pod {name!r}", "there is no such pod", did_you_mean(name, names, there_are))
