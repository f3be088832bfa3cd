"""What an exercise is: hints, solutions, wrong answers and the check that tells them apart, all in one place. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from labkit.course.world import World

Kind = Literal["predict", "repair", "build", "choose"]


class CheckVerdict(StrEnum):
    """How an exercise stands."""

    PASSED = "passed"
    NOT_YET = "not yet"
    NOT_RIGHT = "not right"


@dataclass(frozen=True)
class Assessment:
    """What a check says of the world as it is.

    Args:
        verdict: passed, not yet (nothing done so far) or not right.
        message: what was seen, as a sentence or two for the participant.
    """

    verdict: CheckVerdict
    message: str


def passed(message: str) -> Assessment:
    """It is right; the message says what was seen, and why that is right."""
    return Assessment(CheckVerdict.PASSED, message)


def not_yet(message: str) -> Assessment:
    """Nothing has been done so far, or all is as it was at the start."""
    return Assessment(CheckVerdict.NOT_YET, message)


def not_right(message: str) -> Assessment:
    """Something was done; the message says what was seen and what follows from it, never the solution."""
    return Assessment(CheckVerdict.NOT_RIGHT, message)


@dataclass(frozen=True)
class Wrong:
    """A wrong answer that people give.

    Args:
        code: what is in the participant's cell.
        diagnosis: text that the check's message must hold.
    """

    code: str
    diagnosis: str


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
    """

    name: str
    kind: Kind
    hints: tuple[str, str, str]
    solution: str
    check: Callable[[World, Any], Assessment]
    wrong: tuple[Wrong, ...]
    others: tuple[str, ...] = ()
    answers: type | None = None

    def to_dict(self) -> dict[str, Any]:
        """As `labkit lessons --json` prints it."""
        return {
            "id": self.name,
            "kind": self.kind,
            "hints": len(self.hints),
            "solutions": 1 + len(self.others),
            "wrong_answers": len(self.wrong),
        }
