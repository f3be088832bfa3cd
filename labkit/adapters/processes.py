"""Running a program of this machine and telling what it said when it fails."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from labkit.base.errors import LabFailed, MachineLacks

_LAST_LINES = 6


def run_program(
    command: Sequence[str],
    *,
    doing: str,
    remedy: str,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    deadline: float | None = None,
) -> str:
    """Run a program to its end and return what it printed.

    Args:
        command: the program and its arguments; no shell reads them.
        doing: what this is for, for the error.
        remedy: what to do when it fails.
        environment: the whole environment of the program; None for ours.
        folder: where it runs.
        deadline: seconds after which it is ended.

    Returns:
        Its standard output.

    Raises:
        MachineLacks: there is no such program.
        LabFailed: it failed or ran past its deadline; its last lines are in the error.
    """
    try:
        done = subprocess.run(
            list(command),
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            cwd=folder,
            timeout=deadline,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        raise MachineLacks(doing, f"there is no program {command[0]!r}", remedy) from None
    except subprocess.TimeoutExpired:
        raise LabFailed(doing, f"{command[0]} had not ended after {deadline:.0f} s", remedy) from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-_LAST_LINES:]
        raise LabFailed(doing, "\n".join(said) or f"{command[0]} ended with status {done.returncode}", remedy)
    return done.stdout
