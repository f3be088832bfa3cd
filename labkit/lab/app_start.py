"""Starting an image as it will be started: with its own entrypoint, and no word of ours; seen from outside."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labkit.adapters.engine import EngineRefused, run_status
from labkit.base.waiting import watch
from labkit.core.run_results import Printed, RunResult
from labkit.core.started import AppProcess, Started
from labkit.lab.container_programs import processes_of

if TYPE_CHECKING:
    from labkit.adapters.engine import ContainerState, Engine

APP_SECONDS = 10.0
"""The deadline: an app that still prints by then counts as running."""

_QUIET_SECONDS = 0.5  # without a word after it has printed, or began to listen
_SILENT_SECONDS = 1.5  # from its start, without a word at all
_POLL_SECONDS = 0.1


@dataclass
class _Watched:
    """What was seen of an app so far."""

    engine: Engine
    container: str
    reader: str
    state: ContainerState | None = None
    printed: Printed = field(default_factory=Printed)
    processes: tuple[AppProcess, ...] = ()
    since: float = field(default_factory=time.monotonic)

    def look(self) -> _Watched:
        """Look once more: at its state first, so that what it printed before its end is not missed."""
        self.state = self.engine.container(self.container)
        if self.state is not None:
            printed = self.engine.printed(self.container, has_terminal=False)
            if printed != self.printed:
                self.printed, self.since = printed, time.monotonic()
            if self.state.running and not self.processes:
                self.look_at_processes()
        return self

    def look_at_processes(self) -> None:
        """Remember what runs now; if it has ended meanwhile, what was seen before stays."""
        self.processes = processes_of(self.engine, self.container, self.reader) or self.processes

    def is_decided(self) -> bool:
        """Whether it has ended, listens, or has been at rest for a moment after the last that it printed."""
        if self.state is None or not self.state.running:
            return True
        is_listening = self.engine.is_listening(self.container, self.state.pid)
        if self.printed.output and is_listening:
            return True
        quiet = _QUIET_SECONDS if self.printed.output or is_listening else _SILENT_SECONDS
        return time.monotonic() - self.since >= quiet and self._is_at_rest()

    def _is_at_rest(self) -> bool:
        """Whether its processes wait for something.

        On a busy machine one that has not had its turn is quiet, too, and so is one that has ended since it was looked
        at: that has no processes any more.
        """
        processes = self.engine.processes(self.container)
        return bool(processes) and not any(process.is_at_work for process in processes)


def start_app(
    engine: Engine,
    reference: str,
    *,
    reader: str,
    user: str | None = None,
    groups: Sequence[int] = (),
    variables: Mapping[str, str] | None = None,
    seconds: float = APP_SECONDS,
    labels: Mapping[str, str] | None = None,
    contents: Mapping[str, bytes] | None = None,
    files: Sequence[str] = (),
) -> Started:
    """Start an image's app, look at it from outside once it runs or has ended, and remove it.

    It counts as running when it has printed something and listens on a port, or when it waits for something half a
    second after the last that it printed; if it has printed nothing, half a second after its start if it listens, and
    else one and a half.

    Args:
        engine: starts it.
        reference: the image.
        reader: the reference of an image that looks at its processes where this machine cannot.
        user: as `docker run --user`.
        groups: as `docker run --group-add`.
        variables: in its environment, besides the image's own.
        seconds: the deadline.
        labels: by which the container is found if this process is killed, besides the kit's own.
        contents: what is in files of the image instead, by their paths; owners and modes stay.
        files: paths of files to look at in the end.

    Returns:
        What was seen; an engine that refuses, also because there is no such file, is a result and not an error.

    Raises:
        LabFailed: the engine went away.
    """
    line = _line(reference, user, groups, variables or {})
    try:
        container = engine.launch(
            reference,
            [],
            user=user,
            environment=variables,
            options={"group_add": [str(group) for group in groups]} if groups else None,
            labels=labels,
            contents=contents,
        )
    except EngineRefused as refused:
        message = refused.came_back
        return Started(False, RunResult(line, "", run_status(message), engine.cause_of(message), message))
    try:
        seen = watch(_Watched(engine, container, reader).look, _Watched.is_decided, seconds, interval=_POLL_SECONDS)
        if seen.state is not None and seen.state.running:
            seen.look_at_processes()
        left = {path: file for path in files if (file := engine.file_now(container, path)) is not None}
    finally:
        engine.remove_container(container)
    is_running = seen.state is not None and seen.state.running
    status = None if seen.state is None else seen.state.exit_status
    return Started(is_running, RunResult.of(line, seen.printed, status), seen.processes, left)


def _line(reference: str, user: str | None, groups: Sequence[int], variables: Mapping[str, str]) -> str:
    options = ["--user", user] if user is not None else []
    options += [part for group in groups for part in ("--group-add", str(group))]
    options += [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
    return shlex.join(["docker", "run", "--rm", *options, reference])
