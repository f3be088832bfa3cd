"""What checks try for themselves, such as a command in a sample image: the same on the same image is tried once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labkit.adapters.engine import NoEngine
from labkit.base.argv import to_argv
from labkit.core.causes import Cause
from labkit.core.pods.outcome import Outcome
from labkit.core.run_results import RunResult
from labkit.notebook.cell_arguments import containers_of, require_pod
from labkit.notebook.cell_evidence import recorded_run
from labkit.notebook.lesson_containers import LessonContainers
from labkit.notebook.lesson_images import LessonImages
from labkit.notebook.lesson_pods import LessonPods
from labkit.notebook.threats import Threats
from labkit.threat.evidence import Tried
from labkit.threat.judge import Verdict

_DECIDED_SECONDS = 15.0


class Experiments:
    """Runs commands and makes pods for checks; an image of one id never changes, and a pod of one uid is looked at.

    Args:
        images: the lesson's.
        containers: the lesson's.
        pods: the lesson's.
        threats: the lesson's.
    """

    def __init__(self, images: LessonImages, containers: LessonContainers, pods: LessonPods, threats: Threats) -> None:
        self._images, self._containers, self._pods, self._threats = images, containers, pods, threats
        self._tried: dict[tuple[str, tuple[str, ...], str], Tried] = {}
        self._results: dict[tuple[str, tuple[str, ...], str | None], RunResult] = {}
        self._uids: dict[str, str] = {}

    def run(self, image: str, command: str | Sequence[str] | None, user: str | None) -> RunResult:
        """The result of a command in a new container of an image."""
        argv = () if command is None else tuple(to_argv(command, f"Running a command in {image}"))
        key = self._images.identifier(image), argv, user
        if key in self._results:
            return self._results[key]
        try:
            result = self._containers.run(image, argv or None, user=user)
        except NoEngine:
            # The truth of a prediction, as a lab has seen it.
            recorded = recorded_run(self._images.lesson_name, image, command, user)
            if recorded is None:
                raise
            result = recorded
        # One that did not end says nothing of the image: another time the machine may be less busy.
        if result.cause is not Cause.TIMEOUT and result.exit_status is not None:
            self._results[key] = result
        return result

    def probe(self, posture: str, *probes: str) -> Tried:
        """How probes end in a posture on the engine."""
        key = posture, probes, self._images.identifier(self._threats.posture(posture).image)
        if key in self._tried:
            return self._tried[key]
        tried = self._threats.probe(posture, *probes)
        # What is not known today may be known the next time.
        if all(cell.verdict is not Verdict.UNKNOWN for cell in tried):
            self._tried[key] = tried
        return tried

    def pod(self, image: str, name: str, **options: Any) -> Outcome:
        """What becomes of a pod of an image."""
        asked = {"image": image, "id": self._images.identifier(image), **options}
        return self._made_once(asked, name, lambda: self._pods.pod(image, name=name, **options))

    def apply(self, manifest: str | Mapping[str, Any]) -> Outcome:
        """What becomes of a pod of a manifest."""
        own = require_pod(manifest)
        ids = {str(container.get("image")): "" for container in containers_of(own)}
        asked = {"manifest": own, "ids": {image: self._images.identifier(image) for image in ids}}
        return self._made_once(asked, str(own["metadata"]["name"]), lambda: self._pods.apply(manifest))

    def _made_once(self, asked: Mapping[str, Any], name: str, make: Callable[[], Outcome]) -> Outcome:
        """The pod that was made for the same, as it is now; a new one if that is gone."""
        key = json.dumps([name, asked], sort_keys=True, default=str)
        uid = self._pods.uid(name)
        if uid is not None and self._uids.get(key) == uid:
            outcome = self._pods.look_at(name, seconds=_DECIDED_SECONDS)
            if outcome is not None:
                return outcome
        outcome = make()
        self._uids[key] = self._pods.uid(name) or ""
        return outcome
