"""`labkit lessons`."""

from __future__ import annotations

import click

from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.course.lessons import lessons, lessons_table


@click.command(cls=LoggedCommand)
@json_option
def lessons_command(as_json: bool) -> None:
    """List the lessons.

    Each has its minutes, and the claims of the article that its cells show.
    """
    described = lessons()
    print_result(as_json, described, lessons_table(described))
