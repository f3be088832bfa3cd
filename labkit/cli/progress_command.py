"""`labkit progress` and its commands."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from labkit.base.configuration import Configuration
from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedGroup
from labkit.course.progress import my_progress, progress_path, the_course
from labkit.course.progress_file import read_progress
from labkit.course.progress_views import progress_table, report_csv, report_html, report_table
from labkit.course.reports import export, file_to_hand_in, hand_in, read_many, write_report

_FILE = click.Path(path_type=Path)


@click.group(cls=LoggedGroup, invoke_without_command=True)
@json_option
@click.pass_context
def progress_command(context: click.Context, as_json: bool) -> None:
    """Show how far you are, or a class is.

    Exercises passed, hints, minutes, and what is next. It is kept in one file of yours, which `labkit clean`
    keeps. Nothing is sent anywhere.

    \b
    labkit progress                                 a line for each lesson
    labkit progress export --name "Ann Lee"         one small file to hand in
    labkit progress report inbox/*.json             the instructor's view: a line for each participant
    labkit progress report inbox/*.json --csv class.csv --html class.html

    In a notebook: labkit.progress()
    """
    if context.invoked_subcommand is None:
        _show(as_json)
    elif as_json:
        raise click.UsageError(f"Put --json after '{context.invoked_subcommand}'.", context)


def _show(as_json: bool) -> None:
    progress = my_progress()
    print_result(as_json, progress.to_dict(), progress_table(progress))


@progress_command.command()
@click.argument("file", type=_FILE, required=False)
@click.option("--name", metavar="NAME", help="What the report calls you; asked for on a terminal.")
@json_option
def export_command(file: Path | None, name: str | None, as_json: bool) -> None:
    """Write one small file to hand in.

    It says how far you are, with the name that you choose. It has no path and no machine's name; look at it, it is
    JSON. FILE is progress-NAME.json in this folder if not given, and `-` is standard output.
    """
    if name is None:
        name = click.prompt("Your name, as the report will show it", err=True) if sys.stdin.isatty() else ""
    text = hand_in(read_progress(progress_path(Configuration.from_environment())), the_course(), name)
    if file == Path("-"):
        click.echo(text, nl=False)
        return
    file = file or file_to_hand_in(name)
    export(text, file)
    size = len(text.encode())
    print_result(as_json, {"file": str(file), "bytes": size}, f"written: {file} ({size} bytes)")


@progress_command.command()
@click.argument("files", type=_FILE, nargs=-1, required=True)
@click.option("--csv", "csv_file", type=_FILE, metavar="FILE", help="Write it there as CSV too.")
@click.option("--html", "html_file", type=_FILE, metavar="FILE", help="Write it there as one HTML page too.")
@json_option
def report_command(files: tuple[Path, ...], csv_file: Path | None, html_file: Path | None, as_json: bool) -> int:
    """Show the files that were handed in as one table.

    It has a line for each participant. All FILES are measured by the course that is installed here. A damaged file
    gets a line that says why and hides no other. The files can be edited by whoever has them: they say what people
    did, and prove nothing.

    Exit status: 1 if not one file could be read.
    """
    report = read_many(files, the_course())
    if csv_file is not None:
        write_report(report_csv(report), csv_file)
    if html_file is not None:
        write_report(report_html(report), html_file)
    print_result(as_json, report.to_dict(), report_table(report))
    return 0 if report.rows else 1
