"""The option that names the participant's folder."""

from __future__ import annotations

from pathlib import Path

import click

from labkit.course.course_folder import VARIABLE, default_folder

folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=default_folder,
    metavar="DIR",
    help=f"Your folder. Default: {VARIABLE} if that is set, else my-course in a checkout of labkit, "
    "or ~/labkit-course where labkit was installed without one.",
)
