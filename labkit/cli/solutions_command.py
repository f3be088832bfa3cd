"""`labkit solutions`."""

from __future__ import annotations

import click

from labkit.cli.completions import complete_lessons
from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.course.solutions import AnswerKey


@click.command(cls=LoggedCommand)
@click.argument("lesson", shell_complete=complete_lessons)
@json_option
def solutions_command(lesson: str, as_json: bool) -> None:
    """Print the answer key of a lesson.

    For each exercise of LESSON: its solutions, and wrong answers with what the check says to them.
    """
    key = AnswerKey.of(lesson)
    print_result(as_json, key.to_dict(), key)
