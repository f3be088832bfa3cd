"""`labkit down`."""

from __future__ import annotations

import click

from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.cli.open_lab import open_lab


@click.command(cls=LoggedCommand)
@json_option
def down_command(as_json: bool) -> None:
    """Stop the cluster; the next `labkit up` starts it again."""
    stopped = open_lab().down()
    print_result(as_json, {"stopped": stopped}, "stopped" if stopped else "nothing was running")
