"""Answer keys, tested: solutions pass, wrong answers get their diagnosis, and an untouched cell is not yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.base.configuration import Configuration
from labkit.course.exercise import CheckVerdict
from labkit.lab.lab import Lab
from labkit.notebook import Lesson, open_lesson
from labkit.show.steps import Silent
from tests.course import Placed, all_placed, placed

_ALL = all_placed()
_RIGHT = [
    pytest.param(one, code, id=f"{one}-{number}")
    for one in _ALL
    for number, code in enumerate((one.exercise.solution, *one.exercise.others))
]
_WRONG = [
    pytest.param(one, wrong.code, wrong.diagnosis, id=f"{one}-{number}")
    for one in _ALL
    for number, wrong in enumerate(one.exercise.wrong)
]


@pytest.fixture(scope="module")
def opened(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Lesson]]:
    """The lessons that were opened, each once; a participant's own progress is not touched."""
    lessons: dict[str, Lesson] = {}
    yield lessons
    for lesson in lessons.values():
        lesson.close()


@pytest.fixture
def lesson(
    lab: Lab, opened: dict[str, Lesson], request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Lesson:
    """The exercise's lesson with nothing in it, as after `lab.reset()`."""
    one: Placed = request.getfixturevalue("one")
    if one.lesson not in opened:
        mine = lab.configuration
        configuration = Configuration(mine.name, mine.state, mine.cache, tmp_path_factory.mktemp("data"))
        opened[one.lesson] = open_lesson(one.lesson, Lab(configuration, Silent()))
    else:
        opened[one.lesson].reset()
    return opened[one.lesson]


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that is not passed raises, as it does for a build."""
    monkeypatch.setenv("LABKIT_STRICT", "1")


@pytest.mark.parametrize("one", _ALL, ids=str)
def test_an_untouched_cell_is_not_yet(one: Placed, lesson: Lesson) -> None:
    result = one.run(lesson, one.cell)
    assert result.verdict is CheckVerdict.NOT_YET, str(result)


@pytest.mark.parametrize(("one", "code"), _RIGHT)
def test_a_solution_passes(one: Placed, code: str, lesson: Lesson) -> None:
    result = one.run(lesson, code)
    assert result.verdict is CheckVerdict.PASSED, str(result)


@pytest.mark.parametrize(("one", "code", "diagnosis"), _WRONG)
def test_a_wrong_answer_gets_its_diagnosis(one: Placed, code: str, diagnosis: str, lesson: Lesson) -> None:
    result = one.run(lesson, code)
    assert result.verdict is CheckVerdict.NOT_RIGHT, str(result)
    assert diagnosis in result.message


@pytest.mark.parametrize("name", sorted({one.lesson for one in _ALL}))
def test_a_solved_notebook_passes_every_check(name: str, lab: Lab, tmp_path: Path, strict: None) -> None:
    """One after another in the same lesson, so that no exercise stands in another's way."""
    mine = lab.configuration
    lesson = open_lesson(name, Lab(Configuration(mine.name, mine.state, mine.cache, tmp_path), Silent()))
    try:
        for one in placed(name):
            one.run(lesson, one.exercise.solution)
        for one in placed(name):
            if one.exercise.answers is None:
                lesson.check(one.exercise.name)
    finally:
        lesson.close()


def test_there_are_as_many_as_the_course_promises(tmp_path: Path) -> None:
    assert len(_ALL) >= 36
