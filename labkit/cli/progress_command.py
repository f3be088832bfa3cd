"""`labkit progress` and its commands."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from labkit.adapters.class_client import require_fingerprint
from labkit.base.configuration import Configuration
from labkit.base.errors import Misuse
from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedGroup
from labkit.course.course_overview import my_progress, the_course
from labkit.course.hand import hand_of
from labkit.course.handing_in import export, file_to_hand_in, hand_in
from labkit.course.progress import progress_path
from labkit.course.progress_file import read_progress
from labkit.course.progress_views import progress_table, report_csv, report_html, report_table
from labkit.course.reports import read_many, write_report
from labkit.course.sharing.raised_hand import my_hand
from labkit.course.sharing.sender import (
    client_of,
    first_status,
    keep_sharing,
    run_sender,
    start_sender,
    stop_sharing,
)
from labkit.course.sharing.share_consent import (
    ShareConsent,
    agree,
    consent_of,
    hub_consent,
    new_consent,
    shared_text,
    status_of,
)

_FILE = click.Path(path_type=Path)


@click.group(cls=LoggedGroup, invoke_without_command=True)
@json_option
@click.pass_context
def progress_command(context: click.Context, as_json: bool) -> None:
    """Show your progress, or a class's.

    Exercises passed, hints, minutes, and what is next. It is kept in one file of yours, which `labkit clean`
    keeps. Nothing is sent anywhere, unless you share it with your instructor.

    \b
    labkit progress
        a line for each lesson
    labkit progress export --name "Ann Lee"
        one small file to hand in
    labkit progress report inbox/*.json
        the instructor's view: a line for each participant
    labkit progress report inbox/*.json --csv class.csv --html class.html
    labkit progress share HOST:PORT ...
        have your instructor see it while the class goes on
    labkit progress hand "my pod is refused"
        raise your hand

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
@click.option(
    "--name", metavar="NAME", help="Your name, as the report will show it. Default: you are asked on a terminal."
)
@json_option
def export_command(file: Path | None, name: str | None, as_json: bool) -> None:
    """Write one small file to hand in.

    It says how far you are, with the name that you choose, and whether your hand is up. It has no path and no
    machine's name; look at it, it is JSON. The default FILE is progress-NAME.json in this folder; `-` is
    standard output.
    """
    if name is None:
        name = click.prompt("Your name, as the report will show it", err=True) if _is_terminal() else ""
    configuration = Configuration.from_environment()
    text = hand_in(read_progress(progress_path(configuration)), the_course(), name, hand_of(configuration))
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


@progress_command.command()
@click.argument("address", metavar="[HOST:PORT]", required=False)
@click.option(
    "--fingerprint",
    default="",
    metavar="sha256:HEX",
    help="Fingerprint of the instructor's machine, which the instructor shows.",
)
@click.option("--code", default="", metavar="CODE", help="Code of the class, which the instructor shows.")
@click.option(
    "--name", metavar="NAME", help="Your name, as your instructor will see it. Default: you are asked on a terminal."
)
@click.option(
    "--class", "by_hub", is_flag=True, help="Share with the instructor of the class on a cluster, from its own server."
)
@click.option("--yes", is_flag=True, help="Agree without being asked.")
@click.option("--stop", is_flag=True, help="Share nothing from now on.")
@click.option("--in-front", is_flag=True, hidden=True, help="Be the process that sends.")
@json_option
def share_command(
    address: str | None,
    fingerprint: str,
    code: str,
    name: str | None,
    by_hub: bool,
    yes: bool,
    stop: bool,
    in_front: bool,
    as_json: bool,
) -> None:
    """Have your instructor see how far you are, while the class goes on.

    What is sent is what `labkit progress export` would write, now and whenever it changes, to that machine and
    nowhere else. It is shown to you first, and you are asked. It ends with --stop, and by itself after 12 hours.
    While the instructor's machine cannot be reached, sending is retried; nothing else waits for it.

    \b
    labkit progress share 192.0.2.10:5444 --fingerprint sha256:... --code ...
        the line shown in class
    labkit progress share --class
        in your browser, where the class is on a cluster
    labkit progress share
        is something shared, and does it arrive?
    labkit progress share --stop
    """
    configuration = Configuration.from_environment()
    if in_front:
        run_sender(configuration)
    elif stop:
        print_result(as_json, *_stop(configuration))
    elif by_hub:
        if address is not None:
            raise click.UsageError("Give --class or an address.")
        print_result(as_json, *_share(configuration, hub_consent(), agreed=yes))
    elif address is None:
        print_result(as_json, *_shared_now(configuration))
    else:
        print_result(as_json, *_share(configuration, _consent_to(address, fingerprint, code, name), agreed=yes))


def _consent_to(address: str, fingerprint: str, code: str, name: str | None) -> ShareConsent:
    again = "copy the line that your instructor shows\n  labkit progress share --help"
    if fingerprint:
        fingerprint = require_fingerprint(fingerprint, again)
    if name is None:
        name = click.prompt("Your name, as your instructor will see it", err=True) if _is_terminal() else ""
    return new_consent(address, fingerprint, code, name)


def _share(configuration: Configuration, consent: ShareConsent, *, agreed: bool) -> tuple[dict[str, object], str]:
    client_of(consent).look()
    if not agreed:
        _ask(shared_text(configuration, consent.name), consent)
    stop_sharing(configuration)  # With whomever it was before.
    agree(configuration, consent)
    start_sender(configuration)
    first_status(configuration)
    return _shared_now(configuration)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _ask(text: str, consent: ShareConsent) -> None:
    """Show what would be sent, and ask.

    Raises:
        Misuse: they do not agree, or nobody can be asked.
    """
    click.echo(
        f"This is sent to {consent.address}, now and whenever it changes ({len(text.encode())} bytes now):", err=True
    )
    if consent.by_hub:
        click.echo("The hub adds the name that you signed in with.", err=True)
    click.echo(f"\n{text}", err=True)
    click.echo(
        f"It ends with `labkit progress share --stop`, and by itself at {consent.until.astimezone():%H:%M}.", err=True
    )
    if not _is_terminal():
        raise Misuse("Sharing your progress", "nobody can be asked here whether you agree", "if you do, add\n  --yes")
    if not click.confirm("Share it?", err=True):
        raise Misuse("Sharing your progress", "you did not agree; nothing was sent", "nothing more")


def _shared_now(configuration: Configuration) -> tuple[dict[str, object], str]:
    consent, status = consent_of(configuration), status_of(configuration)
    if consent is None:
        return {"shared": False}, "nothing is shared"
    keep_sharing(configuration)
    delivered = f"{status.delivered.astimezone():%H:%M:%S}" if status.delivered else "not yet"
    lines = [
        f"shared with   {consent.address}",
        f"as            {_name_of(consent)}",
        f"until         {consent.until.astimezone():%Y-%m-%d %H:%M}, or labkit progress share --stop",
        f"arrived last  {delivered}",
        *([f"now           {status.problem}; it is retried"] if status.problem else []),
    ]
    values = {
        "shared": True,
        "address": consent.address,
        "name": consent.name,
        "until": consent.until.isoformat(),
        "delivered": status.delivered.isoformat() if status.delivered else None,
        "problem": status.problem,
    }
    return values, "\n".join(lines)


def _name_of(consent: ShareConsent) -> str:
    return "the name that you signed in with" if consent.by_hub else consent.name or "(no name)"


def _stop(configuration: Configuration) -> tuple[dict[str, object], str]:
    was_shared, is_forgotten = stop_sharing(configuration)
    if not was_shared:
        return {"stopped": False}, "nothing was shared"
    more = (
        "" if is_forgotten else "; the instructor's machine did not answer, and keeps what it has until the class ends"
    )
    return {"stopped": True, "forgotten": is_forgotten}, f"stopped: nothing more is sent{more}"


@progress_command.command()
@click.argument("text", required=False, default="")
@click.option("--down", is_flag=True, help="Lower it.")
@json_option
def hand_command(text: str, down: bool, as_json: bool) -> None:
    """Raise your hand, or lower it.

    TEXT says in one line what it is about. Your instructor sees it if you share your progress.

    \b
    labkit progress hand "my pod is refused"
    labkit progress hand --down

    In a notebook: labkit.raise_hand("my pod is refused")
    """
    seen = my_hand(text, down=down)
    values = seen.hand.to_dict() if seen.hand else {"since": None, "text": ""}
    print_result(as_json, {"up": seen.hand is not None, **values, "shared_with": seen.shared_with}, seen)
