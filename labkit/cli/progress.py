"""Commands about a participant's progress, and that of a class."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from labkit.cli.frame import command, json_option, main, print_result

_FILE = click.Path(path_type=Path)


@main.group(invoke_without_command=True)
@json_option
@click.pass_context
def progress(context: click.Context, as_json: bool) -> None:
    """Show how far you are: exercises passed, hints, minutes, and with what to go on.

    It is kept in one file of yours, and `labkit clean` keeps it.
    Nothing is sent anywhere.

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
        raise click.UsageError(f"Put --json behind '{context.invoked_subcommand}'.", context)


@command
def _show(as_json: bool) -> None:
    from labkit.course.progress import my_progress
    from labkit.course.progress_views import progress_table

    found = my_progress()
    print_result(as_json, found.to_dict(), progress_table(found))


@progress.command()
@click.argument("file", type=_FILE, required=False)
@click.option("--name", metavar="NAME", help="What the report calls you; asked for on a terminal.")
@json_option
@command
def export(file: Path | None, name: str | None, as_json: bool) -> None:
    """Write one small file to hand in: how far you are, and the name that you choose.

    It has no path and no machine's name; look at it, it is JSON. FILE is progress-NAME.json in this folder if not
    given, and `-` is standard output.
    """
    from labkit.base.configuration import Configuration
    from labkit.course.progress import progress_path, the_course
    from labkit.course.progress_file import read_progress
    from labkit.course.reports import export as write
    from labkit.course.reports import file_to_hand_in, hand_in

    if name is None:
        name = click.prompt("Your name, as the report shall have it", err=True) if sys.stdin.isatty() else ""
    text = hand_in(read_progress(progress_path(Configuration.from_environment())), the_course(), name)
    if file == Path("-"):
        click.echo(text, nl=False)
        return
    file = file or file_to_hand_in(name)
    write(text, file)
    size = len(text.encode())
    print_result(as_json, {"file": str(file), "bytes": size}, f"written: {file} ({size} bytes)")


@progress.command()
@click.argument("files", type=_FILE, nargs=-1, required=True)
@click.option("--csv", "csv_file", type=_FILE, metavar="FILE", help="Write it there as CSV too.")
@click.option("--html", "html_file", type=_FILE, metavar="FILE", help="Write it there as one HTML page too.")
@json_option
@command
def report(files: tuple[Path, ...], csv_file: Path | None, html_file: Path | None, as_json: bool) -> int:
    """Show the FILES that were handed in as one table, a line for each participant.

    All are measured by the course of this checkout. A damaged file gets a line that says why and hides no other.
    The files can be edited by whoever has them: they say what people did, and prove nothing.

    Exit status: 1 if not one file could be read.
    """
    from labkit.course.progress import the_course
    from labkit.course.progress_views import report_csv, report_html, report_table
    from labkit.course.reports import read_many, write_report

    found = read_many(files, the_course())
    if csv_file is not None:
        write_report(report_csv(found), csv_file)
    if html_file is not None:
        write_report(report_html(found), html_file)
    print_result(as_json, found.to_dict(), report_table(found))
    return 0 if found.rows else 1
