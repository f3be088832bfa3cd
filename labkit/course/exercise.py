"""What an exercise is: hints, solutions, wrong answers and the check that tells them apart, all in one place. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from labkit.course.judging.assessment import Assessment, CheckVerdict
from labkit.course.judging.demands import Demand, DemandCheck
from labkit.course.sentences import plain

if TYPE_CHECKING:
    from labkit.course.world import World

Kind = Literal["predict", "repair", "build", "choose"]


@dataclass(frozen=True)
class Wrong:
    """A wrong answer that people give.

    Args:
        code: what is in the participant's cell.
        diagnosis: text that the check's message must hold.
    """

    code: str
    diagnosis: str


class ExerciseJson(TypedDict):
    """An exercise in numbers; its kind, and how many hints, solutions and wrong answers it has."""

    id: str
    kind: str
    hints: int
    solutions: int
    wrong_answers: int


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson; the notebook has its task and the cell to edit.

    Args:
        name: what `lab.check` calls it; unique in its lesson.
        kind: predict, repair, build or choose.
        hints: three, from a question to almost the answer.
        solution: what to put into the cell.
        check: assesses the world (and the answer, where the cell gives one), never what was typed.
        wrong: wrong answers, at least two, each with the diagnosis it must get.
        others: other valid solutions.
        answers: the type of the answer that the check cell hands over; None for an exercise without one.
        choices: what an answer may name, where the task offers a closed list.
        in_order: whether the order of a list counts.
        may_be_empty: whether an empty text is an answer, and not a forgotten one.
        file: the file beside the notebook that is edited, such as "menu/Dockerfile"; empty where the cell is.
    """

    name: str
    kind: Kind
    hints: tuple[str, str, str]
    solution: str
    check: Callable[[World, Any], Assessment]
    wrong: tuple[Wrong, ...]
    others: tuple[str, ...] = ()
    answers: type | None = None
    choices: tuple[str | int, ...] = ()
    in_order: bool = False
    may_be_empty: bool = False
    file: str = ""

    @property
    def demands(self) -> tuple[Demand[Any], ...]:
        """What the task asks of an image or a pod, where the check judges it demand by demand."""
        return self.check.demands if isinstance(self.check, DemandCheck) else ()

    def diagnosis_of(self, assessment: Assessment) -> str:
        """Which of the course's own diagnoses a check gave: a demand's name, or a known wrong answer's diagnosis.

        Nothing that the participant has typed or made is in it.

        Args:
            assessment: what the check says.

        Returns:
            Empty for what is right, not yet begun, or known to nobody.
        """
        if assessment.verdict is not CheckVerdict.NOT_RIGHT:
            return ""
        known = (wrong.diagnosis for wrong in self.wrong if wrong.diagnosis in assessment.message)
        return assessment.demand or next(known, "")

    def describe_diagnosis(self, diagnosis: str) -> str | None:
        """A diagnosis in the course's words; None if the course has no such diagnosis, as where somebody made it up.

        Args:
            diagnosis: as `diagnosis_of` gives it.
        """
        for demand in self.demands:
            if demand.name == diagnosis:
                return f"not met: {demand.name} (\u201c{plain(demand.asks)}\u201d)"
        return f"\u201c{diagnosis}\u201d" if diagnosis in {wrong.diagnosis for wrong in self.wrong} else None

    def to_dict(self) -> ExerciseJson:
        """As `labkit lessons --json` prints it."""
        return {
            "id": self.name,
            "kind": self.kind,
            "hints": len(self.hints),
            "solutions": 1 + len(self.others),
            "wrong_answers": len(self.wrong),
        }
