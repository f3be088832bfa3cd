"""The ranges of uids as a table and as a chart, with uids that somebody chose.

Nothing is said by colour alone: each range has its name and its numbers beside its bar, the range that is free for
choosing is hatched, and the table says all of it in words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from labkit.base.errors import Misuse
from labkit.core.identity.ranges import RANGES, UidRange, range_of
from labkit.show.picture import FAINT, INK, Picture, draw_box, new_figure, render, write
from labkit.show.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SOURCE = "Ranges: systemd/systemd:docs/UIDS-GIDS.md"
_FREE, _OTHER, _EDGE = "#ffffff", "#b9b4aa", "#3a3a3a"
# In inches. It is read without a zoom beside JupyterLab's panel in a window of 1024 pixels, where it is 5 inches wide.
_WIDTH, _ROW, _TOP, _BOTTOM = 8.1, 0.3, 0.7, 0.75
_LEFT, _SCALE, _THINNEST = 3.0, 2.7, 0.05  # where the scale begins, how long it is, and the narrowest bar
_SIZE, _SMALL = 10, 9
_LARGEST = math.log10(RANGES[-1].last + 1)
_DPI = 110


def ranges_table(chosen: Mapping[int, str]) -> Table:
    """The ranges, one a line, and who chose a uid in them.

    Args:
        chosen: who, by uid.

    Raises:
        Misuse: that is no mapping, or one is not a uid.
    """
    chosen = _require_uids(chosen)
    rows = [(uids.name, str(uids), uids.purpose, _chosen_in(uids, chosen)) for uids in _shown(chosen)]
    return Table("", ("range", "uids", "for", "chosen by"), rows, _SOURCE)


def ranges_picture(chosen: Mapping[int, str]) -> Picture:
    """The ranges as a chart that shows itself in a notebook.

    Args:
        chosen: who, by uid.

    Raises:
        Misuse: that is no mapping, or one is not a uid.
    """
    chosen = _require_uids(chosen)
    return Picture(render(draw_ranges(chosen), "png", _DPI), describe_ranges(chosen))


def _require_uids(chosen: object) -> Mapping[int, str]:
    right = 'give who has chosen each number, as in\n  {1654: ".NET"}'
    if not isinstance(chosen, Mapping):
        raise Misuse("Looking at uids", f"{chosen!r} is not a mapping", right)
    for uid in chosen:
        if type(uid) is not int or not 0 <= uid <= RANGES[-1].last:
            raise Misuse("Looking at uids", f"{uid!r} is not a number from 0 to {RANGES[-1].last}", right)
    return chosen


def describe_ranges(chosen: Mapping[int, str]) -> str:
    """The chart in words, for those who do not see it."""
    marks = "; ".join(f"{uid} ({who}) is in {range_of(uid).name}" for uid, who in sorted(chosen.items()))
    return f"The uids from 0 to {RANGES[-1].last} in {len(RANGES)} ranges. {marks or 'No uid is marked'}."


def draw_ranges(chosen: Mapping[int, str]) -> Figure:
    """Draw a bar for each range on a scale of powers of ten, and a tick for each uid that somebody chose.

    Args:
        chosen: who, by uid.

    Raises:
        Misuse: that is no mapping, or one is not a uid.
    """
    shown = _shown(chosen)
    below = _TOP + sum(_height(uids, chosen) for uids in shown)
    figure, axes = new_figure(_WIDTH, below + _BOTTOM)
    write(axes, 0.1, 0.35, "What uids are for, and which ones were chosen", size=14, weight="bold")
    y = _TOP
    for uids in shown:
        _draw_range(axes, uids, chosen, y)
        y += _height(uids, chosen)
    _draw_scale(axes, below)
    note = f"Hatched: free for choosing by hand. {_SOURCE}."
    write(axes, 0.1, below + _BOTTOM - 0.15, note, size=_SMALL, color=FAINT)
    return figure


def _height(uids: UidRange, chosen: Mapping[int, str]) -> float:
    """How high a range's row is: each uid that was chosen has a line."""
    return _ROW * max(sum(uid in uids for uid in chosen), 1)


def _shown(chosen: Mapping[int, str]) -> list[UidRange]:
    """The ranges that have a purpose, and of the others those that somebody chose from."""
    used = {range_of(uid) for uid in chosen}
    return [uids for uids in RANGES if uids in used or uids.name != "unused"]


def _chosen_in(uids: UidRange, chosen: Mapping[int, str]) -> str:
    return "; ".join(f"{uid} {who}" for uid, who in sorted(chosen.items()) if uid in uids)


def _place(uid: int) -> float:
    """Where a uid is on the scale, in inches; uid 0 is at its beginning."""
    return _LEFT + _SCALE * math.log10(uid + 1) / _LARGEST


def _draw_range(axes: Axes, uids: UidRange, chosen: Mapping[int, str], y: float) -> None:
    begin, height = _place(uids.first), _height(uids, chosen)
    middle = y + height / 2
    width = max(_place(uids.last) - begin, _THINNEST)
    fill, hatch = (_FREE, "////") if uids.is_free else (_OTHER, None)
    style = {"facecolor": fill, "edgecolor": _EDGE, "hatch": hatch}
    draw_box(axes, begin, y + 0.06, width, height - 0.12, linewidth=0.8, **style)
    write(axes, 0.1, middle, uids.name, size=_SIZE, weight="bold")
    write(axes, _LEFT - 0.1, middle, str(uids), size=_SMALL, color=FAINT, ha="right")
    for number, uid in enumerate(sorted(filter(uids.__contains__, chosen))):
        axes.plot([_place(uid)] * 2, [y + 0.02, y + height - 0.02], color=INK, linewidth=2)
        write(axes, _LEFT + _SCALE + 0.15, y + (number + 0.5) * _ROW, f"{uid} {chosen[uid]}", size=_SIZE)


def _draw_scale(axes: Axes, y: float) -> None:
    axes.plot([_LEFT, _LEFT + _SCALE], [y + 0.06] * 2, color=_EDGE, linewidth=0.8)
    for uid, text in ((0, "0"), (999, "thousand"), (10**6, "million"), (10**9, "thousand million")):
        axes.plot([_place(uid)] * 2, [y + 0.06, y + 0.12], color=_EDGE, linewidth=0.8)
        write(axes, _place(uid), y + 0.25, text, size=_SMALL, color=FAINT, ha="center")
