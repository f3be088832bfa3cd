"""`labkit lessons`."""

from __future__ import annotations

import click

from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.course.claims import aging_claims, claims_table
from labkit.course.lessons import lessons, lessons_table


@click.command(cls=LoggedCommand)
@click.option(
    "--claims",
    is_flag=True,
    help="List what the lessons say that ages (tags, versions, defaults), with source and date.",
)
@json_option
def lessons_command(claims: bool, as_json: bool) -> None:
    """List the lessons.

    Each has its minutes, and the claims of the article that its cells show.
    """
    if claims:
        aging = aging_claims()
        print_result(as_json, aging, claims_table(aging))
        return
    described = lessons()
    print_result(as_json, described, lessons_table(described))
