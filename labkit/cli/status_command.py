"""`labkit status`."""

from __future__ import annotations

import click

from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.cli.open_lab import open_lab
from labkit.lab.lab_tables import status_table


@click.command(cls=LoggedCommand)
@json_option
def status_command(as_json: bool) -> None:
    """Show what is up and where each image came from.

    Looking changes nothing.
    """
    status = open_lab().status()
    print_result(as_json, status, status_table(status))
