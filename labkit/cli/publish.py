"""The command that publishes an app as an image."""

from __future__ import annotations

from typing import Any

import click

from labkit.cli.frame import command, json_option, main

_EXAMPLES = """
    \b
    labkit publish cluster/apps/hello                                 into the engine, as dotnet publish does
    labkit publish cluster/apps/hello -p:ContainerUser=root           any property of the SDK, by its own name
    labkit publish cluster/apps/hello --cluster                       into the lab's cluster too
    labkit publish cluster/apps/hello -p:ContainerArchiveOutputPath=out/
    labkit publish cluster/apps/hello -p:ContainerRegistry=localhost:5000
    labkit publish --batch < cases.jsonl                              what would come out; docs/publish.md
"""


@main.command(epilog=_EXAMPLES, context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.argument("app", required=False, type=click.Path())
@click.argument("arguments", metavar="[-p:NAME=VALUE]...", nargs=-1, type=click.UNPROCESSED)
@click.option("--base", default="", metavar="PATH", help="Take the base image from this archive or OCI layout.")
@click.option("--cluster", is_flag=True, help="Load the image into the lab's cluster too.")
@click.option("--strict", is_flag=True, help="Take a warning for an error.")
@click.option(
    "--back-end",
    type=click.Choice(["auto", "sdk", "kit"]),
    default="auto",
    help="The real SDK, the kit's own, or the SDK where `dotnet` is on PATH (default).",
)
@click.option("--compare", is_flag=True, help="Publish by both back ends, and print what differs.")
@click.option("--batch", is_flag=True, help="Answer JSON lines from standard input; nothing is written.")
@json_option
@command
def publish(app: str | None, arguments: tuple[str, ...], as_json: bool, **options: Any) -> int:
    """Publish APP as an image, as `dotnet publish -t:PublishContainer` does.

    APP is a folder with a project file (*.csproj) and its published files. What follows is given as one types it
    after dotnet publish: -p:ContainerUser=1654, -r linux-x64, --self-contained.
    """
    from labkit.cli.publish_output import run_publish
    from labkit.publish.publisher import Options

    words = [word for word in (app, *arguments) if word is not None]
    if "-h" in words:
        click.echo(click.get_current_context().get_help())
        return 0
    # An option may stand before the app, so the app is the first word that is none.
    app = next((word for word in words if not word.startswith(("-", "/p:"))), None)
    arguments = tuple(words[: words.index(app)] + words[words.index(app) + 1 :]) if app else tuple(words)
    chosen = Options(arguments, options["base"], options["cluster"], options["strict"], options["back_end"])
    return run_publish(app, chosen, options["batch"], options["compare"], as_json)
