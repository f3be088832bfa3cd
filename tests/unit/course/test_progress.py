"""The participant's progress: what is kept, and that writers at the same time lose nothing."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.course.progress import Progress
from labkit.course.progress_file import read_progress
from labkit.course.records import Event
from tests.examples import share_of
from tests.unit.course.test_records import EVENTS

_LESSON, _EXERCISE = "07-run-as-non-root", "which-cause"
_COURSE = {"00-start-here": (), _LESSON: (_EXERCISE, "in-the-container"), "08-change-the-user": ("who-wins",)}
_START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Clock:
    """A time that moves when it is told to."""

    def __init__(self) -> None:
        self.now = _START

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[str]:
    """What the participant is told."""
    return []


@pytest.fixture
def mine(tmp_path: Path, clock: Clock, told: list[str]) -> Progress:
    """A progress in a folder that is not there yet."""
    return Progress(tmp_path / "data" / "progress.json", tell=told.append, clock=clock)


def use_progress(progress: Progress) -> None:
    """All that a lesson does with it."""
    progress.opened(_LESSON)
    progress.checked(_LESSON, _EXERCISE, "not yet")
    progress.hinted(_LESSON, _EXERCISE, 1)
    progress.shown(_LESSON, _EXERCISE)
    progress.checked(_LESSON, _EXERCISE, "passed")


def test_what_is_kept(mine: Progress, clock: Clock, told: list[str]) -> None:
    use_progress(mine)
    assert told == []
    assert mine.path.stat().st_mode & 0o777 == 0o600
    kept = read_progress(mine.path)[_LESSON].exercises[_EXERCISE]
    assert (kept.verdict, kept.checks, kept.hints, kept.passed) == ("passed", 2, (1,), _START)
    assert kept.solution_first
    again = Progress.open(mine.path)
    assert (again.hints_used(_LESSON, _EXERCISE), again.is_passed(_LESSON, _EXERCISE)) == (1, True)
    assert (again.hints_used(_LESSON, "other"), again.is_passed("other", _EXERCISE)) == (0, False)


def test_a_solution_looked_at_afterwards_and_a_check_that_fails_later(mine: Progress, clock: Clock) -> None:
    mine.checked(_LESSON, _EXERCISE, "passed")
    mine.shown(_LESSON, _EXERCISE)
    clock.wait(5)
    mine.checked(_LESSON, _EXERCISE, "not right")
    kept = read_progress(mine.path)[_LESSON].exercises[_EXERCISE]
    assert (kept.solution_first, kept.verdict, kept.passed) == (False, "not right", _START)


@pytest.mark.parametrize(("wait", "seconds"), [(90, 90), (3600, 600), (-50, 0)])
def test_activity_is_gaps_without_long_ones(mine: Progress, clock: Clock, wait: int, seconds: int) -> None:
    mine.opened(_LESSON)
    clock.wait(wait)
    mine.checked(_LESSON, _EXERCISE, "not yet")
    assert read_progress(mine.path)[_LESSON].seconds == seconds


def test_a_lesson_opened_again_the_next_day_counts_no_gap(mine: Progress, clock: Clock) -> None:
    mine.opened(_LESSON)
    clock.wait(86_400)
    mine.opened(_LESSON)
    assert read_progress(mine.path)[_LESSON].seconds == 0


def _play(progress: Progress, event: Event) -> None:
    progress.clock = lambda: event.when
    if event.kind == "opened":
        progress.opened(event.lesson)
    elif event.kind == "checked":
        progress.checked(event.lesson, event.exercise, event.verdict)
    elif event.kind == "hinted":
        progress.hinted(event.lesson, event.exercise, event.number)
    else:
        progress.shown(event.lesson, event.exercise)


@settings(max_examples=share_of(40), deadline=None)
@given(st.lists(st.tuples(st.booleans(), EVENTS), max_size=8))
def test_two_writers_in_turns_end_in_the_union(tmp_path_factory: pytest.TempPathFactory, events: Any) -> None:
    folder = tmp_path_factory.mktemp("union")
    writers = {which: Progress.open(folder / "both.json") for which in (True, False)}
    alone = Progress.open(folder / "alone.json")
    for which, event in events:
        _play(writers[which], event)
        _play(alone, event)
    both = read_progress(folder / "both.json")
    assert both == read_progress(folder / "alone.json")
    seen = [event for _, event in events]
    for lesson, kept in both.items():
        assert sum(exercise.checks for exercise in kept.exercises.values()) == sum(
            (event.kind, event.lesson) == ("checked", lesson) for event in seen
        )


_WRITER = """
import sys
from pathlib import Path
from labkit.course.progress import Progress
progress = Progress.open(Path(sys.argv[1]))
for number in range(25):
    progress.checked("07-run-as-non-root", f"{sys.argv[2]}-{number}", "passed")
    progress.checked("07-run-as-non-root", "both", "not yet")
"""


def test_two_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "progress.json"
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, file, name], stderr=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    for writer in writers:
        assert writer.communicate(timeout=60)[1] == ""
    kept = read_progress(file)[_LESSON].exercises
    assert len(kept) == 51
    assert kept["both"].checks == 50


def test_passed_twice_keeps_the_first_time_and_every_hint_stays(mine: Progress, clock: Clock) -> None:
    for number in (1, 3, 1):
        mine.hinted(_LESSON, _EXERCISE, number)
        mine.checked(_LESSON, _EXERCISE, "passed")
        clock.wait(1)
    kept = read_progress(mine.path)[_LESSON].exercises[_EXERCISE]
    assert (kept.passed, kept.hints, kept.checks) == (_START, (1, 3), 3)
