"""What was measured, put into the page that is there; part of `make bench`."""

from __future__ import annotations

import re
from collections.abc import Sequence

Row = tuple[str, str, str]
"""What, to reach, measured."""

_HEAD_ENDS = "| --- | --- | --- |\n"
_ROW = re.compile(r"\| (.*?) \| (.*?) ?\| (.*) \|")


def merged(text: str, measured: Sequence[Row]) -> tuple[list[Row], str]:
    """The rows of a page with what was measured put in, and what stands below its first table.

    Args:
        text: of the page as it is; empty if there is none.
        measured: rows that the page does not have come last.
    """
    lines = text.partition(_HEAD_ENDS)[2].splitlines()
    count = next((number for number, line in enumerate(lines) if not line.startswith("|")), len(lines))
    kept: list[Row] = [(match[1], match[2], match[3]) for line in lines[:count] if (match := _ROW.fullmatch(line))]
    new = {row[0]: row for row in measured}
    rows = [new.pop(row[0], row) for row in kept]
    return [*rows, *new.values()], "\n".join(lines[count:]).strip()
