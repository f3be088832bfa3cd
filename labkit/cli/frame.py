"""What every command shares: the group, exit statuses and errors, JSON or text, completion."""

from __future__ import annotations

import errno
import functools
import json
import os
import sys
from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from labkit.base.errors import LabError, LabFailed

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_INTERRUPTED = 130
_ORDER = (
    *("doctor", "up", "lab", "status", "down", "reset", "lessons", "progress", "solutions"),
    *("images", "explain", "publish", "matrix", "registry", "kubectl", "clean", "completion"),
)


class _Group(click.Group):
    """Commands in the order in which one needs them, and near matches for a mistyped one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.commands, key=_ORDER.index)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.commands, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else "See what there is with 'labkit --help'."
            raise click.UsageError(f"{error.message.rstrip('.')}. {hint}", ctx) from None


def command(function: Callable[..., int | None]) -> Callable[..., None]:
    """End a command with the exit status of the contract, and an error with its three sentences."""

    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> None:
        try:
            status = function(*args, **options)
        except LabError as error:
            click.echo(click.style("error", fg="red") + f": {error}", err=True)
            sys.exit(error.exit_status)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            full = LabFailed("Writing the answer", "the disk is full", "free some space, or write elsewhere\n  df -h")
            click.echo(click.style("error", fg="red") + f": {full}", err=True)
            # What is still buffered cannot be written either, and Python would say so once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("interrupted; the next `labkit up` goes on from here", err=True)
            sys.exit(_INTERRUPTED)
        sys.exit(status or 0)

    return run


def complete_lessons(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    from labkit.course.lessons import lesson_names

    return [CompletionItem(name) for name in lesson_names() if name.startswith(begun)]


def complete_images(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    from labkit.lab.lab import Lab

    names = [CompletionItem(name) for name in Lab().catalogue if name.startswith(begun)]
    return [*names, CompletionItem(begun, type="file")]


def complete_postures(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    from labkit.threat.postures import POSTURES, VULNERABLE

    return [CompletionItem(name) for name in POSTURES | VULNERABLE if name.startswith(begun)]


def complete_probes(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    from labkit.threat.probes import PROBES

    return [CompletionItem(name) for name in PROBES if name.startswith(begun)]


json_option = click.option(
    "--json", "as_json", is_flag=True, help="JSON on standard output, progress on standard error."
)


def print_result(as_json: bool, data: object, text: object) -> None:
    click.echo(json.dumps(data, indent=2) if as_json else str(text))


@click.group(cls=_Group, context_settings=_CONTEXT)
@click.version_option(package_name="labkit")
def main() -> None:
    """A lab to learn, teach and check who your containers run as.

    \b
    Begin with
      labkit doctor    what this machine has and lacks
      labkit up        engine, sample images and a real cluster
      labkit lab       the same, then JupyterLab with the course

    Exit status: 0 done, 1 the lab could not do it, 2 wrong use, 3 this machine lacks something.
    Tab completion for bash: eval "$(labkit completion bash)"
    """
