"""Bringing the lab up behind a lesson: started, followed and stopped from other processes."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TypedDict

from labkit.adapters.processes import Popen
from labkit.adapters.started_programs import start_server
from labkit.base.configuration import Configuration
from labkit.base.errors import LabError, LabFailed, remedy_of_system
from labkit.base.waiting import watch
from labkit.lab.bringup.early_compile import end_early_compile
from labkit.lab.bringup.up_display import choose_display, describe
from labkit.lab.bringup.up_state import UpState, forget_state, read_state
from labkit.show.steps import Steps

_LOOK_SECONDS = 0.3
_STOP_SECONDS = 30.0
_FOREVER = 24 * 3600.0
_LOG_BYTES = 1 << 20
_LAST_LINES = 6


def log_file(configuration: Configuration) -> Path:
    """What a bring-up behind a lesson prints."""
    return configuration.state / "up.log"


def start_background(
    configuration: Configuration, source: str | None = None, bundle: Path | None = None
) -> Popen[bytes]:
    """Start `labkit up` in a session of its own, so that it survives whatever has started it.

    Args:
        configuration: of the lab.
        source: "upstream" or "stand-in"; None to decide by what can be reached.
        bundle: a file with what a machine lacks; None for one that lies where it is looked for.

    Raises:
        LabFailed: its log cannot be written.
    """
    log = log_file(configuration)
    # It runs where we do, to find the same bundle; with -P, Python imports nothing from there.
    argv = [sys.executable, "-P", "-m", "labkit", "up", "--behind"]
    argv += ["--source", source] if source else []
    argv += ["--bundle", str(bundle.absolute())] if bundle else []
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        is_long = log.is_file() and log.stat().st_size > _LOG_BYTES
        with log.open("wb" if is_long else "ab") as output:
            return start_server(argv, output, Path.cwd())
    except OSError as error:
        remedy = remedy_of_system(error, "free some space, or fix the folder's permissions\n  df -h")
        raise LabFailed(f"Writing {log}", error.strerror or str(error), remedy) from error


def running(configuration: Configuration) -> UpState | None:
    """The state of a bring-up that is at work now; None if none is."""
    state = read_state(configuration)
    return state if state is not None and state.is_at_work else None


def follow(
    configuration: Configuration, names: Collection[str], steps: Steps, process: Popen[bytes] | None = None
) -> UpState | None:
    """Wait until steps of a bring-up are done, and show how it goes meanwhile; an interrupt ends the waiting alone.

    Args:
        configuration: of the lab.
        names: the steps that are waited for.
        steps: where progress goes.
        process: the bring-up, if it was started just now and may have written nothing yet.

    Returns:
        The last state that was seen; None if nothing is known, and nothing is at work.

    Raises:
        LabError: they will not be done; as the process at work says it.
    """
    with choose_display(steps) as display:

        def look() -> tuple[UpState | None, LabError | None, bool]:
            ended = process is not None and process.poll() is not None  # Before the file is read.
            state = read_state(configuration)
            if process is not None and not ended and (state is None or not state.is_at_work):
                return None, None, False  # An older one's, or none yet.
            if state is None:
                return None, _no_word(configuration) if process else None, process is None
            if state.is_at_work:
                display.show(state)
            problem = state.problem(names)
            return state, problem, state.has(names) or problem is not None

        state, problem, _ = watch(look, lambda seen: seen[2] or seen[1] is not None, _FOREVER, interval=_LOOK_SECONDS)
    if problem is not None:
        raise problem
    return state


def _no_word(configuration: Configuration) -> LabFailed:
    log = log_file(configuration)
    try:
        last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:])
    except OSError:
        last = ""
    return LabFailed(
        "Bringing the lab up", last or "it ended without an error message", "bring it up in front\n  labkit up"
    )


def stop_background(configuration: Configuration) -> bool:
    """Interrupt a bring-up that works behind a lesson, and wait until it has ended; whether there was one."""
    end_early_compile(configuration.cache)
    state = running(configuration)
    if state is None or not state.background or state.pid == os.getpid():
        if state is None:
            forget_state(configuration)
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(state.pid, signal.SIGTERM)
    watch(lambda: running(configuration), lambda left: left is None, _STOP_SECONDS)
    forget_state(configuration)
    return True


class MakingStep(TypedDict):
    """A step of what is being made."""

    name: str
    title: str
    state: str
    counted: str


class Making(TypedDict):
    """What is being made, in steps; what went wrong and what to do about it, if it ended so."""

    percent: int
    seconds_left: float | None
    summary: str
    at_work: bool
    problem: str | None
    remedy: str | None
    steps: list[MakingStep]


def making(configuration: Configuration) -> Making | None:
    """What is being made, or why it is not any more, as JSON-ready values; None if there is nothing to say."""
    state = read_state(configuration)
    if state is None or (state.ended and state.error is None):
        return None
    problem = state.problem([step.name for step in state.steps])
    return {
        "percent": state.percent,
        "seconds_left": state.left,
        "summary": describe(state).strip() if problem is None else str(problem),
        "at_work": state.is_at_work,
        "problem": problem.came_back if problem else None,
        "remedy": problem.remedy if problem else None,
        "steps": [
            {"name": step.name, "title": step.title, "state": step.state, "counted": step.counted}
            for step in state.steps
        ],
    }


def describe_making(configuration: Configuration) -> str:
    """What is being made now, in one line; empty if nothing is."""
    state = running(configuration)
    return describe(state).strip() if state is not None else ""
