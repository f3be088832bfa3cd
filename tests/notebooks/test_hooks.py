"""The hooks around nbval, on two small notebooks with real kernels."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from labkit.base.resources import CHECKOUT

NOTEBOOKS: dict[str, list[str | tuple[str, dict[str, object]]]] = {
    "07-planted": [
        "import os; assert os.environ['LABKIT_STRICT'] == 'untouched'",
        "assert False, 'planted'",
        "open('../ran', 'w')",
        "2",
    ],
    "08-no-lab": ["assert False, 'planted where the lab is gone'"],
    "09-expects": [
        ("open('left.txt', 'w').close(); print('uid=1654(app)')", {"uid": 1654}),
        ("print('uid=0(root)')", {"uid": 1654, "words": ["app"]}),
        ("print('not run')", {"words": ["not run"]}),
    ],
    "10-expects-what-nobody-knows": [("1", {"word": ["1"]})],
}

STAND_IN_FOR_THE_LAB = """
import labkit, labkit.notebook

def diagnose(lesson):
    if lesson == "08-no-lab":
        raise ZeroDivisionError("division by zero")
    return f"pods of {lesson}"

labkit.diagnose = diagnose
labkit.notebook.reset_lessons = lambda name=None: []
"""


@dataclass(frozen=True)
class Run:
    """What came of the notebooks.

    Args:
        folder: where they were run.
        status: pytest's exit status.
        stdout: what pytest printed.
        results: for each notebook "passed", "failed" or "skipped" for each of its cells.
    """

    folder: Path
    status: int
    stdout: str
    results: dict[str, list[str]]


def _cell(planted: str | tuple[str, dict[str, object]]) -> NotebookNode:
    source, expect = planted if isinstance(planted, tuple) else (planted, None)
    cell: NotebookNode = new_code_cell(source, metadata={"labkit": {"expect": expect}} if expect else {})
    return cell


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "conftest.py").write_text(STAND_IN_FOR_THE_LAB, encoding="utf-8")
    for name, cells in NOTEBOOKS.items():
        nbformat.write(new_notebook(cells=[_cell(planted) for planted in cells]), folder / f"{name}.ipynb")
    argv = [sys.executable, "-m", "pytest", "-p", "tests.notebooks.hooks", "-p", "nbval", "-p", "no:cacheprovider"]
    argv += ["--nbval-lax", "--nbval-current-env", "-rs", "--junitxml=report.xml"]
    # Of pytest's plugins no more than that: the others would be loaded for nothing.
    plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": ""}
    environment = os.environ | plugins | {"PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (folder / "report.xml").exists(), done.stdout + done.stderr
    results: dict[str, list[str]] = {name: [] for name in NOTEBOOKS}
    for case in ElementTree.parse(folder / "report.xml").iter("testcase"):
        outcomes = [{"failure": "failed"}.get(child.tag, child.tag) for child in case]
        results[case.attrib["classname"].split(".")[0]].append(outcomes[0] if outcomes else "passed")
    return Run(folder, done.returncode, done.stdout, results)


def test_cells_behind_a_failed_one_do_not_run(run: Run) -> None:
    assert run.results["07-planted"] == ["passed", "failed", "skipped", "skipped"]
    assert run.status == pytest.ExitCode.TESTS_FAILED
    assert not (run.folder.parent / "ran").exists()
    assert "not run: Cell 1 of this notebook failed before it" in run.stdout


def test_the_next_notebook_runs_all_the_same(run: Run) -> None:
    assert run.results["08-no-lab"] == ["failed"]


def test_the_report_ends_with_the_lessons_pods(run: Run) -> None:
    assert run.stdout.index("planted") < run.stdout.index("the lesson's pods") < run.stdout.index("pods of 07-planted")


def test_a_lab_that_cannot_be_looked_at_does_not_hide_the_cell(run: Run) -> None:
    report = run.stdout.partition("planted where the lab is gone")[2]
    assert "could not be looked at: division by zero" in report


def test_kernels_expect_untouched_exercises(run: Run) -> None:
    assert run.results["07-planted"][0] == "passed"


def test_a_cell_that_does_not_show_what_it_must_fails_and_stops_its_notebook(run: Run) -> None:
    assert run.results["09-expects"] == ["passed", "failed", "skipped"]


def test_the_report_names_lesson_and_cell_and_what_was_expected_and_what_came(run: Run) -> None:
    cell = nbformat.read(run.folder / "09-expects.ipynb", as_version=4).cells[1]
    report = run.stdout.partition(f"09-expects, cell {cell.id}: ")[2]
    assert report.startswith("the words 'app' were expected; uid 1654 was expected, shown is 0")
    assert "what came:\nuid=0(root)" in report


def test_an_expectation_that_nobody_knows_fails(run: Run) -> None:
    assert run.results["10-expects-what-nobody-knows"] == ["failed"]
    assert "Object contains unknown field `word`" in run.stdout


def test_files_that_cells_write_beside_the_notebooks_are_taken_away(run: Run) -> None:
    assert {file.name for file in run.folder.iterdir() if file.is_file()} == {
        "conftest.py",
        "report.xml",
        *(f"{name}.ipynb" for name in NOTEBOOKS),
    }
