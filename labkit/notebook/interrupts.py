"""An interrupt in a cell, told in two lines instead of the kit's inside."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

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
        try:
            return method(*arguments, **options)
        except Interrupted:
            raise
        except KeyboardInterrupt as interrupt:
            raise Interrupted(call) from interrupt

    return stoppable
