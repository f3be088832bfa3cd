"""Commands that keep the lab's log: all but those which need no lab, such as explain."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from labkit.base.configuration import Configuration
from labkit.base.errors import LabError
from labkit.base.log import start_logging
from labkit.base.signals import ended_as_interrupted


class LoggedCommand(click.Command):
    """A command of which the lab's log has every program that it runs and every request; `labkit -v` shows them.

    What it has begun is ended, too, by whatever signal ends it.
    """

    def invoke(self, ctx: click.Context) -> Any:
        with contextlib.suppress(LabError):  # The command says what is wrong with the lab's name, if it needs one.
            start_logging(Configuration.from_environment().state, verbose=bool(ctx.find_root().params.get("verbose")))
        with ended_as_interrupted():
            return super().invoke(ctx)


class LoggedGroup(click.Group):
    """A group of such commands."""

    command_class = LoggedCommand

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # In the order in which one needs them.
