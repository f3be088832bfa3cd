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
_WIDTH, _ROW, _TOP, _BOTTOM = 12.0, 0.36, 0.8, 0.75
_LEFT, _SCALE, _THINNEST = 2.9, 5.0, 0.05  # inches: where the scale begins, how long it is, and the narrowest bar
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
    height = _TOP + len(shown) * _ROW + _BOTTOM
    figure, axes = new_figure(_WIDTH, height)
    write(axes, 0.25, 0.35, "What uids are for, and which ones were chosen", size=14, weight="bold")
    for number, uids in enumerate(shown):
        _draw_range(axes, uids, chosen, _TOP + number * _ROW)
    _draw_scale(axes, _TOP + len(shown) * _ROW)
    write(axes, 0.25, height - 0.15, f"Hatched: free for choosing by hand. {_SOURCE}.", size=8, color=FAINT)
    return figure


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
    begin, middle = _place(uids.first), y + _ROW / 2
    width = max(_place(uids.last) - begin, _THINNEST)
    fill, hatch = (_FREE, "////") if uids.is_free else (_OTHER, None)
    style = {"facecolor": fill, "edgecolor": _EDGE, "hatch": hatch}
    draw_box(axes, begin, y + 0.08, width, _ROW - 0.16, linewidth=0.8, **style)
    write(axes, 0.25, middle, uids.name, size=9, weight="bold")
    write(axes, _LEFT - 0.1, middle, str(uids), size=8, color=FAINT, ha="right")
    for uid in filter(uids.__contains__, chosen):
        axes.plot([_place(uid)] * 2, [y + 0.02, y + _ROW - 0.02], color=INK, linewidth=2)
    write(axes, _LEFT + _SCALE + 0.2, middle, _chosen_in(uids, chosen), size=9)


def _draw_scale(axes: Axes, y: float) -> None:
    axes.plot([_LEFT, _LEFT + _SCALE], [y + 0.06] * 2, color=_EDGE, linewidth=0.8)
    for uid, text in ((0, "0"), (999, "thousand"), (10**6, "million"), (10**9, "thousand million")):
        axes.plot([_place(uid)] * 2, [y + 0.06, y + 0.12], color=_EDGE, linewidth=0.8)
        write(axes, _place(uid), y + 0.25, text, size=8, color=FAINT, ha="center")
