"""A wait has a deadline, shows the last state, and stops early when success is impossible."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import pytest

from labkit.base.errors import DeadlineExceeded, LabFailed
from labkit.base.waiting import wait_until, watch

LONG = 60.0
"""Far longer than a test may take: a wait that does not stop early fails by the tests' own deadline."""


def states(values: Iterable[str]) -> Callable[[], str]:
    """A look at one state after another; the last one stays."""
    left = list(values)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_it_returns_the_state_that_it_waited_for() -> None:
    state = wait_until(
        "the app", states(["starting", "running"]), seconds=LONG, remedy="r", is_there="running".__eq__, interval=0.001
    )
    assert state == "running"


def test_a_state_that_is_there_is_seen_even_without_time() -> None:
    assert watch(lambda: 1, bool, seconds=0.0) == 1
    assert wait_until("it", lambda: "yes", seconds=0.0, remedy="r") == "yes"


def test_the_deadline_names_what_was_awaited_how_long_and_the_last_state() -> None:
    with pytest.raises(DeadlineExceeded) as late:
        wait_until(
            "the app's page", lambda: "starting", seconds=0.02, remedy="start it again", is_there="up".__eq__,
            describe=lambda state: f"it is {state}", interval=0.005,
        )  # fmt: skip
    assert str(late.value) == (
        "Waiting for the app's page: timed out after 0.02 s: it is starting\nWhat to do: start it again"
    )


def test_it_stops_as_soon_as_success_is_impossible() -> None:
    with pytest.raises(LabFailed, match="Waiting for the app: it has ended") as failed:
        wait_until(
            "the app", states(["starting", "ended"]), seconds=LONG, remedy="r", is_there="up".__eq__,
            why_never=lambda state: "it has ended" if state == "ended" else "", interval=0.001,
        )  # fmt: skip
    assert not isinstance(failed.value, DeadlineExceeded)


def test_watching_gives_the_last_state_at_the_deadline() -> None:
    assert watch(states(["a", "b"]), "c".__eq__, seconds=0.02, interval=0.001) == "b"


def test_watching_stops_when_nobody_waits_any_more() -> None:
    stop = threading.Event()
    looks = []

    def look() -> None:
        looks.append(1)
        stop.set()

    started = time.monotonic()
    watch(look, lambda _: False, seconds=LONG, interval=LONG, stop=stop)
    assert len(looks) == 1
    assert time.monotonic() - started < LONG


def test_an_error_of_the_look_is_not_hidden() -> None:
    def look() -> bool:
        raise LabFailed("Looking", "gone", "r")

    with pytest.raises(LabFailed, match="Looking: gone"):
        wait_until("it", look, seconds=LONG, remedy="r")
