"""What a cell shows while one of the kit's calls takes its time, and two lines where it was interrupted."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

from labkit.show.live_line import live_line
from labkit.show.steps import in_notebook

_Class = TypeVar("_Class", bound=type)


class Interrupted(KeyboardInterrupt):
    """The participant stopped a cell in the middle of one of the kit's calls.

    Args:
        call: the call's name, as the cell has it.
    """

    def __init__(self, call: str) -> None:
        super().__init__(f"{call} was stopped in the middle.\nRun the cell again to do it from its beginning.")

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: two lines and no traceback."""
        return [f"{type(self).__name__}: {self}"]


def brief_interrupts(prefix: str) -> Callable[[_Class], _Class]:
    """Have the public methods of a class raise `Interrupted` where they are interrupted. A decorator.

    In a notebook a call that takes more than two seconds has a line that says so: what the object's `_at_work` gives.

    Args:
        prefix: how a cell names an object of the class.
    """

    def decorate(kind: _Class) -> _Class:
        for name, method in list(vars(kind).items()):
            if inspect.isfunction(method) and not name.startswith("_"):
                setattr(kind, name, _brief(method, f"{prefix}.{name}"))
        return kind

    return decorate


def _brief(method: Callable[..., Any], call: str) -> Callable[..., Any]:
    @functools.wraps(method)
    def stoppable(*arguments: Any, **options: Any) -> Any:
        def describe() -> str:
            at_work = getattr(arguments[0], "_at_work", None)
            return f"{call}: {(at_work and at_work()) or 'at work'}; ■ stops it"

        try:
            with live_line(describe) if in_notebook() else nullcontext():
                return method(*arguments, **options)
        except Interrupted:
            raise
        except KeyboardInterrupt as interrupt:
            raise Interrupted(call) from interrupt

    return stoppable
