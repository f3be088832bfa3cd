"""`labkit matrix`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from labkit.base.errors import Misuse
from labkit.base.files import write_atomically
from labkit.cli.frame import json_option
from labkit.cli.logged import LoggedCommand
from labkit.cli.open_lab import open_lab
from labkit.show.table import Table
from labkit.threat.evidence import Matrix
from labkit.threat.expected import unexpected
from labkit.threat.matrix_picture import save_picture
from labkit.threat.matrix_signs import legend
from labkit.threat.matrix_tables import differences_table, matrix_table
from labkit.threat.measure import measure
from labkit.threat.postures import POSTURES, VULNERABLE
from labkit.threat.probes import PROBES
from labkit.threat.worksheet import read_worksheet
from labkit.threat.worksheet_pages import rechecks_table

_PICTURES = (".png", ".svg")
_FILE = click.Path(path_type=Path)
_EXAMPLES = """
    \b
    labkit matrix
        every probe in every posture: about ten seconds
    labkit matrix --where cluster -p app-default
        one posture
    labkit matrix --probe read-shadow --probe mount
        some probes, in all postures
    labkit matrix --list
        the postures, as docker lines and pods, and the probes
    labkit matrix --csv matrix.csv --picture matrix.png
    labkit matrix --check worksheet.json
        which rows of a worksheet still hold; exit status 1 if one does not
"""


def _complete_postures(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in POSTURES | VULNERABLE if name.startswith(begun)]


def _complete_probes(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in PROBES if name.startswith(begun)]


@click.command(cls=LoggedCommand, epilog=_EXAMPLES)
@click.option(
    "-p",
    "--posture",
    "postures",
    multiple=True,
    metavar="NAME",
    shell_complete=_complete_postures,
    help="Only this posture.",
)
@click.option(
    "--probe", "probes", multiple=True, metavar="NAME", shell_complete=_complete_probes, help="Only this probe."
)
@click.option("--where", "place", type=click.Choice(["engine", "cluster"]), help="Try only there. Default: both.")
@click.option("--list", "only_list", is_flag=True, help="Show postures and probes; nothing is run.")
@click.option("--check", "worksheet", type=_FILE, metavar="FILE", help="Try the rows of a worksheet again.")
@click.option("--csv", "csv_file", type=_FILE, metavar="FILE", help="Write the cells into this file too.")
@click.option("--picture", type=_FILE, metavar="FILE", help="Draw the matrix into this file: .png or .svg.")
@json_option
def matrix_command(
    postures: Sequence[str],
    probes: Sequence[str],
    place: str | None,
    only_list: bool,
    worksheet: Path | None,
    csv_file: Path | None,
    picture: Path | None,
    as_json: bool,
) -> int:
    """Try what an attacker could do in each posture.

    A posture is a way to run a container, a probe a harmless attempt. Each cell says *could*, *could not* with the
    control that stopped it, or *unknown* with the reason; --json has the evidence. Nothing that was tried stays.
    """
    if only_list:
        _print_list(as_json)
        return 0
    if worksheet is not None:
        if postures or probes or place or csv_file or picture:
            raise Misuse("Checking a worksheet", "its rows say what is tried, and where", "give --check alone")
        return _check(worksheet, as_json)
    if picture is not None and picture.suffix not in _PICTURES:
        raise Misuse(f"Drawing {picture}", "it ends in neither .png nor .svg", "end it in .png or .svg")
    matrix = measure(open_lab(), postures, probes, place)
    if csv_file is not None:
        write_atomically(csv_file, matrix.to_csv(), mode=0o644)
    if picture is not None:
        save_picture(matrix, picture)
    click.echo(json.dumps(matrix.to_dict(), indent=1) if as_json else _report(matrix))
    return 0


def _report(matrix: Matrix) -> str:
    places = dict.fromkeys(trial.where for trial in matrix.trials)
    parts = [str(matrix_table(matrix, where)) for where in places]
    if meanings := legend(matrix.cells):
        parts.append(f"Where a control is named, it refused:\n{meanings}")
    if matrix.differences():
        parts.append(str(differences_table(matrix)))
    other = [
        f"{cell.posture}, {cell.probe}, {cell.where}: {cell.short} instead of {' or '.join(allowed) or 'nothing'}"
        for cell, allowed in unexpected(matrix)
        if cell.posture in POSTURES
    ]
    if other:
        parts.append("These differ from the expected matrix, which need not be an error:\n" + "\n".join(other))
    return "\n\n".join(parts)


def _print_list(as_json: bool) -> None:
    postures, probes = [*POSTURES.values(), *VULNERABLE.values()], PROBES.values()
    if as_json:
        lists = {
            "postures": [posture.to_dict() for posture in postures],
            "probes": [probe.to_dict() for probe in probes],
        }
        click.echo(json.dumps(lists, indent=1))
        return
    posture_rows = [
        (
            posture.name,
            posture.title,
            " ".join(posture.places),
            posture.docker_line() if "engine" in posture.places else "",
        )
        for posture in postures
    ]
    note = "As pods: labkit matrix --list --json"
    click.echo(Table("Postures", ("posture", "what it is", "where", "as a docker line"), posture_rows, note))
    probe_rows = [(probe.name, probe.title, probe.threat, probe.rule) for probe in probes]
    click.echo(Table("\nProbes", ("probe", "what is tried", "threat", "what decides"), probe_rows))


def _check(path: Path, as_json: bool) -> int:
    sheet = read_worksheet(path)
    if not len(sheet):
        raise Misuse(f"Checking {path}", "it has no rows yet", "enter what you see, as in lesson 01")
    rechecks = sheet.recheck(partial(measure, open_lab()))
    rows = [recheck.to_dict() for recheck in rechecks]
    click.echo(json.dumps(rows, indent=1) if as_json else rechecks_table(rechecks))
    return 0 if all(recheck.holds for recheck in rechecks) else 1
