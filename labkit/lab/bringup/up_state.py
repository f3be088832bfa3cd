"""How bringing the lab up stands: a file that the process at work writes and any other can read."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from labkit.adapters.process_stat import process_fields
from labkit.adapters.processes import first_output
from labkit.base.configuration import Configuration
from labkit.base.errors import LabError, LabFailed, MachineLacks, Misuse
from labkit.base.files import read_own_json, write_atomically

WAITING, RUNNING, DONE, FAILED, STOPPED = "waiting", "running", "done", "failed", "stopped"
"""How a step stands."""

_ERRORS = {kind.__name__: kind for kind in (LabFailed, MachineLacks, Misuse)}
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class StepState:
    """How a step stands.

    Args:
        name: the step's.
        title: what it makes; while it runs, what it is at.
        state: waiting, running, done, failed or stopped.
        counted: how far it is in things done of all, such as "812 of 3052 packages"; empty if it counts nothing.
        seconds: how long it has run.
        left: how long it still takes, as far as can be told.
    """

    name: str
    title: str
    state: str = WAITING
    counted: str = ""
    seconds: float = 0.0
    left: float = 0.0


@dataclass(frozen=True)
class UpState:
    """How bringing the lab up stands.

    Args:
        pid: the process at work.
        mark: tells that process from a later one of the same number; empty if nothing tells.
        background: whether it works behind a lesson, so that nobody sees what it prints.
        steps: in the order in which they are preferred.
        percent: how much is done, from 0 to 100.
        left: how many seconds the rest takes, as far as can be told.
        ended: whether it has ended by itself, well or not.
        error: what ended it, None if nothing did: `kind`, `tried`, `came_back`, `remedy`.
        written: when, in seconds since the epoch; to be shown, since the clock may jump.
    """

    pid: int
    mark: str = ""
    background: bool = False
    steps: tuple[StepState, ...] = ()
    percent: int = 0
    left: float = 0.0
    ended: bool = False
    error: dict[str, str] | None = None
    written: float = field(default=0.0, compare=False)

    @property
    def running(self) -> list[StepState]:
        """The steps that are under way."""
        return [step for step in self.steps if step.state == RUNNING]

    @property
    def is_at_work(self) -> bool:
        """Whether the process is still at work; one that was killed is not."""
        return not self.ended and self.pid > 0 and process_mark(self.pid) == self.mark

    @property
    def is_done(self) -> bool:
        """Whether all was done."""
        return self.ended and self.error is None and all(step.state == DONE for step in self.steps)

    def has(self, names: Collection[str]) -> bool:
        """Whether steps of these names are done; one that the schedule does not have counts as done."""
        return all(step.state == DONE for step in self.steps if step.name in names)

    def problem(self, names: Collection[str], remedy: str = "continue from there\n  labkit up") -> LabError | None:
        """Why steps of these names will not be done; None as long as they may be.

        Args:
            names: of the steps.
            remedy: for a process that was killed.
        """
        if self.has(names):
            return None
        stopped = any(step.name in names and step.state in (FAILED, STOPPED) for step in self.steps)
        if self.error is not None and (self.ended or stopped):
            kind = _ERRORS.get(self.error.get("kind", ""), LabFailed)
            return kind(*(self.error.get(part, "") for part in ("tried", "came_back", "remedy")))
        if self.is_at_work:
            return None
        at = ", ".join(step.title for step in self.running) or "its steps"
        came_back = (
            f"process {self.pid}, which made it, has ended without an error message; it was at: {at} ({self.percent} %)"
        )
        return LabFailed("Bringing the lab up", came_back, remedy)


def state_file(configuration: Configuration) -> Path:
    """Where the state is kept."""
    return configuration.state / "up.json"


def read_state(configuration: Configuration) -> UpState | None:
    """How bringing the lab up stands, or stood last; None if it is not known, also where the file cannot be read."""
    try:
        document = read_own_json(state_file(configuration))
        steps = tuple(StepState(**step) for step in document.pop("steps"))
        state = UpState(**document, steps=steps)
        if not isinstance(state.pid, int) or not isinstance(state.percent, int | float):
            return None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return state


def write_state(configuration: Configuration, state: UpState) -> None:
    """Write the state, whole or not at all; where that is not possible, such as on a full disk, work goes on.

    It is written twice a second and worth nothing after a crash, so nobody waits for the disk.
    """
    with contextlib.suppress(LabFailed):
        text = json.dumps(asdict(replace(state, written=time.time())))
        write_atomically(state_file(configuration), text, durable=False)


def forget_state(configuration: Configuration) -> None:
    """Forget how it stood, as when the lab is stopped on purpose."""
    with contextlib.suppress(OSError):
        state_file(configuration).unlink(missing_ok=True)


def describe_error(error: BaseException) -> dict[str, str]:
    """An error for the state."""
    if isinstance(error, KeyboardInterrupt):
        return _error_parts(LabFailed("Bringing the lab up", "it was interrupted", "continue from there\n  labkit up"))
    if isinstance(error, LabError):
        return _error_parts(error)
    come_back = f"{type(error).__name__}: {error}"
    return _error_parts(LabFailed("Bringing the lab up", come_back, "see the log\n  labkit diagnose"))


def _error_parts(error: LabError) -> dict[str, str]:
    """The parts of an error of the kit's."""
    kind = next((name for name, kind in _ERRORS.items() if isinstance(error, kind)), LabFailed.__name__)
    return {"kind": kind, **error.to_dict()}


def process_mark(pid: int) -> str | None:
    """What tells a running process from a later one of the same number; None if there is none, or it is a zombie.

    On Linux it is the boot and the moment in which the process was started, see proc_pid_stat(5).
    """
    if not sys.platform.startswith("linux"):
        started = (first_output(["ps", "-o", "lstart=", "-p", str(pid)]) or "").strip()
        return started or None
    fields = process_fields(pid)
    if fields is None or fields[0] in "ZX":
        return None
    try:
        boot = _BOOT.read_text(encoding="utf-8").strip()
    except OSError:
        boot = ""
    return f"{boot}/{fields[19]}"


def end_orphans(state: UpState) -> list[int]:
    """End what a killed process has left running: programs of its own session, such as the compiler.

    Args:
        state: of a process that is no longer there.

    Returns:
        The processes that were told to end.
    """
    boot, _, started = state.mark.partition("/")
    if not sys.platform.startswith("linux") or not started.isdigit() or process_mark(state.pid) is not None:
        return []
    if boot != (process_mark(os.getpid()) or "").partition("/")[0]:
        return []  # The machine was started again; the number is anybody's.
    ended = []
    for pid in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()):
        fields = process_fields(pid)
        if fields is None or int(fields[3]) != state.pid or int(fields[19]) < int(started) or fields[0] in "ZX":
            continue
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, 15)
            ended.append(pid)
    return ended
