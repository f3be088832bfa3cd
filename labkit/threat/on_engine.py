"""Postures tried on the engine: one container each, all probes in it, and a look from outside before it goes."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.base.errors import LabFailed
from labkit.base.waiting import watch
from labkit.threat.evidence import LOOK_SECONDS, MARKS, ProbeOutput, Trial, all_alike, judged, read_output
from labkit.threat.judge import Judgement, Verdict
from labkit.threat.postures import ENGINE, Posture
from labkit.threat.probed_images import probed_reference
from labkit.threat.surroundings import (
    NEIGHBOUR,
    NEIGHBOUR_IMAGE,
    NEIGHBOUR_UID,
    SHARED_GID,
    app_program,
    environment,
)

if TYPE_CHECKING:
    from labkit.adapters.engine import ContainerState, Engine
    from labkit.base.configuration import Configuration

DEADLINE_SECONDS = 60.0
TRIAL_LABEL = "labkit.trial"
_AT_ONCE = 4
_POLL_SECONDS = 0.05
_CGROUPS = Path("/sys/fs/cgroup")


class OnEngine:
    """Tries postures on the engine.

    Args:
        engine: runs the containers.
        configuration: names and places.
        mark: the prefix of the names of all marks of this run.
        stop: set when nobody waits any more.
        deadline: seconds for one container.
    """

    def __init__(
        self,
        engine: Engine,
        configuration: Configuration,
        mark: str,
        stop: threading.Event,
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        self._engine, self._configuration = engine, configuration
        self._stop, self._deadline = stop, deadline
        # Other than the cluster's, whose node's control groups are among this machine's.
        self._mark = f"{mark}-{ENGINE}"
        self._labels = {TRIAL_LABEL: mark}
        # The host's folder is a new one of the kit's own, whatever else is on the machine.
        self._folder = configuration.state / mark

    def try_all(
        self, postures: Sequence[Posture], probes: Sequence[str], report: Callable[[Trial], None]
    ) -> list[Trial]:
        """Try postures, some at a time, and remove everything that was made for it.

        Args:
            postures: what to try.
            probes: in each.
            report: called with each trial when it is done.
        """
        if not postures:
            return []
        with self._host_folder(), self._neighbour() as neighbour, ThreadPoolExecutor(_AT_ONCE) as pool:

            def try_unless_stopped(posture: Posture) -> Trial | None:
                if self._stop.is_set():
                    return None
                trial = self._try(posture, probes, neighbour)
                report(trial)
                return trial

            return [trial for trial in pool.map(try_unless_stopped, postures) if trial is not None]

    def _try(self, posture: Posture, probes: Sequence[str], neighbour: str) -> Trial:
        reference = probed_reference(self._configuration, posture.image)
        line = posture.docker_line()
        mark = f"{self._mark}-{posture.name}"
        options = posture.engine_options(str(self._folder))
        options |= {"group_add": [str(SHARED_GID)], "pid_mode": f"container:{neighbour}"}
        started = time.monotonic()
        try:
            image = self._engine.image(self._configuration.image_reference(posture.image))
            variables = environment(mark, app_program(image))
            container = self._engine.launch(
                reference,
                ["hold", *probes],
                user=posture.user,
                environment=variables,
                options=options,
                labels=self._labels,
            )
        except LabFailed as refused:
            judgement = Judgement(Verdict.UNKNOWN, None, f"the engine does not run it: {refused.came_back}")
            cells = all_alike(posture.name, ENGINE, probes, judgement, {"message": refused.came_back})
            return Trial(posture.name, ENGINE, line, {}, cells, time.monotonic() - started)
        try:
            output, ended = self._wait_for_output(container)
            outside = {probe: self._seen_outside(probe, mark, output) for probe in MARKS if probe in output.answers}
        finally:
            self._engine.remove_container(container)
        cells = judged(posture.name, ENGINE, output, probes, ended, outside)
        return Trial(posture.name, ENGINE, line, output.facts, cells, time.monotonic() - started)

    def _wait_for_output(self, container: str) -> tuple[ProbeOutput, str]:
        """A container's output once it is whole, the container has ended or timed out; and how it ended."""

        def look() -> tuple[ContainerState | None, ProbeOutput]:
            # First the state, then the output: what was printed before the end is not missed.
            state = self._engine.container(container)
            return state, read_output(self._engine.printed(container).stdout) if state else ProbeOutput({}, {}, False)

        def decides(seen: tuple[ContainerState | None, ProbeOutput]) -> bool:
            state, output = seen
            return output.is_whole or state is None or not state.running

        state, output = watch(look, decides, self._deadline, interval=_POLL_SECONDS, stop=self._stop)
        if output.is_whole:
            return output, ""
        if state is None:
            return output, "the container is gone"
        if not state.running:
            return output, f"the container ended before that, with exit status {state.exit_status}"
        return output, f"it timed out, and the container was stopped after {self._deadline:.0f} s"

    def _seen_outside(self, probe: str, mark: str, output: ProbeOutput) -> bool | None:
        """Whether a mark is seen on this machine; None where the engine may well be on another."""
        if not output.answers[probe].get("done"):
            return None
        if probe == "mark-node":
            return watch((self._folder / mark).is_file, bool, LOOK_SECONDS, stop=self._stop)
        groups = watch(lambda: folders_named(mark, _CGROUPS), bool, LOOK_SECONDS, stop=self._stop)
        for group in groups:
            with contextlib.suppress(OSError):  # whoever is not root here leaves it to the engine, whose it is
                group.rmdir()
        return True if groups else None

    @contextlib.contextmanager
    def _host_folder(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, mode=0o755)
        try:
            yield
        finally:
            shutil.rmtree(self._folder)

    @contextlib.contextmanager
    def _neighbour(self) -> Iterator[str]:
        """A process of another user, in whose process namespace the probes run."""
        image = probed_reference(self._configuration, NEIGHBOUR_IMAGE)
        container = self._engine.launch(image, [NEIGHBOUR], user=str(NEIGHBOUR_UID), labels=self._labels)
        try:
            yield container
        finally:
            self._engine.remove_container(container)


def folders_named(name: str, below: Path) -> list[Path]:
    """The folders of a name, below another; those that are removed during the walk are skipped.

    Args:
        name: of the folders, or a pattern of names.
        below: where to look.
    """
    # Path.rglob stops at the first that is gone, and control groups come and go all the time.
    return [Path(at) / match for at, folders, _ in os.walk(below) for match in fnmatch.filter(folders, name)]


def sweep_engine(engine: Engine, configuration: Configuration, prefix: str) -> None:
    """Remove what a run that was killed has left on the engine.

    Args:
        engine: the engine.
        configuration: names and places.
        prefix: of the names of all marks.
    """
    for container in engine.labelled_containers(TRIAL_LABEL):
        engine.remove_container(container)
    for folder in configuration.state.glob(f"{prefix}-*"):
        shutil.rmtree(folder)
