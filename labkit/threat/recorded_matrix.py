"""The matrix as a lab measured it, for a shared cluster, on which no posture is tried that reaches for the node.

The file is what `labkit matrix --json` gives, with the postures that `victim` runs besides (tools/record_course.py).
"""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from labkit.base.errors import NotInAClass
from labkit.base.resources import CLUSTER, require
from labkit.threat.evidence import Cell, Matrix, Trial

MATRIX_FILE = CLUSTER / "class" / "matrix.json"
NOT_HERE = "not on a shared cluster: recorded in a lab"
"""What stands before the date where a matrix was not measured here."""


@functools.cache
def _recorded() -> Matrix:
    return read_matrix(json.loads(require(MATRIX_FILE).read_text(encoding="utf-8")))


def read_matrix(record: Mapping[str, Any]) -> Matrix:
    """A matrix from what its `to_dict` gave.

    Args:
        record: the values.

    Raises:
        ValueError: a cell makes no sense.
    """
    cells: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for values in record["cells"]:
        cell = Cell.from_dict(values)
        cells[cell.posture, cell.where].append(cell)
    trials = [
        Trial(trial["posture"], trial["where"], trial["line"], trial["facts"], cells[trial["posture"], trial["where"]])
        for trial in record["trials"]
    ]
    return Matrix(trials, record["made"])


def recorded_matrix(postures: Sequence[str], probes: Sequence[str], places: Sequence[str]) -> Matrix:
    """What a lab measured of some postures and probes, with the note that it was not measured here.

    Args:
        postures: their names.
        probes: their names.
        places: engine, cluster, or both.

    Raises:
        NotInAClass: a posture was not recorded.
    """
    whole = _recorded()
    trials = {(trial.posture, trial.where): trial for trial in whole.trials}
    chosen = [trials[key] for posture in postures for place in places if (key := (posture, place)) in trials]
    known = {posture for posture, _ in trials}
    if missing := [posture for posture in postures if posture not in known]:
        came_back = "no posture is tried on a shared cluster, and this one was not recorded in a lab"
        raise NotInAClass(f"Trying {', '.join(missing)}", came_back, "try it in a lab of your own\n  labkit matrix")
    made = {NOT_HERE: whole.made.get("date", "")[:10], **{k: v for k, v in whole.made.items() if k != "date"}}
    return Matrix([_only(trial, probes) for trial in chosen], made)


def _only(trial: Trial, probes: Sequence[str]) -> Trial:
    by_name = {cell.probe: cell for cell in trial.cells}
    cells = [by_name[probe] for probe in probes if probe in by_name]
    return Trial(trial.posture, trial.where, trial.line, trial.facts, cells)
