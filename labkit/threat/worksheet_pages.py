"""The worksheet as a table, as Markdown and as one HTML file that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from pathlib import Path

from labkit.base.files import write_atomically
from labkit.show import counted, shown_path
from labkit.show.table import Table
from labkit.threat.evidence import Cell
from labkit.threat.matrix_picture import picture
from labkit.threat.postures import find_posture
from labkit.threat.probes import PROBES
from labkit.threat.worksheet import Recheck, Row, Worksheet

_TITLE = "Threat model worksheet"
_HEADS = ("threat", "posture", "tried", "seen", "evidence", "what I make of it")
_MOST_ROWS = 6
"""So many rows of a worksheet are a windowful in a notebook; the others are folded."""
_GROUPS = {"rce": "Within the container: what running code there gives", "breakout": "Out of the container"}
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid #8888; }
code { font-size: .9em; overflow-wrap: anywhere; }
img { max-width: 100%; height: auto; background: #fff; }
"""


def worksheet_table(sheet: Worksheet) -> Table:
    """The worksheet, a row each, in as many columns as a notebook has room for."""
    rows = []
    for row in sheet:
        cell = row.cell
        # A notebook is narrow: the posture by its name, and what the reason says already not once more.
        tried = f"{PROBES[cell.probe].title}\n{cell.posture}\non the {cell.where}"
        seen = f"{_verdict(cell)}\n{_evidence(cell, but=cell.reason)}".strip()
        rows.append((tried, seen, row.threat, row.note))
    path = shown_path(sheet.path)
    note = f"{counted(len(rows), 'row')} in {path}" if rows else f"no rows yet; they are kept in {path}"
    heads = ("tried", "seen", "threat", "what I make of it")
    folded = rows[_MOST_ROWS:]
    return Table("", heads, rows[:_MOST_ROWS], note, folded=folded, fold=f"the other {counted(len(folded), 'row')}")


def rechecks_table(rechecks: Sequence[Recheck]) -> Table:
    """What still holds of a worksheet, a row each."""
    rows = [
        (
            {True: "holds", False: "holds no more", None: "not known"}[recheck.holds],
            recheck.row.cell.posture,
            recheck.row.cell.probe,
            recheck.row.cell.where,
            recheck.row.cell.full_verdict,
            recheck.now.full_verdict if recheck.now else recheck.why_not,
        )
        for recheck in rechecks
    ]
    held = sum(recheck.holds is True for recheck in rechecks)
    return Table(
        "",
        ("verdict", "posture", "probe", "where", "worksheet", "now"),
        rows,
        f"{held} of {len(rows)} rows hold",
    )


def to_markdown(sheet: Worksheet) -> str:
    """The worksheet as Markdown, by threat."""
    parts = [f"# {_TITLE}", ""]
    for threat, rows in _grouped(sheet):
        parts += [f"## {_GROUPS[threat]}", "", _line(_HEADS), _line(["---"] * len(_HEADS))]
        parts += [_line([_escaped(text) for text in _columns(row)]) for row in rows]
        parts.append("")
    parts += [_CHECK_WITH, ""]
    return "\n".join(parts)


def to_html(sheet: Worksheet) -> str:
    """The worksheet as one HTML file, with its picture in it."""
    body = [f"<h1>{_TITLE}</h1>"]
    if len(sheet):
        body.append(f"<p>{picture(sheet.as_matrix())._repr_html_()}</p>")
    for threat, rows in _grouped(sheet):
        heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
        lines = "".join(
            "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in _columns(row)) + "</tr>" for row in rows
        )
        body.append(f"<h2>{_GROUPS[threat]}</h2><table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>")
    body.append(f"<p>{html.escape(_CHECK_WITH)}</p>")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{_TITLE}</title>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n<body>\n'
        + "\n".join(body)
        + "\n</body></html>\n"
    )


_CHECK_WITH = "Try every row again: labkit matrix --check worksheet.json"


def export_worksheet(sheet: Worksheet, folder: Path | None = None) -> list[Path]:
    """Write worksheet.md and worksheet.html.

    Args:
        sheet: the worksheet.
        folder: where to; beside the worksheet's own file if not given.

    Returns:
        The files.

    Raises:
        LabFailed: one cannot be written; what it held before is still there.
    """
    folder = folder or sheet.path.parent
    files = {folder / "worksheet.md": to_markdown(sheet), folder / "worksheet.html": to_html(sheet)}
    for path, text in files.items():
        write_atomically(path, text)
    return list(files)


def _grouped(sheet: Worksheet) -> Iterable[tuple[str, list[Row]]]:
    for threat in _GROUPS:
        rows = [row for row in sheet if PROBES[row.cell.probe].threat == threat]
        if rows:
            yield threat, rows


def _columns(row: Row) -> tuple[str, ...]:
    """A row's texts, under `_HEADS`."""
    cell = row.cell
    posture = f"{find_posture(cell.posture).title} ({cell.where})"
    return row.threat, posture, PROBES[cell.probe].title, _verdict(cell), _evidence(cell), row.note


def _verdict(cell: Cell) -> str:
    return f"{cell.full_verdict} ({cell.reason})"


def _evidence(cell: Cell, but: str = "") -> str:
    """The call and what came back, with what was seen from outside.

    Args:
        cell: whose.
        but: a text; what stands in it is left out.
    """
    parts = [str(cell.evidence.get(name) or "") for name in ("call", "errno", "said", "message")]
    outside = {"True": "seen from outside", "False": "not seen from outside"}.get(str(cell.evidence.get("outside")), "")
    return "; ".join(dict.fromkeys(part for part in [*parts, outside] if part and part not in but))


def _line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _escaped(text: str) -> str:
    # What a container printed must not become markup of whoever reads it.
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|").replace("`", "'")
