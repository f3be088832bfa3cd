"""`labkit shell`."""

from __future__ import annotations

import os

import click

from labkit.adapters.started_programs import become
from labkit.base.errors import Misuse
from labkit.base.programs import find_program
from labkit.cli.logged import LoggedCommand
from labkit.cli.open_lab import open_lab
from labkit.lab.terminal.lesson_terminal import terminal_variables
from labkit.lab.terminal.shells import shell_argv, shell_of


@click.command(cls=LoggedCommand)
@click.option("-c", "command", help="Run this command, and end with its exit status.")
def shell_command(command: str | None) -> None:
    """Open a shell with the lab's docker and kubectl.

    JupyterLab's terminals are such shells. A sample image's name, such as debian, means the lab's image; no registry is
    asked; kubectl is in the namespace of the lesson that was opened last. Your own kubeconfig, docker contexts and
    other terminals stay as they are. `exit` leaves it.

    \b
    labkit shell -c 'docker run --rm debian whoami'
    """
    configuration = open_lab().configuration
    environment = {**os.environ, **terminal_variables(configuration, os.environ)}
    argv = shell_argv(configuration, os.environ) if command is None else [shell_of(os.environ), "-c", command]
    program = find_program(argv[0])
    if program is None:
        raise Misuse("Opening a shell", f"there is no program {argv[0]!r}, which SHELL names", "export SHELL=/bin/sh")
    become(program, argv, environment)
