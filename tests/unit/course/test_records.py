"""What an event changes, and that it is written and read again."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.course.records import Event, after, read_lessons

_START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

EVENTS = st.builds(
    Event,
    kind=st.sampled_from(["opened", "checked", "hinted", "shown"]),
    lesson=st.sampled_from(["01-one", "02-two"]),
    when=st.integers(0, 5000).map(lambda seconds: _START + timedelta(seconds=seconds)),
    exercise=st.sampled_from(["a", "b"]),
    verdict=st.sampled_from(["passed", "not yet", "not right"]),
    number=st.integers(1, 3),
)


@given(st.lists(EVENTS, max_size=12), st.randoms(use_true_random=False))
def test_but_for_seconds_and_solutions_the_order_of_arrival_does_not_matter(events: list[Event], dice: Any) -> None:
    def kept(order: list[Event]) -> object:
        lessons: Any = {}
        for event in order:
            lessons = after(lessons, event)
        return {
            (lesson, name): (exercise.checks, exercise.hints, exercise.passed, kept.opened, kept.last)
            for lesson, kept in lessons.items()
            for name, exercise in kept.exercises.items()
        }

    assert kept(events) == kept(dice.sample(events, len(events)))


@given(st.lists(EVENTS, max_size=12))
def test_each_event_is_found_again(events: list[Event]) -> None:
    lessons: Any = {}
    for event in events:
        lessons = after(lessons, event)
    assert set(lessons) == {event.lesson for event in events}
    for event in events:
        mine = [
            recorded for recorded in events if (recorded.lesson, recorded.exercise) == (event.lesson, event.exercise)
        ]
        kept = lessons[event.lesson].exercises[event.exercise]
        assert set(kept.hints) == {recorded.number for recorded in mine if recorded.kind == "hinted"}
        assert kept.checks == sum(recorded.kind == "checked" for recorded in mine)
        passed = [recorded.when for recorded in mine if (recorded.kind, recorded.verdict) == ("checked", "passed")]
        assert kept.passed == min(passed, default=None)
        assert kept.last == max(recorded.when for recorded in mine)


@given(st.lists(EVENTS, max_size=12))
def test_what_is_written_is_read_again(events: list[Event]) -> None:
    lessons: Any = {}
    for event in events:
        lessons = after(lessons, event)
    assert read_lessons(json.loads(json.dumps({name: lesson.to_dict() for name, lesson in lessons.items()}))) == lessons


def _file(**more: Any) -> dict[str, Any]:
    """A lesson as a file holds it, with one exercise that has other values."""
    time = "2026-01-02T03:04:05+00:00"
    exercise = {"verdict": "passed", "checks": 1, "hints": [], "passed": time, "shown": None, "last": time, **more}
    return {"07-a": {"opened": time, "last": time, "seconds": 0, "exercises": {"a": exercise}}}


def test_what_somebody_else_wrote_is_put_in_order() -> None:
    content = _file(hints=[3, 1, 3], last="2026-01-02T05:04:05.678+02:00", passed=None, colour="red")
    (lesson,) = read_lessons(content).values()
    exercise = lesson.exercises["a"]
    assert (exercise.hints, exercise.last.isoformat(), exercise.passed) == ((1, 3), _START.isoformat(), None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"verdict": "\x1b[2J"}, "matching regex"),
        ({"verdict": 1}, "got `int`"),
        ({"checks": -1}, ">= 0"),
        ({"checks": True}, "got `bool`"),
        ({"checks": 10**400}, "<="),
        ({"checks": 1.5}, "got `float`"),
        ({"hints": [100]}, "<= 99"),
        ({"hints": [1] * 100}, "length <= 99"),
        ({"hints": "1"}, "got `str`"),
        ({"hints": None}, "got `null`"),
        ({"last": "2026-01-02T03:04:05"}, "timezone"),
        ({"last": "yesterday"}, "RFC3339"),
        ({"last": None}, "got `null`"),
        ({"passed": "0001-01-01T00:00:00+14:00"}, "too early or too late"),
        ({"shown": "9999-12-31T23:59:59-14:00"}, "too early or too late"),
    ],
    ids=repr,
)
def test_what_makes_no_sense_is_refused_and_never_repeated(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read_lessons(_file(**values))
    assert str(error.value).isprintable()
    for value in values.values():
        if isinstance(value, str) and len(value) > 1:
            assert value not in str(error.value)


@pytest.mark.parametrize("field", ["verdict", "checks", "hints", "last"])
def test_a_field_that_is_missing_is_named(field: str) -> None:
    content = _file()
    del content["07-a"]["exercises"]["a"][field]
    with pytest.raises(ValueError, match=f"missing required field `{field}`"):
        read_lessons(content)


@pytest.mark.parametrize("name", ["A", "", "a b", "a\n", "-a", "a" * 81, "../a"])
def test_a_name_that_no_lesson_can_have_is_refused(name: str) -> None:
    (lesson,) = _file().values()
    with pytest.raises(ValueError, match="matching regex"):
        read_lessons({name: lesson})


def test_there_are_not_more_lessons_than_a_course_can_have() -> None:
    (lesson,) = _file().values()
    with pytest.raises(ValueError, match="length <= 200"):
        read_lessons({f"a{number}": lesson for number in range(201)})
