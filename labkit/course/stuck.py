"""Where a class is stuck: at what most have tried and not passed, and what the checks said to most of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from labkit.course.course_overview import Course
from labkit.course.exercise import Exercise
from labkit.course.exercises import exercises_of
from labkit.course.judging.assessment import CheckVerdict
from labkit.course.records import ExerciseRecord, Lessons

MOST_STUCK = 3


@dataclass(frozen=True)
class StuckExercise:
    """An exercise that some have tried and not passed.

    Args:
        lesson: its lesson.
        exercise: its name.
        stuck: how many are stuck at it.
        tried: how many have tried it.
        passed: how many have passed it.
        diagnosis: what the last check said to most of the stuck ones, in the course's words; empty if it is unknown.
        diagnosed: how many of them got that.
    """

    lesson: str
    exercise: str
    stuck: int
    tried: int
    passed: int
    diagnosis: str
    diagnosed: int

    def __str__(self) -> str:
        told = f"; {self.diagnosed} of them: {self.diagnosis}" if self.diagnosis else ""
        return f"{self.lesson}, {self.exercise}: {self.stuck} of {self.tried} who tried it are stuck{told}"


def is_stuck(record: ExerciseRecord) -> bool:
    """Whether somebody has tried it and not passed it: a check said *not right*, or they asked for help.

    *Not yet* alone is the cell as it was given, which everybody runs.
    """
    return record.passed is None and (record.verdict == CheckVerdict.NOT_RIGHT or bool(record.hints))


def diagnosis_text(lesson: str, exercise: str, record: ExerciseRecord) -> str:
    """What the last check said, in the course's words; empty if that is unknown, or no longer so."""
    if record.passed is not None or not record.diagnosis:
        return ""
    known = _exercises(lesson).get(exercise)
    return (known.describe_diagnosis(record.diagnosis) if known else None) or ""


@cache
def _exercises(lesson: str) -> dict[str, Exercise]:
    # Looking for a module each time would take most of what a page takes.
    return {exercise.name: exercise for exercise in exercises_of(lesson)}


def stuck_exercises(class_lessons: Sequence[Lessons], course: Course) -> list[StuckExercise]:
    """The three exercises where most are stuck, worst first.

    Args:
        class_lessons: what each participant has done.
        course: its lessons and exercises.
    """
    rows = []
    for lesson, names in course.items():
        kept = [lessons[lesson].exercises for lessons in class_lessons if lesson in lessons]
        for name in names:
            records = [exercises[name] for exercises in kept if name in exercises]
            stuck = [record for record in records if is_stuck(record)]
            if not stuck:
                continue
            diagnoses = Counter(filter(None, (diagnosis_text(lesson, name, record) for record in stuck)))
            diagnosis, diagnosed = diagnoses.most_common(1)[0] if diagnoses else ("", 0)
            passed = sum(record.passed is not None for record in records)
            rows.append(StuckExercise(lesson, name, len(stuck), len(records), passed, diagnosis, diagnosed))
    return sorted(rows, key=lambda row: (-row.stuck, row.passed))[:MOST_STUCK]
