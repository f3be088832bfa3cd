"""Right answers broken in one way each: a check must see what breaks a demand, and nothing else may matter to it."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from labkit.course.judging.assessment import CheckVerdict
from labkit.notebook import Lesson
from tests.course import all_placed
from tests.mutations import Mutation, RightAnswers, mutations_of

_IS_WHOLE = os.environ.get("LABKIT_MUTATIONS") == "all"
"""Whether all are tried (`make mutations`), or a part (`make test`): each demand of each solution is broken once."""

_MUTATIONS = [mutation for task in all_placed() for mutation in mutations_of(task, is_whole=_IS_WHOLE)]


@pytest.fixture(scope="module")
def right_answers(opened: Callable[[str], Lesson]) -> RightAnswers:
    """Each right answer is given once for all changes to it, which come one after another."""
    return RightAnswers(opened)


@pytest.mark.parametrize("mutation", _MUTATIONS, ids=str)
def test_a_broken_answer_is_seen_and_nothing_else_matters(
    mutation: Mutation, right_answers: RightAnswers, record_property: Callable[[str, object], None]
) -> None:
    record_property("exercise", str(mutation.task))
    record_property("change", mutation.change.name)
    result, is_changed = right_answers.of(mutation).check(mutation.change)
    record_property("wrong", mutation.is_wrong and is_changed)
    if not mutation.is_wrong or not is_changed:
        assert result.verdict is CheckVerdict.PASSED, str(result)
        return
    assert result.verdict is not CheckVerdict.PASSED, str(result)
    # "Not yet" is for what is as the untouched cell leaves it, and an object that was not let in has no demand's no.
    assert result.demand in mutation.demands | {""}, str(result)
