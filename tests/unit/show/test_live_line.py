"""The line that says what a cell waits for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import pytest

from labkit.show.live_line import another_line, live_line
from labkit.show.steps import Silent, Steps


def _screen(printed: str) -> list[str]:
    """What a terminal shows of it in the end, line by line: what comes after a carriage return is written over."""
    lines = []
    for line in printed.split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


def _asked(times: int) -> tuple[Callable[[], str], threading.Event]:
    """A description, and an event that is set when it was asked for so many times."""
    reached, left = threading.Event(), [times]

    def describe() -> str:
        left[0] -= 1
        if left[0] <= 0:
            reached.set()
        return f"at work on {left[0]}"

    return describe, reached


def test_it_comes_while_something_takes_its_time_and_nothing_of_it_stays(capsys: pytest.CaptureFixture[str]) -> None:
    describe, reached = _asked(3)
    with live_line(describe, after=0.0, each=0.001):
        assert reached.wait(10)
    printed = capsys.readouterr().out
    assert "at work on 2 … 0 s" in printed
    assert _screen(printed) == [""]


def test_what_is_done_at_once_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    with live_line(lambda: "never", after=60):
        pass
    assert capsys.readouterr().out == ""


def test_within_another_one_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    outer, reached = _asked(2)
    with live_line(outer, after=0.0, each=0.001), live_line(lambda: "inner", after=0.0, each=0.001):
        assert reached.wait(10)
    assert "inner" not in capsys.readouterr().out


def test_a_line_that_stays_is_not_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    describe, reached = _asked(2)
    with live_line(describe, after=0.0, each=0.001):
        assert reached.wait(10)
        Steps(sys.stdout).print_line("this stays")
    assert _screen(capsys.readouterr().out) == ["this stays", ""]


def test_whoever_tells_more_has_the_line_alone(capsys: pytest.CaptureFixture[str]) -> None:
    describe, reached = _asked(1)
    with another_line(), live_line(describe, after=0.0, each=0.001):
        assert not reached.wait(0.05)
    assert capsys.readouterr().out == ""


def test_an_error_takes_it_away_too(capsys: pytest.CaptureFixture[str]) -> None:
    describe, reached = _asked(1)
    with pytest.raises(KeyboardInterrupt), live_line(describe, after=0.0, each=0.001):
        assert reached.wait(10)
        raise KeyboardInterrupt
    assert _screen(capsys.readouterr().out) == [""]


def test_silent_steps_remember_what_they_would_have_said() -> None:
    steps = Silent()
    steps.note("3 of 34: app-default")
    assert steps.last == "3 of 34: app-default"
