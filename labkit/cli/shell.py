"""What a shell needs to know of the command."""

from __future__ import annotations

import click

from labkit.cli.frame import command, main


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@command
def completion(shell: str) -> None:
    """Print what a shell needs for completing labkit's words with the tab key."""
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    if complete is not None:
        click.echo(complete(main, {}, "labkit", "_LABKIT_COMPLETE").source())
