"""The threat matrix drawn: both places side by side with a legend for a file, one place alone for a notebook.

Nothing is shown by colour alone: each cell has a sign of its own, the fills differ in lightness, and
`matrix_tables.matrix_table` has all of it in words.
"""

from __future__ import annotations

import textwrap
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.show.picture import FAINT, FIXED_WIDTH, INK, SANS, draw_box, new_figure, write
from labkit.threat.evidence import Matrix
from labkit.threat.judge import Verdict
from labkit.threat.matrix_signs import MEANINGS, SIGNS
from labkit.threat.matrix_tables import NOT_TRIED, made_line
from labkit.threat.postures import CLUSTER, ENGINE, PLACES, find_posture
from labkit.threat.probes import PROBES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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


@dataclass(frozen=True)
class _Sizes:
    """Lengths in inches, letters in points.

    Args:
        column: of a posture.
        row: of a probe whose label is one line.
        line: what each further line of a label adds.
        heading: the height of a heading.
        between_kinds: between root's postures and the others.
        margin: around everything.
        label: the letters of labels and posture names.
        head: those of headings.
        sign: those of signs of more than one letter.
        sign_font: their font.
        label_width: after how many letters a label is broken.
        letter: how wide a letter of a label is, on the safe side, as a part of its height.
    """

    column: float
    row: float
    line: float
    heading: float
    between_kinds: float
    margin: float
    label: float
    head: float
    sign: float
    sign_font: str
    label_width: int
    letter: float


# A notebook at 1024 pixels beside the course's panel leaves 570, and there no letter may be below 10.
_SIDE_BY_SIDE = _Sizes(0.36, 0.28, 0.15, 0.42, 0.12, 0.25, 10, 11, 8, SANS, 99, 0.58)
_ALONE = _Sizes(0.225, 0.21, 0.125, 0.3, 0.07, 0.05, 8.25, 9, 7.4, FIXED_WIDTH, 29, 0.53)
_GAP, _BETWEEN_PLACES, _NARROWEST_PLACE = 0.025, 0.4, 0.9
_NARROWEST, _LEGEND_COLUMN = 8.0, 7.2


def draw_matrix(matrix: Matrix) -> Figure:
    """Draw the whole matrix: probes by what they threaten, postures by place, and a legend of all signs."""
    grid = _Grid(matrix, PLACES, _SIDE_BY_SIDE, 0.9)
    made, margin = made_line(matrix.made) or "not measured", _SIDE_BY_SIDE.margin
    width = max(grid.right + margin, 2 * margin + _width(made, 9), _NARROWEST)
    legend, legend_columns = grid.bottom + 0.3, int((width - margin) / _LEGEND_COLUMN)
    verdicts = [verdict for verdict in SIGNS if verdict != NOT_TRIED or grid.has_gaps]
    lines = -(-len(verdicts) // legend_columns)
    legend_row = _SIDE_BY_SIDE.row + 0.01
    figure, axes = new_figure(width, legend + 0.35 + lines * legend_row + margin)
    write(axes, margin, 0.38, "What could be done in a container, and what stopped it", size=17, weight="bold")
    write(axes, margin, 0.68, made, size=9, color=FAINT)
    if not grid.cells:
        write(axes, margin, 1.1, "Nothing was tried.", size=10)
    grid.draw(axes)
    write(axes, margin, legend + 0.1, "The signs", size=11, weight="bold")
    for number, verdict in enumerate(verdicts):
        x, y = margin + number // lines * _LEGEND_COLUMN, legend + 0.32 + number % lines * legend_row
        middle = y + (_SIDE_BY_SIDE.row - _GAP) / 2
        _draw_cell(axes, x, y, verdict, _SIDE_BY_SIDE)
        write(axes, x + _SIDE_BY_SIDE.column + 0.08, middle, verdict, size=9, weight="bold")
        write(axes, x + _SIDE_BY_SIDE.column + 1.15, middle, MEANINGS[verdict], size=9)
    return figure


def draw_place(matrix: Matrix, where: str) -> Figure:
    """Draw the matrix of one place, narrow enough for a notebook beside the course's panel; without a legend.

    Args:
        matrix: what was tried.
        where: "engine" or "cluster".
    """
    grid = _Grid(matrix, [where], _ALONE, 0.0)
    figure, axes = new_figure(grid.right + _ALONE.margin, grid.bottom + _ALONE.margin)
    grid.draw(axes)
    return figure


class _Grid:
    """Where the cells of some places stand.

    Args:
        matrix: what was tried.
        places: those that are drawn.
        sizes: how large everything is.
        head: how much room is left above.
    """

    def __init__(self, matrix: Matrix, places: Sequence[str], sizes: _Sizes, head: float) -> None:
        self.cells = {
            (cell.probe, cell.posture, cell.where): cell.short for cell in matrix.cells if cell.where in places
        }
        self._sizes, self._head = sizes, head
        self._groups = _groups({probe for probe, _, _ in self.cells})
        probes = [name for members in self._groups.values() for name in members]
        self._labels = {name: textwrap.wrap(PROBES[name].title, sizes.label_width) for name in probes}
        # The headings are bold, and so a size wider than they are.
        widths = [_width(line, sizes.label, sizes.letter) for label in self._labels.values() for line in label]
        widths += [_width(heading, sizes.head + 1) for heading in self._groups]
        self.left = sizes.margin + max(widths, default=0.0) + sizes.between_kinds
        self._columns, self.right = self._place_columns()
        self._top = head + 0.6 + max((_width(posture, sizes.label) for posture, _ in self._columns), default=0.0)
        self._first = self._top - sizes.heading
        self.bottom = self._first + sum(
            sizes.heading + sum(map(self._height, members)) for members in self._groups.values()
        )

    @property
    def has_gaps(self) -> bool:
        """Whether a cell was not tried."""
        return len(self.cells) < len(self._labels) * len(self._columns)

    def draw(self, axes: Axes) -> None:
        """Draw heads, labels and cells."""
        sizes = self._sizes
        self._draw_heads(axes)
        y = self._first
        for heading, members in self._groups.items():
            beside = self.left - sizes.between_kinds
            write(axes, beside, y + sizes.heading - 0.18, heading, size=sizes.head, weight="bold", ha="right")
            y += sizes.heading
            for probe in members:
                height = self._height(probe)
                label = "\n".join(self._labels[probe])
                write(axes, beside, y + (height - _GAP) / 2, label, size=sizes.label, ha="right", linespacing=1.0)
                for (posture, where), x in self._columns.items():
                    _draw_cell(axes, x, y, self.cells.get((probe, posture, where), NOT_TRIED), sizes, height)
                y += height

    def _height(self, probe: str) -> float:
        return self._sizes.row + (len(self._labels[probe]) - 1) * self._sizes.line

    def _place_columns(self) -> tuple[dict[tuple[str, str], float], float]:
        """Where each posture's column begins, by place, root before the others; and where the last one ends."""
        columns: dict[tuple[str, str], float] = {}
        x, end = self.left, self.left
        for where in PLACES:
            tried = dict.fromkeys(posture for _, posture, at in self.cells if at == where)
            kinds = [[name for name in tried if find_posture(name).is_root is is_root] for is_root in (True, False)]
            begin = x
            for names in filter(None, kinds):
                x += self._sizes.between_kinds if x > begin else 0
                columns |= {(name, where): x + number * self._sizes.column for number, name in enumerate(names)}
                x += len(names) * self._sizes.column
            if tried:
                end = max(x, begin + _NARROWEST_PLACE)
                x = end + _BETWEEN_PLACES
        return columns, end

    def _draw_heads(self, axes: Axes) -> None:
        sizes = self._sizes
        for where, form in ((ENGINE, "docker run"), (CLUSTER, "pods")):
            places = [x for (_, at), x in self._columns.items() if at == where]
            if places:
                begin, end = places[0], places[-1] + sizes.column - _GAP
                write(axes, begin, self._head + 0.2, where, size=sizes.head + 1, weight="bold")
                if end - begin > 2:
                    write(axes, end, self._head + 0.2, form, size=max(sizes.label - 1, 7.6), color=FAINT, ha="right")
                axes.plot([begin, end], [self._head + 0.36] * 2, color=INK, linewidth=1.2)
        for (posture, _), x in self._columns.items():
            middle = x + (sizes.column - _GAP) / 2
            write(axes, middle, self._top - 0.12, posture, size=sizes.label, rotation=90, ha="center", va="bottom")


def _groups(tried: Container[str]) -> dict[str, list[str]]:
    """The probes that were tried, by heading."""
    headings = {"Within the container": "rce", "Out of the container": "breakout"}
    groups = {
        heading: [name for name in PROBES if name in tried and PROBES[name].threat == threat]
        for heading, threat in headings.items()
    }
    return {heading: members for heading, members in groups.items() if members}


def _draw_cell(axes: Axes, x: float, y: float, verdict: str, sizes: _Sizes, height: float = 0.0) -> None:
    others: Mapping[str, _Look] = {str(Verdict.COULD): _COULD, str(Verdict.UNKNOWN): _UNKNOWN, NOT_TRIED: _EMPTY}
    look = others.get(verdict, _COULD_NOT)
    width, height = sizes.column - _GAP, (height or sizes.row) - _GAP
    style = {"facecolor": look.fill, "edgecolor": look.edge, "hatch": look.hatch or None}
    draw_box(axes, x, y, width, height, linewidth=0.6, **style)
    # The sign of a hatched cell stands on a plain ground.
    ground = {"facecolor": look.fill, "edgecolor": "none", "pad": 1.2} if look.hatch else None
    is_letter = len(SIGNS[verdict]) == 1
    write(
        axes,
        x + width / 2,
        y + height / 2,
        SIGNS[verdict],
        size=sizes.label if is_letter else sizes.sign,
        weight="bold" if look.hatch else "normal",
        color=look.text,
        ha="center",
        bbox=ground,
        fontfamily=SANS if is_letter else sizes.sign_font,
    )


def _width(text: str, size: float, letter: float = 0.58) -> float:
    """About how wide a text becomes, on the safe side (DejaVu Sans is wider than most)."""
    return len(text) * size * letter / 72
