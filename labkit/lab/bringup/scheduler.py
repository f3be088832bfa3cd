"""Running a schedule: whatever is ready runs side by side, until all is done, a step fails, or somebody interrupts."""

from __future__ import annotations

import errno
import queue
import threading
import time
from collections.abc import Callable
from typing import Protocol

from labkit.adapters.cancellation import Cancellation, Cancelled
from labkit.adapters.processes import give_way
from labkit.base.errors import LabFailed
from labkit.base.fetching import ROOM
from labkit.lab.bringup.schedule import WORKERS, Schedule, Step

_TICK_SECONDS = 0.5
_PATIENCE_SECONDS = 10.0


class Watcher(Protocol):
    """What is told how a schedule goes; it is called from the thread that runs the schedule, and from the steps'."""

    def begin(self, step: Step) -> None:
        """A step begins; called in its thread."""
        ...

    def end(self, step: Step, error: BaseException | None) -> None:
        """A step has ended; `Cancelled` is the error of one that was stopped, or never began."""
        ...

    def tick(self) -> None:
        """Some time has passed."""
        ...


def run_schedule(schedule: Schedule, watcher: Watcher, *, workers: int = WORKERS, gives_way: bool = False) -> None:
    """Run every step, each as soon as all that it needs is done.

    When a step has failed, only what a lesson needs to begin is still done; the rest is stopped. An interrupt stops
    everything and waits a moment for it; a second one does not wait.

    Args:
        schedule: the steps.
        watcher: told how it goes.
        workers: how many steps run side by side at most.
        gives_way: whether steps that are nice run at the lowest priority.

    Raises:
        KeyboardInterrupt: it was interrupted.
        Exception: the error of the first step that failed, when all else has ended.
    """
    _Run(schedule, watcher, workers, gives_way).run()


def _no_room(step: Step, error: OSError) -> LabFailed | None:
    """The error of a step that could not write; None if it failed for another reason."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return None
    came_back = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
    return LabFailed(f"Making {step.title}", came_back, ROOM)


class _Run:
    def __init__(self, schedule: Schedule, watcher: Watcher, workers: int, gives_way: bool) -> None:
        self._schedule, self._watcher = schedule, watcher
        self._workers, self._gives_way = workers, gives_way
        self._waiting = {step.name for step in schedule}
        self._running: dict[str, Cancellation] = {}
        self._done: set[str] = set()
        self._ended: queue.SimpleQueue[tuple[Step, BaseException | None]] = queue.SimpleQueue()
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._run_all()
        except BaseException:
            try:
                self._stop_all()
            except KeyboardInterrupt:
                # A second interrupt waits for nothing. The threads end with the process; the programs would not.
                self._in_a_thread(Cancellation.kill)
                self._end_what_runs()
            raise
        self._drop(set(self._waiting))  # What needs a step that has failed.
        if self._error is not None:
            raise self._error

    def _run_all(self) -> None:
        while True:
            for step in self._schedule.next_steps(self._waiting, self._running, self._done, self._workers):
                self._start(step)
            if not self._running:
                return
            self._take_end(_TICK_SECONDS)

    def _start(self, step: Step) -> None:
        self._waiting.discard(step.name)
        cancellation = self._running[step.name] = Cancellation()
        # A daemon: one that hangs in a request is left behind when the process ends.
        threading.Thread(target=self._run_step, args=(step, cancellation), name=step.name, daemon=True).start()

    def _run_step(self, step: Step, cancellation: Cancellation) -> None:
        error: BaseException | None = None
        try:
            if self._gives_way and step.nice:
                give_way()
            with cancellation:
                self._watcher.begin(step)
                step.run()
        except OSError as raised:
            error = _no_room(step, raised) or raised
        except BaseException as raised:
            error = raised
        if error is not None and cancellation.is_cancelled:
            error = Cancelled(step.title)
        self._ended.put((step, error))

    def _take_end(self, seconds: float) -> None:
        try:
            step, error = self._ended.get(timeout=seconds)
        except queue.Empty:
            self._watcher.tick()
            return
        try:
            self._watcher.end(step, error)
        except KeyboardInterrupt:
            self._ended.put((step, error))  # Nobody may have been told: it is taken once more when all else is stopped.
            raise
        del self._running[step.name]
        if error is None:
            self._done.add(step.name)
        elif self._error is None and not isinstance(error, Cancelled):
            self._error = error
            self._keep_only_the_front()

    def _keep_only_the_front(self) -> None:
        front = self._schedule.front()
        self._drop(self._waiting - front)
        for name in set(self._running) - front:
            self._running[name].cancel()

    def _drop(self, names: set[str]) -> None:
        for name in names:
            self._waiting.discard(name)
            self._watcher.end(self._schedule[name], Cancelled(self._schedule[name].title))

    def _in_a_thread(self, do: Callable[[Cancellation], None]) -> None:
        """Do it to all that runs where no interrupt comes between; the process does not end before that."""
        running = list(self._running.values())

        def do_all() -> None:
            for cancellation in running:
                do(cancellation)

        threading.Thread(target=do_all, name="stopping").start()

    def _stop_all(self) -> None:
        self._in_a_thread(Cancellation.cancel)
        self._drop(set(self._waiting))
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self._running and time.monotonic() < deadline:
            self._take_end(_TICK_SECONDS)
        self._end_what_runs()

    def _end_what_runs(self) -> None:
        for name in list(self._running):
            self._watcher.end(self._schedule[name], Cancelled(self._schedule[name].title))
            del self._running[name]
