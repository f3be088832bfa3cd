"""Signals that end a command: what whoever sends them means is what a Ctrl-C means."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

_STREAMS = (0, 1, 2)


class Ended(KeyboardInterrupt):
    """We were told to end by another signal than Ctrl-C's.

    Args:
        number: the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_status = 128 + number
        """As a shell has it."""


def ending_signals() -> tuple[signal.Signals, ...]:
    """What ends us beside Ctrl-C: SIGTERM, and SIGHUP as a terminal is closed; not what is ignored, as by nohup."""
    return tuple(number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is not signal.SIG_IGN)


@contextlib.contextmanager
def ended_as_interrupted() -> Iterator[None]:
    """Within this block, have such a signal end us as Ctrl-C does, so that whatever we began is ended, too.

    It is for the main thread, to which alone signals are told; elsewhere nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _end) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _end(number: int, _: FrameType | None) -> NoReturn:
    if number == signal.SIGHUP:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # The shell of that terminal sends it once more.
        _leave_closed_terminal()
    raise Ended(number)


def _leave_closed_terminal() -> None:
    """Have what we print go nowhere, where it went to the terminal that was closed: each line would be an error now."""
    for stream in _STREAMS:
        with contextlib.suppress(OSError):
            if stat.S_ISCHR(os.fstat(stream).st_mode) and not os.isatty(stream):
                nowhere = os.open(os.devnull, os.O_RDWR)
                os.dup2(nowhere, stream)
                os.close(nowhere)
