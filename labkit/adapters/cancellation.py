"""Stopping a piece of work from another thread: the programs that it runs are ended, and it starts no more."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Protocol, Self, TypeVar

from labkit.base.errors import LabFailed

_KILL_SECONDS = 5.0


class RunningProgram(Protocol):
    """A program that leads a process group."""

    pid: int
    returncode: int | None


_Program = TypeVar("_Program", bound=RunningProgram)


class Cancelled(LabFailed):
    """Work was stopped from outside, because other work failed or somebody interrupted."""

    def __init__(self, doing: str) -> None:
        super().__init__(doing, "it was stopped", "continue from there\n  labkit up")


class Cancellation:
    """A piece of work that can be stopped.

    It is a context manager: the programs that are run inside of it, in the same context, belong to the work.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[RunningProgram] = set()
        self._tokens: list[Token[Cancellation | None]] = []
        self.is_cancelled = False
        """Whether it was stopped."""

    def __enter__(self) -> Self:
        self._tokens.append(_current.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        _current.reset(self._tokens.pop())

    def cancel(self) -> None:
        """Interrupt the programs that run, and kill those that do not end soon."""
        for program in self._stop():
            _signal_group(program, signal.SIGINT)
            killer = threading.Timer(_KILL_SECONDS, _kill_group, [program])
            killer.daemon = True
            killer.start()

    def kill(self) -> None:
        """Kill the programs that run, without a moment to clean up."""
        for program in self._stop():
            _kill_group(program)

    def _stop(self) -> set[RunningProgram]:
        """Let no further program begin; gives those that run."""
        with self._lock:
            self.is_cancelled = True
            return set(self._running)

    def start(self, doing: str, begin: Callable[[], _Program]) -> _Program:
        """Start a program of the work.

        Args:
            doing: what it does, for the error.
            begin: starts it, in a process group of its own.

        Raises:
            Cancelled: the work was stopped.
        """
        with self._lock:
            if self.is_cancelled:
                raise Cancelled(doing)
            program = begin()
            self._running.add(program)
            return program

    def ended(self, doing: str, program: RunningProgram) -> None:
        """Take note that a program has ended.

        Raises:
            Cancelled: the work was stopped meanwhile.
        """
        with self._lock:
            self._running.discard(program)
            if self.is_cancelled:
                raise Cancelled(doing)


_current: ContextVar[Cancellation | None] = ContextVar("cancellation", default=None)


def current_cancellation() -> Cancellation | None:
    """By what the work of this context can be stopped; None if it cannot."""
    return _current.get()


def _signal_group(program: RunningProgram, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, number)


def _kill_group(program: RunningProgram) -> None:
    if program.returncode is None:
        _signal_group(program, signal.SIGKILL)
