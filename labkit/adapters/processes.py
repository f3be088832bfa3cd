"""Running programs of this machine to their end, for what they print.

This file and `started_programs.py`, for those that are not waited for in this way, are the only ones that start
processes, so that each of them is logged.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess, Popen, TimeoutExpired
from typing import IO, Any

from labkit.adapters.cancellation import current_cancellation
from labkit.base.errors import LabFailed, MachineLacks
from labkit.base.log import command_line, logged_command
from labkit.base.programs import outside

__all__ = [
    "Popen",
    "TimeoutExpired",
    "first_output",
    "give_way",
    "own_environment",
    "run",
    "run_into",
    "run_piped",
    "run_program",
    "run_showing",
]

_LAST_LINES = 6
_NICEST = 19


@contextlib.contextmanager
def _started(argv: Sequence[str], **options: Any) -> Iterator[Popen[Any]]:
    """A program that runs, and is killed if whoever waits for it does not wait to its end.

    One of work that can be stopped has a process group of its own: a terminal's Ctrl-C reaches us, and we end it.
    """
    cancellation, doing = current_cancellation(), f"Running {argv[0]}"
    if cancellation is None:
        process = Popen(list(argv), **options)
    else:
        process = cancellation.start(doing, lambda: Popen(list(argv), process_group=0, **options))
    try:
        with process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise
    finally:
        if cancellation is not None:
            cancellation.ended(doing, process)


def give_way() -> None:
    """Give this thread, and the programs that it starts, the lowest priority for processor and disk; only on Linux."""
    if sys.platform != "linux":
        return
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, _NICEST)
    if shutil.which("ionice"):
        with contextlib.suppress(OSError, TimeoutExpired):
            run(["ionice", "-c", "3", "-p", str(thread)], deadline=5.0)


def run(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    deadline: float | None = None,
    stdin: str = "",
) -> CompletedProcess[str]:
    """Run a program to its end; what it printed and its exit status are in the result.

    Args:
        argv: the program and its arguments; no shell reads them.
        environment: the whole environment of the program; None for ours.
        folder: where it runs.
        deadline: seconds after which it is ended.
        stdin: what it reads from its standard input; the default is nothing.

    Raises:
        OSError: it cannot be started, as when there is no such program.
        TimeoutExpired: it ran past its deadline.
    """
    with (
        logged_command(command_line(argv, folder)) as attempt,
        _started(
            argv,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=own_environment(environment),
            cwd=folder,
        ) as process,
    ):
        stdout, stderr = process.communicate(stdin or None, timeout=deadline)
        attempt.status = process.returncode
    return CompletedProcess(list(argv), process.returncode, stdout, stderr)


def run_program(
    argv: Sequence[str],
    *,
    doing: str,
    remedy: str,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    deadline: float | None = None,
    last_lines: int = _LAST_LINES,
) -> str:
    """Run a program that must succeed, and return what it printed.

    Args:
        argv: the program and its arguments; no shell reads them.
        doing: what this is for, for the error.
        remedy: what to do when it fails.
        environment: the whole environment of the program; None for ours.
        folder: where it runs.
        deadline: seconds after which it is ended.
        last_lines: how many of its last lines are in the error.

    Returns:
        Its standard output.

    Raises:
        MachineLacks: there is no such program.
        LabFailed: it failed or ran past its deadline; its last lines are in the error.
    """
    try:
        completed = run(argv, environment=environment, folder=folder, deadline=deadline)
    except FileNotFoundError:
        raise MachineLacks(doing, f"there is no program {argv[0]!r}", remedy) from None
    except TimeoutExpired:
        raise LabFailed(doing, f"timed out: {argv[0]} had not ended after {deadline:.0f} s", remedy) from None
    if completed.returncode != 0:
        lines = (completed.stderr.strip() or completed.stdout.strip()).splitlines()[-last_lines:]
        raise LabFailed(doing, "\n".join(lines) or f"{argv[0]} ended with status {completed.returncode}", remedy)
    return completed.stdout


def first_output(
    argv: Sequence[str], deadline: float = 5.0, environment: Mapping[str, str] | None = None
) -> str | None:
    """What a program prints that is asked for something small, such as its version.

    Args:
        argv: the program and its arguments; no shell reads them.
        deadline: seconds.
        environment: the whole environment; None for ours.

    Returns:
        None if it cannot be started, or does not end by then.
    """
    try:
        return run(argv, deadline=deadline, environment=environment).stdout
    except (OSError, TimeoutExpired):
        return None


def run_showing(
    argv: Sequence[str], folder: Path, show: Callable[[str], None], environment: Mapping[str, str] | None = None
) -> tuple[int, list[str]]:
    """Run a program to its end, and show each line as it comes, of standard output and error alike.

    Args:
        argv: the program and its arguments; no shell reads them.
        folder: where it runs.
        show: gets each line.
        environment: the whole environment of the program; None for ours.

    Returns:
        Its exit status, and the lines.

    Raises:
        OSError: it cannot be started.
    """
    lines: list[str] = []
    with (
        logged_command(command_line(argv, folder)) as attempt,
        _started(
            argv,
            cwd=folder,
            env=own_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        for line in process.stdout or ():
            lines.append(line.rstrip())
            show(line.rstrip())
        attempt.status = process.wait()
    return attempt.status, lines


def run_piped(
    producer: Sequence[str], consumer: Sequence[str], environment: Mapping[str, str] | None = None
) -> str | None:
    """Run two programs, the output of the first being the input of the second.

    Args:
        producer: the first, and its arguments.
        consumer: the second, and its arguments.
        environment: the whole environment of both; None for ours.

    Returns:
        None if both succeeded, else the last lines of standard error of each that failed: where one fails, the other
        often does so too, and says no more than that its pipe is broken.
    """
    with (
        logged_command(f"{command_line(producer)} | {command_line(consumer)}") as attempt,
        _started(
            producer,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env=own_environment(environment),
        ) as producing,
        _started(
            consumer,
            stdin=producing.stdout,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=own_environment(environment),
        ) as consuming,
    ):
        try:
            _, refusal = consuming.communicate()
        finally:
            if producing.stdout is not None:
                producing.stdout.close()
            _, problem = producing.communicate()
        attempt.status = producing.returncode or consuming.returncode
    failed = [stderr for status, stderr in ((producing.returncode, problem), (consuming.returncode, refusal)) if status]
    lines = [stderr.decode("utf-8", "replace").strip().splitlines()[-2:] for stderr in failed]
    return "\n".join(line for last in lines for line in last) if failed else None


def run_into(argv: Sequence[str], target: IO[bytes], environment: Mapping[str, str] | None = None) -> str | None:
    """Run a program to its end, and write what it prints, a piece at a time.

    Args:
        argv: the program and its arguments.
        target: gets its standard output; what it raises ends the program.
        environment: the whole environment of the program; None for ours.

    Returns:
        None if it succeeded, else the last lines of its standard error.
    """
    with (
        tempfile.TemporaryFile() as errors,
        logged_command(command_line(argv)) as attempt,
        _started(
            argv, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL, env=own_environment(environment)
        ) as process,
    ):
        while process.stdout and (piece := process.stdout.read(1 << 20)):
            target.write(piece)
        attempt.status = process.wait()
        errors.seek(0)
        lines = errors.read().decode("utf-8", "replace").strip().splitlines()[-_LAST_LINES:]
    return ("\n".join(lines) or f"it ended with status {attempt.status}") if attempt.status else None


def own_environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a program that the kit runs: the lab's own commands are for people, not for the kit."""
    return outside(os.environ if given is None else given)
