"""One line in a notebook that says what a cell waits for; it comes after two seconds, and nothing of it stays."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator

_AFTER_SECONDS, _EACH_SECONDS = 2.0, 1.0
_WIDTH = 120

_lock = threading.RLock()
_is_used = False
_others = 0
_shown = ""


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
    _is_used, ended, started = True, threading.Event(), time.monotonic()

    def show() -> None:
        pause = after
        while not ended.wait(pause):
            pause = each
            with _lock:
                if not _others and not ended.is_set():
                    _write_over(f"{describe()[:_WIDTH]} … {time.monotonic() - started:.0f} s")

    shows = threading.Thread(target=show, daemon=True)
    shows.start()
    try:
        yield
    finally:
        ended.set()
        with _lock:
            _write_over("")
        _is_used = False


@contextlib.contextmanager
def another_line() -> Iterator[None]:
    """Keep the line away, while somebody else has one that tells more."""
    global _others
    with _lock:
        _others += 1
        _write_over("")
    try:
        yield
    finally:
        with _lock:
            _others -= 1


def make_room() -> None:
    """Take the line away for something that is printed now; it comes again."""
    with _lock:
        _write_over("")


def _write_over(line: str) -> None:
    global _shown
    if line == _shown:
        return
    # Blanks first: a carriage return alone leaves the end of a longer line.
    print("\r" + " " * len(_shown) + "\r" + line, end="", file=sys.stdout, flush=True)
    _shown = line
