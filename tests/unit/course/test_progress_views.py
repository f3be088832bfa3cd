"""How progress looks; what others handed in cannot become markup or a formula."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.course.course_overview import overview
from labkit.course.handing_in import showable
from labkit.course.progress_views import progress_table, report_csv, report_html, report_table
from labkit.course.records import Event, after
from labkit.course.reports import HandedIn, Report, Unread

_COURSE = {"00-start": (), "01-one": ("a", "b"), "02-two": ("c",)}
_START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _kept() -> Any:
    lessons: Any = {}
    for seconds, kind, lesson, exercise, verdict in (
        (0, "opened", "01-one", "", ""),
        (90, "hinted", "01-one", "a", ""),
        (180, "checked", "01-one", "a", "passed"),
        (240, "shown", "01-one", "b", ""),
        (300, "checked", "02-two", "c", "passed"),
        (360, "checked", "02-two", "gone-from-the-course", "passed"),
    ):
        when = _START + timedelta(seconds=seconds)
        lessons = after(lessons, Event(kind, lesson, when, exercise, verdict, 1))  # type: ignore[arg-type]
    return lessons


def _report(*names: str, unread: tuple[Unread, ...] = ()) -> Report:
    rows = [HandedIn(f"{number}.json", name, overview(_kept(), _COURSE)) for number, name in enumerate(names)]
    return Report(_COURSE, tuple(rows), unread)


def test_one_participant() -> None:
    lines = [line.split() for line in str(progress_table(overview(_kept(), _COURSE))).splitlines()]
    assert lines[2] == ["00-start", "-", "0", "0", "0"]
    assert lines[3] == ["01-one", "1", "of", "2", "1", "1", "4", "a:", "passed"]
    assert ["02-two", "1", "of", "1", "0", "0", "1", "c:", "passed"] in lines
    assert " ".join(lines[-1]) == "Next: b, in notebooks/01-one.ipynb"


def test_what_comes_next_is_a_link_on_a_page() -> None:
    page = progress_table(overview(_kept(), _COURSE))._repr_html_()
    assert 'Next: b, in <a href="01-one.ipynb">notebooks/01-one.ipynb</a>' in page


def test_a_lesson_that_was_opened_and_not_tried_says_so() -> None:
    kept: Any = after({}, Event("opened", "01-one", _START))
    kept = after(kept, Event("opened", "00-start", _START))
    with_exercises, without = sorted(str(progress_table(overview(kept, _COURSE))).splitlines()[2:4], reverse=True)
    assert with_exercises.endswith("opened, none tried")
    assert without.split() == ["00-start", "-", "0", "0", "0"]


def test_many_participants() -> None:
    told = str(report_table(_report("Ann", "Ann", "", unread=(Unread("bad.json", "it is empty"),))))
    assert told.splitlines()[2].split() == [
        *("Ann", "1", "of", "2", "2", "of", "3", "1", "1", "5"),
        *("02-two,", "c,", "2026-01-02", "03:10", "UTC", "0.json"),
    ]
    assert "(no name)" in told
    assert "not read: bad.json: it is empty" in told
    assert "more than one file carries the name Ann" in told


def test_the_report_says_where_most_are_stuck_and_what_they_were_told() -> None:
    course: dict[str, tuple[str, ...]] = {"07-run-as-non-root": ("which-cause", "all-of-them")}
    rows = []
    for number, diagnosis in enumerate(["contradiction", "contradiction", "nobody looks at the image any more"]):
        event = Event("checked", "07-run-as-non-root", _START, "which-cause", "not right", diagnosis=diagnosis)
        rows.append(HandedIn(f"{number}.json", f"P{number}", overview(after({}, event), course)))
    report = Report(course, tuple(rows), ())
    sentence = "07-run-as-non-root, which-cause: 3 of 3 who tried it are stuck; 2 of them: \u201ccontradiction\u201d"
    assert f"most are stuck at {sentence}" in report_table(report).text()
    assert f"<li>{sentence}</li>" in report_html(report)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\uff1d", "  ="])
def test_no_cell_of_the_csv_is_a_formula(start: str) -> None:
    (row,) = csv.DictReader(io.StringIO(report_csv(_report(f'{start}HYPERLINK("x","y")'))))
    assert row["name"] == f'\'{start}HYPERLINK("x","y")'


@given(st.lists(st.text().map(showable), max_size=3), st.text().map(showable))
def test_names_and_reasons_come_through_csv_and_never_as_formulas(names: list[str], why: str) -> None:
    text = report_csv(_report(*names, unread=(Unread(why, why),)))
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == len(names) + 2
    assert {len(row) for row in rows} == {11}
    for row in rows:
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
    assert [row[0].removeprefix("'") for row in rows[1:-1]] == [name.removeprefix("'") for name in names]


@given(st.text().map(showable))
def test_html_is_escaped(name: str) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    page = report_html(_report(attack, name + attack, unread=(Unread(attack, attack),)))
    assert "<script" not in page
    assert "<img" not in page
    assert "default-src 'none'" in page


def test_the_page_says_where_the_class_is_stuck() -> None:
    page = report_html(_report("Ann", "Bob"))
    cells = ["01-one", "b", "2", "0", "0", "2"]
    plain = page.replace("</td>", "|")
    at = plain.index(">b|")
    assert [part.rpartition(">")[2] for part in plain[at - 5 :].split("|")[:5]] == cells[1:]
