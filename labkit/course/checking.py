"""Checks, hints and solutions as a participant meets them; each use goes into the participant's progress."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from labkit.adapters.engine_endpoint import NoEngine
from labkit.base.errors import Misuse, NotInAClass
from labkit.course.answer_files import AnswerFile
from labkit.course.exercise import Exercise
from labkit.course.exercises import exercises_of, find_exercise
from labkit.course.judging.assessment import Assessment, CheckVerdict, not_yet
from labkit.course.judging.given_answers import NotAnAnswer, read_answer
from labkit.course.progress import Progress
from labkit.course.world import World

STRICT = "LABKIT_STRICT"
"""The environment variable for builds: 1 has a check raise unless it passes, `untouched` unless it is *not yet*."""


class NotPassed(AssertionError):
    """A check's verdict is not the one that LABKIT_STRICT expects."""

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: the sentence is enough."""
        return [f"{type(self).__name__}: {self}"]


@dataclass(frozen=True, repr=False)
class CheckResult:
    """A check's verdict, as a participant reads it.

    Args:
        lesson: the lesson.
        exercise: its name.
        verdict: passed, not yet or not right.
        message: what was seen.
        hints_left: how many hints have not been asked for.
        demand: which of the task's demands is not met; empty where the check has none.
        goes_on: what to do next, once it is passed; empty before.
    """

    lesson: str
    exercise: str
    verdict: CheckVerdict
    message: str
    hints_left: int
    demand: str = ""
    goes_on: str = ""

    def to_dict(self) -> dict[str, object]:
        """As JSON-ready values."""
        return asdict(self)

    def __str__(self) -> str:
        more = f"\n{self.goes_on}" if self.goes_on else ""
        if self.verdict is not CheckVerdict.PASSED:
            name = f'("{self.exercise}")'
            more = f"\nA hint: lab.hint{name}, {self.hints_left} left. A solution: lab.solution{name}."
        return f"{self.exercise}: {self.verdict}. {self.message}{more}"

    __repr__ = __str__


_PUTS = 'lab.solution("{}", put=True)'


def in_file(name: str) -> str:
    """What stands above a file's changed lines.

    Args:
        name: the file's path beside the notebooks.
    """
    return f"in {name} (+ is new, - goes)"


@dataclass(frozen=True, repr=False)
class Hint:
    """A hint, or the solution.

    Args:
        exercise: its name.
        title: which hint it is.
        text: the hint.
        is_code: whether the text is code.
        file: the file that a solution is written in, whose changed lines the text is; empty where it is a cell's code.
        before: code that a cell runs before that; empty for most.
    """

    exercise: str
    title: str
    text: str
    is_code: bool = False
    file: str = ""
    before: str = ""

    def __str__(self) -> str:
        before = f"first, in a cell:\n{self.before}\n\n" if self.before else ""
        where = f" {in_file(self.file)}" if self.file else ""
        call = f"\n{_PUTS.format(self.exercise)} puts it into the file." if self.file else ""
        return f"{self.exercise}, {self.title}{where}:\n{before}{self.text}{call}"

    __repr__ = __str__


class Checking:
    """The exercises of one lesson.

    Args:
        lesson: its name.
        world: what its checks look at.
        progress: the participant's.
    """

    def __init__(self, lesson: str, world: World, progress: Progress) -> None:
        self._lesson, self._world, self._progress = lesson, world, progress

    def check(self, name: str, answer: object = None, failure: str = "", before: str = "") -> CheckResult:
        """Look at the world and say how an exercise stands.

        Args:
            name: of the exercise.
            answer: what the participant's cell gave, where the exercise asks for one.
            failure: why that is not the answer in the cell, such as an error that the cell ended in; empty if it is.
            before: what to say of the cell before the check, above the verdict on what is there; empty for most.

        Raises:
            Misuse: the lesson has no such exercise.
            LabError: the lab went away.
            NotPassed: the verdict is not the one that LABKIT_STRICT expects.
        """
        exercise = find_exercise(self._lesson, name)
        assessment = not_yet(failure) if failure else _assess(exercise, self._world, answer)
        self._progress.checked(self._lesson, name, str(assessment.verdict), exercise.diagnosis_of(assessment))
        left = len(exercise.hints) - self._progress.hints_used(self._lesson, name)
        result = CheckResult(
            lesson=self._lesson,
            exercise=name,
            verdict=assessment.verdict,
            message=f"{before} {assessment.message}" if before and not failure else assessment.message,
            hints_left=left,
            demand=assessment.demand,
            goes_on=self._goes_on(name) if assessment.verdict is CheckVerdict.PASSED else "",
        )
        expected = {"1": CheckVerdict.PASSED, "untouched": CheckVerdict.NOT_YET}.get(os.environ.get(STRICT, ""))
        if expected is not None and assessment.verdict is not expected:
            raise NotPassed(f"{expected} was expected; {result}")
        return result

    def hint(self, name: str, number: int | None = None) -> Hint:
        """The next hint of an exercise, or one by its number; the last one again when there are no more.

        Raises:
            Misuse: there is no such exercise, or no hint of that number.
        """
        return give_hint(self._lesson, name, self._progress, number)

    def solution(self, name: str, *, put: bool = False) -> Hint:
        """The solution of an exercise; that it was shown is recorded, and no shame.

        Args:
            name: of the exercise.
            put: whether to put it into the file that is edited, in the folder of the kernel; the participant's own is
                kept beside it.

        Raises:
            Misuse: there is no such exercise, or it has no file to put it into.
            LabFailed: the file cannot be written.
        """
        exercise = find_exercise(self._lesson, name)
        file = AnswerFile.of(exercise, exercise.solution)
        if put and file is None:
            call = f'lab.solution("{name}")'
            raise Misuse(f"Putting the solution of {name} into a file", "its answer is a cell", f"copy it\n  {call}")
        self._progress.shown(self._lesson, name)
        if file is None or not put:
            return solution_of(exercise)
        kept = file.put(Path.cwd())
        yours = f" Yours is `{kept.name}` beside it now." if kept else ""
        text = (
            f"`{file.name}` has it.{yours} If it is open in an editor, File > Reload File from Disk shows it. "
            "Then run the exercise's cell again."
        )
        return Hint(name, "the solution is in the file", text)

    def _goes_on(self, name: str) -> str:
        """What comes after an exercise that is passed: the next one that is not, or that none is left."""
        names = [exercise.name for exercise in exercises_of(self._lesson)]
        at = names.index(name)
        left = [other for other in names[at + 1 :] + names[:at] if not self._progress.is_passed(self._lesson, other)]
        return f"Next: the exercise {left[0]}." if left else "All exercises of this lesson are passed."

    def standing(self) -> tuple[int, int]:
        """How many of the lesson's exercises are passed, and how many there are."""
        names = [exercise.name for exercise in exercises_of(self._lesson)]
        return sum(self._progress.is_passed(self._lesson, name) for name in names), len(names)


def give_hint(lesson: str, name: str, progress: Progress, number: int | None = None) -> Hint:
    """The next hint of an exercise, or one by its number, which goes into the participant's progress.

    Args:
        lesson: the lesson.
        name: of the exercise.
        progress: the participant's.
        number: of the hint; None for the next one, or the last one again when there are no more.

    Raises:
        Misuse: there is no such exercise, or no hint of that number.
    """
    exercise = find_exercise(lesson, name)
    count = len(exercise.hints)
    if number is None:
        number = min(progress.hints_used(lesson, name) + 1, count)
    if not isinstance(number, int) or not 1 <= number <= count:
        raise Misuse(f"Looking for hint {number!r}", f"there are hints 1 to {count}", f'lab.hint("{name}")')
    progress.hinted(lesson, name, number)
    return Hint(name, f"hint {number} of {count}", exercise.hints[number - 1])


def solution_of(exercise: Exercise) -> Hint:
    """The solution of an exercise as it is shown: a cell's code, or what changes in a file.

    Args:
        exercise: whose.
    """
    file = AnswerFile.of(exercise, exercise.solution)
    if file is None:
        return Hint(exercise.name, "a solution", exercise.solution.strip(), is_code=True)
    changes = "\n".join(file.changes())
    return Hint(exercise.name, "a solution", changes, is_code=True, file=file.name, before=file.before)


def _assess(exercise: Exercise, world: World, answer: object) -> Assessment:
    try:
        return exercise.check(world, read_answer(exercise, answer))
    except NotAnAnswer as problem:
        return problem.assessment
    except (NoEngine, NotInAClass) as error:
        return Assessment(CheckVerdict.NOT_YET, f"It cannot be looked at here. {error.tried}: {error.came_back}.")
