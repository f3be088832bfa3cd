"""The rules that every exercise keeps, and that the notebooks have each just once."""

from __future__ import annotations

import ast
import json

import pytest

from labkit.base.errors import Misuse
from labkit.course.exercises import exercises_of, find_exercise
from labkit.course.lessons import FOLDER, lesson_names
from tests.course import Placed, all_placed, cells_of, placed
from tests.mutations import UNBROKEN

_LESSONS = [name for name in lesson_names() if not name.startswith("00")]
_ALL = all_placed()


@pytest.mark.parametrize("lesson", _LESSONS)
def test_a_lesson_has_at_least_three_of_different_kinds(lesson: str) -> None:
    exercises = exercises_of(lesson)
    assert len(exercises) >= 3
    assert len({exercise.kind for exercise in exercises}) >= 2


@pytest.mark.parametrize("lesson", _LESSONS)
def test_the_notebook_has_each_just_once_and_in_order(lesson: str) -> None:
    assert [place.exercise.name for place in placed(lesson)] == [exercise.name for exercise in exercises_of(lesson)]


@pytest.mark.parametrize("place", _ALL, ids=str)
def test_it_is_whole(place: Placed) -> None:
    exercise = place.exercise
    assert len(set(exercise.hints)) == 3
    assert len(exercise.wrong) >= 2
    assert all(wrong.diagnosis for wrong in exercise.wrong)
    codes = [exercise.solution, *exercise.others, *(wrong.code for wrong in exercise.wrong)]
    assert len({code.strip() for code in [place.cell, *codes]}) == len(codes) + 1
    for code in codes:
        ast.parse(code.strip())


@pytest.mark.parametrize("place", _ALL, ids=str)
def test_no_code_names_the_lab(place: Placed) -> None:
    """LABKIT_NAME does: images go by their short names."""
    exercise = place.exercise
    codes = [exercise.solution, *exercise.others, *(wrong.code for wrong in exercise.wrong)]
    assert not any("localhost/" in code for code in codes)


@pytest.mark.parametrize("place", _ALL, ids=str)
def test_the_check_cell_is_one_call_of_its_check(place: Placed) -> None:
    (statement,) = ast.parse(place.check).body
    assert isinstance(statement, ast.Expr)
    call = statement.value
    assert isinstance(call, ast.Call)
    assert ast.unparse(call.func) == "lab.check"
    assert ast.literal_eval(call.args[0]) == place.exercise.name
    assert len(call.args) == (2 if place.exercise.answers else 1)


@pytest.mark.parametrize("place", _ALL, ids=str)
def test_the_notebook_does_not_give_the_solution_away(place: Placed) -> None:
    assert place.exercise.solution.strip() not in "\n".join(cell["source"] for cell in cells_of(place.lesson))


@pytest.mark.parametrize("place", _ALL, ids=str)
def test_the_task_has_the_words_of_each_demand(place: Placed) -> None:
    for demand in place.exercise.demands:
        assert demand.asks in place.task, f"the task of {place} does not say {demand.asks!r}"
    names = [demand.name for demand in place.exercise.demands]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("place", _ALL, ids=str)
def test_each_demand_is_broken_by_a_change_or_says_why_not(place: Placed) -> None:
    unbroken = {demand.name for demand in place.exercise.demands if not demand.breaks}
    assert unbroken == {demand for exercise, demand in UNBROKEN if exercise == str(place)}


@pytest.mark.parametrize("place", _ALL, ids=str)
def test_the_lesson_names_all_that_there_is_to_choose_from(place: Placed) -> None:
    text = json.dumps(json.loads((FOLDER / f"{place.lesson}.ipynb").read_text(encoding="utf-8")), ensure_ascii=False)
    assert [choice for choice in place.exercise.choices if str(choice).casefold() not in text.casefold()] == []


def test_an_exercise_that_is_none_is_named_with_what_there_is() -> None:
    with pytest.raises(Misuse, match="did you mean which-cause"):
        find_exercise("07-run-as-non-root", "wich-cause")
    with pytest.raises(Misuse, match="this lesson has in-the-container"):
        find_exercise("07-run-as-non-root", "zzz")
    with pytest.raises(Misuse, match=r"no name was given\nWhat to do: this lesson has .*in-the-container"):
        find_exercise("07-run-as-non-root", "")
    with pytest.raises(Misuse, match="no exercises"):
        find_exercise("00-start-here", "zzz")
