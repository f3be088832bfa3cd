"""The exercises as the notebooks have them, for the tests that are generated from them."""

from __future__ import annotations

import ast
import contextlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import labkit
from labkit.course.checking import CheckResult
from labkit.course.exercise import Exercise
from labkit.course.exercises import exercises_of
from labkit.course.lessons import FOLDER, lesson_names
from labkit.lab.lab import Lab
from labkit.notebook import Lesson, open_lesson
from labkit.show.steps import Silent


@dataclass(frozen=True)
class Placed:
    """An exercise in its notebook.

    Args:
        lesson: the notebook's name.
        exercise: its exercise.
        task: the text above the cell to edit.
        cell: the source of the cell to edit, as participants get it.
        check: the source of the cell that checks.
    """

    lesson: str
    exercise: Exercise
    task: str
    cell: str
    check: str

    def __str__(self) -> str:
        return f"{self.lesson[:2]}-{self.exercise.name}"

    def run(self, lab: Lesson, code: str, folder: Path = FOLDER) -> CheckResult:
        """Run code in place of the participant's cell, then the check's cell, as a kernel would."""
        result = self._evaluate(self._check_call(), self.give(lab, code, folder))
        assert isinstance(result, CheckResult)
        return result

    def give(self, lab: Lesson, code: str, folder: Path = FOLDER) -> dict[str, Any]:
        """Run code in place of the participant's cell; gives the names that it leaves."""
        names: dict[str, Any] = {"lab": lab, "labkit": labkit}
        with contextlib.chdir(folder):  # as a notebook's kernel: files to edit lie beside it
            exec(compile(code.strip(), str(self), "exec"), names)
        return names

    def answer(self, names: dict[str, Any]) -> object:
        """What the check's cell hands over; None where it hands over nothing."""
        arguments = self._check_call().args[1:]
        return self._evaluate(arguments[0], names) if arguments else None

    def _check_call(self) -> ast.Call:
        statement = ast.parse(self.check).body[-1]
        assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
        return statement.value

    def _evaluate(self, expression: ast.expr, names: dict[str, Any]) -> object:
        return eval(compile(ast.Expression(expression), str(self), "eval"), names)


def cells_of(lesson: str) -> list[dict[str, Any]]:
    """The code cells of a lesson's notebook, each with its source as one text."""
    return [cell for cell in _all_cells_of(lesson) if cell["cell_type"] == "code"]


def _all_cells_of(lesson: str) -> list[dict[str, Any]]:
    notebook = json.loads((FOLDER / f"{lesson}.ipynb").read_text(encoding="utf-8"))
    return [{**cell, "source": "".join(cell["source"])} for cell in notebook["cells"]]


_DEFAULT_IMAGES = {"build": "my-image", "publish": "my-app"}


def images_made(code: str) -> Iterator[str]:
    """The names that a cell's code gives to images, as far as it says them, in Python or in a shell cell."""
    if code.startswith("%%bash"):
        yield from re.findall(r"docker build [^\n]*?(?:-t|--tag)[ =](\S+)", code)
        return
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _DEFAULT_IMAGES:
            named = [keyword.value for keyword in node.keywords if keyword.arg == "name"]
            if not named:
                yield _DEFAULT_IMAGES[node.func.attr]
            elif isinstance(named[0], ast.Constant):
                yield str(named[0].value)


def that_share_images(cells: Iterable[tuple[str, str]]) -> set[str]:
    """The lessons that make an image of a name that another one makes, too.

    Args:
        cells: lesson and code of each cell.
    """
    makers: dict[str, set[str]] = defaultdict(set)
    for lesson, code in cells:
        for image in images_made(code):
            makers[image].add(lesson)
    return {lesson for lessons in makers.values() if len(lessons) > 1 for lesson in lessons}


def placed(lesson: str) -> Iterator[Placed]:
    """The exercises of a lesson, in the order of its notebook; the cell after the one to edit is the check."""
    known = {exercise.name: exercise for exercise in exercises_of(lesson)}
    cells = _all_cells_of(lesson)
    for before, cell, after in zip(cells, cells[1:], cells[2:], strict=False):
        name = cell["metadata"].get("labkit", {}).get("exercise")
        if name is not None:
            yield Placed(lesson, known[name], before["source"], cell["source"], after["source"])


def all_placed() -> list[Placed]:
    """All exercises of the course."""
    return [exercise for lesson in lesson_names() for exercise in placed(lesson)]


@contextlib.contextmanager
def lesson_with_own_progress(name: str, lab: Lab, data: Path) -> Iterator[Lesson]:
    """A lesson that is opened and closed again; a participant's own progress is not touched.

    Args:
        name: the notebook's name.
        lab: the lab that is up.
        data: where the lesson's progress goes.
    """
    with Lab(replace(lab.configuration, data=data), Silent()) as own, open_lesson(name, own) as lesson:
        yield lesson
