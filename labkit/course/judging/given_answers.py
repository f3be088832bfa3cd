"""An answer as people give it: blanks, capitals and the kind of list carry no meaning. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from labkit.course.judging.assessment import Assessment, not_right, not_yet

if TYPE_CHECKING:
    from labkit.course.exercise import Exercise

_KINDS = {
    "str": "a string in quotes is expected",
    "int": "a whole number is expected, without quotes",
    "list": """a list is expected, as in ["this", "that"]""",
    "dict": """a mapping is expected, as in {"this": "that"}""",
    "Container": """what lab.start gives is expected, as in app = lab.start("aspnetapp")""",
}
"""By the names of types, so that nothing of the lab is needed here."""
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_JOINS = re.compile(r"[\s_-]+")
_LONGEST, _MOST_ENTRIES, _MOST_DIGITS = 60, 1000, 18

Choice = str | int


class NotAnAnswer(Exception):
    """An answer that cannot be assessed.

    Args:
        assessment: what to tell the participant.
    """

    def __init__(self, assessment: Assessment) -> None:
        super().__init__(assessment.message)
        self.assessment = assessment


def read_answer(exercise: Exercise, answer: object) -> object:
    """An answer as the exercise's check takes it.

    Args:
        exercise: says which type it expects, and what there is to choose from.
        answer: what the participant's cell gave.

    Returns:
        Texts without blanks at their ends. What names one of the exercise's choices is that choice, whatever its
        capitals. A list for any sequence or set; each choice once, unless the order counts.

    Raises:
        NotAnAnswer: there is none, it is of another type, empty, or names something that is not offered.
    """
    if exercise.answers is None:
        return answer
    if answer is None or answer is ...:
        raise NotAnAnswer(not_yet("There is no answer in the cell yet."))
    try:
        return _read(exercise, answer)
    except NotAnAnswer:
        raise
    except Exception as error:  # somebody's object may fail at anything that it is asked
        text = f"The answer, of type {type(answer).__name__}, cannot be read: {type(error).__name__}."
        raise NotAnAnswer(not_right(text)) from error


def shortened(answer: object) -> str:
    """An answer as it can be shown in a sentence."""
    try:
        text = repr(answer)
    except Exception:  # somebody's object may be unable to say what it is
        return "something that cannot be shown"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _read(exercise: Exercise, answer: object) -> object:
    expected = exercise.answers
    if expected is str and isinstance(answer, str):
        return _read_text(exercise, str(answer))
    if expected is int and not isinstance(answer, bool) and hasattr(answer, "__index__"):
        return _read_number(operator.index(answer))
    if expected is list and isinstance(answer, Iterable) and not isinstance(answer, str | bytes | Mapping):
        return _read_list(exercise, answer)
    if expected is dict and isinstance(answer, Mapping):
        return {_trimmed(key): _trimmed(value) for key, value in answer.items()}
    if expected not in (str, int, list, dict) and isinstance(answer, expected or object):
        return answer
    assert expected is not None  # an exercise without an answer does not come here
    kind = _KINDS.get(expected.__name__, f"{expected.__name__} is expected")
    text = f"The answer is {shortened(answer)}, of type {type(answer).__name__}; {kind}."
    raise NotAnAnswer(not_right(text))


def _read_text(exercise: Exercise, answer: str) -> Choice:
    text = answer.strip()
    if not text and not exercise.may_be_empty:
        raise NotAnAnswer(not_right("The answer is an empty text."))
    return _chosen(text, exercise.choices) if exercise.choices else text


def _read_number(number: int) -> int:
    # Python itself refuses to write a number of more than 4300 digits.
    if abs(number) >= 10**_MOST_DIGITS:
        raise NotAnAnswer(not_right(f"The answer is a number of more than {_MOST_DIGITS} digits."))
    return number


def _read_list(exercise: Exercise, answer: Iterable[object]) -> list[object]:
    if exercise.in_order and isinstance(answer, set | frozenset):
        raise NotAnAnswer(not_right("The answer is a set, which has no order, and the order counts here: use a list."))
    entries = [entry for entry, _ in zip(answer, range(_MOST_ENTRIES), strict=False)]
    if not entries:
        raise NotAnAnswer(not_right("The list is empty. At least one entry belongs in it."))
    if not exercise.choices:
        return [_trimmed(entry) for entry in entries]
    chosen = [_chosen(entry, exercise.choices) for entry in entries]
    return list(chosen) if exercise.in_order else list(dict.fromkeys(chosen))


def _chosen(entry: object, choices: tuple[Choice, ...]) -> Choice:
    known = {spelling_of(choice): choice for choice in choices}
    key = spelling_of(entry)
    if key not in known or isinstance(entry, bool):
        number = _NUMBERS[len(choices)] if len(choices) < len(_NUMBERS) else str(len(choices))
        offered = ", ".join(repr(choice) if choice == "" else str(choice) for choice in choices)
        raise NotAnAnswer(not_right(f"{shortened(entry)} is not one of the {number}: {offered}."))
    return known[key]


def spelling_of(entry: object) -> str:
    """What all spellings of one choice have in common: neither an article nor what joins its words counts."""
    text = _JOINS.sub("-", str(entry).strip().casefold()).removeprefix("the-")
    return text.rstrip("/") or text


def _trimmed(value: object) -> object:
    return value.strip() if isinstance(value, str) else value
