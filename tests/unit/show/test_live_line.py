"""The line that says what a cell waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from labkit.show.live_line import CellLine, another_line, live_line
from labkit.show.steps import Silent


class _Cell:
    """What a notebook's cell shows: each output as it was displayed, and as it is after all changes of it."""

    def __init__(self) -> None:
        self.first: list[str] = []
        self.now: list[str] = []
        self.seen: list[str] = []

    def display(self, bundle: dict[str, str], *, raw: bool, display_id: bool | None) -> Any:
        assert raw and display_id
        number = len(self.now)
        self.first.append(bundle["text/plain"])
        self.now.append(bundle["text/plain"])
        return _Handle(self, number)


class _Handle:
    def __init__(self, cell: _Cell, number: int) -> None:
        self._cell, self._number = cell, number

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        assert raw
        self._cell.now[self._number] = bundle["text/plain"]
        self._cell.seen.append(bundle["text/plain"])


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> _Cell:
    cell = _Cell()
    monkeypatch.setattr("IPython.display.display", cell.display)
    return cell


def _asked(times: int) -> tuple[Callable[[], str], threading.Event]:
    """A description, and an event that is set when it was asked for so many times."""
    reached, left = threading.Event(), [times]

    def describe() -> str:
        left[0] -= 1
        if left[0] <= 0:
            reached.set()
        return f"at work on {left[0]}"

    return describe, reached


def test_it_comes_while_something_takes_its_time_and_nothing_of_it_stays(cell: _Cell) -> None:
    describe, reached = _asked(3)
    with live_line(describe, after=0.0, each=0.001):
        assert reached.wait(10)
    assert "at work on 2 … 0 s" in cell.seen
    # Nor for those who keep what was displayed and take no notice of its changes.
    assert (cell.first, cell.now) == ([""], [""])


def test_what_is_done_at_once_has_none(cell: _Cell) -> None:
    with live_line(lambda: "never", after=60):
        pass
    assert cell.now == []


def test_within_another_one_there_is_one(cell: _Cell) -> None:
    outer, reached = _asked(2)
    with live_line(outer, after=0.0, each=0.001), live_line(lambda: "inner", after=0.0, each=0.001):
        assert reached.wait(10)
    assert len(cell.now) == 1
    assert not any("inner" in line for line in cell.seen)


def test_whoever_tells_more_has_the_line_alone(cell: _Cell) -> None:
    describe, reached = _asked(1)
    with another_line(), live_line(describe, after=0.0, each=0.001):
        assert not reached.wait(0.05)
    assert cell.now == []


def test_an_error_takes_it_away_too(cell: _Cell) -> None:
    describe, reached = _asked(1)
    with pytest.raises(KeyboardInterrupt), live_line(describe, after=0.0, each=0.001):
        assert reached.wait(10)
        raise KeyboardInterrupt
    assert cell.now == [""]


def test_a_line_takes_the_place_of_the_one_before(cell: _Cell) -> None:
    line = CellLine()
    for text in ("one", "one", "two", ""):
        line.write(text)
    assert (cell.now, cell.seen) == ([""], ["one", "two", ""])


def test_silent_steps_remember_what_they_would_have_said() -> None:
    steps = Silent()
    steps.note("3 of 34: app-default")
    assert steps.last == "3 of 34: app-default"
