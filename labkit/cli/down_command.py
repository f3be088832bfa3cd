"""`labkit down`."""

from __future__ import annotations

import click

from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.lab.lab import Lab


@click.command(cls=LoggedCommand)
@json_option
def down_command(as_json: bool) -> None:
    """Stop the cluster; the next `labkit up` starts it again."""
    stopped = Lab().down()
    print_result(as_json, {"stopped": stopped}, "stopped" if stopped else "nothing was running")
