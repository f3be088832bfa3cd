"""What an event changes, and that it is written and read again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

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
            (lesson, name): (one.checks, one.hints, one.passed, kept.opened, kept.last)
            for lesson, kept in lessons.items()
            for name, one in kept.exercises.items()
        }

    assert kept(events) == kept(dice.sample(events, len(events)))


@given(st.lists(EVENTS, max_size=12))
def test_each_event_is_found_again(events: list[Event]) -> None:
    lessons: Any = {}
    for event in events:
        lessons = after(lessons, event)
    assert set(lessons) == {event.lesson for event in events}
    for event in events:
        mine = [one for one in events if (one.lesson, one.exercise) == (event.lesson, event.exercise)]
        kept = lessons[event.lesson].exercises[event.exercise]
        assert set(kept.hints) == {one.number for one in mine if one.kind == "hinted"}
        assert kept.checks == sum(one.kind == "checked" for one in mine)
        passed = [one.when for one in mine if (one.kind, one.verdict) == ("checked", "passed")]
        assert kept.passed == min(passed, default=None)
        assert kept.last == max(one.when for one in mine)


@given(st.lists(EVENTS, max_size=12))
def test_what_is_written_is_read_again(events: list[Event]) -> None:
    lessons: Any = {}
    for event in events:
        lessons = after(lessons, event)
    assert read_lessons(json.loads(json.dumps({name: one.to_dict() for name, one in lessons.items()}))) == lessons
