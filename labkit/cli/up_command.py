"""`labkit up`."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from labkit.cli.bundle_option import bundle_option
from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.cli.open_lab import open_lab
from labkit.cli.problems_first import problems_first, tell_warnings
from labkit.lab.lab_tables import status_table


@click.command(cls=LoggedCommand)
@click.option(
    "--source",
    type=click.Choice(["upstream", "stand-in"]),
    help="Where images come from. Default: upstream if a registry answers, else stand-ins.",
)
@bundle_option
@click.option(
    "--wait/--no-wait",
    default=True,
    help="Wait for the whole lab (the default), or only until containers and images work; the rest continues in the "
    "background.",
)
@click.option("--behind", is_flag=True, hidden=True, help="Work behind a lesson: give way to it.")
@json_option
def up_command(source: str | None, bundle: Path | None, wait: bool, behind: bool, as_json: bool) -> None:
    """Bring up what is missing: engine, sample images, cluster.

    What is there is used as it is; a stopped cluster is started; a broken one is recreated. Running it again is safe.
    With a bundle no network is needed: what is missing is taken from the file, once all of its checksums are right.
    You can interrupt it at any time: the next `labkit up` continues from there.
    """
    lab = open_lab()
    if behind:
        # Whoever stops it by a signal means an interrupt: what runs is ended, and the state says so.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        warnings = []
    else:
        warnings = problems_first(lab, source, bundle)
    if wait:
        lab.up(source, bundle, background=behind)
    else:
        lab.begin(source, bundle)
    status = lab.status()
    print_result(as_json, status, status_table(status))
    if lab.steps.summary():
        click.echo(lab.steps.summary(), err=True)
    tell_warnings(warnings)
