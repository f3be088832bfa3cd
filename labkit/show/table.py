"""Small tables, as text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from tabulate import tabulate

_CELL = "text-align:left;vertical-align:top;padding:2px 12px 2px 0;white-space:pre-wrap"
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
    """

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""

    def __str__(self) -> str:
        cells = [[str(cell) for cell in row] for row in self.rows]
        body = tabulate(
            cells, headers=list(self.headers), tablefmt="simple" if self.headers else "plain", disable_numparse=True
        )
        return "\n".join(part for part in (self.title, body, self.note) if part)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        parts = ["<div>"]
        if self.title:
            parts.append(f"<div><strong>{html.escape(self.title)}</strong></div>")
        parts.append('<table style="border-collapse:collapse;margin:4px 0">')
        if self.headers:
            heads = "".join(
                f'<th scope="col" style="{_CELL};{_LINE}">{html.escape(head)}</th>' for head in self.headers
            )
            parts.append(f"<thead><tr>{heads}</tr></thead>")
        parts.append("<tbody>")
        for row in self.rows:
            cells = "".join(f'<td style="{_CELL}">{html.escape(str(cell))}</td>' for cell in row)
            parts.append(f"<tr>{cells}</tr>")
        parts.append("</tbody></table>")
        if self.note:
            parts.append(f"<div><small>{html.escape(self.note)}</small></div>")
        return "".join([*parts, "</div>"])
