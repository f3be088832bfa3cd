"""Words that the shell completes for more than one command."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from labkit.course.lessons import lesson_names


def complete_lessons(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """The lessons whose names begin like this."""
    return [CompletionItem(name) for name in lesson_names() if name.startswith(begun)]
