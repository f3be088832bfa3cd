"""`labkit reset`."""

from __future__ import annotations

import click

from labkit.cli.completions import complete_lessons
from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.notebook import reset_lessons


@click.command(cls=LoggedCommand)
@click.argument("lesson", required=False, shell_complete=complete_lessons)
@json_option
def reset_command(lesson: str | None, as_json: bool) -> None:
    """Reset a lesson, or every lesson: give it an empty namespace again.

    LESSON is a notebook's name or its number; without it, every lesson is reset.
    """
    done = reset_lessons(lesson)
    print_result(as_json, {"reset": done}, "\n".join(done) or "no lesson has been opened")
