"""The toolkit that charts are drawn with."""

from __future__ import annotations

import sys

import matplotlib
import pytest

from labkit.course.uid_ranges import ranges_picture
from labkit.show.picture import Picture, draw_box, new_figure, render, write
from labkit.threat.evidence import Matrix
from labkit.threat.matrix_drawing import draw_matrix


def _drawn(file_format: str) -> bytes:
    figure, axes = new_figure(2, 1)
    draw_box(axes, 0.1, 0.1, 1, 0.5, facecolor="#ffffff", hatch="////")
    write(axes, 0.2, 0.3, "$HOME and <b>", size=9)
    return render(figure, file_format, 50, {"Title": "A test"})


@pytest.mark.parametrize("file_format", ["png", "svg"])
def test_the_same_figure_gives_the_same_bytes(file_format: str) -> None:
    assert _drawn(file_format) == _drawn(file_format)


def test_a_notebooks_own_settings_change_nothing() -> None:
    before = _drawn("png")
    with matplotlib.rc_context({"font.family": ["serif"], "savefig.bbox": "tight", "svg.fonttype": "path"}):
        assert _drawn("png") == before


def test_the_kit_draws_without_pyplot(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would open windows, and take a notebook's own figures along."""
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    assert draw_matrix(Matrix([]))
    assert ranges_picture({}).png


def test_text_stays_text_and_is_no_formula() -> None:
    assert b"$HOME and &lt;b&gt;" in _drawn("svg")


def test_a_picture_has_its_text_for_those_who_do_not_see_it() -> None:
    shown = Picture(b"png", 'a "quoted" <text>')
    assert str(shown) == 'a "quoted" <text>'
    assert 'alt="a &quot;quoted&quot; &lt;text&gt;"' in shown._repr_html_()
