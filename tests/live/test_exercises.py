"""Answer keys, tested: solutions pass, wrong answers get their diagnosis, and an untouched cell is not yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.course.answer_files import AnswerFile
from labkit.course.judging.assessment import CheckVerdict
from labkit.lab.lab import Lab
from labkit.notebook import Lesson
from tests.course import Placed, all_placed, lesson_with_own_progress, placed
from tests.live.conftest import OpenedLessons
from tools.site.__main__ import bring_files

_ALL = all_placed()
_RIGHT = [
    pytest.param(task, code, id=f"{task}-{number}")
    for task in _ALL
    for number, code in enumerate((task.exercise.solution, *task.exercise.others))
]
_WRONG = [
    pytest.param(task, wrong.code, wrong.diagnosis, id=f"{task}-{number}")
    for task in _ALL
    for number, wrong in enumerate(task.exercise.wrong)
]


@pytest.fixture
def lesson(opened: OpenedLessons, request: pytest.FixtureRequest) -> Lesson:
    """The exercise's lesson with nothing in it, or as it is for an exercise whose answer is a value alone."""
    task: Placed = request.getfixturevalue("task")
    return opened(task.lesson, is_kept=task.exercise.answers in (str, int, list, dict))


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that is not passed raises, as it does for a build."""
    monkeypatch.setenv("LABKIT_STRICT", "1")


@pytest.mark.parametrize("task", _ALL, ids=str)
def test_an_untouched_cell_is_not_yet(task: Placed, lesson: Lesson) -> None:
    result = task.run(lesson, task.cell)
    assert result.verdict is CheckVerdict.NOT_YET, str(result)


@pytest.mark.parametrize(("task", "code"), _RIGHT)
def test_a_solution_passes(task: Placed, code: str, lesson: Lesson) -> None:
    result = task.run(lesson, code)
    assert result.verdict is CheckVerdict.PASSED, str(result)


@pytest.mark.parametrize(("task", "code", "diagnosis"), _WRONG)
def test_a_wrong_answer_gets_its_diagnosis(task: Placed, code: str, diagnosis: str, lesson: Lesson) -> None:
    result = task.run(lesson, code)
    assert result.verdict is CheckVerdict.NOT_RIGHT, str(result)
    assert diagnosis in result.message


@pytest.mark.parametrize("name", sorted({task.lesson for task in _ALL}))
def test_a_solved_notebook_passes_every_check(name: str, lab: Lab, tmp_path: Path, strict: None) -> None:
    """One after another in the same lesson, so that no exercise stands in another's way; files as they are edited."""
    bring_files(tmp_path)
    with lesson_with_own_progress(name, lab, tmp_path) as lesson:
        for task in placed(name):
            file = AnswerFile.of(task.exercise, task.exercise.solution)
            if file is None:
                task.run(lesson, task.exercise.solution)
            else:
                file.put(tmp_path)
                task.run(lesson, f"{file.before}\n{task.cell}", tmp_path)
        for task in placed(name):
            if task.exercise.answers is None:
                lesson.check(task.exercise.name)


def test_there_are_as_many_as_the_course_promises(tmp_path: Path) -> None:
    assert len(_ALL) >= 36
