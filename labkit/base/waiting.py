"""Waiting: until a deadline, looking again after an interval, and knowing the last state that was seen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from labkit.base.errors import DeadlineExceeded, LabFailed

_State = TypeVar("_State")
_INTERVAL_SECONDS = 0.1


def watch(
    look: Callable[[], _State],
    until: Callable[[_State], bool],
    seconds: float,
    *,
    interval: float = _INTERVAL_SECONDS,
    stop: threading.Event | None = None,
) -> _State:
    """Look again and again until a state decides, the deadline has come, or nobody waits any more.

    Args:
        look: sees the state; it is called at least once.
        until: whether a state decides: it is what one waits for, or this has become impossible.
        seconds: the deadline.
        interval: seconds between two looks.
        stop: set when nobody waits any more.

    Returns:
        The last state that was seen.
    """
    deadline = time.monotonic() + seconds
    stop = stop or threading.Event()
    while not until(state := look()) and time.monotonic() < deadline:
        if stop.wait(interval):
            break
    return state


def wait_until(
    awaited: str,
    look: Callable[[], _State],
    *,
    seconds: float,
    remedy: str,
    is_there: Callable[[_State], bool] = bool,
    why_never: Callable[[_State], str] = lambda _: "",
    describe: Callable[[_State], str] = str,
    interval: float = _INTERVAL_SECONDS,
) -> _State:
    """Wait for a state, no longer than until it can no longer come.

    Args:
        awaited: what is waited for, such as "the engine's answer".
        look: sees the state.
        seconds: the deadline.
        remedy: what to do if it does not come.
        is_there: whether a state is the awaited one.
        why_never: why the awaited state cannot come after this one; empty while it can.
        describe: gives the text for a state.
        interval: seconds between two looks.

    Returns:
        The awaited state.

    Raises:
        LabFailed: it can no longer come.
        DeadlineExceeded: it did not come in time; the error has the last state that was seen.
    """
    state = watch(look, lambda state: is_there(state) or bool(why_never(state)), seconds, interval=interval)
    if is_there(state):
        return state
    if reason := why_never(state):
        raise LabFailed(f"Waiting for {awaited}", reason, remedy)
    raise DeadlineExceeded(f"Waiting for {awaited}", f"timed out after {seconds:g} s: {describe(state)}", remedy)
