"""`labkit lab`."""

from __future__ import annotations

import click

from labkit.lab.lab import Lab
from labkit.notebook.jupyterlab import run_jupyterlab


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def lab_command(arguments: tuple[str, ...]) -> None:
    """Bring the lab up, then run JupyterLab with the course.

    JupyterLab runs in front: Ctrl-C ends it, and the lab stays up.
    ARGUMENTS go to jupyter lab, such as --port=9000.
    """
    Lab().up()
    run_jupyterlab(arguments)
