"""The participant's own worksheet: threats by posture, each row with the evidence that was seen, kept in one file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

import msgspec

from labkit.base.errors import LabFailed, Misuse, remedy_of_system
from labkit.base.files import write_atomically
from labkit.show import counted, shown_path
from labkit.threat.evidence import Cell, CellJson, Key, Matrix, Trial
from labkit.threat.postures import PLACES, find_posture
from labkit.threat.probes import PROBES, find_probe

_FORMAT = "labkit-worksheet"
_VERSION = 1
_MOST_BYTES = 10_000_000

Measure = Callable[[Sequence[str], Sequence[str], str], Matrix]
"""Tries probes in postures at a place: names of postures, names of probes, the place."""


class RowJson(CellJson):
    """A row of the worksheet: a cell, with its threat and the participant's note."""

    threat: str
    note: str
    seen: str


class RecheckJson(TypedDict):
    """A row and what the same attempt says now."""

    holds: bool | None
    why_not: str
    row: RowJson
    now: CellJson | None


@dataclass(frozen=True)
class Row:
    """One threat in one posture.

    Args:
        threat: what an attacker would gain.
        cell: what was tried and seen.
        note: what the participant makes of it.
        seen: the time, as RFC 3339 has it.
    """

    threat: str
    cell: Cell
    note: str
    seen: str

    def to_dict(self) -> RowJson:
        """As JSON-ready values."""
        return {"threat": self.threat, "note": self.note, "seen": self.seen, **self.cell.to_dict()}


@dataclass(frozen=True)
class Recheck:
    """A row and what the same attempt says now.

    Args:
        row: of the worksheet.
        now: the cell of today; None if it could not be tried.
        why_not: why it could not be tried.
    """

    row: Row
    now: Cell | None
    why_not: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether verdict and control are the same; None if that is not known."""
        if self.now is None:
            return None
        return self.now.full_verdict == self.row.cell.full_verdict

    def to_dict(self) -> RecheckJson:
        """As JSON-ready values."""
        now = self.now.to_dict() if self.now else None
        return {"holds": self.holds, "why_not": self.why_not, "row": self.row.to_dict(), "now": now}


@dataclass(repr=False)
class Worksheet:
    """Rows in the order in which they were first added; every change is on disk before the call returns.

    Args:
        path: the participant's file; what is there is read by `open`.
    """

    path: Path
    _rows: dict[Key, Row] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> Worksheet:
        """The worksheet of a file; an empty one if there is no such file yet.

        Raises:
            Misuse: it is not a worksheet, or a row of it makes no sense; the row and the field are named.
            LabFailed: it cannot be read.
        """
        return read_worksheet(path) if path.exists() else cls(path)

    def __repr__(self) -> str:
        return f"worksheet of {counted(len(self), 'row')}, kept in {shown_path(self.path)}"

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, *cells: Cell, note: str = "", threat: str = "") -> Worksheet:
        """Enter what was seen; a row of the same posture, probe and place is replaced.

        Args:
            cells: of a trial, or of the matrix.
            note: what you make of it.
            threat: what an attacker would gain; the probe's meaning if not given.

        Raises:
            LabFailed: the file cannot be written; it holds what it held before.
        """
        rows = dict(self._rows)
        for cell in cells:
            meaning = threat or PROBES[cell.probe].meaning
            rows[cell.key] = Row(meaning, cell, note, datetime.now(UTC).isoformat(timespec="seconds"))
        return self._write(rows)

    def remove(self, posture: str, probe: str, where: str) -> Worksheet:
        """Take a row away; nothing if it does not exist."""
        return self._write({key: row for key, row in self._rows.items() if key != (posture, probe, where)})

    def _write(self, rows: dict[Key, Row]) -> Worksheet:
        document = {"format": _FORMAT, "version": _VERSION, "rows": [row.to_dict() for row in rows.values()]}
        text = json.dumps(document, indent=1, ensure_ascii=False)
        # Half of a surrogate pair is no UTF-8, and could not be read again.
        write_atomically(self.path, text.encode("utf-8", "replace").decode("utf-8") + "\n")
        self._rows = rows
        return self

    def as_matrix(self) -> Matrix:
        """Its cells as a matrix with gaps, for the picture."""
        trials: dict[tuple[str, str], list[Cell]] = {}
        for row in self:
            trials.setdefault((row.cell.posture, row.cell.where), []).append(row.cell)
        return Matrix([Trial(posture, where, "", {}, cells) for (posture, where), cells in trials.items()])

    def recheck(self, measure: Measure) -> list[Recheck]:
        """Try every row again.

        Args:
            measure: tries probes in postures at a place.
        """
        rechecks: dict[Key, Recheck] = {}
        for where in PLACES:
            rows = [row for row in self if row.cell.where == where]
            postures = list(dict.fromkeys(row.cell.posture for row in rows))
            probes = list(dict.fromkeys(row.cell.probe for row in rows))
            why_not, matrix = "", Matrix([])
            try:
                matrix = measure(postures, probes, where) if rows else matrix
            except LabFailed as error:  # a cluster that is down must not hide what the engine says
                why_not = error.came_back
            rechecks |= {row.cell.key: Recheck(row, matrix.cell(*row.cell.key), why_not) for row in rows}
        return [rechecks[row.cell.key] for row in self]


@dataclass(frozen=True)
class _Document:
    """The file as it is."""

    format: str = ""
    version: int = 0
    rows: list[Any] | None = None


@dataclass(frozen=True)
class _Remarks:
    """What a row of the file has besides its cell."""

    threat: str
    note: str
    seen: str


_FIX = "fix what was edited by hand, or remove the row or the file and enter it again from a notebook"


def read_worksheet(path: Path) -> Worksheet:
    """The worksheet of a file.

    Raises:
        Misuse: there is no such file, it is not a worksheet, or a row of it makes no sense; the error names the row
            and the field.
        LabFailed: it cannot be read.
    """
    doing = f"Reading {path}"
    sheet = Worksheet(path)
    for number, record in enumerate(_read_rows(path, doing), 1):
        row = _read_row(record, f"{doing}, row {number}")
        if row.cell.key in sheet._rows:
            raise Misuse(f"{doing}, row {number}", "there is a row of this posture, probe and place already", _FIX)
        sheet._rows[row.cell.key] = row
    return sheet


def _read_rows(path: Path, doing: str) -> list[Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise Misuse(
                doing, f"it is not a worksheet: it is larger than {_MOST_BYTES // 1_000_000} MB", "name another"
            )
        content = msgspec.json.decode(data)
    except FileNotFoundError:
        raise Misuse(doing, "there is no such file", "make one in lesson 01, or name another") from None
    except (ValueError, RecursionError) as error:
        raise Misuse(doing, f"it is not JSON: {error}", _FIX) from None
    except OSError as error:
        remedy = remedy_of_system(error, "fix its permissions, or name another")
        raise LabFailed(doing, error.strerror or str(error), remedy) from None
    try:
        document = msgspec.convert(content, _Document)
    except ValueError as error:
        raise Misuse(doing, f"it is not a worksheet: {error}", _FIX) from None
    if document.format != _FORMAT:
        raise Misuse(doing, f"it is not a worksheet: its format is not {_FORMAT}", _FIX)
    if document.version != _VERSION:
        newer = f"it is of version {document.version}, this labkit reads version {_VERSION}"
        raise Misuse(doing, newer, "use the labkit that wrote it, or a newer one")
    if document.rows is None:
        raise Misuse(doing, "it has no list of rows", _FIX)
    return document.rows


def _read_row(record: object, doing: str) -> Row:
    try:
        remarks, cell = msgspec.convert(record, _Remarks), Cell.from_dict(record)
        posture, probe = find_posture(cell.posture), find_probe(cell.probe)
    except ValueError as error:
        raise Misuse(doing, str(error), _FIX) from None
    except Misuse as error:
        raise Misuse(doing, f"{error.tried}: {error.came_back}", error.remedy) from None
    if cell.where not in posture.places:
        raise Misuse(doing, f"the {cell.where} has no posture {posture.name}", _FIX)
    return Row(remarks.threat or probe.meaning, cell, remarks.note, remarks.seen)
