"""The image of one layer starts the app, and nothing that was put beside it."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from labkit.course.exercises.lesson_06 import _starts_another


@pytest.mark.parametrize(
    ("arguments", "is_another"), [("/app/aspnetapp", False), ("./aspnetapp", False), ("/usr/bin/sleep 100", True)]
)
def test_another_program_is_told_by_its_name(arguments: str, is_another: bool) -> None:
    image: Any = Mock()
    image.started.main.arguments = arguments
    sentence = _starts_another(image)
    assert (sentence is not None) is is_another
    assert sentence is None or "in place of the app" in sentence
