"""One line in a notebook that says what a cell waits for; it comes after two seconds, and nothing of it stays."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_AFTER_SECONDS, _EACH_SECONDS = 2.0, 1.0
_WIDTH = 120

_lock = threading.RLock()
_is_used = False
_others = 0


class CellLine:
    """A line of a cell's output that is written over; what else the cell shows stands below it.

    It is an output of its own: of a printed line that is rubbed out the room would stay.
    """

    def __init__(self) -> None:
        self._shown = ""
        self._handle: Any = None

    def write(self, line: str) -> None:
        """Show a line in place of the one before.

        Args:
            line: it; empty for none.
        """
        if line == self._shown:
            return
        if self._handle is None:
            # Empty at first: who keeps what was displayed and no changes of it, as nbval does, has nothing of it.
            self._handle = display_raw(_bundle(""), display_id=True)
        self._handle.update(_bundle(line), raw=True)
        self._shown = line


def display_raw(bundle: Mapping[str, Any], *, display_id: bool = False) -> Any:
    """Show something in a cell, as it is given.

    Args:
        bundle: it, by its kinds (https://jupyter-client.readthedocs.io/en/stable/messaging.html#display-data).
        display_id: whether it will be changed.

    Returns:
        What changes it, if it will be; else nothing.
    """
    from IPython.display import display

    return display(bundle, raw=True, display_id=display_id or None)  # type: ignore[no-untyped-call]


def _bundle(line: str) -> dict[str, str]:
    return {"text/plain": line}


@contextlib.contextmanager
def live_line(
    describe: Callable[[], str], *, after: float = _AFTER_SECONDS, each: float = _EACH_SECONDS
) -> Iterator[None]:
    """Show a line while something takes its time; within another one's, nothing.

    Args:
        describe: what is going on, asked each time.
        after: seconds before it comes.
        each: seconds between two looks.
    """
    global _is_used
    if _is_used:
        yield
        return
    _is_used, ended, started, line = True, threading.Event(), time.monotonic(), CellLine()

    def show() -> None:
        pause = after
        while not ended.wait(pause):
            pause = each
            with _lock:
                if not ended.is_set():
                    line.write("" if _others else f"{describe()[:_WIDTH]} … {time.monotonic() - started:.0f} s")

    shows = threading.Thread(target=show, daemon=True)
    shows.start()
    try:
        yield
    finally:
        ended.set()
        with _lock:
            line.write("")
        _is_used = False


@contextlib.contextmanager
def another_line() -> Iterator[None]:
    """Keep the line away, while somebody else has one that tells more."""
    global _others
    with _lock:
        _others += 1
    try:
        yield
    finally:
        with _lock:
            _others -= 1
