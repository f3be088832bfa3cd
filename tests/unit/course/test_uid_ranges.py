"""The ranges of uids as a table and as a chart."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import labkit
from labkit.base.errors import Misuse
from labkit.core.identity.ranges import RANGES
from labkit.course.uid_ranges import describe_ranges, draw_ranges, ranges_picture, ranges_table

CHOSEN = {0: "root", 999: "databases", 1000: "ubuntu", 1654: ".NET", 64198: ".NET previews", 65532: "distroless"}


def _bars(figure: Figure) -> list[Rectangle]:
    return [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]


def _texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_table_has_each_range_that_has_a_purpose_or_a_uid() -> None:
    rows = {row[0]: row for row in ranges_table(CHOSEN).rows}
    assert rows["regular"][1] == "1000-60000"
    assert rows["regular"][3] == "1000 ubuntu; 1654 .NET"
    assert rows["unused"][3] == "65532 distroless"
    assert [row[0] for row in ranges_table({}).rows].count("unused") == 0
    assert set(rows) >= {uid_range.name for uid_range in RANGES if uid_range.name != "unused"}


def test_the_chart_says_in_words_what_its_bars_show() -> None:
    figure = draw_ranges(CHOSEN)
    texts = _texts(figure)
    for name, uids, _, who in ranges_table(CHOSEN).rows:
        assert {name, uids, *str(who).split("; ")} <= {*texts, ""}
    assert len(_bars(figure)) == len(ranges_table(CHOSEN).rows)


def test_what_is_free_differs_without_colour() -> None:
    bars = _bars(draw_ranges(CHOSEN))
    free = [bar for bar in bars if bar.get_hatch()]
    assert len(free) == len([uid_range for uid_range in RANGES if uid_range.is_free])
    lightness = {bool(bar.get_hatch()): sum(to_rgb(bar.get_facecolor())) for bar in bars}
    assert lightness[True] - lightness[False] > 0.5


def test_no_two_texts_lie_on_each_other_and_all_are_inside() -> None:
    figure = draw_ranges(CHOSEN)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts if text.get_text()]
    for number, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_its_letters_are_read_beside_the_panel_in_a_window_of_1024_pixels() -> None:
    figure, pixels = draw_ranges(CHOSEN), 540
    heights = [float(text.get_fontsize()) / 72 * pixels / figure.get_figwidth() for text in figure.axes[0].texts]
    assert min(heights) >= 8


def test_the_picture_has_an_alternative_text_and_is_the_same_each_time() -> None:
    shown = ranges_picture(CHOSEN)
    assert shown.png == ranges_picture(CHOSEN).png
    assert "64198 (.NET previews) is in dynamic" in str(shown)
    assert 'alt="The uids from 0' in shown._repr_html_()
    assert describe_ranges({}).endswith("No uid is marked.")


def test_what_is_no_uid_is_not_drawn() -> None:
    with pytest.raises(ValueError, match="is not a uid"):
        draw_ranges({-1: "nobody"})


@pytest.mark.parametrize("chosen", [1654, [1654], {"1654": "me"}, {-1: "me"}, {5_000_000_000: "me"}, {True: "me"}])
def test_what_is_no_uid_is_told_in_a_sentence(chosen: Any) -> None:
    for show in (ranges_table, ranges_picture):
        with pytest.raises(Misuse, match="is no"):
            show(chosen)


def test_the_ranges_of_uids_as_a_notebook_sees_them() -> None:
    assert "1000-60000" in str(labkit.uid_ranges({1654: ".NET"}))
    assert "1654 (.NET) is in regular" in str(labkit.uid_picture({1654: ".NET"}))
    with pytest.raises(labkit.Misuse):
        labkit.uid_ranges({-1: "nobody"})
