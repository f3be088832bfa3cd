"""The board of a schedule that runs: what its steps say of themselves, shown here and written for other processes."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from labkit.adapters.cancellation import Cancelled
from labkit.lab.bringup.durations import StepPace, pace_of, seconds_to_go
from labkit.lab.bringup.schedule import Schedule, Step
from labkit.lab.bringup.up_display import choose_display
from labkit.lab.bringup.up_state import (
    DONE,
    FAILED,
    RUNNING,
    STOPPED,
    WAITING,
    StepState,
    UpState,
    describe_error,
    process_mark,
)
from labkit.show.steps import Steps, Tally

_WRITE_SECONDS = 0.5
_RESUMED = 0.1
"""A step of which more than this part was done before is no measure for the next estimate."""


@dataclass
class _Record:
    """What is known of a step."""

    step: Step
    expected: float
    state: str = WAITING
    began: float = 0.0
    seconds: float = 0.0
    titles: list[str] = field(default_factory=list)
    worked: bool = False
    counted: str = ""
    fraction: float | None = None
    resumed: bool = False

    def elapsed(self) -> float:
        return time.monotonic() - self.began if self.state == RUNNING else self.seconds

    def left(self, pace: float = 1.0) -> float:
        """The seconds that it still takes, if all takes so many times as long as expected."""
        if self.state == RUNNING:
            return seconds_to_go(self.expected * pace, self.elapsed(), self.fraction)
        return self.expected * pace if self.state == WAITING else 0.0

    def pace(self) -> StepPace | None:
        """How fast it has gone so far; None while that cannot be told, or if others had done a part of it before."""
        if not self.worked or self.resumed:
            return None
        if self.state == DONE:
            return StepPace(self.expected, self.seconds)
        if self.state != RUNNING:
            return None
        if self.fraction is not None:
            return StepPace(self.expected * self.fraction, self.elapsed())
        return StepPace(self.expected, self.elapsed()) if self.elapsed() > self.expected else None

    def shown(self, pace: float) -> StepState:
        title = self.titles[-1] if self.titles and self.state == RUNNING else self.step.title
        counted = self.counted if self.state == RUNNING else ""
        seconds, left = round(self.elapsed(), 1), round(self.left(pace), 1)
        return StepState(self.step.name, title, self.state, counted, seconds, left)


class Board(Steps):
    """Watches a schedule; steps tell it what they are at, each in a thread of its own.

    It is a context manager, and shows nothing before there is something to do.

    Args:
        schedule: what runs.
        steps: where progress goes.
        expected: how long steps took on this machine, by name.
        write: writes the state for other processes.
        background: whether it runs behind a lesson.
    """

    def __init__(
        self,
        schedule: Schedule,
        steps: Steps,
        *,
        expected: Mapping[str, float],
        write: Callable[[UpState], None],
        background: bool = False,
    ) -> None:
        super().__init__()
        self._schedule, self._steps, self._write = schedule, steps, write
        self._display = choose_display(steps)
        self._lock = threading.RLock()
        self._current: ContextVar[_Record | None] = ContextVar("step of the schedule", default=None)
        self._records = {
            step.name: _Record(step, 0.0 if step.is_made and step.is_made() else expected.get(step.name, step.seconds))
            for step in schedule
        }
        self._whole = sum(record.expected for record in self._records.values())
        self._state = UpState(os.getpid(), process_mark(os.getpid()) or "", background)
        self._next_write = 0.0
        self._shows = False

    def __enter__(self) -> Self:
        self._display.__enter__()
        self._publish()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._display.__exit__(kind, error, traceback)
        with self._lock:
            self._state = replace(self._state, ended=True, error=describe_error(error) if error else None)
            self._publish()

    @property
    def state(self) -> UpState:
        """How it stands now."""
        with self._lock:
            pace = pace_of(seen for record in self._records.values() if (seen := record.pace()) is not None)
            steps = tuple(record.shown(pace) for record in self._records.values())
            left = {step.name: step.left for step in steps if step.state in (WAITING, RUNNING)}
            running = [name for name in left if self._records[name].state == RUNNING]
            seconds = self._schedule.seconds_left(left, running)
            to_do = sum(min(record.left(), record.expected) for record in self._records.values())
            percent = int(100 * (1 - to_do / self._whole)) if self._whole else 100
            # A step that is late, or one that had more to do than it seemed, takes nothing back.
            percent = min(max(percent, self._state.percent), 99 if left else 100)
            self._state = replace(self._state, steps=steps, percent=percent, left=round(seconds, 1))
            return self._state

    def measured(self) -> dict[str, float]:
        """The seconds of the steps that have made all of something: the measure for the next estimate."""
        return {
            name: record.seconds
            for name, record in self._records.items()
            if record.state == DONE and record.worked and not record.resumed
        }

    # --- told by the scheduler ---

    def begin(self, step: Step) -> None:
        """A step begins, in this thread."""
        with self._lock:
            record = self._records[step.name]
            record.state, record.began = RUNNING, time.monotonic()
            self._current.set(record)
        self.tick()

    def end(self, step: Step, error: BaseException | None) -> None:
        """A step has ended."""
        with self._lock:
            record = self._records[step.name]
            record.seconds = record.elapsed()
            record.state = DONE if error is None else STOPPED if isinstance(error, Cancelled) else FAILED
            if record.state == FAILED and error is not None and self._state.error is None:
                self._state = replace(self._state, error=describe_error(error))
            self._publish()

    def tick(self) -> None:
        """Show how it stands, and write it down now and then."""
        with self._lock:
            if self._shows:
                self._display.show(self.state)
            if time.monotonic() >= self._next_write:
                self._publish()

    # --- told by the steps ---

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Tally]:
        """Do a part of a step; its end, good or bad, is told with the seconds it took."""
        record, started = self._current.get(), time.monotonic()
        with self._lock:
            self._shows = True
            if record is not None:
                record.worked = True
                record.titles.append(title)
        self.print_line(f"  {title} ...")
        self.tick()
        try:
            yield _RecordTally(self, record) if record is not None else Tally()
        except BaseException as error:
            word = "interrupted" if isinstance(error, KeyboardInterrupt | Cancelled) else "failed"
            self.print_line(f"{word}: {title}, after {time.monotonic() - started:.1f} s")
            raise
        else:
            seconds = time.monotonic() - started
            self._steps.done.append((title, seconds))
            self.print_line(f"  done: {title}, {seconds:.1f} s")
        finally:
            with self._lock:
                if record is not None:
                    record.titles.remove(title)

    def print_line(self, line: str) -> None:
        """Print a line where progress goes."""
        with self._lock:
            self._display.print_line(line)

    def count(self, record: _Record, counted: str, fraction: float, *, resumed: bool) -> None:
        """Take note of how far a step is.

        Args:
            record: of the step.
            counted: what is done of it, in words.
            fraction: the same, from 0 to 1.
            resumed: whether an earlier run had done most of it.
        """
        with self._lock:
            record.counted, record.fraction, record.resumed = counted, fraction, resumed

    def _publish(self) -> None:
        with self._lock:
            self._next_write = time.monotonic() + _WRITE_SECONDS
            self._write(self.state)


class _RecordTally(Tally):
    def __init__(self, board: Board, record: _Record) -> None:
        self._board, self._record = board, record

    def count(self, done: int, of: int, unit: str, before: int = 0) -> None:
        whole = before + of
        counted = f"{before + done} of {whole} {unit}"
        self._board.count(self._record, counted, done / of if of else 1.0, resumed=before > _RESUMED * whole)
