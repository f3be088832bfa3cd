"""Progress of long work: what is being done, for how long, and a summary."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from labkit.show import counted

if TYPE_CHECKING:
    from rich.console import Console

_SIGN_OF_LIFE_SECONDS = 15.0


class Tally:
    """How far a running step is, in things done of all, for steps that can count them."""

    def count(self, done: int, of: int, unit: str, before: int = 0) -> None:
        """Say how far it is.

        Args:
            done: how many things this step has done.
            of: how many it has to do.
            unit: the things, such as "packages".
            before: how many had been done before it began.
        """


class Steps:
    """Tells of steps as they are done, and remembers how long each took.

    On a terminal the current step has a live line; elsewhere each step is a plain line when it begins and one
    when it ends, with a sign of life in between, so that a log shows that work goes on.

    Args:
        stream: where it writes; stderr, or stdout in a notebook, if not given.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self.done: list[tuple[str, float]] = []

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Tally]:
        """Do a step; its end, good or bad, is told with the seconds it took.

        Args:
            title: the step, as a noun.
        """
        console = self.console()
        started = time.monotonic()
        try:
            with _live(console, title) if console.is_terminal else self._plain(title, started):
                yield Tally()
        except BaseException as error:
            word = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            self.print_line(f"{word}: {title}, after {time.monotonic() - started:.1f} s")
            raise
        self.done.append((title, time.monotonic() - started))
        self.print_line(f"  done: {title}, {self.done[-1][1]:.1f} s")

    def note(self, text: str) -> None:
        """Tell something that is not a step."""
        self.print_line(f"  {text}")

    def summary(self) -> str:
        """All steps with their seconds, one line; empty if there was nothing to do."""
        total = sum(seconds for _, seconds in self.done)
        return f"{counted(len(self.done), 'step')} in {total:.1f} s" if self.done else ""

    @contextlib.contextmanager
    def _plain(self, title: str, started: float) -> Iterator[None]:
        ended = threading.Event()
        talking = threading.Thread(target=self._show_life, args=(title, started, ended), daemon=True)
        self.print_line(f"  {title} ...")
        talking.start()
        try:
            yield
        finally:
            ended.set()
            talking.join()

    def _show_life(self, title: str, started: float, ended: threading.Event) -> None:
        while not ended.wait(_SIGN_OF_LIFE_SECONDS):
            self.print_line(f"  {title} ... {time.monotonic() - started:.0f} s")

    def console(self) -> Console:
        """Where it writes, as rich has it."""
        from rich.console import Console

        return Console(file=self._output())

    def _output(self) -> TextIO:
        return self._stream or (sys.stdout if in_notebook() else sys.stderr)

    def print_line(self, line: str) -> None:
        """Print a line where progress goes."""
        print(line, file=self._output(), flush=True)


class Silent(Steps):
    """Steps that nobody is told of; whoever wants to know asks for the last line."""

    last = ""

    def print_line(self, line: str) -> None:
        """Say nothing, and remember it."""
        self.last = line.strip()

    def _output(self) -> TextIO:
        return io.StringIO()


@contextlib.contextmanager
def _live(console: Console, title: str) -> Iterator[None]:
    from rich import progress

    columns = (progress.SpinnerColumn(), progress.TextColumn("{task.description}"), progress.TimeElapsedColumn())
    with progress.Progress(*columns, console=console, transient=True) as shown:
        shown.add_task(title)
        yield


def in_notebook() -> bool:
    """Whether this process is a Jupyter kernel."""
    return "ipykernel" in sys.modules and hasattr(sys.stdout, "parent_header")
