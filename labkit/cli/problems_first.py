"""The doctor's problems, before anything takes minutes."""

from __future__ import annotations

import click

from labkit.base.errors import LabError
from labkit.lab.doctor import examine
from labkit.lab.lab import Lab


def problems_first(lab: Lab) -> None:
    """Say what keeps the lab from being made, unless it is up; nothing where the doctor has no problem.

    What the kit adds by itself is no reason to stop, so the steps themselves decide; a disk without room does.

    Args:
        lab: that is about to be brought up.

    Raises:
        MachineLacks: a disk has too little room.
    """
    if lab.is_nearly_up():
        return
    try:
        problems = [check for check in examine(lab) if check.status == "problem"]
    except LabError:
        return  # Whatever it is, bringing the lab up meets it, too.
    for check in problems:
        if check.name.startswith("disk"):
            raise check.error()
        click.echo(f"{check.name}: {check.finding}", err=True)
