"""`labkit lab`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from labkit.cli.bundle_option import bundle_option
from labkit.cli.folder_option import folder_option
from labkit.cli.logged import LoggedCommand
from labkit.cli.problems_first import problems_first, tell_warnings
from labkit.course.course_folder import CourseFolder
from labkit.lab.bringup.background import describe_making
from labkit.lab.lab import Lab
from labkit.notebook.jupyterlab import run_jupyterlab


@click.command(cls=LoggedCommand, context_settings={"ignore_unknown_options": True})
@folder_option
@bundle_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def lab_command(folder: Path, bundle: Path | None, arguments: tuple[str, ...]) -> None:
    """Bring the lab up, then run JupyterLab with the course.

    JupyterLab opens as soon as containers and images work. The cluster may still be made in the background, even after
    JupyterLab has ended: `labkit status` shows how far it is.

    JupyterLab runs in front: Ctrl-C ends it, and the lab stays up. It shows your folder, which gets copies of the
    lessons. What you change there is yours and stays as it is; a lesson that you have not changed or run yet follows
    the course to its next version.

    ARGUMENTS go to jupyter lab, such as --port=9000.
    """
    course = CourseFolder(folder)
    with course.in_use():
        click.echo(f"your folder is {course.path}", err=True)
        if report := course.follow_course().report():
            click.echo(report, err=True)
        with Lab() as lab:
            warnings = problems_first(lab, bundle=bundle)
            lab.begin(bundle=bundle)
        tell_warnings(warnings)
        run_jupyterlab(
            course.path,
            arguments,
            lab.configuration,
            partial(click.echo, err=True),
            lambda: describe_making(lab.configuration),
        )
