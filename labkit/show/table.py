"""Small tables, as text and as HTML."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from unicodedata import combining, east_asian_width

_CELL = "text-align:left;vertical-align:top;padding:2px 12px 2px 0;white-space:{wrap}"
_STAYS_WHOLE, _LONG_WORD = 13, 30
_LINES = "white-space:pre-line;overflow-wrap:anywhere"
_LINE = "border-bottom:1px solid color-mix(in srgb, currentColor 25%, transparent)"


@dataclass(frozen=True)
class Table:
    """A title, headers and rows; shows itself in a notebook, prints itself elsewhere.

    Colours are inherited, so that it reads in a light and in a dark theme; nothing is said by colour alone.

    Args:
        title: one line above it; empty for none.
        headers: of the columns; empty for none.
        rows: the cells, as text.
        note: one line below it; empty for none.
        widths: of the columns in characters where it is printed; None, or left out, for as wide as it is. A page
            wraps by itself.
    """

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""
    widths: Sequence[int | None] = ()

    def __str__(self) -> str:
        widths = (*self.widths, *[None] * 100)
        cells = [[_wrapped(str(cell), width) for cell, width in zip(row, widths, strict=False)] for row in self.rows]
        return "\n".join(part for part in (self.title, _aligned(self.headers, cells), self.note) if part)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        parts = ['<div style="line-height:1.4">']
        if self.title:
            parts.append(f'<div style="{_LINES}"><strong>{html.escape(self.title)}</strong></div>')
        parts.append('<table style="border-collapse:collapse;margin:4px 0">')
        if self.headers:
            heads = "".join(
                f'<th scope="col" style="{_style(head)};{_LINE}">{html.escape(head)}</th>' for head in self.headers
            )
            parts.append(f"<thead><tr>{heads}</tr></thead>")
        parts.append("<tbody>")
        for row in self.rows:
            cells = "".join(f'<td style="{_style(str(cell))}">{html.escape(str(cell))}</td>' for cell in row)
            parts.append(f"<tr>{cells}</tr>")
        parts.append("</tbody></table>")
        if self.note:
            parts.append(f'<div style="{_LINES}"><small>{html.escape(self.note)}</small></div>')
        return "".join([*parts, "</div>"])


def _aligned(headers: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """Lines of text with the columns below one another, two spaces between them; a cell may have several lines."""
    rows = [[cell.splitlines() or [""] for cell in row] for row in [headers, *cells] if row]
    columns = list(zip_longest(*rows, fillvalue=[""]))
    widths = [max((_columns(line) for cell in column for line in cell), default=0) for column in columns]
    if headers:
        rows.insert(1, [["-" * width] for width in widths])
    lines = [line for row in rows for line in zip_longest(*row, fillvalue="")]
    return "\n".join(
        "  ".join(text + " " * (width - _columns(text)) for text, width in zip(line, widths, strict=False)).rstrip()
        for line in lines
    )


def _columns(text: str) -> int:
    """How wide a terminal shows a text: East Asian characters take two columns, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def _wrapped(text: str, width: int | None) -> str:
    if width is None:
        return text
    # Names, paths and options stay whole; lines stay lines.
    lines = (textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False) for line in text.split("\n"))
    return "\n".join(lines)


def _style(text: str) -> str:
    """A cell's style: short ones are not broken into lines, and a long word does not take the others' room.

    Short is `stand-in` or `120 MB`, a long word a path or a call.
    """
    if len(text) <= _STAYS_WHOLE:
        return _CELL.format(wrap="pre")
    if max(map(len, text.split()), default=0) > _LONG_WORD:
        return _CELL.format(wrap="pre-wrap;overflow-wrap:anywhere;min-width:24ch")
    return _CELL.format(wrap=f"pre-wrap;min-width:{_STAYS_WHOLE}ch")
