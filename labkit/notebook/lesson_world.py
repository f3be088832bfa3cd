"""A lesson's world on the real lab, for its checks: implements `labkit.course.world.World`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labkit.archives import ImageTree
from labkit.base.errors import Misuse, near_names
from labkit.core.admission.policy import Policy
from labkit.core.mappings import Manifest
from labkit.core.pods.objects import Applied, Rollout
from labkit.core.pods.outcome import Outcome
from labkit.core.pods.pod_containers import pod_containers
from labkit.core.run_results import RunResult
from labkit.core.started import AppProcess, PodProcesses, Started
from labkit.explain.engine_lookup import EngineLookup
from labkit.explain.explanations import explain_text
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.rows import Explanations
from labkit.lab.app_start import APP_SECONDS
from labkit.lab.container import Container
from labkit.lab.container_programs import READER, processes_of
from labkit.lab.lab import Lab
from labkit.lab.node_processes import processes_in_containers, processes_on_node
from labkit.lab.samples.image_facts import ImageFacts
from labkit.notebook.experiments import Experiments
from labkit.notebook.lesson_containers import LessonContainers
from labkit.notebook.lesson_images import LessonImages
from labkit.notebook.lesson_pods import LessonPods
from labkit.notebook.lesson_workloads import LessonWorkloads
from labkit.notebook.threats import Threats
from labkit.publish.published import Published
from labkit.threat.evidence import Matrix, Tried

_DECIDED_SECONDS = 15.0


class LessonLooks:
    """Looks at a lesson's world; `labkit.course.world.Looks` says what each method is for."""

    def __init__(self, lab: Lab, images: LessonImages, pods: LessonPods, workloads: LessonWorkloads) -> None:
        self._lab, self._images, self._pods, self._workloads = lab, images, pods, workloads

    def pod(self, name: str) -> Outcome | None:
        return self._pods.look_at(name, seconds=_DECIDED_SECONDS)

    def log(self, pod: str, container: str | None = None) -> str:
        return self._pods.log(pod, container)

    def manifest(self, pod: str) -> Manifest:
        return self._pods.manifest(pod)

    def admission(self, manifest: str | Mapping[str, Any]) -> Outcome | None:
        return self._pods.admission(manifest)

    def rollout(self, deployment: str) -> Rollout | None:
        try:
            return self._workloads.rollout(deployment, seconds=_DECIDED_SECONDS)
        except Misuse:
            return None

    def pods_of(self, deployment: str) -> list[Outcome]:
        return self._workloads.pods_of(deployment, seconds=_DECIDED_SECONDS)

    def processes_in(self, pod: Mapping[str, Any]) -> Mapping[str, PodProcesses]:
        metadata = pod.get("metadata") or {}
        if self._lab.configuration.sandbox is not None:
            running = [each.name for each in pod_containers(pod) if "running" in (each.status.get("state") or {})]
            kube = self._lab.kube()
            return processes_in_containers(kube, metadata.get("name", ""), metadata.get("namespace", ""), running)
        ids = {each.name: each.status.get("containerID", "").partition("//")[2] for each in pod_containers(pod)}
        return processes_on_node(
            self._lab.cluster(), {name: identifier for name, identifier in ids.items() if identifier}
        )

    def deployment(self, name: str) -> Manifest:
        return self._workloads.manifest(name)

    def kinds_named(self, name: str) -> list[str]:
        return self._workloads.kinds_named(name)

    def names_near(self, name: str) -> list[str]:
        return near_names(name, [*self._pods.names(), *self._workloads.names()])

    def not_taken(self, name: str) -> str | None:
        return self._workloads.not_taken(name)

    def processes(self, container: Container) -> Sequence[AppProcess]:
        return processes_of(self._lab.engine(), container.id, self._lab.reference(READER))

    def enforced(self) -> Policy:
        return self._workloads.enforced()

    def page(self, pod: str, port: int) -> RunResult:
        return self._pods.page(pod, port)

    def image(self, name: str) -> ImageFacts | None:
        try:
            return self._images.image(name)
        except Misuse:
            return None

    def tree(self, image: str) -> ImageTree | None:
        try:
            return self._images.tree(image)
        except Misuse:
            return None

    def last_stop(self, image: str) -> RunResult | None:
        return self._images.last_stop(image)

    def dockerfile(self, image: str, file: str) -> str | None:
        return self._images.dockerfile(image, Path(file))

    def published(self, image: str) -> Published | None:
        return self._images.published(image)

    def digest(self, image: str, *paths: str) -> str | None:
        try:
            return self._images.digest(image, *paths)
        except Misuse:
            return None

    def instructions(self, image: str) -> tuple[str, ...]:
        try:
            return self._images.instructions(image)
        except Misuse:
            return ()

    def explain(self, manifest: str) -> Explanations:
        # On the lab's own connection, which stays open.
        finder = ImageFinder(connect=lambda: EngineLookup(self._lab.engine(), self._lab.configuration))
        return explain_text(finder, manifest)


class LessonStarts:
    """Starts things in a lesson's world; `labkit.course.world.Starts` says what each method is for."""

    def __init__(
        self,
        images: LessonImages,
        containers: LessonContainers,
        pods: LessonPods,
        workloads: LessonWorkloads,
        threats: Threats,
    ) -> None:
        self._images, self._containers, self._pods = images, containers, pods
        self._workloads, self._threats = workloads, threats
        self._experiments = Experiments(images, containers, pods, threats)

    def run(self, image: str, command: str | Sequence[str] | None = None, *, user: str | None = None) -> RunResult:
        return self._experiments.run(image, command, user)

    def app(
        self,
        image: str,
        *,
        user: str | None = None,
        groups: Sequence[int] = (),
        variables: Mapping[str, str] | None = None,
        contents: Mapping[str, bytes] | None = None,
        files: Sequence[str] = (),
        seconds: float = APP_SECONDS,
    ) -> Started:
        return self._containers.app(
            image, user=user, groups=groups, variables=variables, contents=contents, files=files, seconds=seconds
        )

    def exec(self, pod: Outcome | str, command: str | Sequence[str], container: str | None = None) -> RunResult:
        return self._pods.exec(pod, command, container)

    def snapshot(self, container: Container) -> str | None:
        return self._images.snapshot(container)

    def pod(
        self,
        image: str,
        *,
        name: str,
        pod: Mapping[str, Any] | None = None,
        container: Mapping[str, Any] | None = None,
        command: str | Sequence[str] | None = None,
    ) -> Outcome:
        return self._experiments.pod(image, name, pod=pod, container=container, command=command)

    def apply(self, manifest: str | Mapping[str, Any]) -> Outcome:
        return self._experiments.apply(manifest)

    def build(self, dockerfile: str, name: str) -> RunResult:
        return self._images.build(dockerfile, name)

    def publish(self, *arguments: str, item: str = "", name: str) -> Published:
        return self._images.publish(*arguments, item=item, name=name)

    def enforce(self, level: str) -> Applied:
        return self._workloads.enforce(level)

    def probe(self, posture: str, *probes: str) -> Tried:
        return self._experiments.probe(posture, *probes)

    def matrix(self, postures: Sequence[str], probes: Sequence[str], where: str) -> Matrix:
        return self._threats.matrix(postures, probes, where)


class LessonWorld:
    """What a lesson's checks look at and start.

    Args:
        look: the one.
        start: the other.
        require: sees that the lesson has not been opened or reset elsewhere. It is called when a check first looks or
            starts: one that judges a mere word does neither.
    """

    def __init__(self, look: LessonLooks, start: LessonStarts, require: Callable[[], None]) -> None:
        self._look, self._start, self._require = look, start, require
        self._is_required = False

    def begin(self) -> None:
        """A check begins."""
        self._is_required = False

    @property
    def look(self) -> LessonLooks:
        self._require_once()
        return self._look

    @property
    def start(self) -> LessonStarts:
        self._require_once()
        return self._start

    def _require_once(self) -> None:
        if not self._is_required:
            self._require()
            self._is_required = True
