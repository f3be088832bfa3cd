"""Small tables, as text and as HTML."""

from __future__ import annotations

import html
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from unicodedata import combining, east_asian_width

_BREAKABLE = re.compile(r"\S*[-/?|]\S*")
"""A word in which a browser would begin a new line, as behind the first hyphens of --filename."""
_WHOLE = '<span style="display:inline-block;max-width:100%">{}</span>'
_CELL = "text-align:left;vertical-align:top;padding:2px 12px 2px 0;white-space:{wrap}"
_STAYS_WHOLE, _LONG_WORD = 13, 30
# A box of 1024 pixels' width, beside the panel, takes four columns of prose, or six of short words.
_PROSE_CH, _LONG_WORDS_CH, _COMMAND_CH = 11, 18, 38
_PROSE = 12  # columns that a text of several words gets at least
_WIDEST_LABEL = 0.4  # of a terminal; the text beside a wider one would be a narrow strip
_MOST_SEEN, _BOX = 14, "28em"  # a longer table is scrolled in a box of its own
_GREEN, _RED, _YELLOW = "32", "1;31", "33"
_COLOURS = {
    **dict.fromkeys(("ok", "up", "runs", "running", "succeeded", "passed", "holds", "keeps its contract"), _GREEN),
    **dict.fromkeys(("problem", "broken", "refused", "failed", "not admitted", "not right", "holds no more"), _RED),
    **dict.fromkeys(("could", "does not run", "the build stops"), _RED),
    **{f"{name} refuses": _RED for name in ("the kubelet", "admission", "the API server", "the engine", "the runtime")},
    **dict.fromkeys(("warning", "unknown", "stopped", "absent", "pending", "not yet", "not known"), _YELLOW),
}
_VERDICT = re.compile(rf"(?m)(?:(?<=^)|(?<=  ))(?:{'|'.join(_COLOURS)})(?=  |$)")
_LINES = "white-space:pre-line;overflow-wrap:anywhere"
_COMMAND = "background:none;color:inherit;padding:0;white-space:pre-wrap"
_LINE = "border-bottom:1px solid color-mix(in srgb, currentColor 25%, transparent)"


NO_MATHEMATICS = 'class="mathjax_ignore"'
"""An element's attribute: JupyterLab typesets what stands between two $ as a formula, in code it does not.

(mathjax/MathJax-src:ts/input/tex.ts, ignoreHtmlClass of ts/handlers/html/HTMLDomStrings.ts)
"""


@dataclass(frozen=True)
class Table:
    """A title, headers and rows; shows itself in a notebook, prints itself elsewhere.

    Colours are inherited, so that it reads in a light and in a dark theme; nothing is said by colour alone.

    Args:
        title: one line above it; empty for none.
        headers: of the columns; empty for none.
        rows: the cells, as text.
        note: one line below it; empty for none.
        folded: further rows, which a page folds away and text shows last.
        fold: what is read while they are folded, such as "19 checks are ok".
        widths: of the columns in characters where it is printed; None, or left out, for as wide as it is. A page
            wraps by itself.
        links: where words of the note lead to on a page, by the word.
    """

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""
    widths: Sequence[int | None] = ()
    folded: Sequence[Sequence[object]] = ()
    fold: str = ""
    links: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return coloured(self.text(terminal_width()), heads=self.headers)

    def text(self, room: int | None = None) -> str:
        """The table as text, all of it.

        Args:
            room: the width of the terminal, into which columns are wrapped; a table of too many columns for that shows
                its rows one below the other. None for as wide as it is.
        """
        widths = (*self.widths, *[None] * 100)
        cells = [
            [wrapped(str(cell), width) for cell, width in zip(row, widths, strict=False)]
            for row in [*self.rows, *self.folded]
        ]
        table = _aligned(self.headers, cells) if room is None else _fitted(self.headers, cells, room)
        title, note = (wrapped(text, room) for text in (self.title, self.note))
        return "\n".join(part for part in (title, table, note) if part)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        is_long = len(self.rows) > _MOST_SEEN
        note = f'<div style="{_LINES}"><small>{self._note_html()}</small></div>' if self.note else ""
        table = self._html_of(self.rows)
        if is_long:  # The heads stay, and whoever has no mouse scrolls it by its focus.
            label = html.escape(self.title or f"table of {len(self.rows)} rows")
            box = f"max-height:{_BOX};overflow:auto;{_LINE}"
            table = f'<div tabindex="0" role="region" aria-label="{label}" style="{box}">{table}</div>'
        parts = [
            f'<div style="{_LINES}"><strong>{html.escape(self.title)}</strong></div>' if self.title else "",
            # What is longer than a look has its summary first.
            note if is_long or self.folded else "",
            table if self.rows else "",
            fold_html(self.fold, self._html_of(self.folded)) if self.folded else "",
            "" if is_long or self.folded else note,
        ]
        return f'<div {NO_MATHEMATICS} style="line-height:1.4">{"".join(parts)}</div>'

    def _note_html(self) -> str:
        text = html.escape(self.note)
        for word, target in self.links.items():
            link = f'<a href="{html.escape(target)}">{html.escape(word)}</a>'
            text = text.replace(html.escape(word), link, 1)
        return text

    def _html_of(self, rows: Sequence[Sequence[object]]) -> str:
        label = f' aria-label="{html.escape(self.title)}"' if self.title else ""
        parts = [f'<table{label} style="border-collapse:collapse;margin:4px 0">']
        if self.headers:
            stays = "position:sticky;top:0;background:var(--jp-layout-color0, Canvas)"
            heads = "".join(
                f'<th scope="col" style="{_style(head)};{_LINE};{stays}">{html.escape(head)}</th>'
                for head in self.headers
            )
            parts.append(f"<thead><tr>{heads}</tr></thead>")
        parts.append("<tbody>")
        for row in rows:
            # Without headers of columns, the first cell is what the others are about.
            opens = ["td" if self.headers or number else 'th scope="row"' for number in range(len(row))]
            cells = "".join(
                f'<{tag} style="{_style(str(cell))}">{_cell_html(str(cell))}</{tag[:2]}>'
                for tag, cell in zip(opens, row, strict=True)
            )
            parts.append(f"<tr>{cells}</tr>")
        return "".join([*parts, "</tbody></table>"])


def _cell_html(text: str) -> str:
    """A cell's text; a line that is indented is a command (as in `_wrapped`), and looks like one."""
    if len(text) <= _STAYS_WHOLE and not text.startswith("  "):
        return html.escape(text)
    lines = (
        f'<code style="{_COMMAND}">{whole_words(line)}</code>' if line.startswith("  ") else whole_words(line)
        for line in text.split("\n")
    )
    return "\n".join(lines)


def fold_html(summary: str, inside: str) -> str:
    """Something folded away; a click, or Enter on its summary, unfolds it.

    Args:
        summary: what is read while it is folded.
        inside: as HTML.
    """
    head = f'<summary style="cursor:pointer">{html.escape(summary)}</summary>'
    return f'<details style="margin:2px 0">{head}{inside}</details>'


def coloured(text: str, heads: Sequence[str] = ()) -> str:
    """Text with its verdicts in colour, if standard output is a terminal that shows some (https://no-color.org).

    A verdict is a word that fills a cell: two blanks or the line's end are on both sides of it.

    Args:
        text: as it is printed.
        heads: words that are no verdicts here, because they stand over a column.
    """
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return _VERDICT.sub(
        lambda word: word[0] if word[0] in heads else f"\x1b[{_COLOURS[word[0]]}m{word[0]}\x1b[0m", text
    )


def terminal_width() -> int | None:
    """The columns of the terminal that standard output goes to; None if it goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _fitted(headers: Sequence[str], cells: Sequence[Sequence[str]], room: int) -> str:
    """Lines of text, none longer than a terminal unless a word is."""
    table = _aligned(headers, cells)
    if max(map(_columns, table.splitlines()), default=0) <= room:
        return table
    rows = [row for row in [headers, *cells] if row]
    columns = [[cell for cell in column if cell] for column in zip_longest(*rows, fillvalue="")]
    natural = [max((_columns(line) for cell in column for line in cell.splitlines()), default=0) for column in columns]
    least = [min(widest, max(_longest_word(column), _PROSE)) for widest, column in zip(natural, columns, strict=True)]
    room_for_cells = room - 2 * (len(columns) - 1)
    if not headers and len(columns) == 2 and natural[0] > room * _WIDEST_LABEL:
        below = ((wrapped(label, room), textwrap.indent(wrapped(text, room - 4), "    ")) for label, text in cells)
        return "\n".join(line for lines in below for line in lines if line)
    if not headers:  # Labels and texts: these give way alone.
        least[-1] = min(least[-1], max(_PROSE, room_for_cells - sum(natural[:-1])))
    if sum(least) > room_for_cells:
        return _records(headers, cells, room) if headers else table
    widths = natural
    for most in range(max(natural), 0, -1):
        widths = [max(1, low, min(widest, most)) for low, widest in zip(least, natural, strict=True)]
        if sum(widths) <= room_for_cells:
            break
    narrow = [[wrapped(cell, width) for cell, width in zip(row, widths, strict=False)] for row in rows]
    return _aligned(narrow[0], narrow[1:]) if headers else _aligned((), narrow)


def _records(headers: Sequence[str], cells: Sequence[Sequence[str]], room: int) -> str:
    """The rows one below the other, each as its headers and cells; empty cells are left out."""
    indent = max(map(_columns, headers), default=0) + 2
    blocks = []
    for row in cells:
        lines = []
        for header, cell in zip(headers, row, strict=False):
            first, *others = wrapped(cell, max(room - indent, _PROSE)).splitlines() or [""]
            if first or others:
                lines += [
                    f"{header}{' ' * (indent - _columns(header))}{first}",
                    *(" " * indent + line for line in others),
                ]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _longest_word(cells: Sequence[str]) -> int:
    return max((_columns(word) for cell in cells for word in cell.split()), default=0)


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


def wrapped(text: str, width: int | None) -> str:
    """Text in lines that fit a terminal, but for commands, which are indented, and longer words.

    Args:
        text: its lines stay lines.
        width: of the terminal in characters; None for as wide as it is.
    """
    if width is None:
        return text
    # Names, paths and options stay whole; lines stay lines, and commands, which are indented, can be pasted.
    lines = (
        line if line.startswith("  ") else textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )
    return "\n".join(lines)


def _style(text: str) -> str:
    """A cell's style: short ones are not broken into lines, and a long word does not take the others' room.

    Short is `stand-in` or `120 MB`, a long word a path or a call; one of a command has room to stay whole.
    """
    if len(text) <= _STAYS_WHOLE:
        return _CELL.format(wrap="pre")
    if any(len(word) > _LONG_WORD for line in text.split("\n") if line.startswith("  ") for word in line.split()):
        return _CELL.format(wrap=f"pre-wrap;overflow-wrap:anywhere;min-width:{_COMMAND_CH}ch")
    if max(map(len, text.split()), default=0) > _LONG_WORD:
        return _CELL.format(wrap=f"pre-wrap;overflow-wrap:anywhere;min-width:{_LONG_WORDS_CH}ch")
    return _CELL.format(wrap=f"pre-wrap;min-width:{_PROSE_CH}ch")


def whole(inside: str) -> str:
    """What is broken into lines only if it is longer than one.

    Args:
        inside: as HTML. The full stop behind a word is to be in it: a line may begin with what follows.
    """
    return _WHOLE.format(inside)


def whole_words(text: str) -> str:
    """Text as HTML that is broken at blanks alone, and within a word only if that is longer than a line.

    Args:
        text: such as a command.
    """
    parts = re.split(r"(\s+)", text)
    return "".join(whole(html.escape(part)) if _BREAKABLE.fullmatch(part) else html.escape(part) for part in parts)
