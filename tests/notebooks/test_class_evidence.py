"""What a class shows in place of cells that it cannot run is of the course as it is now, and is what they must show."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from labkit.course.lessons import lesson_names
from labkit.notebook.cell_evidence import EVIDENCE_FILE, WHY
from tests.course import cells_of
from tests.engine_cells import engine_cells
from tests.notebooks.expectations import expectation_of, in_class_of, unmet

_OF_A_MACHINE = re.compile(r"(?<![\w.~:])/(?:tmp/tmp\w+|root/|Users/|work/|home/(?!app\b)|mnt/)[^\s<\"]*")
"""A folder of the machine that recorded: a temporary one, a home that is in no image, or where a checkout lies."""


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    """The whole record."""
    return dict(json.loads(EVIDENCE_FILE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("lesson", lesson_names())
def test_each_cell_that_needs_an_engine_is_recorded_as_it_is_now(lesson: str, record: dict[str, Any]) -> None:
    cells = {cell["id"]: cell for cell in cells_of(lesson)}
    needs = engine_cells(list(cells.values()))
    recorded = record["lessons"][lesson]
    for name, need in needs.items():
        assert recorded[name]["source"] == cells[name]["source"].strip(), (
            f"{name}: python tools/record_course.py {lesson}"
        )
        assert recorded[name]["needs"] == need
        assert need in WHY or recorded[name]["why"]
    differing = {name for name, cell in cells.items() if in_class_of(cell) is not None}
    assert recorded.keys() == needs.keys() | differing


@pytest.mark.parametrize("lesson", lesson_names())
def test_what_was_recorded_is_what_the_cell_must_show(lesson: str, record: dict[str, Any]) -> None:
    cells = {cell["id"]: cell for cell in cells_of(lesson)}
    for name, recorded in record["lessons"][lesson].items():
        if recorded["outputs"]:
            expectation = expectation_of(cells[name])
            assert expectation is None or not unmet(expectation, recorded["outputs"]), name


@pytest.mark.parametrize("lesson", lesson_names())
def test_what_was_recorded_names_no_folder_of_the_machine_that_recorded_it(lesson: str, record: dict[str, Any]) -> None:
    cells = record["lessons"][lesson]
    shown = {name: json.dumps(cell["outputs"], ensure_ascii=False) for name, cell in cells.items()}
    named = {name: _OF_A_MACHINE.findall(text) for name, text in shown.items()}
    assert {name: paths for name, paths in named.items() if paths} == {}
