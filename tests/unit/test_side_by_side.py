"""What runs at the same time on one lab: a lesson in one process, and no image of one name in two lessons."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labkit.base.resources import CHECKOUT
from tests.course import all_placed, images_made, that_share_images
from tests.live.side_by_side import OF_A_LESSON, group_of


def test_what_is_made_for_a_lesson_is_in_the_lessons_group_whatever_its_file() -> None:
    for task in all_placed():
        for file in ("test_exercises", "test_anything"):
            assert group_of(f"tests/live/{file}.py::test_it[{task}-0]") == task.lesson[:2]
    assert group_of("tests/live/test_exercises.py::test_solved[07-run-as-non-root]") == "07"


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/live/test_engine.py::test_nothing", "test_engine"),
        ("tests/live/test_catalogue.py::test_it[1654-uid=1654(app)]", "test_catalogue"),
        ("tests/live/test_progress.py::test_a_killed_kernel", "07"),
    ],
)
def test_any_other_test_is_in_the_group_of_its_file(nodeid: str, group: str) -> None:
    assert group_of(nodeid) == group


def test_exercises_of_two_lessons_make_no_image_of_one_name() -> None:
    cells = []
    for task in all_placed():
        exercise = task.exercise
        answers = (task.cell, exercise.solution, *exercise.others, *(wrong.code for wrong in exercise.wrong))
        cells += [(task.lesson, code) for code in answers]
    assert len({image for _, code in cells for image in images_made(code)}) > 10
    assert that_share_images(cells) == set()


def test_the_images_that_a_cell_makes_are_known_by_name() -> None:
    code = 'a = lab.build("FROM debian")\nlab.publish(name="orders").expect()\nlab.publish()\nlab.build(x, name=y)'
    assert sorted(images_made(code)) == ["my-app", "my-image", "orders"]
    assert list(images_made("! docker build .")) == []


def test_lessons_with_images_of_one_name_are_known() -> None:
    cells = [
        ("a", "lab.publish()"),
        ("b", 'lab.build("", name="my-app")'),
        ("c", "lab.build(x)"),
        ("c", "lab.build(y)"),
    ]
    assert that_share_images(cells) == {"a", "b"}


LIVE = sorted((CHECKOUT / "tests" / "live").glob("test_*.py"))


@pytest.mark.parametrize("file", LIVE, ids=lambda file: file.stem)
def test_a_file_that_opens_a_lesson_or_looks_at_the_whole_lab_says_so(file: Path) -> None:
    """Else its tests would run beside others that have the lesson open, or be confused by what others make."""
    text = file.read_text(encoding="utf-8")
    is_alone = "pytestmark = pytest.mark.alone" in text
    if re.search(r"\b(lesson_with_own_progress|open_lesson|labkit\.open|opened)\(", text):
        assert is_alone or file.stem in OF_A_LESSON or "all_placed()" in text
    if (
        re.search(r"\blabelled_containers\(\)|\blab\.down\(", text) and file.stem != "test_lifecycle"
    ):  # a lab of its own
        assert "pytest.mark.alone" in text
