"""An answer whose cell ended in an error is not judged by what its name held before."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from labkit.notebook.answer_cells import AnswerCells


class Notebook:
    """A kernel whose `lab.check` keeps why an answer is not its cell's."""

    def __init__(self) -> None:
        self._shell: Any = InteractiveShell()  # type: ignore[no-untyped-call]
        self.cells = AnswerCells(lambda: self._shell.user_ns)
        self.messages: list[str] = []
        self.said_of_the_cell_before: list[str] = []
        self._shell.user_ns["lab"] = SimpleNamespace(check=self._check, hint=print)
        self._shell.events.register("pre_run_cell", lambda run: self.cells.begin(run.raw_cell))
        self._shell.events.register(
            "post_run_cell", lambda run: self.cells.end(run.info.raw_cell, run.error_before_exec or run.error_in_exec)
        )

    def _check(self, name: str, answer: Any = None) -> None:
        self.messages.append(self.cells.failure())
        self.said_of_the_cell_before.append(self.cells.error_before())

    def run(self, *cells: str) -> str:
        """Run some cells; what the last check has said."""
        for cell in cells:
            self._shell.run_cell(cell)
        return self.messages[-1]


_CHECK = 'lab.check("which", chosen)'


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("chosen = [app]", "NameError"),
        ("chosen = [1,", "SyntaxError"),
        ("chosen: list = 1 / 0", "ZeroDivisionError"),
        ("seen = 1\nchosen = seen.nothing", "AttributeError"),
    ],
)
def test_it_says_that_the_cell_failed_until_the_cell_has_run(cell: str, error: str) -> None:
    notebook = Notebook()
    assert notebook.run("chosen = [1]", _CHECK) == ""
    message = notebook.run(cell, _CHECK)
    assert "`chosen`" in message and error in message
    # Neither another look nor another cell makes the old answer the new one.
    assert notebook.run("print(chosen == [1])", "other = 1", _CHECK) == message
    assert notebook.run("chosen = [2]", _CHECK) == ""


@pytest.mark.parametrize(
    "check",
    [
        'lab.check("which")',
        'lab.check("which", [1])',
        'lab.check("which", other)',
        "chosen = [3]\n" + _CHECK,
    ],
)
def test_what_does_not_come_from_that_cell_is_judged(check: str) -> None:
    notebook = Notebook()
    assert notebook.run("other = chosen = [1]", "chosen = [1, missing]", check) == ""


@pytest.mark.parametrize(
    "cell",
    [
        "chosen == missing",
        "lab.chosen = missing",
        "chosen_too = missing",
        "print(1, chosen=2)",
        "%%bash\nchosen=2; false",
        "chosen = [3]\nmissing",
    ],
)
def test_a_cell_that_fails_and_gives_another_name_or_has_given_it_changes_nothing(cell: str) -> None:
    assert Notebook().run("chosen = [1]", cell, _CHECK) == ""


def test_a_check_without_an_answer_says_that_the_cell_before_it_failed() -> None:
    notebook, check = Notebook(), 'lab.check("harden")'
    notebook.run("made = 1", check, "1 / 0", check, 'lab.hint("harden")', check, "made = 2", check, "1 / 0\n" + check)
    notebook.run("made = 3\n" + check)
    first, second, third, last, together = notebook.said_of_the_cell_before
    assert (first, last, together) == ("", "", "")
    assert "ZeroDivisionError" in second and second == third


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("chosen == [2]", "`chosen ==` compares"),
        ("chozen = [2]", "`chozen` was given a value"),
        ("%%bash\nchosen=2", "given to the shell"),
        ("[2]", "shown and forgotten"),
    ],
)
def test_a_cell_that_was_to_give_an_answer_and_did_not_is_told(cell: str, sentence: str) -> None:
    notebook = Notebook()
    notebook.run(
        "chosen = [1]", cell, _CHECK, 'lab.hint("which")', _CHECK, 'lab.check("which")', "chosen = [2]", _CHECK
    )
    first, second, without_answer, given = notebook.said_of_the_cell_before
    assert sentence in first and "what `chosen` was before" in first and second == first
    assert (without_answer, given) == ("", "")


def test_a_mistyped_answer_in_the_cell_of_its_check_is_told() -> None:
    notebook = Notebook()
    notebook.run("chosen = [1]", "chozen = [2]\n" + _CHECK, "chosen = [2]\n" + _CHECK)
    assert ["`chozen`" in message for message in notebook.said_of_the_cell_before] == [True, False]
