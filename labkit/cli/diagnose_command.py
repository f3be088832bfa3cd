"""`labkit diagnose`."""

from __future__ import annotations

from pathlib import Path

import click

from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.cli.open_lab import open_lab
from labkit.lab.diagnose import default_output, gather, write_somewhere


@click.command(cls=LoggedCommand)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the archive there. Default: labkit-diagnose-DATE.tar.gz in this folder.",
)
@json_option
def diagnose_command(output: Path | None, as_json: bool) -> int:
    """Write one archive for a bug report.

    Versions, what doctor and status say, the lab's log, the node's logs, pods and events. Nothing secret is in it: no
    kubeconfig, tokens or values of variables. It is sent nowhere; look through it before you send it.

    What is not available, for example without an engine, is listed with the reason; the rest is still written.

    Exit status: 1 if FILE could not be written; the archive is in a temporary folder then.
    """
    diagnosis = gather(open_lab())
    archive, problem = write_somewhere(diagnosis, output or default_output())
    if problem:
        click.echo(f"{output or default_output()} could not be written ({problem}); it is in {archive}", err=True)
    print_result(
        as_json,
        {"archive": str(archive), **diagnosis.to_dict()},
        f"{diagnosis.table()}\n\nwritten: {archive} ({archive.stat().st_size:,} bytes)",
    )
    return 1 if problem and output else 0
