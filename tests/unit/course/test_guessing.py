"""Guesses: kept before the answer, never after it, by buttons or by a call; and they hang together with the lessons."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from labkit.base.errors import Misuse
from labkit.course.guess_views import GuessButtons, guess_html
from labkit.course.guesses import ANSWERS
from labkit.course.guessing import Guessing
from labkit.course.progress import Progress
from tests.course import cells_of

LESSON = "02-root-by-default"
QUESTION, ANSWER = next(iter(ANSWERS[LESSON].items()))
OPTIONS = ("none", "alpine alone", ANSWER)


@pytest.fixture
def guessing(tmp_path: Path) -> Guessing:
    """Of a lesson that was just opened."""
    return Guessing(LESSON, Progress(tmp_path / "progress.json"))


def _again(tmp_path: Path) -> Guessing:
    return Guessing(LESSON, Progress(tmp_path / "progress.json"))


def _row(guessing: Guessing) -> tuple[Any, ...]:
    return tuple(guessing.guesses().rows[0])


def test_a_guess_may_change_until_the_next_cell_runs_and_is_kept(guessing: Guessing, tmp_path: Path) -> None:
    guess = guessing.guess(QUESTION, OPTIONS)
    assert guess.may_change and guess.kept is None
    assert "none" in str(guess.choose("none"))
    guessing.next_cell(f'lab.guess("{QUESTION}", ...)')  # The same cell, run again.
    guess.choose(ANSWER)
    guessing.next_cell("docker run")
    after = guess.choose("none")
    assert not after.may_change
    assert after.kept is not None and (after.kept.choice, after.kept.late) == (ANSWER, False)
    assert _row(guessing) == (QUESTION, ANSWER, ANSWER, "as you thought")
    reopened = _again(tmp_path).guess(QUESTION, OPTIONS)
    assert reopened.kept == after.kept and not reopened.may_change


def test_what_is_said_after_the_answer_is_said_to_be_so(guessing: Guessing) -> None:
    guess = guessing.guess(QUESTION, OPTIONS)
    assert _row(guessing)[3] == "no guess"
    guessing.next_cell()
    assert "after the answer" in guess.choose(ANSWER).status()
    assert _row(guessing)[3] == "said afterwards"


def test_a_guess_that_was_otherwise(guessing: Guessing) -> None:
    guessing.guess(QUESTION, OPTIONS, 1)
    assert _row(guessing) == (QUESTION, "none", ANSWER, "not so")


@pytest.mark.parametrize("choice", [3, ANSWER, f"  {ANSWER.upper()} "])
def test_a_call_guesses_by_number_or_text(guessing: Guessing, choice: str | int) -> None:
    kept = guessing.guess(QUESTION, OPTIONS, choice).kept
    assert kept is not None and kept.choice == ANSWER


@pytest.mark.parametrize(
    ("question", "options", "choice"),
    [
        ("", OPTIONS, None),
        (None, OPTIONS, None),
        ("x" * 201, OPTIONS, None),
        (QUESTION, [], None),
        (QUESTION, ["one alone"], None),
        (QUESTION, "text", None),
        (QUESTION, [1, 2], None),
        (QUESTION, OPTIONS, 0),
        (QUESTION, OPTIONS, 4),
        (QUESTION, OPTIONS, True),
        (QUESTION, OPTIONS, "all of them"),
    ],
)
def test_bad_input_ends_in_a_sentence(guessing: Guessing, question: Any, options: Any, choice: Any) -> None:
    with pytest.raises(Misuse):
        guessing.guess(question, options, choice)


def test_buttons_do_what_the_call_does(guessing: Guessing) -> None:
    buttons = GuessButtons(guessing.guess(QUESTION, OPTIONS))
    buttons.buttons[2].click()
    assert buttons.buttons[2].description.endswith(ANSWER) and buttons.buttons[2].description != ANSWER
    assert "You guessed" in buttons.answer.value and 'role="status"' in buttons.answer.value
    assert _row(guessing)[1] == ANSWER


def test_what_was_guessed_last_stands_in_one_place(guessing: Guessing) -> None:
    kept = guessing.guess(QUESTION, OPTIONS, 1)
    buttons = GuessButtons(kept)
    assert "You guessed" in buttons.answer.value and buttons.buttons[0].description != OPTIONS[0]
    assert "You guessed" in guess_html(kept)
    beside = guess_html(kept, has_buttons=True)
    assert "You guessed" not in beside and "run this cell again" in beside


def test_markup_in_a_question_is_text(guessing: Guessing) -> None:
    page = guess_html(guessing.guess("<b>?", ["<i>", "b"]))
    assert "<b>?" not in page and "<i>" not in page


def test_each_question_of_a_lesson_has_its_answer_among_the_options() -> None:
    asked = {}
    for lesson in ANSWERS:
        for cell in cells_of(lesson):
            if cell["source"].startswith("lab.guess("):
                call = ast.parse(cell["source"]).body[0].value
                question, options = (ast.literal_eval(argument) for argument in call.args)
                asked[lesson, question] = options
    answers = {(lesson, question): answer for lesson, known in ANSWERS.items() for question, answer in known.items()}
    assert asked.keys() == answers.keys()
    assert [key for key, answer in answers.items() if answer not in asked[key]] == []
