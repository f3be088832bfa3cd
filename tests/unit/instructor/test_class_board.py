"""What the page shows, made of records: who is where, who is stuck at what, what happened just now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from labkit.course.course_overview import the_course
from labkit.course.exercises import exercises_of
from labkit.course.hand import Hand
from labkit.course.lessons import lesson_names
from labkit.course.records import MOST_CHARACTERS, Event, Lessons, after
from labkit.course.stuck import stuck_exercises
from labkit.instructor.class_board import board
from labkit.instructor.record_source import Participant

_NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
_COURSE = the_course()
_LESSON = "07-run-as-non-root"


def _lessons(*events: tuple[str, str, int, dict[str, Any]]) -> Lessons:
    """Records of events: kind, exercise, minutes before now, and more."""
    lessons: Lessons = {}
    for kind, exercise, minutes, more in events:
        when = _NOW - timedelta(minutes=minutes)
        lessons = after(lessons, Event(kind, _LESSON, when, exercise, **more))  # type: ignore[arg-type]
    return lessons


def _participant(number: int, lessons: Lessons, **more: Any) -> Participant:
    since = _NOW - timedelta(hours=1)
    return Participant(number, f"P{number}", lessons, timedelta(), since, _NOW, **more)


def _wrong(exercise: str, diagnosis: str, minutes: int = 5) -> Lessons:
    return _lessons(("checked", exercise, minutes, {"verdict": "not right", "diagnosis": diagnosis}))


def test_a_row_says_where_somebody_is_how_far_and_since_when() -> None:
    lessons = _lessons(
        ("opened", "", 30, {}),
        ("hinted", "which-cause", 25, {"number": 2}),
        ("checked", "which-cause", 20, {"verdict": "passed"}),
        ("checked", "all-of-them", 12, {"verdict": "not yet"}),
    )
    (row,) = board([_participant(1, lessons)], _COURSE, _NOW)["participants"]
    assert (row["lesson"], row["idle"], row["passed"], row["hints"]) == (_LESSON, 720, 1, 1)
    assert (row["away"], row["hand"]) == (False, None)
    assert row["cells"] == {
        f"{_LESSON}/which-cause": ["passed", 1, 1, False, ""],
        f"{_LESSON}/all-of-them": ["not yet", 1, 0, False, ""],
    }


def test_whoever_was_not_heard_of_for_a_minute_is_away() -> None:
    late = _NOW + timedelta(seconds=61)
    (row,) = board([_participant(1, {})], _COURSE, late)["participants"]
    assert (row["away"], row["lesson"], row["idle"]) == (True, "", 3661)


def test_the_three_exercises_where_most_are_stuck_come_with_the_diagnosis_that_most_got() -> None:
    people = [
        *(_participant(number, _wrong("which-cause", "contradiction")) for number in range(3)),
        *(_participant(number, _wrong("which-cause", "nobody looks at the image any more")) for number in (3, 4)),
        _participant(5, _lessons(("checked", "which-cause", 3, {"verdict": "passed"}))),
        *(_participant(number, _wrong("in-the-container", "runs")) for number in (6, 7)),
        _participant(8, _lessons(("hinted", "all-of-them", 3, {"number": 1}))),
        # The cell as it was given is no trouble: everybody runs it.
        *(_participant(number, _lessons(("checked", "all-of-them", 3, {"verdict": "not yet"}))) for number in (9, 10)),
    ]
    rows = stuck_exercises([participant.lessons for participant in people], _COURSE)
    assert [(row.exercise, row.stuck, row.tried, row.passed) for row in rows] == [
        ("which-cause", 5, 6, 1),
        ("in-the-container", 2, 2, 0),
        ("all-of-them", 1, 3, 0),
    ]
    assert (rows[0].diagnosis, rows[0].diagnosed) == ("\u201ccontradiction\u201d", 3)
    assert rows[1].diagnosis.startswith("not met: runs (\u201cMake it run")
    assert (rows[2].diagnosis, rows[2].diagnosed) == ("", 0)


@pytest.mark.parametrize("made_up", ["<b>nobody said this</b>", "passed", "x" * 200])
def test_a_diagnosis_that_the_course_does_not_know_is_not_shown(made_up: str) -> None:
    values = board([_participant(1, _wrong("which-cause", made_up))], _COURSE, _NOW)
    assert values["stuck"][0]["diagnosis"] == ""
    assert made_up not in str(values["news"]) or made_up == "passed"


def test_passing_takes_the_diagnosis_away() -> None:
    lessons = after(_wrong("which-cause", "contradiction"), Event("checked", _LESSON, _NOW, "which-cause", "passed"))
    values = board([_participant(1, lessons)], _COURSE, _NOW)
    assert values["stuck"] == []
    assert values["participants"][0]["cells"][f"{_LESSON}/which-cause"][0] == "passed"


def test_the_news_are_of_the_last_ten_minutes_the_last_first() -> None:
    people = [
        _participant(1, _lessons(("opened", "", 9, {}), ("checked", "which-cause", 4, {"verdict": "passed"}))),
        _participant(2, _lessons(("opened", "", 40, {}), ("hinted", "all-of-them", 2, {"number": 3}))),
        _participant(3, _wrong("which-cause", "contradiction", 11)),
        _participant(4, {}, hand=Hand(_NOW - timedelta(minutes=3), "why?")),
    ]
    news = board(people, _COURSE, _NOW)["news"]
    assert [(event["number"], event["seconds"], event["text"]) for event in news] == [
        (2, 120, "07 all-of-them: hint 3 read"),
        (4, 180, "hand raised: why?"),
        (1, 240, "07 which-cause: passed"),
        (1, 540, f"opened {_LESSON}"),
    ]


def test_nobody_is_a_class_too() -> None:
    values = board([], _COURSE, _NOW)
    assert (values["participants"], values["stuck"], values["news"]) == ([], [], [])
    assert sum(len(lesson["exercises"]) for lesson in values["lessons"]) == sum(map(len, _COURSE.values()))


def test_every_diagnosis_of_the_course_can_be_kept_and_told() -> None:
    for lesson in lesson_names():
        for exercise in exercises_of(lesson):
            known = [demand.name for demand in exercise.demands] + [wrong.diagnosis for wrong in exercise.wrong]
            for diagnosis in known:
                assert 0 < len(diagnosis) <= MOST_CHARACTERS
                told = exercise.describe_diagnosis(diagnosis)
                assert told
                assert "**" not in told
