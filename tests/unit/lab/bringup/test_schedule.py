"""Schedules: needs come first, nothing runs twice, a failure stops what needs it, and the estimate is possible."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.adapters.cancellation import Cancelled
from labkit.adapters.processes import run
from labkit.base.errors import LabFailed
from labkit.lab.bringup.schedule import Schedule, Step
from labkit.lab.bringup.scheduler import run_schedule
from tests.examples import share_of


class Record:
    """A watcher that writes down what it is told, and holds that no more runs side by side than may."""

    def __init__(self, workers: int = 4) -> None:
        self.lock = threading.Lock()
        self.begun: list[str] = []
        self.ended: dict[str, BaseException | None] = {}
        self.lanes: list[str] = []
        self.running = 0
        self.workers = workers

    def begin(self, step: Step) -> None:
        with self.lock:
            assert set(step.needs) <= {name for name, error in self.ended.items() if error is None}
            assert step.lane == "" or step.lane not in self.lanes
            self.running += 1
            assert self.running <= self.workers
            self.begun.append(step.name)
            self.lanes.append(step.lane)

    def end(self, step: Step, error: BaseException | None) -> None:
        with self.lock:
            assert step.name not in self.ended, "it ended twice"
            self.ended[step.name] = error
            if step.name in self.begun:
                self.running -= 1
                self.lanes.remove(step.lane)

    def tick(self) -> None:
        pass


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Any steps: each needs some of those before it."""
    count = draw(st.integers(1, 9))
    steps: list[Step] = []
    for number in range(count):
        names = [step.name for step in steps]
        needs = draw(st.lists(st.sampled_from(names), unique=True, max_size=3)) if names else []
        lane, front = draw(st.sampled_from(["", "compiler"])), draw(st.booleans())
        seconds = draw(st.floats(0, 100))
        steps.append(Step(f"s{number}", "", lambda: None, tuple(needs), seconds, lane=lane, front=front))
    return Schedule(steps)


def _with(schedule: Schedule, run_step: Callable[[Step], None]) -> Schedule:
    return Schedule(replace(step, run=partial(run_step, step)) for step in schedule)


@given(schedules(), st.integers(1, 4))
@settings(max_examples=share_of(40), deadline=None)
def test_every_step_runs_once_and_after_what_it_needs(schedule: Schedule, workers: int) -> None:
    ran: list[str] = []
    record = Record(workers)
    run_schedule(_with(schedule, lambda step: ran.append(step.name)), record, workers=workers)
    assert sorted(ran) == sorted(step.name for step in schedule) == sorted(record.begun)
    assert set(record.ended.values()) == {None}


@given(schedules(), st.data())
@settings(max_examples=share_of(40), deadline=None)
def test_a_failure_stops_what_needs_it_and_the_front_goes_on(schedule: Schedule, data: st.DataObject) -> None:
    failing = data.draw(st.sampled_from([step.name for step in schedule]))
    problem = LabFailed("Trying", "no", "again")

    def run_step(step: Step) -> None:
        if step.name == failing:
            raise problem

    record = Record()
    with pytest.raises(LabFailed) as failed:
        run_schedule(_with(schedule, run_step), record)
    assert failed.value is problem
    assert set(record.ended) == {step.name for step in schedule}, "each is done, failed or stopped"
    assert record.ended[failing] is problem
    for step in schedule:
        if failing in schedule.with_needs([step.name]) - {step.name}:
            assert step.name not in record.begun
        elif step.name in schedule.front() - {failing}:
            assert record.ended[step.name] is None
        elif step.name != failing:
            assert record.ended[step.name] is None or isinstance(record.ended[step.name], Cancelled)


@given(schedules(), st.integers(1, 4))
def test_the_estimate_is_between_the_longest_way_and_one_after_another(schedule: Schedule, workers: int) -> None:
    left = {step.name: step.seconds for step in schedule}
    ways: dict[str, float] = {}
    for step in schedule:
        ways[step.name] = step.seconds + max((ways[name] for name in step.needs), default=0.0)
    seconds = schedule.seconds_left(left, [], workers)
    assert max(ways.values()) - 1e-6 <= seconds <= sum(left.values()) + 1e-6


def test_what_makes_no_schedule() -> None:
    step = Step("a", "", lambda: None)
    with pytest.raises(ValueError, match="two steps 'a'"):
        Schedule([step, step])
    with pytest.raises(ValueError, match="needs \\['b'\\]"):
        Schedule([replace(step, needs=("b",))])


# --- stopped ---


def _sleeps() -> None:
    # No Python: one that is interrupted while it starts may take no notice, and is killed only seconds later.
    run(["sleep", "60"])


@pytest.mark.usefixtures("heard_interrupts")
def test_a_failure_ends_the_programs_of_what_is_not_in_front() -> None:
    running = threading.Event()

    def fails() -> None:
        assert running.wait(20)
        raise LabFailed("Trying", "no", "again")

    class Waits(Record):
        def begin(self, step: Step) -> None:
            super().begin(step)
            if step.name == "sleeps":
                running.set()

    record, began = Waits(), time.monotonic()
    with pytest.raises(LabFailed, match="no"):
        run_schedule(Schedule([Step("sleeps", "sleeping", _sleeps), Step("fails", "", fails)]), record)
    assert isinstance(record.ended["sleeps"], Cancelled)
    assert time.monotonic() - began < 50


class Interrupts(Record):
    """Ctrl-C, some number of times, once a step has begun."""

    def __init__(self, times: int, ready: Callable[[], bool]) -> None:
        super().__init__()
        self.left, self.ready = times, ready

    def tick(self) -> None:
        if self.left and self.ready():
            self.left -= 1
            raise KeyboardInterrupt

    def end(self, step: Step, error: BaseException | None) -> None:
        super().end(step, error)
        self.tick()


@pytest.mark.usefixtures("heard_interrupts")
def test_an_interrupt_ends_all_programs_and_begins_nothing() -> None:
    record = Interrupts(1, lambda: "sleeps" in record.begun)
    steps = [Step("sleeps", "", _sleeps, front=True), Step("never", "", _sleeps, ("sleeps",))]
    with pytest.raises(KeyboardInterrupt):
        run_schedule(Schedule(steps), record)
    assert record.begun == ["sleeps"]
    assert all(isinstance(error, Cancelled) for error in record.ended.values())
    assert len(record.ended) == 2


def test_what_ended_as_an_interrupt_came_is_told_all_the_same() -> None:
    class Unheard(Record):
        interrupts = 1

        def end(self, step: Step, error: BaseException | None) -> None:
            if self.interrupts:
                self.interrupts -= 1
                raise KeyboardInterrupt
            super().end(step, error)

    record, began = Unheard(), time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_schedule(Schedule([Step("quick", "", lambda: None)]), record)
    assert record.ended == {"quick": None}
    assert time.monotonic() - began < 9, "it waited for a step that had ended"


def test_a_second_interrupt_waits_for_nothing() -> None:
    leave = threading.Event()

    def hangs() -> None:
        leave.wait(30)

    record = Interrupts(2, lambda: "hangs" in record.begun)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_schedule(Schedule([Step("hangs", "", hangs)]), record)
    leave.set()
    assert time.monotonic() - began < 9, "it waited for a step that hangs"
