"""The lessons as their notebooks describe them."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.base.errors import LabFailed, Misuse
from labkit.course.lessons import describe_lesson, lessons, require_lesson


def test_lessons_say_what_they_show() -> None:
    shown = {lesson["lesson"]: lesson for lesson in lessons()}
    assert shown["02-root-by-default"]["seed"] == ["S2", "S3", "S23"]
    assert shown["07-run-as-non-root"]["seed"] == ["S7", "S15", "S16", "S17"]
    assert shown["07-run-as-non-root"]["minutes"] == 40
    assert shown["00-start-here"]["title"] == "Start here"
    assert shown["00-start-here"]["notebook"] == "notebooks/00-start-here.ipynb"


def test_an_unknown_lesson_has_a_near_one() -> None:
    assert require_lesson("00-start-here") == "00-start-here"
    with pytest.raises(Misuse, match="did you mean 07-run-as-non-root"):
        require_lesson("7-run-as-nonroot")
    with pytest.raises(Misuse, match="labkit lessons"):
        require_lesson("x")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"cells": []}', '{"cells": [{}]}'])
def test_a_file_that_is_no_notebook_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "01-broken.ipynb"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LabFailed, match="it is not a notebook"):
        describe_lesson(path)


@pytest.mark.parametrize("typed", ["07", "07-run-as-non-root"])
def test_a_lesson_is_known_by_its_number_too(typed: str) -> None:
    assert require_lesson(typed) == "07-run-as-non-root"


@pytest.mark.parametrize("typed", ["7", "99", "", "07-"])
def test_what_is_no_lesson_is_refused(typed: str) -> None:
    with pytest.raises(Misuse):
        require_lesson(typed)
