"""The lab that a command works with."""

from __future__ import annotations

import click

from labkit.lab.lab import Lab


def open_lab() -> Lab:
    """A lab by its configuration; its connections are closed when the command ends."""
    return click.get_current_context().with_resource(Lab())
