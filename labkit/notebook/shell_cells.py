"""Cells that begin with `%%bash`: Jupyter's own, in the lab's environment, bounded, and with their exit status shown.

In a kernel that is not the course's the same cells run by IPython's own magic. What differs here: both streams come in
their order, as in a terminal; a command that reads gets the end of the file, not the cell's next lines; what prints
without an end is ended; the exit status is shown if it is not 0, whether it fails the cell or not.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from typing import Any

from labkit.adapters.started_programs import run_shell_text
from labkit.lab.terminal.lesson_terminal import terminal_variables
from labkit.notebook.cell_evidence import install_cell_evidence
from labkit.notebook.interrupts import Interrupted
from labkit.notebook.name_completion import install_name_completion
from labkit.notebook.opened_lesson import OpenedLesson

MOST_CHARACTERS = 400_000
"""What a cell may print before it is ended: more than anybody reads, and no more than a browser can hold."""

_OF_THE_LESSON = re.compile(r"\s*lab(?:kit)?\.\w+(?:\.\w+)*\(")
_OF_PYTHON = (ast.Import, ast.ImportFrom, ast.For, ast.With, ast.FunctionDef)
_MEANT_TO_FAIL = "--no-raise-error"


class CommandFailed(Exception):
    """A shell cell ended with another exit status than 0.

    Args:
        status: its exit status.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"the cell's last command ended with exit status {status}; above is what it printed")
        self.status = status

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: a line and no traceback."""
        return [f"{type(self).__name__}: {self}"]


def run_shell_cell(text: str, *, may_fail: bool, most: int = MOST_CHARACTERS) -> None:
    """Run a cell's text by bash, and show what comes.

    Args:
        text: the cell's, without its first line.
        may_fail: whether an exit status other than 0 is shown and no more.
        most: how many characters are shown before the commands are ended.

    Raises:
        CommandFailed: the exit status is not 0, and it may not fail.
        Interrupted: the participant stopped the cell.
    """
    try:
        status, is_cut = run_shell_text(shutil.which("bash") or "bash", text, _show, most)
    except KeyboardInterrupt:
        raise Interrupted("The cell") from None
    if is_cut:
        _show(f"\n... ended here, after {most} characters: send it to a file, or through head\n")
    if status:
        _show(f"exit status {status}\n")
    if status and not may_fail and (python := python_in(text)):
        _show(f"`{python}` is Python, which runs in a cell without the line %%bash.\n")
    if status and not may_fail:
        raise CommandFailed(status)


def python_in(text: str) -> str:
    """The first line of a shell cell that is Python's; empty if none seems to be.

    In a whole cell that Python can read, that is a call, an import, or a name that is given a value; in a mixed one, a
    call of the lesson's.

    Args:
        text: the cell's, which bash could not run to its end.
    """
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return next((line.strip() for line in text.splitlines() if _OF_THE_LESSON.match(line)), "")
    for statement in statements:
        line = text.splitlines()[statement.lineno - 1].strip()
        # name=value is the shell's as well.
        is_of_python = isinstance(statement, _OF_PYTHON) or (isinstance(statement, ast.Assign) and " = " in line)
        if is_of_python or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
            return line
    return ""


def _show(text: str) -> None:
    sys.stdout.write(text)


def install_shell_cells(shell: Any) -> None:
    """Have a kernel run `%%bash` cells in this way; one with other options than --no-raise-error runs as ever.

    Args:
        shell: IPython's.
    """
    magics = shell.magics_manager.magics["cell"]
    standard: Callable[[str, str], object] = getattr(magics.get("bash"), "standard", None) or magics["bash"]

    def bash(line: str, cell: str) -> None:
        """Run a cell by bash; `%%bash --no-raise-error` is for commands that are meant to fail."""
        if line.split() not in ([], [_MEANT_TO_FAIL]) or os.name != "posix":
            standard(line, cell)
            return
        run_shell_cell(cell, may_fail=bool(line.split()))

    bash.standard = standard  # type: ignore[attr-defined]
    shell.register_magic_function(bash, "cell", "bash")


def running_shell() -> Any:
    """IPython's shell, in which cells are run; None where no notebook is."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    return get_ipython()


def names_of_kernel() -> Mapping[str, object]:
    """What the names of a notebook's kernel hold; nothing where no notebook is."""
    shell = running_shell()
    return {} if shell is None else shell.user_ns


def prepare_kernel(lesson: OpenedLesson) -> None:
    """Give a notebook's kernel the environment of the lesson; anywhere else nothing changes.

    Args:
        lesson: that was opened.
    """
    if (shell := running_shell()) is None:
        return
    os.environ |= terminal_variables(lesson.lab.configuration, os.environ, lesson.name)
    install_shell_cells(shell)
    install_name_completion(shell, lesson)
    install_cell_evidence(shell, lesson)
    for call in lesson.before_each_cell:
        shell.events.register("pre_run_cell", lambda run, call=call: call(run.raw_cell or ""))
    for after in lesson.after_each_cell:
        shell.events.register("post_run_cell", lambda run, after=after: after(*_ended(run)))


def _ended(run: Any) -> tuple[str, BaseException | None]:
    """The source of a cell that has run, and the error that it ended in."""
    return run.info.raw_cell or "" if run.info is not None else "", run.error_before_exec or run.error_in_exec
