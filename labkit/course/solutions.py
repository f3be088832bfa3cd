"""The answer key of a lesson, for an instructor. Pure."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

from labkit.course.exercise import Exercise
from labkit.course.exercises import exercises_of
from labkit.course.lessons import require_lesson


@dataclass(frozen=True, repr=False)
class AnswerKey:
    """All that the kit knows of a lesson's answers; tests try each of them on a real lab.

    Args:
        lesson: the notebook's name without its ending.
        exercises: its exercises, in the notebook's order.
    """

    lesson: str
    exercises: tuple[Exercise, ...]

    @classmethod
    def of(cls, lesson: str) -> AnswerKey:
        """The answer key of a lesson.

        Raises:
            Misuse: there is no such lesson.
        """
        return cls(require_lesson(lesson), exercises_of(lesson))

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {"lesson": self.lesson, "exercises": [_values(exercise) for exercise in self.exercises]}

    def __str__(self) -> str:
        if not self.exercises:
            return f"{self.lesson} has no exercises."
        return "\n\n".join([self.lesson, *map(_printed, self.exercises)])

    __repr__ = __str__


def _values(exercise: Exercise) -> dict[str, Any]:
    return {
        "id": exercise.name,
        "kind": exercise.kind,
        "hints": list(exercise.hints),
        "solution": exercise.solution.strip(),
        "other_solutions": [code.strip() for code in exercise.others],
        "wrong_answers": [{"answer": wrong.code.strip(), "diagnosis": wrong.diagnosis} for wrong in exercise.wrong],
    }


def _printed(exercise: Exercise) -> str:
    parts = [f"{exercise.name} ({exercise.kind})", _block("a solution", exercise.solution)]
    parts += [_block("another solution", code) for code in exercise.others]
    for wrong in exercise.wrong:
        parts.append(_block(f'wrong, and the check says "... {wrong.diagnosis} ..."', wrong.code))
    return "\n".join(parts)


def _block(title: str, code: str) -> str:
    return f"  {title}:\n{textwrap.indent(code.strip(), '      ')}"
