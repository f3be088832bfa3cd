"""What every command shares: how errors are reported, and JSON or text as the result."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Iterator

import click

from labkit.base.errors import LabError, LabFailed, MachineLacks, Misuse
from labkit.base.log import log_error

_INTERRUPTED = 130

json_option = click.option(
    "--json", "as_json", is_flag=True, help="JSON on standard output, progress on standard error."
)


def print_result(as_json: bool, data: object, text: object) -> None:
    """Print what a command has to say, for a program or for a person."""
    click.echo(json.dumps(data, indent=2) if as_json else str(text))


@contextlib.contextmanager
def reported_errors() -> Iterator[None]:
    """End the process with the exit status of the contract, and with the three sentences of the error that occurred."""
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
            "install the kit with all that the lab needs\n  pip install 'labkit[lab]'",
        )
        _report(missing)
        sys.exit(missing.exit_status)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        full = LabFailed("Writing the answer", "the disk is full", "free some space, or write elsewhere\n  df -h")
        _report(full)
        # What is still buffered cannot be written either, and Python would say so once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(full.exit_status)
    except KeyboardInterrupt:
        click.echo("interrupted; the next `labkit up` goes on from here", err=True)
        sys.exit(_INTERRUPTED)


@contextlib.contextmanager
def _logged_errors() -> Iterator[None]:
    """Keep in the log what went wrong: stderr is often gone by the time that somebody asks."""
    try:
        yield
    except (click.ClickException, click.Abort, click.exceptions.Exit, Misuse):
        raise
    except Exception as error:
        log_error(error, traceback=not isinstance(error, LabError))
        raise


def _report(error: LabError) -> None:
    click.echo(click.style("error", fg="red") + f": {error}", err=True)
