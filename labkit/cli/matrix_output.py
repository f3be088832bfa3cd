"""What `labkit matrix` does: measure, show, write, or check a worksheet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from labkit.base.errors import Misuse
from labkit.base.files import write_atomically
from labkit.lab.lab import Lab
from labkit.notebook.threats import measuring
from labkit.show.table import Table
from labkit.threat.evidence import Matrix
from labkit.threat.expected import unexpected
from labkit.threat.matrix_picture import save_picture
from labkit.threat.matrix_tables import differences_table, matrix_table
from labkit.threat.measure import measure
from labkit.threat.postures import POSTURES, VULNERABLE
from labkit.threat.probes import PROBES
from labkit.threat.worksheet import read_worksheet
from labkit.threat.worksheet_pages import rechecks_table

_PICTURES = (".png", ".svg")


def run_matrix(
    *,
    postures: Sequence[str],
    probes: Sequence[str],
    place: str | None,
    only_list: bool,
    worksheet: Path | None,
    csv_file: Path | None,
    picture: Path | None,
    as_json: bool,
) -> int:
    """Do what the command's options ask for; gives its exit status.

    Raises:
        LabError: what is wrong with the options, the lab or the worksheet.
    """
    if only_list:
        return _list(as_json)
    if worksheet is not None:
        if postures or probes or place or csv_file or picture:
            raise Misuse("Checking a worksheet", "its rows say what is tried where", "give --check alone")
        return _check(worksheet, as_json)
    if picture is not None and picture.suffix not in _PICTURES:
        raise Misuse(f"Drawing {picture}", "its ending says no format that can be drawn", "end it in .png or .svg")
    found = measure(Lab(), postures, probes, place)
    if csv_file is not None:
        write_atomically(csv_file, found.to_csv(), mode=0o644)
    if picture is not None:
        save_picture(found, picture)
    click.echo(json.dumps(found.to_dict(), indent=1) if as_json else _report(found))
    return 0


def _report(matrix: Matrix) -> str:
    places = dict.fromkeys(trial.where for trial in matrix.trials)
    parts = [str(matrix_table(matrix, where)) for where in places]
    if matrix.differences():
        parts.append(str(differences_table(matrix)))
    other = [
        f"{cell.posture}, {cell.probe}, {cell.where}: {cell.short} instead of {' or '.join(allowed) or 'nothing'}"
        for cell, allowed in unexpected(matrix)
        if cell.posture in POSTURES
    ]
    if other:
        parts.append("Not as where the kit was made, which need not be wrong:\n" + "\n".join(other))
    return "\n\n".join(parts)


def _list(as_json: bool) -> int:
    postures = [*POSTURES.values(), *VULNERABLE.values()]
    if as_json:
        found = {
            "postures": [one.to_dict() for one in postures],
            "probes": [one.to_dict() for one in PROBES.values()],
        }
        click.echo(json.dumps(found, indent=1))
        return 0
    click.echo(
        Table(
            "Postures",
            ("posture", "what it is", "where", "as a docker line"),
            [
                (one.name, one.title, " ".join(one.places), one.docker_line() if "engine" in one.places else "")
                for one in postures
            ],
            "As pods: labkit matrix --list --json",
        )
    )
    rows = [(one.name, one.title, one.threat, one.rule) for one in PROBES.values()]
    click.echo(Table("\nProbes", ("probe", "what is tried", "threat", "what decides"), rows))
    return 0


def _check(path: Path, as_json: bool) -> int:
    sheet = read_worksheet(path)
    if not len(sheet):
        raise Misuse(f"Checking {path}", "it has no rows yet", "enter what you see, as in lesson 01")
    rechecks = sheet.recheck(measuring(Lab()))
    if as_json:
        click.echo(json.dumps([one.to_dict() for one in rechecks], indent=1))
    else:
        click.echo(rechecks_table(rechecks))
    return 0 if all(one.holds for one in rechecks) else 1
