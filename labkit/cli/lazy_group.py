"""The group that all commands are in: it imports a command when it is called, and ends it as the contract has it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from labkit.cli.frame import reported_errors


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, as click's documentation shows it.

    `--help` and completion list the commands from the table alone: importing them all takes seconds, and fails where
    the packages of an extra are missing.

    Args:
        short_helps: the commands' names in their order, with a line about each.
    """

    def __init__(self, *arguments: Any, short_helps: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._short_helps = short_helps

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._short_helps)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._short_helps:
            return None
        try:
            module = import_module(f"{__package__}.{cmd_name}_command")
        except ModuleNotFoundError:
            if ctx.resilient_parsing:  # Completion, which has nothing to offer then, and must not print an error.
                return None
            raise
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._short_helps.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        commands = [
            CompletionItem(name, help=line) for name, line in self._short_helps.items() if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], self._short_helps, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else "See what there is with 'labkit --help'."
            raise click.UsageError(f"{error.message.rstrip('.')}. {hint}", ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        with reported_errors():
            status = super().invoke(ctx)
        ctx.exit(status or 0)
