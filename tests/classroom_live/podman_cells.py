"""Which cells of the lessons show something else on the podman of a class (`pytest -p`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.podman.lesson_cells import DIFFERENCES, expect_differences


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have such a cell fail as expected; one that does not is red, so that the list stays true."""
    expect_differences(items, DIFFERENCES, Path(__file__).with_name("podman_differences.txt"))
