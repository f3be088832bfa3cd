"""A lesson's pods: made, looked at, and asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from labkit.adapters.kube import EXEC_FAILED, page_path
from labkit.base.argv import to_argv
from labkit.base.errors import Misuse, did_you_mean, near_names
from labkit.base.resources import CLUSTER, require
from labkit.base.waiting import watch
from labkit.core.causes import Cause
from labkit.core.identity.engine_messages import cause_of_engine_error
from labkit.core.image_reference import ImageReference
from labkit.core.mappings import Manifest
from labkit.core.pods.api_objects import PodObject
from labkit.core.pods.manifest import apply_line, container_manifest, kubectl_line, pod_manifest, to_yaml
from labkit.core.pods.objects import read_manifest
from labkit.core.pods.outcome import Outcome
from labkit.core.pods.pod_containers import ProcessIdentity, default_container, pod_containers, process_identities
from labkit.core.pods.verdicts import judge, pod_summary
from labkit.core.run_results import RunResult
from labkit.lab.samples.near_image import near_image
from labkit.notebook.cell_arguments import (
    containers_of,
    pod_name,
    require_container,
    require_image,
    require_pod,
    require_pod_to_come,
    require_settings,
    require_text,
)
from labkit.notebook.lesson_images import LessonImages
from labkit.notebook.opened_lesson import OpenedLesson

MANIFESTS = CLUSTER / "manifests"
"""Manifests that lessons begin with."""

_REFUSED = "connection refused"
_LISTENS_SECONDS = 3.0
"""How long after its container's start a program may take until it listens: a pod without a probe is ready before."""


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
        given = None if command is None else to_argv(command, f"Making a pod of {image}")
        reference = self._images.in_cluster(image)
        argv = given or lab.keep_busy(image)
        short_name = ImageReference.parse(reference).short_name
        main = container_manifest(short_name, reference, command=argv, security=container)
        first = [container_manifest("init", lab.reference(require_image(init)), command=["id"])] if init else []
        self._count += 1
        name = require_text(name or f"{short_name}-{self._count}", "a pod's name")
        return self.apply(pod_manifest(name, [main], init_containers=first, security=pod))

    def apply(self, manifest: str | Mapping[str, Any]) -> Outcome:
        """Make a pod of a manifest and watch it."""
        own = self._images.named_in_full(require_pod(manifest))
        # What was said to a pod of a mistyped name, or of the right one, is not what happens to this one.
        name = own["metadata"]["name"]
        for older in (name, *near_names(name, self._lesson.not_admitted)):
            self._lesson.not_admitted.pop(older, None)
        own = self._images.with_own_images(own)
        namespace = self._lesson.namespace
        outcome = self._lesson.kube.make_pod(own, namespace)
        outcome = replace(self._with_near_image(outcome, own), command=apply_line(own, namespace), yaml=to_yaml(own))
        if outcome.verdict == "not admitted":
            self._lesson.not_admitted[outcome.pod] = outcome
        return outcome

    def _with_near_image(self, outcome: Outcome, pod: Mapping[str, Any]) -> Outcome:
        """What became of a pod; where nobody has its image, with the name that was probably meant."""
        if outcome.cause is not Cause.IMAGE_MISSING:
            return outcome
        image = next((each.get("image", "") for each in containers_of(pod) if each["name"] == outcome.container), "")
        near = near_image(image, [*self._lesson.lab.catalogue, *self._lesson.own_images], "")
        return replace(outcome, message=f"{outcome.message}\nimage {image}: {near}") if near else outcome

    def sample(self, name: str) -> Manifest:
        """A manifest of the course.

        Args:
            name: of its file in cluster/manifests, without the ending.

        Raises:
            Misuse: there is no such manifest.
        """
        file = MANIFESTS / f"{name}.yaml"
        if not file.is_file():
            known = ", ".join(sorted(path.stem for path in require(MANIFESTS).glob("*.yaml")))
            raise Misuse(f"Looking for manifest {name!r}", "there is no such manifest", f"there are {known}")
        return self._images.named_in_full(read_manifest(file.read_text(encoding="utf-8")))

    def admission(self, manifest: str | Mapping[str, Any]) -> Outcome | None:
        """Ask the API server for a pod without making it."""
        own = self._images.named_in_full(require_pod_to_come(manifest))
        # Which node the scheduler chose for a pod that is there is not what is asked, and not everybody may say it.
        own["spec"].pop("nodeName", None)
        # Of another name, so that a pod that is there is not in the way.
        name = f"{own['metadata']['name'][:40]}-asked"
        own["metadata"]["name"] = name
        return self._lesson.kube.create_pod(own, name, self._lesson.namespace, dry_run=True)

    # --- looked at ---

    def names(self) -> list[str]:
        """The names of the lesson's pods, and of those that the API server did not let in."""
        return [*(name for name, _, _ in self.pods()), *self._lesson.not_admitted]

    def pods(self) -> list[tuple[str, str, str]]:
        """The lesson's pods: name, phase, what a container waits for."""
        pods = [pod_summary(pod) for pod in self._lesson.kube.pods(self._lesson.namespace)]
        if not pods:
            self._lesson.require_namespace()
        return pods

    def manifest(self, pod: Outcome | str) -> Manifest:
        """A pod's manifest as the API server has it."""
        manifest = self._find(pod)
        return {**manifest, "kind": "Pod", "apiVersion": "v1"} if manifest is not None else {}

    def uid(self, name: str) -> str | None:
        """The uid of a pod of the lesson; None if there is no such pod, or if it is being deleted."""
        there = self._lesson.kube.find_pod(name, self._lesson.namespace)
        return None if there is None or there["metadata"].get("deletionTimestamp") else there["metadata"]["uid"]

    def look_at(self, pod: Outcome | str, seconds: float = 0.0) -> Outcome | None:
        """A pod as it is now, or the API server's last no to it."""
        there = self._find(pod)
        if there is None or there["metadata"].get("deletionTimestamp"):
            return self._lesson.not_admitted.get(pod_name(pod))
        kube, metadata = self._lesson.kube, there["metadata"]
        if seconds and judge(there).verdict == "pending":
            outcome = kube.observe(metadata["name"], metadata["namespace"], seconds=seconds, uid=metadata["uid"])
        else:
            outcome = kube.outcome_of(there, timed_out=True)
        return self._with_near_image(outcome, there)

    def ending(self, pod: Outcome | str, seconds: float = 15.0) -> Outcome:
        """How a pod ended."""
        metadata = self._require(pod)["metadata"]
        return self._lesson.kube.observe_end(metadata["name"], metadata["namespace"], seconds)

    def identities(self, pod: Outcome | str) -> dict[str, ProcessIdentity | None]:
        """As whom each container's first process was started."""
        there = self._find(pod)
        return process_identities(there) if there is not None else {}

    def log(self, pod: Outcome | str, container: str | None = None) -> str:
        """What a container of a pod printed."""
        there = self._require(pod)
        metadata = there["metadata"]
        return self._lesson.kube.logs(metadata["name"], metadata["namespace"], _container(there, container))

    # --- asked ---

    def page(self, pod: Outcome | str, port: int, path: str = "/") -> RunResult:
        """Ask a pod's port for a page."""
        name, namespace = pod_name(pod), self._lesson.namespace

        def ask() -> tuple[bool, str]:
            return self._lesson.kube.page(name, namespace, port, path)

        answered, text = ask()
        if not answered:
            there = self._require(name)
            if _REFUSED in text and (seconds := _seconds_to_listen(there)):
                answered, text = watch(ask, lambda answer: answer[0], seconds)
        line = kubectl_line("get", "--raw", page_path(name, namespace, port, path))
        return RunResult(line, text.strip(), 0 if answered else 1)

    def exec(self, pod: Outcome | str, command: str | Sequence[str], container: str | None = None) -> RunResult:
        """Run a command in a container of a pod."""
        argv = to_argv(command, f"Running a command in pod {pod_name(pod)}")
        there = self._require(pod)
        name, namespace = there["metadata"]["name"], there["metadata"]["namespace"]
        result = self._lesson.kube.execute(name, namespace, argv, _container(there, container))
        choice = ["--container", container] if container else []
        line = kubectl_line("exec", "--namespace", namespace, name, *choice, "--", *argv)
        # kubectl writes the runtime's no on standard error, and gives no output of the command's then.
        cause = cause_of_engine_error(result.stderr) if not result.stdout and EXEC_FAILED in result.stderr else None
        return RunResult.of(line, result, result.exit_status, cause=cause)

    def _find(self, pod: Outcome | str) -> PodObject | None:
        """A pod as the API gives it; what the API server said to an earlier one of its name counts no more."""
        namespace = pod.namespace if isinstance(pod, Outcome) else self._lesson.namespace
        there = self._lesson.kube.find_pod(pod_name(pod), namespace)
        if there is None:
            self._lesson.require_namespace()
        else:
            self._lesson.not_admitted.pop(pod_name(pod), None)
        return there

    def _require(self, pod: Outcome | str) -> PodObject:
        there = self._find(pod)
        if there is None:
            name, names = pod_name(pod), [other for other, _, _ in self.pods()]
            there_are = f"there are {', '.join(names)}" if names else "run the cell that makes it"
            raise Misuse(f"Looking for pod {name!r}", "there is no such pod", did_you_mean(name, names, there_are))
        return there


def _container(pod: PodObject, container: str | None) -> str | None:
    """The container that was named, or else the one that kubectl takes."""
    if container is None:
        return default_container(pod)
    return require_container(container, pod["metadata"]["name"], (each.name for each in pod_containers(pod)))


def _seconds_to_listen(pod: PodObject) -> float:
    """How long a program of a pod, of which one has just begun, may still take until it listens."""
    starts = [container.started for container in pod_containers(pod) if container.started]
    age = (datetime.now(UTC) - max(starts)).total_seconds() if starts else _LISTENS_SECONDS
    return min(max(_LISTENS_SECONDS - age, 0.0), _LISTENS_SECONDS)
