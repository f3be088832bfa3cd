"""The threat matrix of one place as a table to read in: heads that stay, colours with signs, the evidence on a click.

It is HTML and CSS alone, so it works in a notebook that is reopened without a kernel, and on the course's site. A click
on a cell, or Enter, unfolds what was called, what came back and why; boxes above it choose the postures.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from labkit.show.table import Table
from labkit.threat.evidence import Cell, Matrix
from labkit.threat.judge import Verdict
from labkit.threat.matrix_signs import SIGNS, legend_as_html
from labkit.threat.matrix_tables import NOT_TRIED, conclusion, describe_matrix, exchange, matrix_table
from labkit.threat.probes import PROBES

_MOST_IN_WORDS = 6
"""Up to so many postures each cell says its word; with more of them its sign, and the word when it is unfolded."""

_STYLE = """
.labkit-matrix { line-height: 1.4; }
.labkit-matrix .box { overflow: auto; max-height: 34em; max-width: 100%; }
.labkit-matrix table { border-collapse: separate; border-spacing: 0; margin: 0; }
.labkit-matrix table th, .labkit-matrix table td { text-align: left !important; padding: 2px 6px; white-space: nowrap;
  position: relative; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
.labkit-matrix thead th { position: sticky; top: 0; z-index: 3; vertical-align: bottom; }
.labkit-matrix tbody th { position: sticky; left: 0; z-index: 2; font-weight: normal; min-width: 17ch; max-width: 24ch;
  white-space: normal; }
.labkit-matrix thead th:first-child { left: 0; z-index: 4; }
.labkit-matrix th { background: var(--jp-layout-color0, Canvas) !important; }
.labkit-matrix .upright { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 14em; }
.labkit-matrix summary { list-style: none; cursor: pointer; border-radius: 3px; padding: 1px 4px; text-align: center;
  min-width: 2.2em; background: #f5f2ec; color: #3a3a3a; border: 1px solid #cfc9bd; }
.labkit-matrix summary::-webkit-details-marker { display: none; }
.labkit-matrix:not(.few) tbody td { padding: 2px 1px; }
.labkit-matrix:not(.few) summary { padding: 1px 2px; font-size: 0.88em; }
.labkit-matrix .could summary { background: #7d2a0c; color: #fff; border-color: #7d2a0c; font-weight: 700; }
.labkit-matrix .unknown summary { background: #b9b4aa; color: #000; border-color: #6b675f; }
.labkit-matrix summary:focus-visible { outline: 3px solid var(--jp-brand-color1, Highlight); }
.labkit-matrix .evidence { position: absolute; z-index: 5; width: 38ch; text-align: left;
  white-space: pre-wrap; overflow-wrap: anywhere;
  background: var(--jp-layout-color1, Canvas); border: 1px solid currentColor; border-radius: 4px; padding: 6px 10px; }
.labkit-matrix.few .evidence { position: static; text-align: left; max-width: 100%; }
.labkit-matrix .left .evidence { right: 0; }
.labkit-matrix .up .evidence { bottom: 100%; }
.labkit-matrix label { margin-right: 1em; white-space: nowrap; }
.labkit-matrix:has(.only-could:checked) td:not(.could) { opacity: 0.15; }
"""


@dataclass(frozen=True, repr=False)
class MatrixTable(Table):
    """The matrix of one place: as text every cell in a word, in a notebook as a page to read in.

    Args:
        page: as HTML.
    """

    page: str = ""

    def _repr_html_(self) -> str:
        return self.page


def matrix_page(matrix: Matrix, where: str) -> MatrixTable:
    """All cells of one place.

    Args:
        matrix: what was tried.
        where: "engine" or "cluster".
    """
    table = matrix_table(matrix, where)
    return MatrixTable(table.title, table.headers, table.rows, table.note, page=_page(matrix, where, table))


def _page(matrix: Matrix, where: str, table: Table) -> str:
    cells = {(cell.probe, cell.posture): cell for cell in matrix.cells if cell.where == where}
    postures, probes = list(dict.fromkeys(name for _, name in cells)), list(dict.fromkeys(name for name, _ in cells))
    families = list(dict.fromkeys(map(_family, postures)))
    in_words = len(postures) <= _MOST_IN_WORDS
    upright = "" if in_words else ' class="upright"'
    heads = "".join(
        f'<th scope="col" class="of-{_family(name)}"><div{upright}>{html.escape(name)}</div></th>' for name in postures
    )
    lines = "".join(
        f'<tr><th scope="row" title="{html.escape(probe)}">{html.escape(PROBES[probe].title)}</th>'
        + "".join(
            _cell(cells.get((probe, name)), name, in_words=in_words, left=column * 2 >= len(postures), up=up)
            for column, name in enumerate(postures)
        )
        + "</tr>"
        for probe, up in ((probe, number > 3 and number * 2 >= len(probes)) for number, probe in enumerate(probes))
    )
    label = html.escape(f"{table.title}. {describe_matrix(matrix)}")
    return (
        f'<div class="labkit-matrix{" few" if in_words else ""}"><style>{_STYLE}{_hiding(families)}</style>'
        f"<div><strong>{html.escape(table.title)}</strong>: a click on a cell unfolds what was called, and the answer"
        f"</div>{_choices(families) if not in_words else ''}"
        f'<div class="box" tabindex="0" role="region" aria-label="{label}"><table><thead><tr>'
        f'<th scope="col">what is tried</th>{heads}</tr></thead><tbody>{lines}</tbody></table></div>'
        f"{'' if in_words else legend_as_html(cells.values())}<div><small>{html.escape(table.note)}</small></div></div>"
    )


def _cell(cell: Cell | None, posture: str, *, in_words: bool, left: bool, up: bool) -> str:
    """A cell with its evidence folded in it.

    Args:
        cell: it; None where nothing was tried.
        posture: whose column it is in.
        in_words: whether it says its word, or its sign.
        left: whether the evidence goes to its left, where there is room.
        up: whether the evidence goes above it.
    """
    classes = [f"of-{_family(posture)}", *(["left"] if left else []), *(["up"] if up else [])]
    if cell is None:
        return f'<td class="{" ".join(classes)}">{NOT_TRIED if in_words else SIGNS[NOT_TRIED]}</td>'
    if cell.verdict is not Verdict.COULD_NOT:
        classes.append(str(cell.verdict))
    sign = f"● {cell.short}" if cell.verdict is Verdict.COULD else cell.short
    evidence = "\n".join(filter(None, [exchange(cell), conclusion(cell)]))
    verdict, shown = html.escape(cell.full_verdict), html.escape(sign if in_words else SIGNS[cell.short])
    return (
        f'<td class="{" ".join(classes)}"><details name="labkit-matrix"><summary title="{verdict}">{shown}</summary>'
        f'<div class="evidence"><strong>{verdict}</strong> ({html.escape(cell.posture)})\n{html.escape(evidence)}</div>'
        "</details></td>"
    )


def _family(posture: str) -> str:
    """The first word of a posture's name, by which the boxes choose."""
    return posture.partition("-")[0]


def _choices(families: Sequence[str]) -> str:
    boxes = "".join(
        f'<label><input type="checkbox" class="show-{family}" checked> {family}-*</label>' for family in families
    )
    only = '<label><input type="checkbox" class="only-could"> only what could be done</label>'
    return f'<fieldset style="border:0;padding:0;margin:2px 0"><legend>Postures</legend>{boxes}{only}</fieldset>'


def _hiding(families: Sequence[str]) -> str:
    return "\n".join(
        f".labkit-matrix:has(.show-{family}:not(:checked)) .of-{family} {{ display: none; }}" for family in families
    )
