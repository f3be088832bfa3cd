"""`labkit doctor`."""

from __future__ import annotations

import click

from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.cli.open_lab import open_lab
from labkit.lab.doctor import doctor_report, examine
from labkit.lab.machine.checks import worst
from labkit.show.table import coloured, terminal_width


@click.command(cls=LoggedCommand)
@json_option
def doctor_command(as_json: bool) -> int:
    """Check this machine for what the lab needs.

    Every finding that is not ok comes with a remedy. Nothing is changed.
    """
    checks = examine(open_lab())
    print_result(as_json, [check.to_dict() for check in checks], coloured(doctor_report(checks, terminal_width())))
    return worst(checks)
