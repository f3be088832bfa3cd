"""The lab's own `docker` and `kubectl`: small programs of its folder run this with what was typed behind them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from labkit.adapters.started_programs import become, run_in_front
from labkit.base.signals import ended_as_interrupted
from labkit.cli.frame import reported_errors
from labkit.lab import terminal
from labkit.lab.terminal.typed_lab import ReadyCommand, TypedLab


def main(argv: Sequence[str]) -> int:
    """Run a line as the lab understands it.

    Args:
        argv: `docker` or `kubectl`, and what was typed behind it.

    Returns:
        The command's exit status.
    """
    command, *typed = argv
    with ended_as_interrupted(), reported_errors(), TypedLab() as lab:
        if command == "docker":
            return _run(terminal.prepare_docker(typed, lab))
        with terminal.prepared_kubectl(typed, lab) as ready:
            return _run(ready)


BUILDERS_NOTICE = b"DEPRECATED: The legacy builder is deprecated"
"""How a notice of four lines begins that docker gives with each build where it has no buildx, and its end is an empty
line (docker/cli:cmd/docker/builder.go). Lesson 05 says it once."""


NO_TERMINAL = "-it asks for a terminal, and a notebook's cell has none: leave it out, or type the line in a terminal"


def _run(ready: ReadyCommand) -> int:
    for note in ready.notes:
        click.echo(f"labkit: {note}", err=True)
    if ready.needs_terminal and not sys.stdin.isatty():
        click.echo(f"labkit: {NO_TERMINAL}", err=True)
    if ready.is_build and not sys.stderr.isatty():  # In a notebook's cell; a terminal has what docker says.
        return run_in_front([ready.program, *ready.argv[1:]], ready.environment, ready.given, unseen=BUILDERS_NOTICE)
    if ready.given is None and not ready.copies:
        become(ready.program, ready.argv, ready.environment)
    return run_in_front([ready.program, *ready.argv[1:]], ready.environment, ready.given, shown_as=ready.copies)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
