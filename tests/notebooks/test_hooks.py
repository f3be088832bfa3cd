"""The hooks around nbval, on small notebooks with real kernels."""

from __future__ import annotations

import os

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from labkit.base.resources import CHECKOUT

_DIAGNOSIS = """
import labkit
labkit.diagnose = lambda lesson: f"pods of {lesson}"
import labkit.notebook
labkit.notebook.reset_lessons = lambda name=None: []
"""


def _run(pytester: pytest.Pytester, *cells: str, diagnosis: str = _DIAGNOSIS) -> pytest.RunResult:
    pytester.makeconftest(diagnosis)
    os.environ["PYTHONPATH"] = str(CHECKOUT)  # pytester puts the environment back
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, pytester.path / "07-planted.ipynb")
    plugins = ("-p", "nbval", "-p", "tests.notebooks.hooks")
    return pytester.runpytest_subprocess(*plugins, "--nbval-lax", "--nbval-current-env", "-rs", "-v")


def test_cells_behind_a_failed_one_do_not_run(pytester: pytest.Pytester) -> None:
    result = _run(pytester, "1", "assert False, 'planted'", "open('ran', 'w')", "2")
    result.assert_outcomes(passed=1, failed=1, skipped=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert not (pytester.path / "ran").exists()
    result.stdout.fnmatch_lines(["*not run: *Cell 1 of this notebook failed before it*"])


def test_the_report_ends_with_the_lessons_pods(pytester: pytest.Pytester) -> None:
    result = _run(pytester, "assert False")
    result.stdout.fnmatch_lines(["*the lesson's pods*", "pods of 07-planted"])


def test_a_lab_that_cannot_be_looked_at_does_not_hide_the_cell(pytester: pytest.Pytester) -> None:
    broken = _DIAGNOSIS.replace('f"pods of {lesson}"', "1 / 0")
    result = _run(pytester, "assert False, 'planted'", diagnosis=broken)
    result.stdout.fnmatch_lines(["*planted*", "*could not be looked at: division by zero*"])


def test_kernels_expect_untouched_exercises(pytester: pytest.Pytester) -> None:
    _run(pytester, "import os; assert os.environ['LABKIT_STRICT'] == 'untouched'").assert_outcomes(passed=1)
