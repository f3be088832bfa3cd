"""What the statements of the lessons stand on, as the cells' metadata has it (`labkit.claims`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from labkit.base.resources import NOTEBOOKS, require
from labkit.course.sentences import sentence_of
from labkit.show.table import Table

Date = Annotated[str, msgspec.Meta(pattern=r"^20\d\d-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?$")]


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why some statements of a text cell may be made.

    Args:
        says: how the statement begins, without emphasis; a list for several of the same cell.
        shown_by: the id of the cell that shows it, or several; a lesson may lean on another's.
        source: where it was read; what one needs to find it again.
        date: when it was read there, as 2026-11 or 2026-11-24.
        ages: it may be untrue a year from now: a tag, a version, a default, a date of support.
        tested_by: a test of this repository that holds it, as `tests/live/test_x.py` or `tests/live/test_x.py::test_y`;
            for what the lab itself does.
    """

    says: str | tuple[str, ...]
    shown_by: str | tuple[str, ...] = ()
    source: str = ""
    date: Date | None = None
    ages: bool = False
    tested_by: str | tuple[str, ...] = ()

    @property
    def beginnings(self) -> tuple[str, ...]:
        """How each statement begins."""
        return _several(self.says)

    @property
    def cells(self) -> tuple[str, ...]:
        """The ids of the cells that show it."""
        return _several(self.shown_by)

    @property
    def tests(self) -> tuple[str, ...]:
        """The tests that hold it."""
        return _several(self.tested_by)


def claims_of(cell: Mapping[str, Any]) -> list[Claim]:
    """The claims of a cell.

    Args:
        cell: as a notebook has it.

    Raises:
        ValueError: a key is unknown, a value is of the wrong type, or a claim stands on nothing.
    """
    claims = msgspec.convert(cell["metadata"].get("labkit", {}).get("claims", []), list[Claim])
    for claim in claims:
        if not (claim.cells or claim.source or claim.tests):
            raise ValueError(f"{claim.beginnings[0]!r} stands on nothing")
        if bool(claim.source) != bool(claim.date):
            raise ValueError(f"{claim.beginnings[0]!r}: a source has a date, and a date is that of a source")
        if claim.ages and not claim.source:
            raise ValueError(f"{claim.beginnings[0]!r} ages and has no source to look at again")
    return claims


def aging_claims(folder: Path = NOTEBOOKS) -> list[dict[str, str]]:
    """What has to be looked at again one day, oldest first: lesson, cell, date, what it says, source.

    Args:
        folder: with the notebooks.
    """
    return sorted(_aging(folder), key=lambda claim: claim["date"])


def _aging(folder: Path) -> Iterator[dict[str, str]]:
    for path in sorted(require(folder).glob("[0-9][0-9]-*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for claim in claims_of(cell):
                if claim.ages:
                    for beginning in claim.beginnings:
                        yield {
                            "lesson": path.stem,
                            "cell": cell["id"],
                            "date": str(claim.date),
                            "says": sentence_of("".join(cell["source"]), beginning),
                            "source": claim.source,
                        }


def claims_table(aging: Sequence[Mapping[str, str]]) -> Table:
    """What ages, a statement a line.

    Args:
        aging: as `aging_claims` gives it.
    """
    rows = [(claim["cell"], claim["date"], claim["says"], claim["source"]) for claim in aging]
    note = "Read each at its source again; if it still holds, give it the new date in the cell's labkit.claims."
    return Table(
        "What may have changed since it was read, oldest first", ("cell", "read", "says", "source"), rows, note
    )


def _several(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
