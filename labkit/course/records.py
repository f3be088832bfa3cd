"""What is kept of a participant's progress, and how an event changes it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from labkit.course.exercise import CheckVerdict

PAUSE_SECONDS = 600
"""How much of a gap between two events counts as activity, at most."""

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
"""What a lesson or an exercise can be called."""

_MOST_ENTRIES = 200
_MOST_HINTS = 99
_MOST = 10**9
_VERDICTS = ("", *map(str, CheckVerdict))


@dataclass(frozen=True)
class Event:
    """Something that the participant did.

    Args:
        kind: a lesson was opened, an exercise was checked, one of its hints was read, its solution was shown.
        lesson: the lesson.
        when: the time, in UTC and whole seconds.
        exercise: its name; empty where a lesson was opened.
        verdict: what a check said.
        number: of the hint.
    """

    kind: Literal["opened", "checked", "hinted", "shown"]
    lesson: str
    when: datetime
    exercise: str = ""
    verdict: str = ""
    number: int = 0


@dataclass(frozen=True)
class ExerciseRecord:
    """How an exercise stands.

    Args:
        last: when something was done about it the last time.
        verdict: of the last check; empty before the first.
        checks: how many there were.
        hints: the numbers of those that were read, in their order.
        passed: when it was passed first; None if it was not.
        shown: when the solution was shown first, if that was before it was passed.
    """

    last: datetime
    verdict: str = ""
    checks: int = 0
    hints: tuple[int, ...] = ()
    passed: datetime | None = None
    shown: datetime | None = None

    @property
    def solution_first(self) -> bool:
        """Whether the solution was shown before the exercise was passed."""
        return self.shown is not None and (self.passed is None or self.shown <= self.passed)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {
            "verdict": self.verdict,
            "checks": self.checks,
            "hints": list(self.hints),
            "passed": self.passed.isoformat() if self.passed else None,
            "shown": self.shown.isoformat() if self.shown else None,
            "last": self.last.isoformat(),
        }


@dataclass(frozen=True)
class LessonRecord:
    """How a lesson stands.

    Args:
        opened: when it was opened first.
        last: when something was done in it the last time.
        seconds: of activity: the gaps between its events, each with ten minutes at most. A gap that ends with the
            lesson being opened again is a break if it is longer than that, and counts nothing.
        exercises: those that were tried, by name.
    """

    opened: datetime
    last: datetime
    seconds: int = 0
    exercises: Mapping[str, ExerciseRecord] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {
            "opened": self.opened.isoformat(),
            "last": self.last.isoformat(),
            "seconds": self.seconds,
            "exercises": {name: one.to_dict() for name, one in self.exercises.items()},
        }


Lessons = Mapping[str, LessonRecord]
"""The lessons that were opened, by name."""


def after(lessons: Lessons, event: Event) -> Lessons:
    """What is kept after an event. Events that come late, after others of a later time, are in order too.

    Args:
        lessons: what was kept before.
        event: what was done.
    """
    old = lessons.get(event.lesson) or LessonRecord(event.when, event.when)
    exercises = dict(old.exercises)
    if event.exercise:
        before = exercises.get(event.exercise) or ExerciseRecord(event.when)
        exercises[event.exercise] = _exercise_after(before, event)
    new = LessonRecord(
        min(old.opened, event.when),
        max(old.last, event.when),
        min(_MOST, old.seconds + _activity(old.last, event)),
        exercises,
    )
    return {**lessons, event.lesson: new}


def _activity(last: datetime, event: Event) -> int:
    # A clock that was set back makes a gap of less than nothing.
    gap = max(0, int((event.when - last).total_seconds()))
    if event.kind == "opened" and gap > PAUSE_SECONDS:
        return 0
    return min(gap, PAUSE_SECONDS)


def _exercise_after(old: ExerciseRecord, event: Event) -> ExerciseRecord:
    verdict, checks, hints, passed, shown = old.verdict, old.checks, old.hints, old.passed, old.shown
    if event.kind == "checked":
        checks = min(_MOST, checks + 1)
        if not verdict or event.when >= old.last:
            verdict = event.verdict
        if event.verdict == CheckVerdict.PASSED:
            passed = min(passed or event.when, event.when)
    elif event.kind == "hinted":
        hints = tuple(sorted({*hints, event.number}))
    elif passed is None or event.when < passed:
        shown = min(shown or event.when, event.when)
    return ExerciseRecord(max(old.last, event.when), verdict, checks, hints, passed, shown)


def read_lessons(told: object) -> Lessons:
    """What a file says of the lessons.

    Args:
        told: what came out of its JSON; anything at all.

    Raises:
        ValueError: it makes no sense; the words name what, and repeat nothing that only the file knows.
    """
    return {name: _read_lesson(one, f"lesson {name}") for name, one in _entries(told, "lessons")}


def _read_lesson(told: Mapping[str, object], where: str) -> LessonRecord:
    exercises = {
        name: _read_exercise(one, f"{where}, exercise {name}")
        for name, one in _entries(told.get("exercises"), f"{where}, exercises")
    }
    opened, last = (_time(told.get(key), f"{where}, {key}") for key in ("opened", "last"))
    return LessonRecord(opened, last, _number(told.get("seconds"), f"{where}, seconds"), exercises)


def _read_exercise(told: Mapping[str, object], where: str) -> ExerciseRecord:
    verdict, hints = told.get("verdict"), told.get("hints")
    if not isinstance(verdict, str) or verdict not in _VERDICTS:
        raise ValueError(f"{where}: its verdict is none that a check gives")
    if not isinstance(hints, list) or len(hints) > _MOST_HINTS:
        raise ValueError(f"{where}: its hints are no list of numbers")
    numbers = {_number(one, f"{where}, hints", _MOST_HINTS) for one in hints}
    passed, shown = (
        None if told.get(key) is None else _time(told[key], f"{where}, {key}") for key in ("passed", "shown")
    )
    checks = _number(told.get("checks"), f"{where}, checks")
    return ExerciseRecord(
        _time(told.get("last"), f"{where}, last"), verdict, checks, tuple(sorted(numbers)), passed, shown
    )


def _entries(told: object, where: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    if not isinstance(told, dict):
        raise ValueError(f"{where}: an object is wanted")
    if len(told) > _MOST_ENTRIES:
        raise ValueError(f"{where}: there are more than {_MOST_ENTRIES}")
    for name, one in told.items():
        if not NAME.fullmatch(name):
            raise ValueError(f"{where}: one has a name that none can have")
        if not isinstance(one, dict):
            raise ValueError(f"{where}: {name} is no object")
        yield name, one


def _number(told: object, where: str, most: int = _MOST) -> int:
    if not isinstance(told, int) or isinstance(told, bool) or not 0 <= told <= most:
        raise ValueError(f"{where}: a whole number from 0 to {most} is wanted")
    return told


def _time(told: object, where: str) -> datetime:
    try:
        found = datetime.fromisoformat(told if isinstance(told, str) and len(told) <= 40 else "")
        if found.tzinfo is None:
            raise ValueError
        return found.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        raise ValueError(f"{where}: it is no time") from None
