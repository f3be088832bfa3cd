"""`labkit course` and its commands."""

from __future__ import annotations

from pathlib import Path

import click

from labkit.cli.completions import complete_lessons
from labkit.cli.folder_option import folder_option
from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedGroup
from labkit.course.course_folder import CourseFolder


@click.group(cls=LoggedGroup)
def course_command() -> None:
    """Restore a lesson as it was.

    Lessons are copied to your folder by `labkit lab`, and what you change there is yours.
    """


@course_command.command()
@click.argument("lesson", shell_complete=complete_lessons)
@folder_option
@json_option
def restore(lesson: str, folder: Path, as_json: bool) -> None:
    """Restore LESSON as the course has it; your version is kept in the same folder.

    A file beside the lessons is restored by its path: labkit course restore menu/Dockerfile.
    If it is open in JupyterLab: File, Reload Notebook from Disk. Your progress stays as it is.
    """
    restored, kept = CourseFolder(folder).restore(lesson)
    lines = [f"restored {restored}", *([f"kept     {kept}: your version"] if kept else [])]
    result = {"restored": str(restored), "kept": str(kept) if kept else None}
    print_result(as_json, result, "\n".join(lines))
