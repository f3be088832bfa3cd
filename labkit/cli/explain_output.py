"""What `labkit explain` prints, and with which exit status it ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from labkit.base.errors import Misuse
from labkit.core import identity
from labkit.core.identity.model import Versions
from labkit.explain import on_demand
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.rows import Explanations
from labkit.show import counted
from labkit.show.table import coloured, terminal_width

if TYPE_CHECKING:
    from labkit.explain import pipelines


def print_answers(explained: Explanations, as_json: bool, report: str | None = None) -> None:
    """Print the answers: a table and the chains, JSON, or a report for a machine; and what could not be read."""
    notes = explained.notes
    if as_json or report is not None:
        echo(report if report is not None else json.dumps(explained.to_dicts(), indent=2))
        for note in notes:
            echo(note, err=True)
    elif explained.rows:
        echo(explained.printed(terminal_width()), has_verdicts=True)
    elif notes:
        echo("\n".join(notes), err=True)
    for flaw in explained.flaws:
        echo(flaw, err=True, label="not read")


def exit_status(explained: Explanations, verdict: pipelines.GateVerdict | None, all_is_there: bool) -> int:
    """The exit status; a gate says what it minds, and which exceptions it makes."""
    unread = 1 if explained.flaws else 0
    if verdict is None:
        return unread
    for line in verdict.remarks(all_is_there):
        echo(line, err=True)
    objections = on_demand.pipelines.lines_of(verdict.objections)
    for objection in objections:
        echo(objection, err=True, label="gate")
    return 1 if objections else unread


def expect_containers(places: Sequence[str], explained: Explanations, gate: bool) -> None:
    """Say it if files were named in which there is no container; an empty one is as good as none."""
    if explained.rows or explained.flaws or (gate and explained.unjudged):
        return
    notes = [*explained.notes, *explained.unjudged]
    if not notes and all(Path(place).is_file() for place in places):
        return
    empty = "standard input is empty" if "-" in places else "the folders hold no .yaml, .yml or .json file"
    reason = f"no container is named there: {'; '.join(notes) or empty}"
    raise Misuse(f"Reading {' '.join(places)}", reason, "name other files")


def write_lock(asked: pipelines.PipelineOptions, finder: ImageFinder, explained: Explanations) -> int:
    """Write the lock file; the exit status says whether all images are in it."""
    echo(f"{asked.lock_path}: {counted(asked.write_lock(finder), 'image')}", err=True)
    for note in explained.notes:
        echo(note, err=True)
    missing = finder.missing()
    for name in missing:
        echo(name, err=True, label="not known, and not in the lock file")
    return 1 if missing else 0


def print_fix(explained: Explanations, again: pipelines.Explain) -> int:
    """Print a patch; the exit status says whether it is all that has to be done."""
    plan = on_demand.pipelines.plan_fixes(explained, again)
    if sys.stdout.isatty():
        echo(plan.patch)
    else:  # A tab, too, has to arrive as it is.
        click.echo(plan.patch, nl=False)
    for sentence in (*plan.unfixed, *explained.flaws):
        echo(sentence, err=True, label="no patch")
    return 1 if plan.unfixed or explained.flaws else 0


def echo(text: str, err: bool = False, label: str = "", has_verdicts: bool = False) -> None:
    """Print what may hold names of others: control characters, and half of a character, are spelt out.

    Args:
        text: what to print.
        err: whether it goes to standard error.
        label: in red before it; empty for none.
        has_verdicts: whether they are coloured in a terminal.
    """
    safe = "\n".join(line if line.isprintable() else _spelt_out(line) for line in text.split("\n"))
    safe = coloured(safe) if has_verdicts else safe
    click.echo(click.style(label, fg="red") + ": " + safe if label else safe, err=err)


def _spelt_out(line: str) -> str:
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)


def answer_batch(lines: Iterator[bytes], out: TextIO, versions: Versions | None = None) -> int:
    """Answer JSON lines one after another, in memory that does not grow with their number.

    Returns:
        1 if a line was no case, else 0.
    """
    status = 0
    for answer, was_case in identity.answer_lines(map(_text, lines), versions or Versions()):
        out.write(answer + "\n")
        status |= not was_case
    out.flush()
    return int(status)


def _text(line: bytes) -> str:
    """A line as text; one that is not UTF-8 begins with a mark that makes it no JSON, instead of passing altered."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return "\ufffd" + line.decode(errors="replace")
