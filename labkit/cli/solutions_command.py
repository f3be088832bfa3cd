"""`labkit solutions`."""

from __future__ import annotations

import click

from labkit.cli.completions import complete_lessons
from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.course.solutions import AnswerKey, CommonMistakes


@click.command(cls=LoggedCommand)
@click.argument("lesson", shell_complete=complete_lessons)
@click.option("--mistakes", is_flag=True, help="Print only what people get wrong, in short: to read before teaching.")
@json_option
def solutions_command(lesson: str, mistakes: bool, as_json: bool) -> None:
    """Print the answer key of a lesson.

    For each exercise of LESSON: its solutions, and wrong answers with what the check says to them.
    """
    key = CommonMistakes.of(lesson) if mistakes else AnswerKey.of(lesson)
    print_result(as_json, key.to_dict(), key)
