"""`labkit completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print the shell's completion script.

    It completes commands, options and names with the tab key. For bash: eval "$(labkit completion bash)"
    """
    complete = get_completion_class(shell)
    if complete is not None:
        click.echo(complete(click.get_current_context().find_root().command, {}, "labkit", "_LABKIT_COMPLETE").source())
