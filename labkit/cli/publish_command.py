"""`labkit publish`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click

from labkit.base.errors import Misuse
from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.publish.published import Options, Published
from labkit.publish.rules.publish_cases import answer_lines
from labkit.show.table import Table

_LONGEST_LINE = 1 << 24
_EXAMPLES = """
    \b
    labkit publish cluster/apps/hello
        into the engine, as dotnet publish does
    labkit publish cluster/apps/hello -p:ContainerUser=root
        any property of the SDK, by its own name
    labkit publish cluster/apps/hello --cluster
        into the lab's cluster too
    labkit publish cluster/apps/hello -p:ContainerArchiveOutputPath=out/
    labkit publish cluster/apps/hello -p:ContainerRegistry=localhost:5000
    labkit publish --batch < cases.jsonl
        what would come out; docs/publish.md
"""


@click.command(
    cls=LoggedCommand,
    epilog=_EXAMPLES,
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
)
@click.argument("app", required=False, type=click.Path())
@click.argument("arguments", metavar="[-p:NAME=VALUE]...", nargs=-1, type=click.UNPROCESSED)
@click.option("--base", default="", metavar="PATH", help="Take the base image from this archive or OCI layout.")
@click.option("--cluster", is_flag=True, help="Load the image into the lab's cluster too.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@click.option(
    "--back-end",
    type=click.Choice(["auto", "sdk", "kit"]),
    default="auto",
    help="The real SDK, or the kit's own. Default: auto, the SDK if `dotnet` is on PATH, else the kit's.",
)
@click.option("--compare", "comparing", is_flag=True, help="Publish by both back ends, and print what differs.")
@click.option("--batch", is_flag=True, help="Answer JSON lines from standard input; nothing is written.")
@json_option
def publish_command(
    app: str | None,
    arguments: tuple[str, ...],
    base: str,
    cluster: bool,
    strict: bool,
    back_end: str,
    comparing: bool,
    batch: bool,
    as_json: bool,
) -> int:
    """Publish an app as an image, as dotnet publish does.

    APP is a folder with a project file (*.csproj) and its published files. The options of
    dotnet publish -t:PublishContainer may follow: -p:ContainerUser=1654, -r linux-x64, --self-contained.
    """
    argv = [argument for argument in (app, *arguments) if argument is not None]
    if "-h" in argv:
        click.echo(click.get_current_context().get_help())
        return 0
    # An option may stand before the app, so the app is the first argument that is none.
    app = next((argument for argument in argv if not argument.startswith(("-", "/p:"))), None)
    if app is not None:
        argv.remove(app)
    if batch:
        if app or comparing:
            raise Misuse("Answering cases", "--batch takes no APP", "leave it out")
        return answer_batch(iter(partial(sys.stdin.buffer.readline, _LONGEST_LINE), b""), sys.stdout)
    if not app:
        raise Misuse("Publishing", "no app is named", "name a project's folder\n  labkit publish APP")
    # Only here: --batch needs no engine, and none of the packages that speak to one.
    from labkit.lab.lab import Lab
    from labkit.publish.compare import compare
    from labkit.publish.publisher import publish

    options = Options(tuple(argv), base, cluster, strict, back_end)
    with Lab() as lab:
        if comparing:
            return _print_differences(compare(Path(app), options, lab), as_json)
        return _print_published(publish(Path(app), options, lab), as_json)


def answer_batch(lines: Iterable[bytes], output: TextIO) -> int:
    """Answer JSON lines, one after another.

    Returns:
        1 if a line was no case, else 0.
    """
    status = 0
    try:
        for answer, was_case in answer_lines(line.decode("utf-8", "surrogateescape") for line in lines):
            output.write(answer.encode("utf-8", "backslashreplace").decode() + "\n")
            status = status if was_case else 1
        output.flush()
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return status


def _print_published(published: Published, as_json: bool) -> int:
    if as_json:
        for warning in published.warnings:
            click.echo(f"{click.style('warning', fg='yellow')} {warning.code}: {warning.text}", err=True)
    print_result(as_json, published.to_dict(), published)
    return 0


def _print_differences(differences: Sequence[Mapping[str, Any]], as_json: bool) -> int:
    rows = [(field["field"], json.dumps(field["sdk"]), json.dumps(field["kit"])) for field in differences]
    table = Table("", ("field", "the SDK", "the kit"), rows) if rows else "both back ends make the same"
    print_result(as_json, differences, table)
    return 1 if differences else 0
