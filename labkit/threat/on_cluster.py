"""Postures tried on the cluster: one pod each, all probes in it, and a look from the node before it goes."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.base.waiting import watch
from labkit.core.causes import REFUSALS, Cause
from labkit.core.pods.api_objects import PodObject
from labkit.core.pods.outcome import Outcome
from labkit.core.pods.pod_containers import pod_containers
from labkit.core.pods.verdicts import judge
from labkit.threat.evidence import LOOK_SECONDS, MARKS, ProbeOutput, Trial, all_alike, judged, read_output
from labkit.threat.judge import Control, Judgement, Verdict
from labkit.threat.postures import CLUSTER, CONTAINER, Posture
from labkit.threat.probed_images import probed_reference
from labkit.threat.surroundings import app_program, environment, surrounded

if TYPE_CHECKING:
    from labkit.adapters.engine import Engine
    from labkit.adapters.kube import Kube
    from labkit.base.configuration import Configuration
    from labkit.lab.cluster_kinds.cluster import Cluster

DEADLINE_SECONDS = 60.0
NAMESPACE = "matrix"
_POLL_SECONDS = 0.2
CGROUPS = "/sys/fs/cgroup"
_FOLDERS = "/var/lib"
_CONTROLS = {Cause.POD_SECURITY: Control.ADMISSION, **dict.fromkeys(REFUSALS, Control.REFUSAL)}


@dataclass(frozen=True)
class _Asked:
    """A pod that the API server let in."""

    posture: Posture
    namespace: str
    line: str
    mark: str
    since: float


class OnCluster:
    """Tries postures on the cluster.

    Args:
        kube: makes the pods.
        engine: has the images.
        cluster: whose node is looked into.
        configuration: names and places.
        mark: the prefix of the names of all marks of this run.
        stop: set when nobody waits any more.
        deadline: seconds for one pod.
    """

    def __init__(
        self,
        kube: Kube,
        engine: Engine,
        cluster: Cluster,
        configuration: Configuration,
        mark: str,
        stop: threading.Event,
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        self._kube, self._engine, self._cluster, self._configuration = kube, engine, cluster, configuration
        # The engine's half looks through all control groups of the machine, and those of a kind node are among them:
        # the same posture leaves a mark of another name there, or one half would take the other's for its own.
        self._mark = f"{mark}-{CLUSTER}"
        self._stop, self._deadline = stop, deadline
        self._folder = f"{_FOLDERS}/{mark}"

    def try_all(
        self, postures: Sequence[Posture], probes: Sequence[str], report: Callable[[Trial], None]
    ) -> list[Trial]:
        """Try postures side by side, and remove everything that was made for it.

        Args:
            postures: what to try.
            probes: in each.
            report: called with each trial when it is done.
        """
        if not postures:
            return []
        done: dict[str, Trial] = {}

        def finish(trial: Trial) -> None:
            done[trial.posture] = trial
            report(trial)

        with self._host_folder(), self._namespaces({posture.level for posture in postures}) as namespaces:
            asked = {}
            for posture in postures:
                answer = self._ask(posture, probes, namespaces[posture.level])
                if isinstance(answer, Trial):
                    finish(answer)
                else:
                    asked[posture.name] = answer
            self._follow(asked, probes, finish)
        return [done[posture.name] for posture in postures if posture.name in done]

    def _follow(self, asked: Mapping[str, _Asked], probes: Sequence[str], finish: Callable[[Trial], None]) -> None:
        """Look at all pods until each is done."""
        left = dict(asked)

        def look() -> dict[str, _Asked]:
            namespaces = {pod.namespace for pod in left.values()}
            there = {pod["metadata"]["name"]: pod for name in namespaces for pod in self._kube.pods(name)}
            for name, pod in list(left.items()):
                trial = self._look(pod, there[name], probes) if name in there else _gone(pod, probes)
                if trial is not None:
                    del left[name]
                    finish(trial)  # The pod goes with its namespace, when no other waits for its turn on the node.
            return left

        # Each pod has a deadline of its own.
        watch(look, lambda left: not left, math.inf, interval=_POLL_SECONDS, stop=self._stop)

    def _ask(self, posture: Posture, probes: Sequence[str], namespace: str) -> _Asked | Trial:
        """Ask for a posture's pod; if the API server does not admit it, that is the trial already."""
        started = time.monotonic()
        line = posture.kubectl_line()
        mark = f"{self._mark}-{posture.name}"
        image = self._engine.image(self._configuration.image_reference(posture.image))
        manifest = surrounded(
            posture.pod(probed_reference(self._configuration, posture.image), self._folder),
            environment(mark, app_program(image)),
            ["hold", *probes],
        )
        refused = self._kube.create_pod(manifest, posture.name, namespace)
        if refused is not None:
            return _refused(posture, line, probes, refused, time.monotonic() - started)
        return _Asked(posture, namespace, line, mark, started)

    def _look(self, asked: _Asked, pod: PodObject, probes: Sequence[str]) -> Trial | None:
        """The trial of a pod once its output is whole or will not be; None until then."""
        name, spent = asked.posture.name, time.monotonic() - asked.since
        late = spent > self._deadline
        outcome = judge(pod, self._kube.events(pod) if late else (), timed_out=late)
        if outcome.verdict == "refused":
            return _refused(asked.posture, asked.line, probes, outcome, spent)
        if not late and not any(each.name == CONTAINER and each.has_started for each in pod_containers(pod)):
            return None  # It has printed nothing, and asking costs the node more than the answer is worth.
        output = read_output(self._kube.logs(name, asked.namespace, CONTAINER))
        over = outcome.verdict in ("failed", "succeeded")
        if not (output.is_whole or over or late):
            return None
        if not output.facts and late:
            return _refused(asked.posture, asked.line, probes, outcome, spent)
        ended = f"it timed out, and the pod was stopped after {self._deadline:.0f} s"
        if over and outcome.exit_status is not None:
            ended = f"the container ended before that, with exit status {outcome.exit_status}"
        elif over:  # such as a pod that somebody deletes, and that is still there
            ended = f"the pod ended before that: {outcome.message}"
        outside = {probe: self._seen_outside(probe, asked.mark, output) for probe in MARKS if probe in output.answers}
        cells = judged(name, CLUSTER, output, probes, ended, outside)
        return Trial(name, CLUSTER, asked.line, output.facts, cells, spent)

    def _seen_outside(self, probe: str, mark: str, output: ProbeOutput) -> bool | None:
        """Whether the node sees a mark, which is then removed; None if the container reports none.

        The mark stays for as long as the container holds, so a look that misses it, among control groups that come and
        go, is not the last.
        """
        if not output.answers[probe].get("done"):
            return None
        folder = self._folder if probe == "mark-node" else CGROUPS
        paths = watch(lambda: marks_on_node(self._cluster, mark, [folder]), bool, LOOK_SECONDS, stop=self._stop)
        # A control group is never empty to rm, because of the kernel's own files in it; rmdir asks the kernel.
        remove = "rm" if probe == "mark-node" else "rmdir"
        for path in paths:
            self._cluster.execute([remove, path])
        return bool(paths)

    @contextlib.contextmanager
    def _host_folder(self) -> Iterator[None]:
        """A new folder of the node's, of root's, and nothing of it afterwards."""
        self._cluster.execute(["mkdir", "--mode=755", self._folder])
        try:
            yield
        finally:
            self._cluster.execute(["rm", "--recursive", "--force", self._folder])

    @contextlib.contextmanager
    def _namespaces(self, levels: set[str]) -> Iterator[dict[str, str]]:
        made: dict[str, str] = {}
        try:
            for level in sorted(levels):
                made[level] = self._kube.new_namespace(NAMESPACE, level)
            yield made
        finally:
            for namespace in made.values():
                self._kube.delete_namespace(namespace)


def _refused(posture: Posture, line: str, probes: Sequence[str], outcome: Outcome, seconds: float) -> Trial:
    """The trial of a pod in which nothing ran."""
    message = outcome.message or outcome.verdict
    judgement = Judgement(Verdict.UNKNOWN, None, f"the pod does not run: {message}")
    if outcome.cause in _CONTROLS:
        judgement = Judgement(Verdict.COULD_NOT, _CONTROLS[outcome.cause], f"{outcome.cause}: {outcome.cause.meaning}")
    evidence = {"cause": str(outcome.cause) if outcome.cause else None, "message": message}
    cells = all_alike(posture.name, CLUSTER, probes, judgement, evidence)
    return Trial(posture.name, CLUSTER, line, {}, cells, seconds)


def _gone(asked: _Asked, probes: Sequence[str]) -> Trial:
    """The trial of a pod that somebody has deleted."""
    judgement = Judgement(Verdict.UNKNOWN, None, "the pod was deleted before its probes had answered")
    cells = all_alike(asked.posture.name, CLUSTER, probes, judgement, {"message": judgement.reason})
    return Trial(asked.posture.name, CLUSTER, asked.line, {}, cells, time.monotonic() - asked.since)


def marks_on_node(cluster: Cluster, mark: str, folders: Sequence[str] = (_FOLDERS, CGROUPS)) -> list[str]:
    """The paths of what carries a mark's name on the node.

    Args:
        cluster: whose node it is.
        mark: the name, or a pattern of names.
        folders: where to look.
    """
    paths = list[str]()
    for folder in folders:
        # A mark is in the run's own folder; its control group may be in that of a container, at any depth.
        limit = [] if folder == CGROUPS else ["-maxdepth", "2"]
        # Whatever ends while find walks the tree makes it complain, and nothing else.
        listing = cluster.execute(["find", folder, *limit, "-name", mark, "-print"])
        paths += [line for line in listing.stdout.splitlines() if line.startswith("/")]
    return paths


def sweep_cluster(kube: Kube, cluster: Cluster, prefix: str) -> None:
    """Remove what a run that was killed has left on the cluster.

    Args:
        kube: the cluster's API.
        cluster: whose node is looked into.
        prefix: of the names of all marks.
    """
    for namespace in kube.namespaces(NAMESPACE):
        kube.delete_namespace(namespace)
    for path in marks_on_node(cluster, f"{prefix}-*"):
        remove = ["rmdir"] if path.startswith(f"{CGROUPS}/") else ["rm", "--recursive", "--force"]
        cluster.execute([*remove, path])
