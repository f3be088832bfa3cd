"""`labkit pods`."""

from __future__ import annotations

import os

import click

from labkit.base.errors import Misuse
from labkit.cli.completions import complete_lessons
from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.cli.open_lab import open_lab
from labkit.lab.terminal.lesson_terminal import lesson_of
from labkit.panel.live_look import look_live
from labkit.panel.live_rows import live_table


@click.command(cls=LoggedCommand)
@click.argument("lesson", required=False, shell_complete=complete_lessons)
@json_option
def pods_command(lesson: str | None, as_json: bool) -> None:
    """Show the pods and containers of a lesson.

    Each comes with the uid that its process really has, and with who refuses it and why. JupyterLab's panel *Course*
    shows the same, and follows it.

    LESSON is a notebook's name or its number; without it, the lesson that was opened last.
    """
    lab = open_lab()
    lesson = lesson or lesson_of(lab.configuration, os.environ)
    if lesson is None:
        raise Misuse("Looking for a lesson", "none is open", "name one, such as\n  labkit pods 07")
    rows, namespaces, problem = look_live(lab, lesson)
    if problem is not None:
        raise problem
    result = {"namespaces": namespaces, "rows": [row.to_dict() for row in rows]}
    print_result(as_json, result, live_table(rows))
