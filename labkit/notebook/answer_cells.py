"""Whether the cell that a check's answer comes from, or the one before a check, ended in an error.

Then a name has an older value, or what is there may be what an older try has made.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping

from labkit.notebook.answer_slips import only_asks, slip_in

_CHECK = re.compile(r"\.check\(\s*[\"'][^\"']*[\"']\s*,\s*(?:answer\s*=\s*)?(?P<name>[^\W\d]\w*)\s*,?\s*\)")
_GIVEN = re.compile(r"(?<![\w.])(?P<name>[^\W\d]\w*)\s*(?::[^=\n]+)?=(?!=)")
"""Where a name is given a value in a cell that Python cannot read."""


class AnswerCells:
    """The cells of a kernel that have given names values, or should have.

    Args:
        values: gives what the kernel's names hold.
    """

    def __init__(self, values: Callable[[], Mapping[str, object]]) -> None:
        self._values = values
        self._checked = ""
        self._before: dict[str, object] = {}
        self._errors: dict[str, str] = {}
        """By names, what the last cell that should have given the name a value ended in."""
        self._last_error, self._only_asks = "", False
        """What the last cell that did more than ask ended in, and whether the one that runs does no more."""
        self._last_source = ""
        """The last cell that did more than ask; the one that runs, if it does."""

    def begin(self, source: str) -> None:
        """A cell is about to run.

        Args:
            source: the cell's.
        """
        self._only_asks = only_asks(source)
        if not self._only_asks:
            self._last_source = source
        given, values = _given(source), self._values()
        # A cell that gives an answer and has it checked has given it by then.
        names = {check["name"] for check in _CHECK.finditer(source)}
        self._checked = names.pop() if len(names) == 1 and not names & given else ""
        self._before = {name: values.get(name) for name in given}

    def end(self, source: str, error: BaseException | None) -> None:
        """A cell has run.

        Args:
            source: the cell's.
            error: what it ended in; None if it has run to its end.
        """
        if not only_asks(source):
            self._last_error = type(error).__name__ if error is not None else ""
        values = self._values()
        for name in _given(source):
            if error is None or values.get(name) is not self._before.get(name):
                self._errors.pop(name, None)
            else:
                self._errors[name] = type(error).__name__

    def failure(self) -> str:
        """Why the answer that is being checked is not the one in its cell; empty if nothing is known against it."""
        if (error := self._errors.get(self._checked)) is None:
            return ""
        return (
            f"The cell that gives `{self._checked}` ended in an error, {error}: what the name holds is from before. "
            "Fix that cell and run it, then this one."
        )

    def error_before(self) -> str:
        """What to say of the cell that ran before the one that asks; empty if it ran to its end, and gave the answer.

        What a check looks at is there all the same: a pod, an image or a file, of this cell or of an older one.
        """
        if self._checked and (slip := slip_in(self._last_source, self._checked)):
            return f"{slip} What is judged is what `{self._checked}` was before."
        if not self._only_asks or not self._last_error:
            return ""
        return f"The cell before ended in an error, {self._last_error}. The check has looked at what there is now."


def _given(source: str) -> set[str]:
    """The names that a cell of Python gives values."""
    if source.lstrip().startswith("%%"):
        return set()
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return {given["name"] for given in _GIVEN.finditer(source)}
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
