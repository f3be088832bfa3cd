"""Answers of exercises whose file is edited: what the file holds then, what changes in it, and putting it there.

An exercise keeps its answers as the code of a cell, which tests run. What a participant edits is a file beside the
notebook; so an answer is shown as that file.
"""

from __future__ import annotations

import ast
import difflib
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from labkit.base.errors import LabFailed, Misuse, remedy_of_system
from labkit.base.resources import NOTEBOOKS, require
from labkit.course.course_folder import replace_file
from labkit.course.exercise import Exercise

_CALLS_WITH_A_FILE = {"build", "apply", "create"}
_MOST_LINES, _CONTEXT = 12, 2


@dataclass(frozen=True)
class AnswerFile:
    """An answer as the file that it is written in.

    Args:
        name: the file's path beside the notebooks, such as "menu/Dockerfile".
        starter: what participants get.
        content: what answers.
        before: code that a cell runs before; empty for most.
    """

    name: str
    starter: str
    content: str
    before: str = ""

    @classmethod
    def of(cls, exercise: Exercise, code: str) -> Self | None:
        """Of an answer's code.

        Args:
            exercise: whose file it is.
            code: what a cell would run.

        Returns:
            None if the exercise has no file, or the code does more than fill it.
        """
        if not exercise.file:
            return None
        starter = (require(NOTEBOOKS) / exercise.file).read_text(encoding="utf-8")
        *others, last = ast.parse(code.strip()).body
        content = _content(last, starter)
        if content is None:
            return None
        # The notebook's own cell has the namespace enforce its level.
        before = [ast.get_source_segment(code.strip(), step) or "" for step in others if not _calls(step, {"enforce"})]
        return cls(exercise.file, starter, content, "\n".join(before))

    def changes(self, base: str = "") -> list[str]:
        """The file, its lines after `+` if they are new, after `-` if they go, after a blank if they stay.

        Args:
            base: what it is compared with; what participants get if left out.
        """
        before, after = _without_head(base or self.starter), _without_head(self.content)
        context = max(len(before), len(after)) if max(len(before), len(after)) <= _MOST_LINES else _CONTEXT
        lines = list(difflib.unified_diff(before, after, n=context, lineterm=""))[2:]
        marked = ["  ..." if line.startswith("@@") else f"{line[0]} {line[1:]}" for line in lines]
        return marked[1:] if marked[:1] == ["  ..."] and lines[0].startswith("@@ -1,") else marked

    def put(self, folder: Path) -> Path | None:
        """Write it where the participant has the file; theirs is kept beside it.

        Args:
            folder: the participant's, with the notebooks.

        Returns:
            Where theirs is now; None if it was as participants get it, or is the answer already.

        Raises:
            Misuse: the folder is the course itself.
            LabFailed: it cannot be written; theirs is whole.
        """
        target = folder / self.name
        trying = f"Putting the solution into {target}"
        if not target.is_file():
            raise Misuse(
                trying, "there is no such file", "run this in the lesson's notebook, which has the file beside it"
            )
        if target.resolve() == (NOTEBOOKS / self.name).resolve():
            remedy = "open your own copy of the lessons\n  labkit lab"
            raise Misuse(trying, "this is the course itself, not your copy of it", remedy)
        try:
            present = target.read_text(encoding="utf-8", errors="replace")
            if present == self.content:
                return None
            return replace_file(target, self.content.encode(), keeps=present != self.starter)
        except OSError as error:
            remedy = remedy_of_system(error, "look at its permissions, and at the disk")
            raise LabFailed(trying, error.strerror or str(error), remedy) from error


def _content(step: ast.stmt, starter: str) -> str | None:
    """What the file holds that a statement gives as text, or as an item of a project; None if it gives neither."""
    text: ast.expr | None = None
    if _calls(step, {"publish"}):
        assert isinstance(step, ast.Expr) and isinstance(step.value, ast.Call)
        named = {keyword.arg: keyword.value for keyword in step.value.keywords}
        item = named.get("item")
        if step.value.args or named.keys() != {"item", "name"} or not isinstance(item, ast.Constant):
            return None
        return starter.replace("</Project>", f"  <ItemGroup>\n    {item.value!s}\n  </ItemGroup>\n</Project>")
    if isinstance(step, ast.Assign):
        text = step.value
    elif _calls(step, _CALLS_WITH_A_FILE):
        assert isinstance(step, ast.Expr) and isinstance(step.value, ast.Call)
        text = step.value.args[0] if step.value.args else None
    if not isinstance(text, ast.Constant) or not isinstance(text.value, str) or "\n" not in text.value.strip():
        return None
    head = "".join(f"{line}\n" for line in starter.splitlines() if line.startswith("#"))
    return head + textwrap.dedent(text.value).strip() + "\n"


def _calls(step: ast.stmt, names: set[str]) -> bool:
    """Whether a statement is a call of one of `lab`'s methods."""
    if not isinstance(step, ast.Expr) or not isinstance(step.value, ast.Call):
        return False
    return isinstance(step.value.func, ast.Attribute) and step.value.func.attr in names


def _without_head(text: str) -> list[str]:
    """The lines below the comment that says what the file is for, without those that hold nothing."""
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
