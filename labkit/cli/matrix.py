"""The command that measures the threat matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from labkit.cli.frame import command, complete_postures, complete_probes, json_option, main

_EXAMPLES = """
    \b
    labkit matrix                                    every probe in every posture: about ten seconds
    labkit matrix --where cluster -p app-default     one posture
    labkit matrix --probe read-shadow --probe mount  some probes, in all postures
    labkit matrix --list                             the postures, as docker lines and pods, and the probes
    labkit matrix --csv matrix.csv --picture matrix.png
    labkit matrix --check worksheet.json             what still holds of a worksheet; exit status 1 if a row does not
"""


@main.command(epilog=_EXAMPLES)
@click.option("-p", "--posture", "postures", multiple=True, metavar="NAME", shell_complete=complete_postures)
@click.option("--probe", "probes", multiple=True, metavar="NAME", shell_complete=complete_probes)
@click.option("--where", "place", type=click.Choice(["engine", "cluster"]), help="Only there; without it on both.")
@click.option("--list", "only_list", is_flag=True, help="Show postures and probes; nothing is run.")
@click.option("--check", "worksheet", type=click.Path(path_type=Path), metavar="FILE", help="Try a worksheet again.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), metavar="FILE", help="Write the cells there too.")
@click.option("--picture", type=click.Path(path_type=Path), metavar="FILE", help="Draw it there: .png or .svg.")
@json_option
@command
def matrix(**options: Any) -> int:
    """Try what an attacker could do in each posture, and say which control stopped it.

    A posture is a way to run a container, a probe a harmless attempt. Each cell says *could*, *could not* with the
    control that said no, or *unknown* with the reason; --json has the evidence. Nothing that was tried stays.
    """
    from labkit.cli.matrix_output import run_matrix

    return run_matrix(**options)
