"""What is kept of a participant's progress, and how an event changes it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal, NotRequired, TypedDict

import msgspec
from msgspec import Meta

from labkit.course.judging.assessment import CheckVerdict

PAUSE_SECONDS = 600
"""How much of a gap between two events counts as activity, at most."""

MOST_CHARACTERS = 200
"""How long a question, a guess or a diagnosis may be."""

_LARGEST = 10**9
_VERDICTS = "|".join(map(str, CheckVerdict))

# What a file may hold, whoever wrote it. The verdict is no enumeration: msgspec would repeat an unknown one in its
# message, and what somebody else wrote is not shown unchecked.
_Name = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,79}\Z")]
_Verdict = Annotated[str, Meta(pattern=rf"\A({_VERDICTS})?\Z")]
_Count = Annotated[int, Meta(ge=0, le=_LARGEST)]
_Moment = Annotated[datetime, Meta(tz=True)]
_Hints = Annotated[tuple[Annotated[int, Meta(ge=0, le=99)], ...], Meta(max_length=99)]
_MOST_ENTRIES = Meta(max_length=200)
_Diagnosis = Annotated[str, Meta(max_length=MOST_CHARACTERS)]
_Text = Annotated[str, Meta(min_length=1, max_length=MOST_CHARACTERS)]


@dataclass(frozen=True)
class Event:
    """Something that the participant did.

    Args:
        kind: a lesson was opened, an exercise was checked, one of its hints was read, its solution was shown, or an
            answer was guessed.
        lesson: the lesson.
        when: the time, in UTC and whole seconds.
        exercise: its name; empty where a lesson was opened.
        verdict: what a check said.
        number: of the hint.
        question: what was guessed at.
        choice: what was guessed.
        late: whether the answer had been seen.
        diagnosis: which of the course's own diagnoses a check gave; empty for none of them.
    """

    kind: Literal["opened", "checked", "hinted", "shown", "guessed"]
    lesson: str
    when: datetime
    exercise: str = ""
    verdict: str = ""
    number: int = 0
    question: str = ""
    choice: str = ""
    late: bool = False
    diagnosis: str = ""


class ExerciseRecordJson(TypedDict):
    """What is kept of an exercise; moments as ISO 8601 has them."""

    verdict: str
    checks: int
    hints: list[int]
    passed: str | None
    shown: str | None
    last: str
    diagnosis: NotRequired[str]


class GuessJson(TypedDict):
    """What was guessed, and when."""

    choice: str
    when: str
    late: bool


class LessonRecordJson(TypedDict):
    """What is kept of a lesson: exercises by their names, guesses by their questions. Nulls if nothing was done."""

    opened: str | None
    last: str | None
    seconds: int
    exercises: dict[str, ExerciseRecordJson]
    guesses: NotRequired[dict[str, GuessJson]]


class ExerciseRecord(msgspec.Struct, frozen=True):
    """How an exercise stands.

    Args:
        last: when something was done about it the last time.
        verdict: of the last check; empty before the first.
        checks: how many there were.
        hints: the numbers of those that were read, in their order.
        passed: when it was passed first; None if it was not.
        shown: when the solution was shown first, if that was before it was passed.
        diagnosis: which of the course's own diagnoses the last check gave; empty for none of them.
    """

    last: _Moment
    verdict: _Verdict
    checks: _Count
    hints: _Hints
    passed: _Moment | None = None
    shown: _Moment | None = None
    diagnosis: _Diagnosis = ""

    @property
    def solution_first(self) -> bool:
        """Whether the solution was shown before the exercise was passed."""
        return self.shown is not None and (self.passed is None or self.shown <= self.passed)

    def to_dict(self) -> ExerciseRecordJson:
        """As JSON-ready values."""
        values: ExerciseRecordJson = {
            "verdict": self.verdict,
            "checks": self.checks,
            "hints": list(self.hints),
            "passed": self.passed.isoformat() if self.passed else None,
            "shown": self.shown.isoformat() if self.shown else None,
            "last": self.last.isoformat(),
        }
        if self.diagnosis:
            values["diagnosis"] = self.diagnosis
        return values


class GuessRecord(msgspec.Struct, frozen=True):
    """What was guessed.

    Args:
        choice: the option that was chosen.
        when: the last time before the answer was seen.
        late: whether the answer had been seen; such a guess never takes the place of an earlier one.
    """

    choice: _Text
    when: _Moment
    late: bool = False

    def to_dict(self) -> GuessJson:
        """As JSON-ready values."""
        return {"choice": self.choice, "when": self.when.isoformat(), "late": self.late}


class LessonRecord(msgspec.Struct, frozen=True):
    """How a lesson stands.

    Args:
        opened: when it was opened first.
        last: when something was done in it the last time.
        seconds: of activity: the gaps between its events, each with ten minutes at most. A gap that ends with the
            lesson being opened again is a break if it is longer than that, and counts nothing.
        exercises: those that were tried, by name.
        guesses: what was guessed, by the question.
    """

    opened: _Moment
    last: _Moment
    seconds: _Count
    exercises: Annotated[dict[_Name, ExerciseRecord], _MOST_ENTRIES]
    guesses: Annotated[dict[_Text, GuessRecord], _MOST_ENTRIES] = {}

    def to_dict(self) -> LessonRecordJson:
        """As JSON-ready values."""
        values: LessonRecordJson = {
            "opened": self.opened.isoformat(),
            "last": self.last.isoformat(),
            "seconds": self.seconds,
            "exercises": {name: exercise.to_dict() for name, exercise in self.exercises.items()},
        }
        if self.guesses:
            values["guesses"] = {question: guess.to_dict() for question, guess in self.guesses.items()}
        return values


Lessons = Mapping[str, LessonRecord]
"""The lessons that were opened, by name."""

_Lessons = Annotated[dict[_Name, LessonRecord], _MOST_ENTRIES]


def after(lessons: Lessons, event: Event) -> Lessons:
    """What is kept after an event. Events that come late, after others of a later time, are in order too.

    Args:
        lessons: what was kept before.
        event: what was done.
    """
    old = lessons.get(event.lesson) or LessonRecord(event.when, event.when, 0, {})
    exercises = dict(old.exercises)
    if event.exercise:
        before = exercises.get(event.exercise) or ExerciseRecord(event.when, "", 0, ())
        exercises[event.exercise] = _exercise_after(before, event)
    guesses = dict(old.guesses)
    if event.question and not (event.late and event.question in guesses):
        guesses[event.question] = GuessRecord(event.choice, event.when, event.late)
    new = LessonRecord(
        min(old.opened, event.when),
        max(old.last, event.when),
        min(_LARGEST, old.seconds + _activity(old.last, event)),
        exercises,
        guesses,
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
    diagnosis = old.diagnosis
    if event.kind == "checked":
        checks = min(_LARGEST, checks + 1)
        if not verdict or event.when >= old.last:
            verdict, diagnosis = event.verdict, event.diagnosis
        if event.verdict == CheckVerdict.PASSED:
            passed = min(passed or event.when, event.when)
    elif event.kind == "hinted":
        hints = tuple(sorted({*hints, event.number}))
    elif passed is None or event.when < passed:
        shown = min(shown or event.when, event.when)
    return ExerciseRecord(max(old.last, event.when), verdict, checks, hints, passed, shown, diagnosis)


def read_lessons(content: object) -> Lessons:
    """The lessons that a file holds.

    Args:
        content: what came out of its JSON; anything at all.

    Raises:
        ValueError: it makes no sense; the message says where, and repeats nothing that only the file knows.
    """
    lessons = msgspec.convert(content, _Lessons)
    try:
        return {name: _normal_lesson(lesson) for name, lesson in lessons.items()}
    except OverflowError:
        raise ValueError("a time in it is too early or too late to compute with") from None


def _normal_lesson(lesson: LessonRecord) -> LessonRecord:
    exercises = {name: _normal_exercise(exercise) for name, exercise in lesson.exercises.items()}
    guesses = {
        question: GuessRecord(guess.choice, _normal_time(guess.when), guess.late)
        for question, guess in lesson.guesses.items()
    }
    return LessonRecord(_normal_time(lesson.opened), _normal_time(lesson.last), lesson.seconds, exercises, guesses)


def _normal_exercise(exercise: ExerciseRecord) -> ExerciseRecord:
    passed, shown = (moment and _normal_time(moment) for moment in (exercise.passed, exercise.shown))
    hints = tuple(sorted(set(exercise.hints)))
    last = _normal_time(exercise.last)
    return ExerciseRecord(last, exercise.verdict, exercise.checks, hints, passed, shown, exercise.diagnosis)


def _normal_time(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
