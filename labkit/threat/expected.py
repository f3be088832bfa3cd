"""The matrix as it is expected, and the reason for every cell that surprises. Pure, but for reading its two files.

`expected.csv` has a line for each probe and a column for each posture at a place; a cell is `could` or the control
that stops it. Where machines differ it holds every possible verdict, separated by bars. `surprises.toml` has the
reasons.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import msgspec

from labkit.threat.evidence import Cell, Key, Matrix
from labkit.threat.judge import Control, Verdict
from labkit.threat.postures import Posture, find_posture
from labkit.threat.probes import PROBES, Probe

FILE = Path(__file__).with_name("expected.csv")
_SURPRISES = Path(__file__).with_name("surprises.toml")
_BAR = "|"


@dataclass(frozen=True)
class Surprise:
    """Why some cells are not what one would guess.

    Args:
        probes: names, or patterns of names.
        postures: likewise.
        why: the reason.
        where: "engine" or "cluster"; empty for both.
    """

    probes: tuple[str, ...]
    postures: tuple[str, ...]
    why: str
    where: str = ""

    def explains(self, cell: Cell) -> bool:
        """Whether it is about a cell."""
        return (
            self.where in ("", cell.where)
            and any(fnmatchcase(cell.probe, pattern) for pattern in self.probes)
            and any(fnmatchcase(cell.posture, pattern) for pattern in self.postures)
        )


@cache
def expected() -> dict[Key, tuple[str, ...]]:
    """What each cell may be: posture, probe, place -> `could`, a control, or `unknown`."""
    with FILE.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    return {
        (posture, line["probe"], where): tuple(verdicts.split(_BAR))
        for line in lines
        for column, verdicts in line.items()
        if column != "probe" and verdicts
        for where, _, posture in [column.partition(" ")]
    }


@cache
def surprises() -> tuple[Surprise, ...]:
    """The reasons, in the order in which they are looked up."""
    entries = tomllib.loads(_SURPRISES.read_text(encoding="utf-8"))["surprise"]
    return msgspec.convert(entries, tuple[Surprise, ...])


def unexpected(matrix: Matrix) -> Iterator[tuple[Cell, tuple[str, ...]]]:
    """The cells that are not as expected, each with the verdicts that are."""
    for cell in matrix.cells:
        allowed = expected().get(cell.key, ())
        if cell.short not in allowed:
            yield cell, allowed


def guess(posture: Posture, probe: Probe) -> Verdict:
    """What one would guess: root can do everything within its container and others nothing, and nobody gets out.

    Except that root gets out if it is privileged, and leaves a mark on the node if it was given a folder of it.
    """
    if not posture.is_root or posture.level or posture.non_root:
        return Verdict.COULD_NOT
    if probe.threat == "rce" or posture.privileged or (posture.host_path and probe.name == "mark-node"):
        return Verdict.COULD
    return Verdict.COULD_NOT


def surprising(cells: Iterable[Cell]) -> Iterator[Cell]:
    """The cells that are not what one would guess."""
    return (cell for cell in cells if cell.verdict is not guess(find_posture(cell.posture), PROBES[cell.probe]))


def reason_for(cell: Cell) -> str:
    """Why a cell is not what one would guess, or differs between the places; empty if there is nothing to explain."""
    return next((surprise.why for surprise in surprises() if surprise.explains(cell)), "")


def to_csv(matrix: Matrix) -> str:
    """A measured matrix in the form of `expected.csv`; a cell that may have several verdicts keeps them."""
    cells = {cell.key: cell for cell in matrix.cells}
    columns = list(dict.fromkeys((trial.where, trial.posture) for trial in matrix.trials))
    columns.sort(key=lambda column: column[0], reverse=True)
    lines = [",".join(["probe", *(f"{where} {posture}" for where, posture in columns)])]
    for probe in dict.fromkeys(cell.probe for cell in matrix.cells):
        row = [probe]
        for where, posture in columns:
            key = (posture, probe, where)
            seen, before = cells[key].short, expected().get(key, ())
            row.append(_BAR.join(before) if seen in before else seen)
        lines.append(",".join(row))
    return "\n".join([*lines, ""])


def control_words() -> set[str]:
    """Every word that a cell may hold."""
    return {str(Verdict.COULD), str(Verdict.UNKNOWN), *map(str, Control)}
