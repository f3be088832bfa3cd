"""`labkit clean`."""

from __future__ import annotations

import sys

import click

from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.cli.open_lab import open_lab
from labkit.course.progress import progress_path
from labkit.course.progress_file import remove_progress
from labkit.lab.clean import clean
from labkit.lab.leftovers import remove_leftovers


@click.command(cls=LoggedCommand)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--leftovers", is_flag=True, help="Remove only what no part of the lab uses any more; the lab stays up.")
@click.option("--progress", is_flag=True, help="Remove your progress too; without it, it is kept.")
@json_option
def clean_command(yes: bool, leftovers: bool, progress: bool, as_json: bool) -> None:
    """Remove all that the lab made, and nothing else.

    With --leftovers the lab stays up, and only what it has left behind goes: unnamed images of its builds, its
    containers that have ended, volumes of nodes that are gone.

    Whatever is not labelled as the lab's stays. So do the engine, system packages and the compiler's own cache.
    """
    lab = open_lab()
    if leftovers:
        if progress:
            raise click.UsageError("Give --leftovers or --progress, not both.")
        names = [str(leftover) for leftover in remove_leftovers(lab)]
        lines = [f"removed {name}" for name in names] or ["there was nothing to remove"]
        print_result(as_json, {"removed": names, "kept": []}, "\n".join(lines))
        return
    if not yes and sys.stdin.isatty():
        extent = "cluster, images and files, and your progress" if progress else "cluster, images and files"
        click.confirm(f"Remove the lab's {extent}?", abort=True, err=True)
    progress_file = progress_path(lab.configuration)
    removed = [f"progress {path}" for path in remove_progress(progress_file)] if progress else []
    removed += clean(lab)
    kept = [str(progress_file)] if progress_file.exists() else []
    lines = [f"removed {name}" for name in removed] or ["there was nothing to remove"]
    lines += [f"kept    {path}: your progress; labkit clean --progress removes it" for path in kept]
    print_result(as_json, {"removed": removed, "kept": kept}, "\n".join(lines))
