"""Commands about the course."""

from __future__ import annotations

import click

from labkit.cli.frame import command, complete_lessons, json_option, main, print_result


@main.command()
@json_option
@command
def lessons(as_json: bool) -> None:
    """List the lessons, with their minutes and the claims of the article that each shows."""
    from labkit.course import lessons as course
    from labkit.notebook.views import lessons_table

    found = course.lessons()
    print_result(as_json, found, lessons_table(found))


@main.command()
@click.argument("lesson", shell_complete=complete_lessons)
@json_option
@command
def solutions(lesson: str, as_json: bool) -> None:
    """Print the answer key of LESSON: each exercise's solutions, and wrong answers with what the check says to them."""
    from labkit.course.solutions import AnswerKey

    key = AnswerKey.of(lesson)
    print_result(as_json, key.to_dict(), key)
