"""Checks, hints and solutions as a participant meets them; each use goes into the participant's progress."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from labkit.base.errors import Misuse
from labkit.course.exercise import CheckVerdict, Exercise, Found, not_right, not_yet
from labkit.course.exercises import exercises_of, find_exercise
from labkit.course.progress import Progress
from labkit.course.world import World

if TYPE_CHECKING:
    from labkit.notebook import Lesson

STRICT = "LABKIT_STRICT"
"""Set to 1, a check that is not passed raises; set to `untouched`, one that is anything but *not yet* does."""


class NotPassed(AssertionError):
    """A check did not say what a test of the course expects."""

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: the sentence is enough."""
        return [f"{type(self).__name__}: {self}"]


@dataclass(frozen=True, repr=False)
class CheckResult:
    """What a check says.

    Args:
        lesson: the lesson.
        exercise: its name.
        verdict: passed, not yet or not right.
        words: what was seen.
        hints_left: how many hints have not been asked for.
    """

    lesson: str
    exercise: str
    verdict: CheckVerdict
    words: str
    hints_left: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)

    def __str__(self) -> str:
        more = ""
        if self.verdict is not CheckVerdict.PASSED:
            name = f'("{self.exercise}")'
            more = f"\nA hint: lab.hint{name}, {self.hints_left} left. A solution: lab.solution{name}."
        return f"{self.exercise}: {self.verdict}. {self.words}{more}"

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Hint:
    """A hint, or the solution.

    Args:
        exercise: its name.
        title: which hint it is.
        text: the hint.
        is_code: whether the text is code.
    """

    exercise: str
    title: str
    text: str
    is_code: bool = False

    def __str__(self) -> str:
        return f"{self.exercise}, {self.title}:\n{self.text}"

    __repr__ = __str__


class Checking:
    """The exercises of one opened lesson.

    Args:
        lab: the lesson.
        progress: the participant's.
    """

    def __init__(self, lab: Lesson, progress: Progress) -> None:
        self._lab, self._progress = lab, progress

    def check(self, name: str, answer: object = None) -> CheckResult:
        """Look at the world and say how an exercise stands.

        Args:
            name: of the exercise.
            answer: what the participant's cell gave, where the exercise asks for one.

        Raises:
            Misuse: the lesson has no such exercise.
            LabError: the lab went away.
            NotPassed: it is not as LABKIT_STRICT wants it.
        """
        exercise = find_exercise(self._lab.name, name)
        found = _look(exercise, World(self._lab), answer)
        self._progress.checked(self._lab.name, name, str(found.verdict))
        left = len(exercise.hints) - self._progress.hints_used(self._lab.name, name)
        result = CheckResult(self._lab.name, name, found.verdict, found.words, left)
        wanted = {"1": CheckVerdict.PASSED, "untouched": CheckVerdict.NOT_YET}.get(os.environ.get(STRICT, ""))
        if wanted is not None and found.verdict is not wanted:
            raise NotPassed(f"{wanted} was expected; {result}")
        return result

    def hint(self, name: str, number: int | None = None) -> Hint:
        """The next hint of an exercise, or one by its number; the last one again when there are no more.

        Raises:
            Misuse: there is no such exercise, or no hint of that number.
        """
        exercise = find_exercise(self._lab.name, name)
        count = len(exercise.hints)
        if number is None:
            number = min(self._progress.hints_used(self._lab.name, name) + 1, count)
        if not isinstance(number, int) or not 1 <= number <= count:
            raise Misuse(f"Looking for hint {number!r}", f"there are hints 1 to {count}", f'lab.hint("{name}")')
        self._progress.hinted(self._lab.name, name, number)
        return Hint(name, f"hint {number} of {count}", exercise.hints[number - 1])

    def solution(self, name: str) -> Hint:
        """The solution of an exercise; that it was looked at is noted, and no shame.

        Raises:
            Misuse: there is no such exercise.
        """
        exercise = find_exercise(self._lab.name, name)
        self._progress.shown(self._lab.name, name)
        return Hint(name, "a solution", exercise.solution.strip(), is_code=True)

    def standing(self) -> tuple[int, int]:
        """How many of the lesson's exercises are passed, and how many there are."""
        names = [one.name for one in exercises_of(self._lab.name)]
        return sum(self._progress.is_passed(self._lab.name, name) for name in names), len(names)


def _look(exercise: Exercise, world: World, answer: object) -> Found:
    if exercise.answers is not None:
        if answer is None or answer is ...:
            return not_yet("There is no answer in the cell yet.")
        if not isinstance(answer, exercise.answers) or (isinstance(answer, bool) and exercise.answers is int):
            wanted = {str: "a text in quotes", int: "a whole number", list: "a list", dict: "a mapping"}
            return not_right(
                f"The answer is {_shortened(answer)}, of type {type(answer).__name__}; "
                f"{wanted.get(exercise.answers, exercise.answers.__name__)} is wanted."
            )
    return exercise.check(world, answer)


def _shortened(answer: object) -> str:
    try:
        text = repr(answer)
    except Exception:  # somebody's object may be unable to say what it is
        return "something that cannot be shown"
    return text if len(text) <= 60 else f"{text[:57]}..."
