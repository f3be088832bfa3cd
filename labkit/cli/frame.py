"""What every command shares: the group that they are in, how errors are reported, JSON or text as the result."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from labkit.base.errors import (
    LabError,
    LabFailed,
    MachineLacks,
    Misuse,
    add_packages_command,
    log_error,
    remedy_of_system,
)

_INTERRUPTED = 130

_AFTER_AN_INTERRUPT = {
    "up": "the next `labkit up` continues from here",
    "lab": "the next `labkit lab` continues from here",
    "down": "see with `labkit status` whether the cluster still runs",
    "reset": "the next `labkit reset` does the rest",
    "clean": "the next `labkit clean` removes the rest",
    "matrix": "the next `labkit matrix` removes what this one may have left",
    "publish": "`labkit publish` starts again from the beginning",
    "class": "the next `labkit class up` continues, `labkit class down` removes what there is",
    "bundle": "nothing of the bundle was left; `labkit bundle save` starts again from the beginning",
}
"""What is true after an interrupt, for the commands that change something."""

json_option = click.option(
    "--json", "as_json", is_flag=True, help="JSON on standard output, progress on standard error."
)


def print_result(as_json: bool, data: object, text: object) -> None:
    """Print what a command has to say, for a program or for a person."""
    click.echo(json.dumps(data, indent=2) if as_json else str(text))


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, as click's documentation shows it.

    `--help` and completion list the commands from the table alone: importing them all takes seconds, and fails where
    the packages of an extra are missing.

    Args:
        short_helps: the commands' names in their order, with a line about each.
    """

    def __init__(self, *arguments: Any, short_helps: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._short_helps = short_helps

    def main(self, *arguments: Any, **options: Any) -> Any:
        _open_missing_streams()
        return super().main(*arguments, **options)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._short_helps)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._short_helps:
            return None
        try:
            module = import_module(f"{__package__}.{cmd_name}_command")
        except ModuleNotFoundError:
            if ctx.resilient_parsing:  # Completion, which has nothing to offer then, and must not print an error.
                return None
            raise
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._short_helps.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        commands = [
            CompletionItem(name, help=line) for name, line in self._short_helps.items() if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], self._short_helps, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else "See what there is with 'labkit --help'."
            raise click.UsageError(f"{error.message.rstrip('.')}. {hint}", ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        with reported_errors(ctx):
            status = super().invoke(ctx)
        ctx.exit(status or 0)


@contextlib.contextmanager
def reported_errors(ctx: click.Context | None = None) -> Iterator[None]:
    """End the process with the exit status of the contract, and with the three sentences of the error that occurred.

    Args:
        ctx: of the group, which knows the command that is run.
    """
    try:
        with _logged_errors():
            yield
    except LabError as error:
        _report(error)
        sys.exit(error.exit_status)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in {"", "labkit"} | sys.stdlib_module_names:
            raise
        missing = MachineLacks(
            "Loading the command",
            f"the Python package {package!r} is not installed",
            f"add what the lab needs\n  {add_packages_command()}",
        )
        _report(missing)
        sys.exit(missing.exit_status)
    except OSError as error:
        if error.errno is None or error.errno == errno.EPIPE:
            raise
        if error.errno != errno.ENOSPC or error.filename is not None:
            refused = _of_system(error)
            _report(refused)
            sys.exit(refused.exit_status)
        full = LabFailed("Writing the answer", "the disk is full", "free some space, or write elsewhere\n  df -h")
        _report(full)
        # What is still buffered cannot be written either, and Python would say so once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(full.exit_status)
    except KeyboardInterrupt as interrupt:
        advice = _AFTER_AN_INTERRUPT.get((ctx and ctx.invoked_subcommand) or "")
        click.echo("; ".join(filter(None, ["interrupted", advice])), err=True)
        sys.exit(getattr(interrupt, "exit_status", _INTERRUPTED))  # Another signal has its own; see LoggedCommand.


def _of_system(error: OSError) -> LabFailed:
    """What the system says where no room had a better sentence; the log has the traceback."""
    path, came_back = error.filename, error.strerror or str(error)
    if not isinstance(path, str | bytes):
        remedy = "see which rights, files or space are missing; the log has more\n  labkit doctor\n  labkit diagnose"
        return LabFailed("Asking the system", came_back, remedy_of_system(error, remedy))
    name = os.fsdecode(path)
    remedies = {
        **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), f"free some space there\n  df -h {shlex.quote(name)}"),
        errno.EROFS: "it lies on a file system that is read-only: name another place",
        errno.ENOENT: f"see what there is\n  ls -la {shlex.quote(str(Path(name).parent))}",
    }
    otherwise = remedies.get(error.errno or 0, f"see who may use it\n  ls -ld {shlex.quote(name)}\n  labkit doctor")
    return LabFailed(f"Using {name}", came_back, remedy_of_system(error, otherwise))


def _open_missing_streams() -> None:
    """Have standard input, output and error lead nowhere, where whoever started us has closed them.

    Python has None in their places then; and the next file that is opened would get their numbers, so that programs
    would print into it.
    """
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


@contextlib.contextmanager
def _logged_errors() -> Iterator[None]:
    """Log what ended a command, unless it was used wrongly."""
    try:
        yield
    except (click.ClickException, click.Abort, click.exceptions.Exit, Misuse):
        raise
    except Exception as error:
        log_error(error, traceback=not isinstance(error, LabError))
        raise


def _report(error: LabError) -> None:
    click.echo(click.style("error", fg="red") + f": {error}", err=True)
