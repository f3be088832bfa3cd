"""What a check says of the world as it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckVerdict(StrEnum):
    """How an exercise stands."""

    PASSED = "passed"
    NOT_YET = "not yet"
    NOT_RIGHT = "not right"


@dataclass(frozen=True)
class Assessment:
    """What a check says of the world as it is.

    Args:
        verdict: passed, not yet (nothing was done so far) or not right.
        message: what was seen, as a sentence or two for the participant.
        demand: the name of the task's demand that is not met; empty where the check has none.
    """

    verdict: CheckVerdict
    message: str
    demand: str = ""


def passed(message: str) -> Assessment:
    """It is right; the message says what was seen, and why that is right."""
    return Assessment(CheckVerdict.PASSED, message)


def not_yet(message: str) -> Assessment:
    """Nothing was done so far, and all is as it was at the start."""
    return Assessment(CheckVerdict.NOT_YET, message)


def not_right(message: str, demand: str = "") -> Assessment:
    """Something was done; the message says what was seen and what follows from it, never the solution."""
    return Assessment(CheckVerdict.NOT_RIGHT, message, demand)
