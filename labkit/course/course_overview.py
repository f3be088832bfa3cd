"""How a participant stands in the course: what is kept of them beside its lessons and exercises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from labkit.base.configuration import Configuration
from labkit.course.exercises import exercises_of
from labkit.course.lessons import lesson_names
from labkit.course.progress import progress_path
from labkit.course.progress_file import read_progress
from labkit.course.records import ExerciseRecord, LessonRecord, LessonRecordJson, Lessons

Course = dict[str, tuple[str, ...]]
"""The names of the exercises of each lesson, in the order taught."""


def the_course() -> Course:
    """The course as it is in this checkout."""
    return {name: tuple(exercise.name for exercise in exercises_of(name)) for name in lesson_names()}


class LessonOverviewJson(LessonRecordJson):
    """How a lesson stands: its counts before what is kept of it."""

    lesson: str
    passed: int
    of: int
    hints: int
    solutions: int
    minutes: int


class NextExercise(TypedDict):
    """What to go on with."""

    lesson: str
    exercise: str


class OverviewJson(TypedDict):
    """How a participant stands, as `labkit progress --json` prints it."""

    file: str | None
    lessons: list[LessonOverviewJson]
    next: NextExercise | None


@dataclass(frozen=True)
class LessonOverview:
    """How a lesson of the course stands.

    Args:
        lesson: the lesson.
        exercises: the names of all its exercises.
        kept: what is kept of it; None if it was never opened.
    """

    lesson: str
    exercises: tuple[str, ...]
    kept: LessonRecord | None

    @property
    def passed(self) -> int:
        """How many exercises were passed."""
        return sum(exercise.passed is not None for exercise in self._kept())

    @property
    def hints(self) -> int:
        """How many hints were read."""
        return sum(len(exercise.hints) for exercise in self._kept())

    @property
    def solutions(self) -> int:
        """How many solutions were shown before their exercise was passed."""
        return sum(exercise.solution_first for exercise in self._kept())

    @property
    def minutes(self) -> int:
        """Minutes of activity."""
        return round(self.kept.seconds / 60) if self.kept else 0

    @property
    def is_done(self) -> bool:
        """Whether it has exercises, and all were passed."""
        return self.passed == len(self.exercises) > 0

    @property
    def open_exercise(self) -> str | None:
        """The first exercise that was not passed."""
        kept = self.kept.exercises if self.kept else {}
        return next((name for name in self.exercises if name not in kept or kept[name].passed is None), None)

    def _kept(self) -> list[ExerciseRecord]:
        # An exercise that the course no longer has counts for nothing.
        kept = self.kept.exercises if self.kept else {}
        return [exercise for name, exercise in kept.items() if name in self.exercises]

    def to_dict(self) -> LessonOverviewJson:
        """As JSON-ready values."""
        nothing: LessonRecordJson = {"opened": None, "last": None, "seconds": 0, "exercises": {}}
        return {
            "lesson": self.lesson,
            "passed": self.passed,
            "of": len(self.exercises),
            "hints": self.hints,
            "solutions": self.solutions,
            "minutes": self.minutes,
            **(self.kept.to_dict() if self.kept else nothing),
        }


@dataclass(frozen=True)
class Overview:
    """How a participant stands in the course.

    Args:
        lessons: of the course, in the order taught.
        path: the file that it was read from; None if it does not matter.
    """

    lessons: tuple[LessonOverview, ...]
    path: Path | None = None

    @property
    def last(self) -> LessonOverview | None:
        """The lesson in which something was done last."""
        opened = [(lesson.kept.last, lesson) for lesson in self.lessons if lesson.kept]
        return max(opened, key=lambda pair: pair[0])[1] if opened else None

    @property
    def next(self) -> tuple[str, str] | None:
        """Lesson and exercise to go on with: in the lesson used last, else behind it, else before it."""
        start = self.lessons.index(self.last) if self.last else 0
        for lesson in (*self.lessons[start:], *self.lessons[:start]):
            if lesson.open_exercise:
                return lesson.lesson, lesson.open_exercise
        return None

    def to_dict(self) -> OverviewJson:
        """As JSON-ready values."""
        following = self.next
        return {
            "file": str(self.path) if self.path else None,
            "lessons": [lesson.to_dict() for lesson in self.lessons],
            "next": {"lesson": following[0], "exercise": following[1]} if following else None,
        }


def overview(kept: Lessons, course: Course, path: Path | None = None) -> Overview:
    """Put what is kept beside the course.

    Args:
        kept: of a participant.
        course: its lessons and exercises.
        path: the file that it was read from.
    """
    return Overview(tuple(LessonOverview(name, known, kept.get(name)) for name, known in course.items()), path)


def my_progress() -> Overview:
    """How the participant of this machine's lab stands.

    Raises:
        LabFailed: their file cannot be read; looking changes nothing.
    """
    path = progress_path(Configuration.from_environment())
    return overview(read_progress(path), the_course(), path)
