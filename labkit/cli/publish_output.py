"""What `labkit publish` does with its options."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TextIO

import click

from labkit.base.errors import Misuse
from labkit.lab.lab import Lab
from labkit.publish.compare import compare
from labkit.publish.publisher import Options, Published, publish
from labkit.publish.rules.publish_cases import answer_lines
from labkit.show.table import Table

_LONGEST_LINE = 1 << 24


def run_publish(app: str | None, options: Options, batch: bool, comparing: bool, as_json: bool) -> int:
    """Publish, compare or answer cases, print it, and give the exit status.

    Raises:
        LabError: nothing was named, or it could not be published.
    """
    if batch:
        if app or comparing:
            raise Misuse("Answering cases", "an app is named beside --batch", "leave it out")
        return answer_batch(iter(partial(sys.stdin.buffer.readline, _LONGEST_LINE), b""), sys.stdout)
    if not app:
        raise Misuse("Publishing", "no app is named", "name a project's folder\n  labkit publish APP")
    lab = Lab()
    if comparing:
        found = compare(Path(app), options, lab)
        rows = [(one["field"], json.dumps(one["sdk"]), json.dumps(one["kit"])) for one in found]
        text = Table("", ("field", "the SDK", "the kit"), rows) if rows else "both back ends make the same"
        click.echo(json.dumps(found, indent=2) if as_json else str(text))
        return 1 if found else 0
    done = publish(Path(app), options, lab)
    if as_json:
        _say_warnings(done)
    click.echo(json.dumps(done.to_dict(), indent=2) if as_json else str(done))
    return 0


def _say_warnings(done: Published) -> None:
    for warning in done.warnings:
        click.echo(f"{click.style('warning', fg='yellow')} {warning.code}: {warning.text}", err=True)


def answer_batch(lines: Iterable[bytes], output: TextIO) -> int:
    """Answer JSON lines; 1 if one of them was no case."""
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
