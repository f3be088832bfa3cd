"""What counts as a statement: every sentence that says how something is, and no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labkit.course.sentences import plain
from tests.notebooks import statements


def _notebook(*cells: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "cells": [
            {"cell_type": kind, "id": f"00-{number:02}", "source": source, "metadata": {"labkit": metadata}}
            for number, (source, metadata) in enumerate(cells)
            for kind in ["code" if metadata else "markdown"]
        ]
    }


def _stated(*cells: tuple[str, dict[str, Any]]) -> list[str]:
    return [sentence for _, sentence in statements.statements(_notebook(*cells))]


@pytest.mark.parametrize(
    "text",
    [
        "## A heading",
        "Why is that?",
        "(Is it?)",
        "Run it.",
        "Now look closer at four others.",
        "Where it fails, look at what came out.",
        "**Predict** what comes.",
        "Do the sum yourself.",
        "This lesson breaks it.",
        "Lesson 02 is about why.",
        "Here is a typing mistake:",
        "```\nThe code says so.\n```",
        "| It | is so. |",
        "## On your own\n\nIt is so.",
        "## On your own\n\n- It is so.\n\nIt is so, too.",
        "## Further reading\n\n- Somebody, *It is so.*",
    ],
)
def test_no_statement(text: str) -> None:
    assert _stated(("# Title", {}), (text, {})) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is so. Is it? It is.", ["It is so.", "It is."]),
        ("**Nothing**, and *nothing* is root.", ["Nothing, and nothing is root."]),
        ("It says `a. B` here. `c` is .NET's.", ["It says `a. B` here.", "`c` is .NET's."]),
        ("The end. .NET begins.", ["The end.", ".NET begins."]),
        ("It is so (docs.docker.com, *Build checks*.) It is.", ["It is so (docs.docker.com, Build checks.)", "It is."]),
        ("See [this](https://x.org/a. B).\n\nIt is\nso.", ["It is so."]),
        ("- One is.\n- Two\n  are.", ["One is.", "Two are."]),
        ("So do three others.", ["So do three others."]),
        ("## A heading\nIt is so.", ["It is so."]),
        ("## On your own\n\nNo.\n\n## In practice\n\nIt is so.", ["It is so."]),
        ("`APP_UID` and `*.csproj` are there.", ["`APP_UID` and `*.csproj` are there."]),
    ],
)
def test_statements(text: str, expected: list[str]) -> None:
    assert [plain(sentence) for sentence in expected] == _stated(("# Title", {}), (text, {}))


def test_the_opening_lists_what_comes_and_the_rest_of_it_states() -> None:
    assert _stated(("# Title\n\nIt is so.\n\n- **What you need**: it is there.", {})) == ["It is so."]


@pytest.mark.parametrize("heading", ["## Repair it", "### Repair it"])
def test_a_task_is_no_statement_and_what_is_above_its_heading_is(heading: str) -> None:
    exercise = ("build()", {"exercise": "x"})
    assert _stated(("# Title", {}), (f"{heading}\n\nThe build stops.", {}), exercise) == []
    assert _stated(("# Title", {}), (f"It is so.\n\n{heading}\n\nThe build stops.", {}), exercise) == ["It is so."]


def test_claims_are_written_from_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "NOTEBOOKS", tmp_path)
    path = tmp_path / "00-start-here.ipynb"
    path.write_text(json.dumps(_notebook(("# Title\n\n**It** is. It was. It will be.", {}))), encoding="utf-8")
    assert len(list(statements.unsupported(statements.read(path)))) == 3
    statements.add("00-00 | **It** is | 00-10 00-11")
    statements.add("00-00 | It was | somebody's page | 2026-08 | ages")
    statements.add("00-00 | It will be | tests/notebooks/test_statements.py")
    statements.add("00-00 | It is | 00-12")
    notebook = statements.read(path)
    assert list(statements.unsupported(notebook)) == []
    assert notebook["cells"][0]["metadata"]["labkit"]["claims"] == [
        {"says": "It was", "source": "somebody's page", "date": "2026-08", "ages": True},
        {"says": "It will be", "tested_by": "tests/notebooks/test_statements.py"},
        {"says": "It is", "shown_by": "00-12"},
    ]
