"""Pictures that show themselves in a notebook, and the few things that our charts are drawn with.

Charts are drawn without pyplot, so that a notebook's own figures stay as they are, and every style is given where
something is drawn, so that a notebook's own settings change nothing. matplotlib is imported when something is drawn.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1c1c1c"
FAINT = "#55524c"

# These come with matplotlib, so that a picture is the same everywhere.
SANS = "DejaVu Sans"
FIXED_WIDTH = "DejaVu Sans Mono"


@dataclass(frozen=True)
class Picture:
    """A picture for a notebook, with its alternative text.

    Args:
        png: the file's bytes.
        text: what it shows, in a sentence or two.
    """

    png: bytes = field(repr=False)
    text: str

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.as_html("max-width:100%")

    def as_html(self, style: str) -> str:
        """The picture as an element, with its bytes in it.

        Args:
            style: the element's.
        """
        data = base64.b64encode(self.png).decode()
        return f'<img style="{style}" alt="{html.escape(self.text)}" src="data:image/png;base64,{data}">'


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty white figure, which pyplot does not know, and axes without a frame over all of it.

    Args:
        width: in inches; positions count from the left.
        height: in inches; positions count from the top.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="#ffffff")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return figure, axes


def write(axes: Axes, x: float, y: float, text: str, *, size: float, color: str = INK, **style: Any) -> None:
    """Write a text at a position.

    Args:
        axes: of `new_figure`.
        x: from the left.
        y: from the top.
        text: the text, which is never read as a formula.
        size: in points.
        color: of the letters.
        style: more of matplotlib's properties of a text, such as `ha` and `weight`.
    """
    plain = {"fontfamily": SANS, "va": "center_baseline", "parse_math": False, "usetex": False}
    axes.text(x, y, text, **{**plain, "fontsize": size, "color": color, **style})


def draw_box(axes: Axes, x: float, y: float, width: float, height: float, **style: Any) -> None:
    """Draw a rectangle.

    Args:
        axes: of `new_figure`.
        x: its left side.
        y: its top.
        width: of it.
        height: of it.
        style: matplotlib's properties of a patch, such as `facecolor` and `hatch`.
    """
    from matplotlib.patches import Rectangle

    # Not add_patch, which would widen limits that `new_figure` has set: a third of the time of a large picture.
    axes.add_artist(Rectangle((x, y), width, height, **style))


def render(figure: Figure, file_format: str, dpi: int, metadata: Mapping[str, str] | None = None) -> bytes:
    """A figure as a file. The same figure gives the same bytes: there is no date and no version in it.

    Args:
        figure: of `new_figure`.
        file_format: png or svg; in an SVG text stays text.
        dpi: dots per inch.
        metadata: what the file says of itself, such as Title and Description.
    """
    import matplotlib

    file = io.BytesIO()
    without = {"Date": None} if file_format == "svg" else {"Software": None}
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "labkit", "savefig.bbox": None}):
        figure.savefig(file, format=file_format, dpi=dpi, metadata={**(metadata or {}), **without})
    return file.getvalue()
