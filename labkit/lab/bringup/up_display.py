"""Showing how bringing the lab up stands: a bar on a terminal, one line in a notebook, else now and then a line."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, Self

from labkit.lab.bringup.up_state import DONE, WAITING, UpState
from labkit.show.live_line import CellLine, another_line
from labkit.show.steps import Silent, Steps, in_notebook

if TYPE_CHECKING:
    from rich.live import Live

PLAIN_SECONDS = 15.0
"""Seconds between two lines without a terminal."""

_BAR = 40
_NOTEBOOK_WIDTH = 150


class UpDisplay(Protocol):
    """A place where the state is shown. A context manager: at the end nothing of a live picture is left."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, state: UpState) -> None:
        """Show the state as it is now."""
        ...

    def print_line(self, line: str) -> None:
        """Print a line that stays."""
        ...


def choose_display(steps: Steps) -> UpDisplay:
    """The display for wherever steps are told."""
    if isinstance(steps, Silent):
        return _PlainDisplay(steps, first=float("inf"))
    if in_notebook():
        return _NotebookDisplay(steps)
    return _BarDisplay(steps) if steps.console().is_terminal else _PlainDisplay(steps)


def describe_seconds(seconds: float) -> str:
    """A duration as people say it: no more exact than it is known, and not shorter than it."""
    if seconds < 10:
        return "a few seconds"
    if seconds <= 90:
        return f"about {math.ceil(seconds / 10) * 10} s"
    return f"about {math.ceil(seconds / 60)} min"


def describe_running(state: UpState) -> str:
    """What is under way."""
    running = [step.title + (f" ({step.counted})" if step.counted else "") for step in state.running]
    return ", ".join(running) or "the next step"


def describe(state: UpState) -> str:
    """The whole state in one line."""
    left = f", {describe_seconds(state.left)} left" if state.left else ""
    return f"{state.percent:3.0f} %{left}: {describe_running(state)}"


class _PlainDisplay:
    """Lines, one in fifteen seconds at most."""

    def __init__(self, steps: Steps, first: float = PLAIN_SECONDS) -> None:
        self._steps = steps
        self._next = time.monotonic() + first

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, state: UpState) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PLAIN_SECONDS
            self._steps.print_line(f"  {describe(state)}")

    def print_line(self, line: str) -> None:
        self._steps.print_line(line)


class _NotebookDisplay(_PlainDisplay):
    """One line that is written over, since a notebook keeps whatever is printed; lines that stay are below it."""

    def __init__(self, steps: Steps) -> None:
        super().__init__(steps)
        self._line = CellLine()
        self._alone = ExitStack()

    def __enter__(self) -> Self:
        self._alone.enter_context(another_line())
        return self

    def __exit__(self, *_: object) -> None:
        self._line.write("")
        self._alone.close()

    def show(self, state: UpState) -> None:
        self._line.write(describe(state)[:_NOTEBOOK_WIDTH])


class _BarDisplay(_PlainDisplay):
    """A bar for the whole, a line for each step under way, and what is left, below the lines that stay."""

    def __init__(self, steps: Steps) -> None:
        super().__init__(steps)
        self._console = steps.console()
        self._live: Live | None = None

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, state: UpState) -> None:
        if self._live is None:
            from rich.live import Live

            self._live = Live(console=self._console, transient=True, auto_refresh=False)
            self._live.start()
        self._live.update(self._console.render_str(_picture(state), markup=False, highlight=False), refresh=True)

    def print_line(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _picture(state: UpState) -> str:
    full = round(_BAR * state.percent / 100)
    left = f"  {describe_seconds(state.left)} left" if state.left else ""
    lines = [f"{'━' * full}{'╌' * (_BAR - full)} {state.percent:3.0f} %{left}"]
    for step in state.running:
        clock = f"{int(step.seconds) // 60}:{int(step.seconds) % 60:02d}"
        lines.append(f"  {clock:>5}  {step.title}" + (f"  {step.counted}" if step.counted else ""))
    done = sum(step.state == DONE for step in state.steps)
    waiting = [step.title for step in state.steps if step.state == WAITING]
    lines.append(f"  {done} of {len(state.steps)} done" + (f"; left: {', '.join(waiting)}" if waiting else ""))
    return "\n".join(lines)
