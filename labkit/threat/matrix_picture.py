"""The threat matrix as one picture.

Nothing is shown by colour alone: each cell has a sign of its own, the fills differ in lightness, and
`matrix_tables.matrix_table` has all of it in words.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.base.errors import LabFailed, Misuse, remedy_of_system
from labkit.show.picture import FAINT, INK, Picture, draw_box, new_figure, render, write
from labkit.threat.evidence import Matrix
from labkit.threat.judge import Control, Verdict
from labkit.threat.matrix_tables import NOT_TRIED, describe_matrix, made_line
from labkit.threat.postures import CLUSTER, ENGINE, PLACES, find_posture
from labkit.threat.probes import PROBES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIGNS: Mapping[str, str] = {
    str(Verdict.COULD): "●",
    str(Verdict.UNKNOWN): "?",
    str(Control.DAC): "DAC",
    str(Control.CAPABILITY): "CAP",
    str(Control.SECCOMP): "SEC",
    str(Control.NO_NEW_PRIVS): "NNP",
    str(Control.READ_ONLY): "RO",
    str(Control.NAMESPACE): "NS",
    str(Control.ADMISSION): "ADM",
    str(Control.REFUSAL): "REF",
    str(Control.ABSENT): "ABS",
    NOT_TRIED: "-",
}
"""The sign of each word in the picture."""

MEANINGS: Mapping[str, str] = {
    str(Verdict.COULD): "nothing stopped it",
    str(Verdict.UNKNOWN): "what came back does not tell",
    **{str(control): control.meaning for control in Control},
    NOT_TRIED: "left out of this run",
}
"""What each word means, for the legend."""


@dataclass(frozen=True)
class _Look:
    """Fill, edge and text of a cell; they differ in lightness first, so that they hold in grey."""

    fill: str
    edge: str
    text: str
    hatch: str = ""


_COULD = _Look("#7d2a0c", "#7d2a0c", "#ffffff")
_COULD_NOT = _Look("#f5f2ec", "#cfc9bd", "#3a3a3a")
_UNKNOWN = _Look("#b9b4aa", "#6b675f", "#000000", "////")
_EMPTY = _Look("#ffffff", "#dddddd", "#6b675f")

# All lengths are in inches, from the left and from the top.
_COLUMN, _ROW, _GAP, _SPACE, _HEADING = 0.36, 0.28, 0.025, 0.12, 0.42
_BETWEEN_KINDS, _BETWEEN_PLACES, _NARROWEST_PLACE = 0.12, 0.4, 0.9
_MARGIN, _NARROWEST, _LEGEND_COLUMN, _LEGEND_ROW = 0.25, 8.0, 7.2, 0.29
_DPI = 120


def picture(matrix: Matrix) -> Picture:
    """The matrix as a picture that shows itself in a notebook."""
    return Picture(_rendered(matrix, "png"), describe_matrix(matrix))


def save_picture(matrix: Matrix, path: Path) -> None:
    """Write the picture to a file.

    Args:
        matrix: what was tried.
        path: the file; its ending, .png or .svg, says what it becomes.

    Raises:
        Misuse: it has another ending.
        LabFailed: it cannot be written.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise Misuse(f"Saving the picture as {path.name}", "it is made as .png and as .svg", "give it such an ending")
    data = _rendered(matrix, kind)
    try:
        path.write_bytes(data)
    except OSError as error:
        remedy = remedy_of_system(error, "name a file in a folder that is there and that you may write to")
        raise LabFailed(f"Writing {path}", error.strerror or str(error), remedy) from error


def _rendered(matrix: Matrix, file_format: str) -> bytes:
    metadata = {"Title": "Threat matrix", "Description": describe_matrix(matrix)}
    return render(draw_matrix(matrix), file_format, _DPI, metadata)


def draw_matrix(matrix: Matrix) -> Figure:
    """Draw the whole matrix: probes by what they threaten, postures by place, and a legend of all signs."""
    cells = {(cell.probe, cell.posture, cell.where): cell.short for cell in matrix.cells}
    groups = _groups({probe for probe, _, _ in cells})
    probes = [name for members in groups.values() for name in members]
    made = made_line(matrix.made) or "not measured"
    # The headings are bold, and so a size wider than they are.
    labels = [_width(PROBES[name].title, 10) for name in probes] + [_width(heading, 12) for heading in groups]
    left = _MARGIN + max(labels, default=0.0) + _SPACE
    columns, right = _columns(matrix, left)
    width = max(right + _MARGIN, 2 * _MARGIN + _width(made, 9), _NARROWEST)
    top = 1.5 + max((_width(posture, 10) for posture, _ in columns), default=0.0)
    legend = top + sum(_HEADING + len(members) * _ROW for members in groups.values()) - _HEADING + 0.3
    verdicts = [verdict for verdict in SIGNS if verdict != NOT_TRIED or len(cells) < len(probes) * len(columns)]
    legend_columns = int((width - _MARGIN) / _LEGEND_COLUMN)
    lines = -(-len(verdicts) // legend_columns)
    height = legend + 0.35 + lines * _LEGEND_ROW + _MARGIN

    figure, axes = new_figure(width, height)
    write(axes, _MARGIN, 0.38, "What could be done in a container, and what stopped it", size=17, weight="bold")
    write(axes, _MARGIN, 0.68, made, size=9, color=FAINT)
    if not cells:
        write(axes, _MARGIN, 1.1, "Nothing was tried.", size=10)
    _draw_columns(axes, columns, top)
    y = top - _HEADING
    for heading, members in groups.items():
        write(axes, left - _SPACE, y + 0.24, heading, size=11, weight="bold", ha="right")
        y += _HEADING
        for probe in members:
            write(axes, left - _SPACE, y + _ROW / 2, PROBES[probe].title, size=10, ha="right")
            for (posture, where), x in columns.items():
                _draw_cell(axes, x, y, cells.get((probe, posture, where), NOT_TRIED))
            y += _ROW
    _draw_legend(axes, verdicts, legend, lines)
    return figure


def _groups(tried: Container[str]) -> dict[str, list[str]]:
    """The probes that were tried, by heading."""
    headings = {"Within the container": "rce", "Out of the container": "breakout"}
    groups = {
        heading: [name for name in PROBES if name in tried and PROBES[name].threat == threat]
        for heading, threat in headings.items()
    }
    return {heading: members for heading, members in groups.items() if members}


def _columns(matrix: Matrix, left: float) -> tuple[dict[tuple[str, str], float], float]:
    """Where each posture's column begins, by place, root before the others; and where the last one ends."""
    columns: dict[tuple[str, str], float] = {}
    x, end = left, left
    for where in PLACES:
        tried = dict.fromkeys(cell.posture for cell in matrix.cells if cell.where == where)
        kinds = [[name for name in tried if find_posture(name).is_root is is_root] for is_root in (True, False)]
        begin = x
        for names in filter(None, kinds):
            x += _BETWEEN_KINDS if x > begin else 0
            columns |= {(name, where): x + number * _COLUMN for number, name in enumerate(names)}
            x += len(names) * _COLUMN
        if tried:
            end = max(x, begin + _NARROWEST_PLACE)
            x = end + _BETWEEN_PLACES
    return columns, end


def _draw_columns(axes: Axes, columns: Mapping[tuple[str, str], float], top: float) -> None:
    for where, form in ((ENGINE, "docker run"), (CLUSTER, "pods")):
        places = [x for (_, at), x in columns.items() if at == where]
        if places:
            begin, end = places[0], places[-1] + _COLUMN - _GAP
            write(axes, begin, 1.1, where, size=12, weight="bold")
            if end - begin > 2:
                write(axes, end, 1.1, form, size=9, color=FAINT, ha="right")
            axes.plot([begin, end], [1.26, 1.26], color=INK, linewidth=1.2)
    for (posture, _), x in columns.items():
        write(axes, x + (_COLUMN - _GAP) / 2, top - 0.12, posture, size=10, rotation=90, ha="center", va="bottom")


def _draw_cell(axes: Axes, x: float, y: float, verdict: str) -> None:
    others = {str(Verdict.COULD): _COULD, str(Verdict.UNKNOWN): _UNKNOWN, NOT_TRIED: _EMPTY}
    look = others.get(verdict, _COULD_NOT)
    style = {"facecolor": look.fill, "edgecolor": look.edge, "hatch": look.hatch or None}
    draw_box(axes, x, y, _COLUMN - _GAP, _ROW - _GAP, linewidth=0.6, **style)
    # The sign of a hatched cell stands on a plain ground.
    ground = {"facecolor": look.fill, "edgecolor": "none", "pad": 1.2} if look.hatch else None
    write(
        axes,
        x + (_COLUMN - _GAP) / 2,
        y + (_ROW - _GAP) / 2,
        SIGNS[verdict],
        size=10 if len(SIGNS[verdict]) == 1 else 8,
        weight="bold" if look.hatch else "normal",
        color=look.text,
        ha="center",
        bbox=ground,
    )


def _draw_legend(axes: Axes, verdicts: Sequence[str], top: float, lines: int) -> None:
    write(axes, _MARGIN, top + 0.1, "The signs", size=11, weight="bold")
    for number, verdict in enumerate(verdicts):
        x, y = _MARGIN + number // lines * _LEGEND_COLUMN, top + 0.32 + number % lines * _LEGEND_ROW
        middle = y + (_ROW - _GAP) / 2
        _draw_cell(axes, x, y, verdict)
        write(axes, x + _COLUMN + 0.08, middle, verdict, size=9, weight="bold")
        write(axes, x + _COLUMN + 1.15, middle, MEANINGS[verdict], size=9)


def _width(text: str, size: float) -> float:
    """About how wide a text becomes, on the safe side (DejaVu Sans is wider than most)."""
    return len(text) * size * 0.58 / 72
