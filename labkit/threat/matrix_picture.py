"""The threat matrix as pictures: one file with everything, or in a notebook a picture of each place."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from pathlib import Path

from labkit.base.errors import LabFailed, Misuse, remedy_of_system
from labkit.show.picture import Picture, render
from labkit.threat.evidence import Matrix
from labkit.threat.matrix_drawing import draw_matrix, draw_place
from labkit.threat.matrix_signs import legend_as_html
from labkit.threat.matrix_tables import describe_matrix, made_line
from labkit.threat.postures import PLACES

_DPI = 120
_SHARP_DPI = 160
"""Of the pictures in a notebook: half as many dots again as they are shown with, for sharp screens and 200 %."""

_PIXELS_IN_AN_INCH = 108
"""How large a notebook shows them where there is room; where there is not, a twelfth smaller is still read."""


@dataclass(frozen=True)
class MatrixPicture:
    """The matrix in a notebook: a picture for each place, below one another or, where there is room, side by side.

    Args:
        places: each place's picture, and how wide it is in inches.
        text: all of it in a sentence or two.
        made: when and with what it was measured.
        legend: the signs and what they mean, as HTML.
    """

    places: tuple[tuple[Picture, float], ...] = field(repr=False)
    text: str
    made: str
    legend: str = field(repr=False)

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        pictures = "".join(
            picture.as_html(f"width:{width * _PIXELS_IN_AN_INCH:.0f}px;max-width:100%")
            for picture, width in self.places
        )
        return (
            "<div><strong>What could be done in a container, and what stopped it</strong></div>"
            f"<div><small>{html.escape(self.made)}</small></div>"
            f'<div style="display:flex;flex-wrap:wrap;align-items:flex-start;gap:8px">{pictures}</div>{self.legend}'
        )


def picture(matrix: Matrix) -> MatrixPicture:
    """The matrix as pictures that show themselves in a notebook."""
    drawn = []
    for where in PLACES:
        trials = [trial for trial in matrix.trials if trial.where == where and trial.cells]
        if trials:
            figure = draw_place(matrix, where)
            place = Picture(render(figure, "png", _SHARP_DPI), describe_matrix(Matrix(trials)))
            drawn.append((place, float(figure.get_figwidth())))
    made = (made_line(matrix.made) or "not measured") if drawn else "Nothing was tried."
    return MatrixPicture(tuple(drawn), describe_matrix(matrix), made, legend_as_html(matrix.cells))


def save_picture(matrix: Matrix, path: Path) -> None:
    """Write the picture to a file: both places side by side, with a legend.

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
    metadata = {"Title": "Threat matrix", "Description": describe_matrix(matrix)}
    data = render(draw_matrix(matrix), kind, _DPI, metadata)
    try:
        path.write_bytes(data)
    except OSError as error:
        remedy = remedy_of_system(error, "name a file in a folder that is there and that you may write to")
        raise LabFailed(f"Writing {path}", error.strerror or str(error), remedy) from error
