"""The answer key of a lesson, for an instructor."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypedDict

from labkit.course.answer_files import AnswerFile
from labkit.course.checking import in_file
from labkit.course.exercise import Exercise
from labkit.course.exercises import exercises_of
from labkit.course.lessons import require_lesson


class AnswerKeyJson(TypedDict):
    """The exercises of a lesson with their answers, as `labkit solutions --json` prints them."""

    lesson: str
    exercises: list[dict[str, object]]


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
    def of(cls, lesson: str) -> Self:
        """That of a lesson.

        Raises:
            Misuse: there is no such lesson.
        """
        return cls(require_lesson(lesson), exercises_of(lesson))

    def to_dict(self) -> AnswerKeyJson:
        """As JSON-ready values."""
        return {"lesson": self.lesson, "exercises": [self._values(exercise) for exercise in self.exercises]}

    def __str__(self) -> str:
        if not self.exercises:
            return f"{self.lesson} has no exercises."
        return "\n\n".join([self.lesson, *map(self._printed, self.exercises)])

    __repr__ = __str__

    def _values(self, exercise: Exercise) -> dict[str, object]:
        return {
            "id": exercise.name,
            "kind": exercise.kind,
            "hints": list(exercise.hints),
            **({"file": exercise.file} if exercise.file else {}),
            "solution": _value(exercise, exercise.solution),
            "other_solutions": [_value(exercise, code) for code in exercise.others],
            "wrong_answers": [
                {"answer": _value(exercise, wrong.code), "diagnosis": wrong.diagnosis} for wrong in exercise.wrong
            ],
        }

    def _printed(self, exercise: Exercise) -> str:
        solution = AnswerFile.of(exercise, exercise.solution)
        parts = [f"{exercise.name} ({exercise.kind})", _block("a solution", exercise.solution, solution)]
        if solution is not None:
            parts.append("  What follows is compared with it.")
        others = [("another solution", code) for code in exercise.others]
        wrong = [(f'wrong, and the check says "... {wrong.diagnosis} ..."', wrong.code) for wrong in exercise.wrong]
        for title, code in [*others, *wrong]:
            parts.append(_block(title, code, AnswerFile.of(exercise, code), solution))
        return "\n".join(parts)


class CommonMistakes(AnswerKey):
    """Of an answer key what people get wrong: an answer or its part in a line, and what the check says to it."""

    def _values(self, exercise: Exercise) -> dict[str, object]:
        mistakes = [
            {"answer": changed_lines(exercise, wrong.code), "diagnosis": wrong.diagnosis} for wrong in exercise.wrong
        ]
        return {"id": exercise.name, "kind": exercise.kind, "mistakes": mistakes}

    def _printed(self, exercise: Exercise) -> str:
        parts = [f"{exercise.name} ({exercise.kind})"]
        for wrong in exercise.wrong:
            parts += [*_first(changed_lines(exercise, wrong.code)), f"      -> ... {wrong.diagnosis} ..."]
        return "\n".join(parts)


def changed_lines(exercise: Exercise, wrong: str) -> list[str]:
    """The lines that a wrong answer has and the solution most like it has not; if none, `without` and those it lacks.

    Args:
        exercise: whose solutions are compared.
        wrong: the code of the wrong answer.
    """
    solutions = (exercise.solution, *exercise.others)
    compared = [list(difflib.ndiff(_stripped(solution), _stripped(wrong))) for solution in solutions]
    lines = min(compared, key=lambda lines: sum(line[0] in "+-" for line in lines))
    more = [line[2:] for line in lines if line.startswith("+ ")]
    return more or [f"without {line[2:]}" for line in lines if line.startswith("- ")]


def _stripped(code: str) -> list[str]:
    return [line.strip() for line in code.splitlines() if line.strip()]


_MOST_LINES, _MOST_CHARACTERS = 3, 160


def _first(lines: Sequence[str]) -> list[str]:
    more = [f"  (and {len(lines) - _MOST_LINES} more lines)"] if len(lines) > _MOST_LINES else []
    return [f"  {textwrap.shorten(line, _MOST_CHARACTERS, placeholder='...')}" for line in lines[:_MOST_LINES]] + more


def _block(title: str, code: str, file: AnswerFile | None, solution: AnswerFile | None = None) -> str:
    """An answer: what changes in its file, or the code of its cell.

    Args:
        title: above it.
        code: of the cell.
        file: what the code fills; None for an answer that is a cell.
        solution: what the file is compared with; what participants get if left out.
    """
    if file is None:
        return f"  {title}:\n{_indented(code.strip())}"
    lines, before = file.changes(solution.content if solution else ""), file.before
    if solution is None:
        title += f", {in_file(file.name)}"
    elif before == solution.before:
        before = ""
    elif not before:
        title += ", without what runs first"
    elif not lines:
        title += ", the file as in the solution"
    return "\n".join([f"  {title}:", *(_indented(part) for part in (before, "\n".join(lines)) if part)])


def _indented(text: str) -> str:
    return textwrap.indent(text, "      ")


def _value(exercise: Exercise, code: str) -> str:
    """An answer: what its file holds then, or the code of its cell."""
    file = AnswerFile.of(exercise, code)
    if file is None:
        return code.strip()
    return f"{file.before}\n\n{file.content}" if file.before else file.content
